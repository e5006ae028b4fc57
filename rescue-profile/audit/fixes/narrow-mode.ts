import { closeSync, constants, fchmodSync, fstatSync, lstatSync, openSync } from "node:fs";
import { RescueError } from "../../../src/shared/errors.ts";
import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import type { RemedyPorts } from "./ports.ts";
import { realPlace } from "./real-place.ts";

interface Seen {
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  /** `mode & 0o7777`. */
  readonly mode: number;
}

/** Takes away permissions of a file or directory of ours; set-id and sticky bits stay. It is changed through a descriptor of just what was looked at. */
export function narrowMode(
  { path: named, mode }: Extract<Fix, { kind: "narrow-mode" }>,
  { folder, keep }: Pick<RemedyPorts, "folder" | "keep">,
): Remedy {
  const path = realPlace(named);
  let before: Seen | undefined;
  const seen = () => {
    before ??= look(path);
    return before;
  };
  return {
    changesConfig: false,
    async plan() {
      const { mode: from } = seen();
      const to = target(from, mode);
      return {
        what: `change the mode of ${path} from ${octal(from)} to ${octal(to)}`,
        files: [],
        commands: [`chmod ${octal(to)} ${quoted(path)}`],
        changes: [{ kind: "mode", path, from, to }],
        undoByHand: `chmod ${octal(from)} ${quoted(path)}`,
      };
    },
    async save() {
      const { mode: from } = seen();
      await keep(folder, "was.json", { path, mode: octal(from) });
      return folder;
    },
    async apply() {
      const was = seen();
      change(was, was.mode, target(was.mode, mode));
      return "";
    },
    async undo() {
      const was = seen();
      change(was, target(was.mode, mode), was.mode);
      return `${path} has its mode ${octal(was.mode)} again`;
    },
  };
}

function look(path: string): Seen {
  const stat = lstatSync(path);
  const why = complaint(stat);
  if (why !== undefined) throw new RescueError("refused", `${path} ${why}; its mode was left alone`, { fix: `look at ${path}` });
  return { path, dev: stat.dev, ino: stat.ino, mode: stat.mode & 0o7777 };
}

/** From just this mode: one that somebody else has set meanwhile stays. One that is there already needs nothing. */
function change(was: Seen, from: number, to: number): void {
  const fd = openSync(was.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    const now = stat.mode & 0o7777;
    const why = stat.dev !== was.dev || stat.ino !== was.ino ? "is not what it was a moment ago" : complaint(stat);
    const foreign = now !== from && now !== to ? `has the mode ${octal(now)} by now, which somebody else has set` : undefined;
    if (why !== undefined || foreign !== undefined) throw new RescueError("refused", `${was.path} ${why ?? foreign}; it was left alone`);
    fchmodSync(fd, to);
  } finally {
    closeSync(fd);
  }
}

function complaint(stat: {
  isSymbolicLink(): boolean;
  isFile(): boolean;
  isDirectory(): boolean;
  readonly uid: number;
}): string | undefined {
  if (stat.isSymbolicLink()) return "is a symbolic link";
  if (!stat.isFile() && !stat.isDirectory()) return "is neither a file nor a directory";
  const uid = process.getuid?.();
  return uid !== undefined && stat.uid !== uid ? `belongs to user ${stat.uid}` : undefined;
}

function target(from: number, mode: number): number {
  return (from & 0o7000) | (mode & 0o777);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
