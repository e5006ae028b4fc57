/**
 * What follows when a person was told that it is theirs now: `node human-main.js PROFILE INCIDENT`, started by the loop. The incident's report is written while the evidence is
 * fresh; with `limits.maxTier` 3 an AI is asked, and the report written once more. Nobody listens to this process: what fails stands in the log.
 */
import { homedir } from "node:os";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { PROPOSALS_PER_INCIDENT } from "./core/proposal.ts";
import { diagnose } from "./diagnosing.ts";
import { request } from "./main.ts";
import { monotonicMs } from "./observe/clock.ts";
import { openWatchdog } from "./open-watchdog.ts";
import { handOver, modeOf } from "./proposing.ts";
import { writeReport } from "./reporting.ts";

const [profile = "", number = ""] = process.argv.slice(2);
const incident = Number(number);
const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "diagnosis", whatever: true });
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
  const before = dog.journal.proposals.of(incident).length;
  if (before >= PROPOSALS_PER_INCIDENT) throw new RescueError("refused", `${before} diagnoses were made of this incident already`);
  const startedMs = monotonicMs();
  const proposal = await diagnose(dog, incident, { mode: modeOf(dog), recall: true, signal: stop.signal });
  const { engine, asked, actions, refusal, judged, state } = proposal;
  dog.log({
    event: "diagnosis",
    incident,
    durationMs: monotonicMs() - startedMs,
    success: state !== "none",
    details: { engine, asked, actions, refusal, judged, state },
  });
  if (state !== "asked") return;
  try {
    await handOver(dog, proposal, null, (payload) => request(dog, "repair", payload, "diagnosis", stop.signal));
  } catch (error) {
    // It is in the log, and a person is asked now.
    if (!(error instanceof RescueError)) throw error;
  }
}
