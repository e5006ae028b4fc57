/**
 * What follows when a person was told that it is theirs now: `node human-main.js PROFILE INCIDENT RIGHTS`, started by the loop. `RIGHTS` are the watcher's settings of what a
 * diagnosis may do, as JSON: he may have been given others than those that are written down. The incident's report is written while the evidence is
 * fresh; with `limits.maxTier` 3 an AI is asked, and the report written once more. Nobody listens to this process: what fails stands in the log.
 */
import { homedir } from "node:os";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { type KeptProposal, PROPOSALS_PER_INCIDENT } from "./core/proposal.ts";
import { diagnose, noDiagnosis } from "./diagnosing.ts";
import { request } from "./main.ts";
import { monotonicMs } from "./observe/clock.ts";
import { openWatchdog } from "./open-watchdog.ts";
import { handOver, proposalLine, type Rights, withRights } from "./proposing.ts";
import { writeReport } from "./reporting.ts";

const [profile = "", number = "", rights = ""] = process.argv.slice(2);
const incident = Number(number);
const given = await openWatchdog({ profile, home: homedir(), env: process.env, what: "diagnosis", whatever: true });
const dog = withRights(given, JSON.parse(rights) as Rights);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());

await logged("report", report);
if (dog.settings.limits.maxTier >= 3) {
  await logged("diagnosis", ask);
  await logged("report", report);
}
dog.journal.close();

async function logged(event: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    dog.log({ event, level: "error", incident, success: false, details: messageOf(error) });
    process.exitCode = 1;
  }
}

async function report(): Promise<void> {
  const { page } = await writeReport(dog, incident);
  dog.log({ event: "report", incident, details: page });
}

async function ask(): Promise<void> {
  const made = dog.journal.proposals.of(incident).filter(({ by }) => by === null).length;
  if (made >= PROPOSALS_PER_INCIDENT) throw new RescueError("refused", `${made} diagnoses were made of this incident already`);
  const startedMs = monotonicMs();
  const proposal = await diagnosis();
  if (proposal === undefined) return;
  dog.log({ ...proposalLine(proposal), durationMs: monotonicMs() - startedMs });
  if (proposal.state !== "asked") return;
  try {
    await handOver(dog, proposal, null, (payload) => request(dog, "repair", payload, "diagnosis", stop.signal));
  } catch (error) {
    // It is in the log, and a person is asked now.
    if (!(error instanceof RescueError)) throw error;
  }
}

/** Undefined: another one is under way, and people hear of that one. */
async function diagnosis(): Promise<KeptProposal | undefined> {
  try {
    return await diagnose(dog, incident, { mode: dog.settings.diagnosis.mode ?? "ask", by: null, signal: stop.signal });
  } catch (error) {
    if (error instanceof RescueError && error.code === "busy") {
      dog.log({ event: "diagnosis", level: "warn", incident, success: false, details: messageOf(error) });
      return undefined;
    }
    noDiagnosis(dog, incident, `a diagnosis could not be made: ${messageOf(error)}`);
    throw error;
  }
}
