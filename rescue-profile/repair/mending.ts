import type { CommandResult } from "../../src/shared/run-command.ts";
import type { ConfigFinding } from "../core/findings.ts";

/** Files that were saved together, as the room of copies writes them: as a whole or not at all, 0600 in a directory 0700. */
export interface SavedFiles {
  readonly directory: string;
  readonly takenWallMs: number;
  readonly files: readonly {
    readonly path: string;
    readonly mode: number;
    readonly sha256: string;
    readonly content: () => Buffer;
  }[];
  /** Paths at which there was nothing. */
  readonly absent: readonly string[];
}

export interface Copy extends SavedFiles {
  readonly fingerprint: string;
  readonly proof: "booted" | "validated";
}

export function contentIn(saved: SavedFiles, path: string): Buffer | undefined {
  return saved.files.find((file) => file.path === path)?.content();
}

/** A command of the host that works on this profile now. */
export interface Maintenance {
  readonly pid: number;
  readonly what: string;
}

/** The host's CLI, bound to the profile. Never rejects for anything the program does. */
export type Host = (args: readonly string[], options: { readonly timeoutMs: number }) => Promise<CommandResult>;

/** What the steps that mend files ask and do. Whatever looks throws when it could not look. */
export interface MendPorts {
  /** The incident's folder: ours, 0700. Each repair gets one of its own in it. */
  readonly folder: string;
  readonly configPath: string;
  /** What lies there now; `files` are the configuration's file and what it includes. */
  readonly config: () => {
    readonly state: ConfigFinding["state"];
    readonly fingerprint: string | null;
    readonly files: readonly string[];
    readonly why?: string;
  };
  /** Kept while it served, newest first, none that is damaged. */
  readonly copies: () => readonly Copy[];
  /** Saves these files into `directory` as one whole, or returns what it holds already. Throws `refused` when one is a link. */
  readonly save: (directory: string, paths: readonly string[]) => SavedFiles;
  readonly saved: (directory: string) => SavedFiles | undefined;
  /** Writes saved files back, each as a whole; throws `refused` when a link lies in the place of one. */
  readonly restore: (saved: SavedFiles) => void;
  /** Replaces a file as a whole, following no link. */
  readonly write: (path: string, bytes: Uint8Array, mode: number) => void;
  readonly move: (from: string, to: string) => void;
  readonly host: Host;
  /** The host's databases that a doctor may change; those that do not exist do not count. */
  readonly databases: readonly string[];
  readonly freeBytes: (directory: string) => Promise<number>;
  readonly lockPath: string;
  readonly readLock: (path: string) => { readonly state: "none" | "held" | "garbled" | "unreadable"; readonly why?: string };
  /** Processes that hold the kernel's lock beside the host's lock file. */
  readonly lockHolders: () => readonly number[];
  /** Does anything at all listen on the gateway's port, ours or not? */
  readonly listens: () => Promise<boolean>;
  /** Has the gateway a process, whether or not it answers yet? */
  readonly lives: () => Promise<boolean>;
}

/** What one step gets. */
export interface Mending extends MendPorts {
  /** Throws when the repair was taken over or given up: called before each effect, so that a runner that was frozen does nothing any more. */
  readonly stillOurs: () => void;
  readonly maintenance: () => Promise<readonly Maintenance[]>;
  /** Does the gateway answer as a healthy one right now? */
  readonly serves: () => Promise<boolean>;
  /** Only to finish or undo what a killed run left half done: nothing new is begun. */
  readonly windUp: boolean;
  readonly sleep: (ms: number) => Promise<void>;
  readonly monotonicMs: () => number;
}

const POLL_MS = 1_000;
const DOWN_POLL_MS = 250;
/** Longer than a boot that fails takes: missing TLS files are found after 25 s. */
export const DOWN_MS = 45_000;

/** What of the host's maintenance is still running after at most `waitMs`; none as soon as there is none. */
export async function waitUntilQuiet(
  ports: Pick<Mending, "maintenance" | "sleep" | "monotonicMs">,
  waitMs: number,
): Promise<readonly Maintenance[]> {
  const until = ports.monotonicMs() + waitMs;
  for (;;) {
    const running = await ports.maintenance();
    if (running.length === 0 || ports.monotonicMs() >= until) return running;
    await ports.sleep(POLL_MS);
  }
}

/** A manager may have started it again meanwhile, to fail once more: its files are changed between two such starts. False when it lives all the time. */
export async function waitUntilDown(ports: Pick<Mending, "lives" | "sleep" | "monotonicMs">, waitMs: number): Promise<boolean> {
  const until = ports.monotonicMs() + waitMs;
  while (await ports.lives()) {
    if (ports.monotonicMs() >= until) return false;
    await ports.sleep(DOWN_POLL_MS);
  }
  return true;
}

export function nameMaintenance(running: readonly Maintenance[]): string {
  return running.map(({ pid, what }) => `${what} (pid ${pid})`).join(", ");
}
