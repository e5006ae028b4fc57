import { isAbsolute, join } from "node:path";
import { RescueError } from "../../shared/errors.ts";
import { heading, type OwnFile } from "./own-file.ts";
import { userUnits, word } from "./units.ts";

/** One log: rotated when it is larger than `maxBytes`, at most `keep` older ones are kept. */
export interface Rotation {
  readonly path: string;
  readonly maxBytes: number;
  readonly keep: number;
}

export interface RotationPlaces {
  readonly config: string;
  /** logrotate's own memory. */
  readonly state: string;
  readonly service: string;
  readonly timer: string;
}

/** The directory of what is ours and no unit. */
export function ownConfigs(home: string): string {
  return join(home, ".config", "rescue-watchdog");
}

export function rotationNames(profile: string): { readonly service: string; readonly timer: string } {
  return { service: `rescue-watchdog-logrotate-${profile}.service`, timer: `rescue-watchdog-logrotate-${profile}.timer` };
}

export function rotationPlaces(home: string, profile: string): RotationPlaces {
  const { service, timer } = rotationNames(profile);
  return {
    config: join(ownConfigs(home), `logrotate-${profile}.conf`),
    state: join(ownConfigs(home), `logrotate-${profile}.state`),
    service: join(userUnits(home), service),
    timer: join(userUnits(home), timer),
  };
}

/** The configuration, the service that runs logrotate once, and its timer. `program`: logrotate's absolute path. Pure. Throws as {@link literalPath}. */
export function rotationFiles(
  { home, profile, program }: { readonly home: string; readonly profile: string; readonly program: string },
  rotations: readonly Rotation[],
): { readonly config: OwnFile; readonly service: OwnFile; readonly timer: OwnFile } {
  const places = rotationPlaces(home, profile);
  const description = `Rotates logs of the OpenClaw gateway of profile ${profile}`;
  const service = [
    heading(profile),
    "[Unit]",
    `Description=${description}`,
    "",
    "[Service]",
    "Type=oneshot",
    `ExecStart=${[program, "--state", places.state, places.config].map(word).join(" ")}`,
    "Nice=10",
    "",
  ];
  const timer = [
    heading(profile),
    "[Unit]",
    `Description=${description}`,
    "",
    "[Timer]",
    "OnCalendar=daily",
    "AccuracySec=1h",
    "Persistent=true",
    "",
    "[Install]",
    "WantedBy=timers.target",
    "",
  ];
  return {
    config: { path: places.config, text: renderRotations(profile, rotations) },
    service: { path: places.service, text: service.join("\n") },
    timer: { path: places.timer, text: timer.join("\n") },
  };
}

/** By size alone, so that no log is touched that is small; emptied in place, because the program that writes it has it open. Pure. */
export function renderRotations(profile: string, rotations: readonly Rotation[]): string {
  const blocks = rotations.map(({ path, maxBytes, keep }) => {
    const lines = [`size ${whole(maxBytes)}`, `rotate ${whole(keep)}`, "copytruncate", "compress", "missingok", "notifempty"];
    return [`${literalPath(path)} {`, ...lines.map((line) => `  ${line}`), "}", ""].join("\n");
  });
  return [heading(profile), ...blocks].join("\n");
}

/** Not `.`, which leaves out U+2028 and U+2029: they may stand in a name. */
const BLOCK = /^"([^\n]+)" \{\n {2}size (\d+)\n {2}rotate (\d+)\n/gm;

/** What a configuration of ours rotates. Of a text that is not ours: nothing. */
export function parseRotations(text: string): readonly Rotation[] {
  return [...text.matchAll(BLOCK)].map(([, path = "", size, keep]) => ({
    path: path.replaceAll('\\"', '"').replaceAll(/\\([*?[\]\\])/g, "$1"),
    maxBytes: Number(size),
    keep: Number(keep),
  }));
}

/** Those of `before` that `added` does not name, then these. */
export function mergeRotations(before: readonly Rotation[], added: readonly Rotation[]): readonly Rotation[] {
  return [...before.filter(({ path }) => !added.some((each) => each.path === path)), ...added];
}

/**
 * A path as logrotate takes it literally: it unquotes first (only `\"` is an escape there) and matches as a pattern then. Its reader of sections stops at a brace even
 * within quotes, and a line ends at a control character: such a path, and one that is relative, throws `usage`. Tried with logrotate 3.21.
 */
export function literalPath(path: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  if (!isAbsolute(path) || /[{}\u0000-\u001f\u007f]/.test(path)) {
    throw new RescueError("usage", `${JSON.stringify(path)} cannot stand in a configuration of logrotate`, {
      fix: "rename it, or rotate it by hand",
    });
  }
  return `"${path.replaceAll(/[*?[\]\\]/g, "\\$&").replaceAll('"', '\\"')}"`;
}

function whole(number: number): number {
  if (!Number.isSafeInteger(number) || number < 1) throw new RescueError("usage", `${number} is no whole number above 0 for a rotation`);
  return number;
}
