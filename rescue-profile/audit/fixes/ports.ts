import type { AuditUnits } from "../../../src/service-installers/systemd/audit-files.ts";
import type { CommandResult } from "../../../src/shared/run-command.ts";

/** Files that were saved together, as the room of copies writes them: as a whole or not at all, 0600 in a directory 0700. */
export interface SavedFiles {
  readonly directory: string;
  readonly files: readonly { readonly path: string; readonly mode: number; readonly sha256: string; readonly content: () => Buffer }[];
  /** Paths at which there was nothing. */
  readonly absent: readonly string[];
}

/** What the fixes ask and do. */
export interface RemedyPorts {
  readonly profile: string;
  /** A folder of ours that is not there yet, for what one fix keeps. */
  readonly folder: string;
  readonly config: {
    readonly path: string;
    /** The file and everything that it includes, as they lie there now. */
    readonly files: () => readonly string[];
    /** Each as it was when the audit read it: path → SHA-256. */
    readonly readSha256: ReadonlyMap<string, string>;
  };
  /** Saves these files into `folder` as one whole, durably. Throws `refused` when one is a link. */
  readonly save: (folder: string, paths: readonly string[]) => SavedFiles;
  /** Writes saved files back, each as a whole; throws `refused` when a link lies in the place of one. */
  readonly restore: (saved: SavedFiles) => void;
  /** Writes a note of ours as JSON, durably, as `folder`/`name`; makes the folder. */
  readonly keep: (folder: string, name: string, value: object) => Promise<void>;
  /** The host's CLI, bound to the profile. Never rejects for anything the program does. */
  readonly host: (args: readonly string[], options: { readonly timeoutMs: number }) => Promise<CommandResult>;
  /** Undefined: no user's systemd answers here. */
  readonly units: AuditUnits | undefined;
  /** Into our ring: what it says of it, and how to take just that copy away again. Throws when nothing was kept. */
  readonly keepCopy: () => Promise<{ readonly said: string; readonly forget: () => Promise<void> }>;
  readonly maskSecrets: (text: string) => string;
}
