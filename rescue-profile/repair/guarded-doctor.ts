import { join } from "node:path";
import type { CommandResult } from "../../src/shared/run-command.ts";
import { configFiles, putAllBack, type Settled, settle } from "./config-guard.ts";
import { snapshotDatabases } from "./database-snapshot.ts";
import { type AllowedChange, DOCTOR_ALLOWLIST, judge, takesAwayJust } from "./doctor-allowlist.ts";
import { nameChanges, renderChange } from "./masked-diff.ts";
import { DOWN_MS, type Mending, nameMaintenance, type SavedFiles, waitUntilDown, waitUntilQuiet } from "./mending.ts";
import { readNote, writeNote } from "./notes.ts";
import type { PlannedStep, StepOutcome } from "./plan.ts";
import { VALIDATE_MS, type Validation, validateConfig } from "./validation.ts";

/** A doctor of an earlier runner may still live; it is not ours to end. */
const QUIET_MS = 60_000;
const LINT_MS = 30_000;
/** Less than this left is not worth beginning: a healthy doctor takes 12 s, and took 37 s on a busy machine. */
const LEAST_DOCTOR_MS = 30_000;
/** After its tree was killed. */
const ENDED_MS = 5_000;

/**
 * The host's doctor between a snapshot and a comparison. It has restored and overwritten good configurations (issues 90551, 133997, 114965),
 * hung for minutes (18502, 86420, 154636), and its exit code proves nothing: what it may not change is put back, and the host's validation
 * has the last word. A step that may fail has no `done` in the journal; its outcome lies in the folder too, so that it is taken once.
 */
export async function guardedDoctor(
  step: Extract<PlannedStep, { name: "guarded-doctor" }>,
  ports: Mending,
  allowlist: readonly AllowedChange[] = DOCTOR_ALLOWLIST,
): Promise<StepOutcome> {
  const told = readNote<StepOutcome>(ports, "doctor-outcome.json");
  if (told !== undefined) return told;
  const outcome = await attempt(step.deadlineMs, ports, allowlist);
  writeNote(ports, "doctor-outcome.json", outcome);
  return outcome;
}

async function attempt(deadlineMs: number, ports: Mending, allowlist: readonly AllowedChange[]): Promise<StepOutcome> {
  const until = ports.monotonicMs() + deadlineMs;
  const running = await waitUntilQuiet(ports, QUIET_MS);
  if (running.length > 0) return { outcome: "aborted", detail: `the host is at work: ${nameMaintenance(running)}` };
  const after = ports.saved(join(ports.folder, "config-after"));
  const place = join(ports.folder, "config-before");
  const earlier = ports.saved(place);
  const down = after !== undefined || earlier !== undefined || (await waitUntilDown(ports, DOWN_MS));
  const unwanted = !down
    ? "the gateway has been started again, and lives"
    : ports.windUp
      ? "the repair is not gone on with"
      : (await ports.serves())
        ? "the gateway serves again"
        : undefined;
  if (after === undefined && unwanted !== undefined) {
    if (earlier !== undefined) undoInterrupted(earlier, ports);
    return { outcome: "aborted", detail: unwanted };
  }
  const { state, why = "" } = ports.config();
  if (earlier === undefined && state !== "there") return { outcome: "failed", detail: `doctor cannot be compared with nothing: ${why}` };
  ports.stillOurs();
  const before = earlier ?? ports.save(place, configFiles(ports));
  const databases = await snapshotDatabases(ports);
  if (after === undefined) {
    if (earlier !== undefined) undoInterrupted(before, ports);
    await askBefore(ports);
    const leftMs = until - ports.monotonicMs() - VALIDATE_MS;
    if (leftMs < LEAST_DOCTOR_MS) return { outcome: "aborted", detail: "the time that is left is too short for a doctor" };
    await runDoctor(leftMs, before, ports);
  }
  return finish(before, databases, ports, allowlist);
}

/** A doctor that was ended with its runner may have left half of its work: what lay there before it comes back. */
function undoInterrupted(before: SavedFiles, ports: Mending): void {
  ports.stillOurs();
  ports.save(join(ports.folder, "config-interrupted"), allFiles(before, ports));
  putAllBack(before, ports);
}

/** What the host itself finds wrong, before anything is changed. Both only read, and take four seconds each: they are asked at once, and both are waited for. */
async function askBefore(ports: Mending): Promise<void> {
  const answers = await Promise.allSettled([askValidation(ports), askLint(ports)]);
  for (const answer of answers) if (answer.status === "rejected") throw answer.reason;
}

async function askValidation(ports: Mending): Promise<void> {
  if (readNote(ports, "validation-before.json") === undefined) writeNote(ports, "validation-before.json", await validateConfig(ports.host));
}

async function askLint(ports: Mending): Promise<void> {
  if (readNote(ports, "doctor-lint.json") !== undefined) return;
  const { stdout, ...lint } = await ports.host(["doctor", "--lint", "--json"], { timeoutMs: LINT_MS });
  writeNote(ports, "doctor-lint.json", { ...lint, findings: stdout.split("\n").filter((line) => line.startsWith("{")) });
}

/** `config-after` is there as a whole or not at all, so it is what says that a doctor has run. */
async function runDoctor(timeoutMs: number, before: SavedFiles, ports: Mending): Promise<void> {
  ports.stillOurs();
  const run = await ports.host(["doctor", "--fix", "--non-interactive"], { timeoutMs });
  const survivors = run.timedOut ? nameMaintenance(await waitUntilQuiet(ports, ENDED_MS)) : "";
  writeNote(ports, "doctor-run.json", { ...run, survivors });
  ports.stillOurs();
  ports.save(join(ports.folder, "config-after"), allFiles(before, ports));
}

function allFiles(before: SavedFiles, ports: Mending): string[] {
  return [...new Set([...before.files.map(({ path }) => path), ...before.absent, ...configFiles(ports)])];
}

async function finish(before: SavedFiles, databases: string, ports: Mending, allowlist: readonly AllowedChange[]): Promise<StepOutcome> {
  const run = readNote<CommandResult & { readonly survivors: string }>(ports, "doctor-run.json");
  const after = ports.saved(join(ports.folder, "config-after"));
  const where = `the databases before it lie in ${databases}`;
  if (run === undefined || after === undefined || run.timedOut || run.notStarted !== undefined) {
    putAllBack(before, ports);
    const why = run?.notStarted === undefined ? "did not end in time and was killed" : `could not be started (${run.notStarted})`;
    const still = run === undefined || run.survivors === "" ? "" : `, but of it still lives ${run.survivors}`;
    return { outcome: "failed", detail: `doctor ${why}${still}; the configuration was put back; ${where}` };
  }
  const validation = readNote<Partial<Validation>>(ports, "validation-before.json");
  const { unknownKeys = [], onlyUnknownKeys = false } = validation ?? {};
  const settled = settle(
    before,
    after,
    (file, change) => (file === ports.configPath ? judge(change, unknownKeys, allowlist) : "no"),
    ports,
  );
  writeDiff(settled, ports);
  // Where nothing else was wrong and nothing else was changed, the four seconds that the host's answer takes are downtime for nothing.
  const cured = onlyUnknownKeys && takesAwayJust(unknownKeys, settled.kept);
  let valid = cured;
  try {
    if (!cured) ({ valid } = await validateConfig(ports.host));
  } finally {
    // Also when the host did not answer.
    if (!valid) putAllBack(before, ports);
  }
  const did = `doctor ran (exit ${run.exitCode ?? run.signal})`;
  if (!valid) return { outcome: "failed", detail: `${did}, and the configuration is not valid; it was put back; ${where}` };
  if (run.exitCode !== 0 && settled.kept.length === 0) {
    return { outcome: "failed", detail: `${did} and changed nothing that may stay; ${where}` };
  }
  const kept = settled.kept.length === 0 ? "none of its changes to the configuration was kept" : `kept: ${nameChanges(settled.kept)}`;
  const back = settled.putBack.length === 0 ? "" : `; put back: ${nameChanges(settled.putBack)}`;
  return {
    outcome: "done",
    detail: `${did} and ${cured ? "took away just what the host had found wrong" : "the host finds the configuration valid"}; ${kept}${back}; undo: ${before.directory}; ${where}`,
  };
}

function writeDiff({ kept, putBack }: Settled, ports: Mending): void {
  const section = (title: string, lines: readonly string[]) => `${title}\n${lines.map((line) => `  ${line}\n`).join("")}`;
  const text = section("kept", kept.map(renderChange)) + section("put back", putBack.map(renderChange));
  ports.stillOurs();
  ports.write(join(ports.folder, "doctor.diff.txt"), Buffer.from(text), 0o600);
}
