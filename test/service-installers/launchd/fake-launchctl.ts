import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RescueError } from "../../../src/shared/errors.ts";
import { readIfThere } from "../../../src/shared/secure-file.ts";

/**
 * launchctl as users have recorded it: what is not loaded is 113, a domain that is not there is 112 to print and 125 to bootstrap, a
 * bootout returns at once and leaves the job as SIGTERMed for some looks, and a bootstrap meanwhile gives "5: Input/output error".
 * `job.DOMAIN` is what print says of the job there; `after.VERB` is what it says after that order; `refuse.VERB/*` are taken first.
 */
const PROGRAM = `#!/bin/sh
cd "$HOME/launchd" || exit 70
echo "$*" >> asked
env > environment
verb=$1; shift
[ "$1" != -k ] || shift
[ "$verb" != kill ] || shift
kind=\${1%%/*}
label=\${1##*/}
refusal=$(ls "refuse.$verb" 2>/dev/null | head -n 1)
if [ -n "$refusal" ]; then
  code=\${refusal#*-}
  cat "refuse.$verb/$refusal" >&2
  rm "refuse.$verb/$refusal"
  [ "$code" != 113 ] || rm -f "job.$kind"
  [ ! -f "after.refused.$verb" ] || mv "after.refused.$verb" "job.$kind"
  exit "$code"
fi
[ "$kind" != system ] || [ ! -f tampered ] || cp tampered "$(cat tampered.path)"
missing() { printf 'Bad request.\\nCould not find service "%s" in domain for %s\\n' "$label" "$kind" >&2; exit 113; }
case $verb in
print)
  [ -f "domain.$kind" ] || { printf 'Bad request.\\nCould not find domain for user %s: 501\\n' "$kind" >&2; exit 112; }
  if [ -f "dying.$kind" ]; then
    looks=$(($(cat "dying.$kind") - 1))
    if [ "$looks" -lt 0 ]; then
      rm -f "dying.$kind" "job.$kind"
      [ ! -f after.died ] || mv after.died "job.$kind"
    else echo "$looks" > "dying.$kind"; fi
  fi
  [ -f "job.$kind" ] || missing
  cat "job.$kind" ;;
print-disabled) cat disabled ;;
bootstrap)
  [ -f "domain.$kind" ] || { echo 'Bootstrap failed: 125: Domain does not support specified action' >&2; exit 125; }
  if [ -f "job.$kind" ] || [ ! -f "$2" ]; then
    printf 'Bootstrap failed: 5: Input/output error\\nTry re-running the command as root for richer errors.\\n' >&2; exit 5
  fi
  cp "$2" "loaded.$kind"
  cp after.bootstrap "job.$kind" ;;
bootout)
  [ -f "job.$kind" ] || { echo 'Boot-out failed: 3: No such process' >&2; exit 3; }
  if grep -q 'state = running' "job.$kind"; then
    sed -i.old 's/^\\tstate = running$/\\tstate = SIGTERMed/' "job.$kind"; echo 2 > "dying.$kind"
  else rm "job.$kind"; fi ;;
kickstart | kill)
  [ -f "job.$kind" ] || missing
  [ ! -f "after.$verb" ] || cp "after.$verb" "job.$kind" ;;
*) echo "Unrecognized subcommand: $verb" >&2; exit 64 ;;
esac
`;

/** What a call was refused with; a call that succeeds, or breaks in another way, fails the test. */
export async function failure(promise: Promise<unknown>): Promise<RescueError> {
  const error = await promise.then(() => undefined).catch((reason: unknown) => reason);
  if (!(error instanceof RescueError)) throw new Error(`no RescueError: ${String(error)}`);
  return error;
}

export const golden = (name: string) => readFileSync(join(import.meta.dirname, "golden", name), "utf8");

/** A home with a `launchctl` on the PATH, and the files by which it is told what to say. Both domains exist, nothing is loaded. */
export function fakeLaunchctl() {
  const home = mkdtempSync(join(tmpdir(), "launchctl-test-"));
  const state = join(home, "launchd");
  const file = (name: string) => join(state, name);
  const put = (name: string, text: string) => writeFileSync(file(name), text);
  mkdirSync(join(home, "bin"));
  mkdirSync(state);
  mkdirSync(join(home, "Library", "LaunchAgents"), { recursive: true, mode: 0o755 });
  writeFileSync(join(home, "bin", "launchctl"), PROGRAM, { mode: 0o755 });
  for (const kind of ["gui", "user", "system"]) put(`domain.${kind}`, "");
  put("disabled", "\tdisabled services = {\n\t}\n");
  put("after.bootstrap", golden("running-15.txt"));
  return {
    home,
    agents: join(home, "Library", "LaunchAgents"),
    env: { PATH: `${join(home, "bin")}:/usr/bin:/bin`, HOME: home, OPENCLAW_GATEWAY_TOKEN: "secret" },
    loaded: (text: string, kind = "gui") => put(`job.${kind}`, text),
    unloaded: (kind = "gui") => rmSync(file(`job.${kind}`)),
    /** What it says of the job after an order; `died` is after the end of what is being ended. */
    after: (verb: string, text: string) => put(`after.${verb}`, text),
    dying: (looks: number) => put("dying.gui", String(looks)),
    disabled: (text: string) => put("disabled", text),
    without: (kind: string) => rmSync(file(`domain.${kind}`)),
    /** The next orders of this verb fail so. */
    refuses: (verb: string, code: number, complaint: string, times = 1) => {
      mkdirSync(file(`refuse.${verb}`), { recursive: true });
      const first = readdirSync(file(`refuse.${verb}`)).length;
      for (let n = first; n < first + times; n++) put(`refuse.${verb}/${String(n).padStart(4, "0")}-${code}`, `${complaint}\n`);
    },
    /** What it was asked to do, without the looks; the home directory as `~`. */
    orders: () =>
      (readIfThere(file("asked")) ?? "")
        .trim()
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("print"))
        .map((line) => line.replaceAll(home, "~")),
    asked: () => (readIfThere(file("asked")) ?? "").trim().split("\n"),
    /** Somebody puts this file there while the installer looks for a daemon, just before it loads the agent. */
    tampers: (path: string, text: string) => {
      put("tampered", text);
      put("tampered.path", path);
    },
    environment: () => readIfThere(file("environment")) ?? "",
    /** The definition as launchd read it at the last bootstrap. */
    bootstrapped: (kind = "gui") => readIfThere(file(`loaded.${kind}`)),
    isLoaded: (kind = "gui") => existsSync(file(`job.${kind}`)),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
