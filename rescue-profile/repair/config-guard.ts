import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RescueError } from "../../src/shared/errors.ts";
import { parseConfig } from "../../src/shared/gateway-config.ts";
import { changesBetween, type KeyChange, mergeAllowed } from "./key-changes.ts";
import { contentIn, type Mending, type SavedFiles } from "./mending.ts";

type Guarding = Pick<Mending, "configPath" | "config" | "restore" | "write" | "move" | "stillOurs" | "folder">;

/** The configuration's file, what it includes, and the copies that the host keeps beside each (`.bak`, `.bak.1`, `.last-good`). */
export function configFiles(ports: Pick<Mending, "configPath" | "config">): string[] {
  const files = [...new Set([...ports.config().files, ports.configPath])];
  const copies = files.flatMap((file) =>
    readdirSync(dirname(file))
      .filter((name) => name.startsWith(`${basename(file)}.`))
      .map((name) => join(dirname(file), name))
      .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true),
  );
  return [...new Set([...copies, ...files])];
}

/** Does it say which of the host's changes may stay: `stamp` (alone no reason to rewrite the file), `wanted` or `no`? */
export type Judge = (file: string, change: KeyChange) => "stamp" | "wanted" | "no";

export interface Settled {
  readonly kept: readonly KeyChange[];
  readonly putBack: readonly KeyChange[];
}

/**
 * After a command of the host has worked on the configuration: keeps what `judge` lets through and puts everything else back, files that
 * it made or took away too. Throws `refused`, before it writes anything, when somebody else has written meanwhile.
 */
export function settle(before: SavedFiles, after: SavedFiles, judge: Judge, ports: Guarding): Settled {
  const paths = [...new Set([...before.files, ...after.files].map(({ path }) => path))];
  const plans = paths.map((path) => {
    const isCopy = paths.some((file) => path.startsWith(`${file}.`));
    return { path, ...planFile(path, contentIn(before, path), contentIn(after, path), isCopy ? undefined : judge) };
  });
  for (const { path, bytes } of plans) assertKnown(path, [contentIn(before, path), contentIn(after, path), bytes]);
  for (const { path, bytes } of plans) {
    if (bytes === undefined) putAside(path, ports);
    else if (readIfFile(path)?.equals(bytes) !== true) {
      ports.stillOurs();
      if (contentIn(before, path)?.equals(bytes) !== true) ports.write(join(ports.folder, `${basename(path)}.merged`), bytes, 0o600);
      ports.write(path, bytes, modeFor(before, path, ports.configPath));
    }
  }
  return { kept: plans.flatMap(({ kept }) => kept), putBack: plans.flatMap(({ putBack }) => putBack) };
}

/** Everything as it was, byte for byte, whatever lies there now; files that were made since are moved into the folder. */
export function putAllBack(before: SavedFiles, ports: Guarding): void {
  ports.stillOurs();
  ports.restore(before);
  const saved = new Set(before.files.map(({ path }) => path));
  for (const path of configFiles(ports)) if (!saved.has(path)) putAside(path, ports);
}

interface FilePlan extends Settled {
  /** Undefined: it is to be put aside. */
  readonly bytes: Buffer | undefined;
}

/** Without a judge nothing of a change stays: what the host keeps beside a configuration is a person's way back. */
function planFile(path: string, before: Buffer | undefined, after: Buffer | undefined, judge: Judge | undefined): FilePlan {
  const whole = { bytes: before, kept: [], putBack: [] };
  if (judge === undefined || before === undefined || after === undefined || before.equals(after)) return whole;
  const [lower, upper] = [parsed(path, before), parsed(path, after)];
  if (lower === undefined || upper === undefined) return whole;
  const verdicts = new Map<KeyChange, ReturnType<Judge>>();
  const merged = mergeAllowed(lower, upper, (change) => {
    const verdict = judge(path, change);
    verdicts.set(change, verdict);
    return verdict !== "no";
  });
  const all = changesBetween(lower, upper);
  // Stamps alone would cost a person's comments and formatting.
  if (![...verdicts.values()].includes("wanted")) return { ...whole, putBack: all };
  const kept = changesBetween(lower, merged);
  const putBack = changesBetween(merged, upper);
  return { bytes: putBack.length === 0 ? after : Buffer.from(`${JSON.stringify(merged, null, 2)}\n`), kept, putBack };
}

/** Undefined: a command that was ended left half of it. */
function parsed(path: string, bytes: Buffer) {
  try {
    return parseConfig(path, bytes.toString("utf8"));
  } catch (error) {
    if (error instanceof RescueError) return undefined;
    throw error;
  }
}

function assertKnown(path: string, expected: readonly (Buffer | undefined)[]): void {
  const now = readIfFile(path);
  if (expected.some((bytes) => (now === undefined ? bytes === undefined : bytes?.equals(now) === true))) return;
  throw new RescueError("refused", `${path} was changed by somebody else meanwhile; it was left alone`, { fix: `look at ${path}` });
}

function putAside(path: string, ports: Guarding): void {
  if (readIfFile(path) === undefined) return;
  ports.stillOurs();
  ports.move(path, join(ports.folder, `made-meanwhile-${basename(path)}`));
}

function readIfFile(path: string): Buffer | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path) : undefined;
}

/** An included file keeps its mode; the configuration and its copies hold the gateway's token and are nobody else's. */
function modeFor(saved: SavedFiles, path: string, configPath: string): number {
  const mode = saved.files.find((file) => file.path === path)?.mode ?? 0o600;
  return path.startsWith(configPath) ? mode & 0o600 : mode;
}
