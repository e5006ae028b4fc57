/** Asks an AI about an incident: `node diagnose-main.js PROFILE INCIDENT`. Started by the loop when the first two tiers have not helped, and only with `limits.maxTier` 3. */
import { homedir } from "node:os";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { PROPOSALS_PER_INCIDENT } from "./core/proposal.ts";
import { diagnose } from "./diagnosing.ts";
import { request } from "./main.ts";
import { monotonicMs } from "./observe/clock.ts";
import { openWatchdog } from "./open-watchdog.ts";
import { handOver, modeOf } from "./proposing.ts";

const [profile = "", number = ""] = process.argv.slice(2);
const incident = Number(number);
const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "diagnosis", whatever: true });
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const startedMs = monotonicMs();
try {
  const before = dog.journal.proposals.of(incident).length;
  if (before >= PROPOSALS_PER_INCIDENT) throw new RescueError("refused", `${before} diagnoses were made of this incident already`);
  const proposal = await diagnose(dog, incident, { mode: modeOf(dog), recall: true, signal: stop.signal });
  const { engine, asked, actions, refusal, judged, state } = proposal;
  dog.log({
    event: "diagnosis",
    incident,
    durationMs: monotonicMs() - startedMs,
    success: state !== "none",
    details: { engine, asked, actions, refusal, judged, state },
  });
  if (state === "asked") await handOver(dog, proposal, null, (payload) => request(dog, "repair", payload, "diagnosis", stop.signal));
} catch (error) {
  // Nobody else listens to this process; the human was told before it began.
  dog.log({ event: "diagnosis", level: "error", incident, success: false, details: messageOf(error) });
  process.exitCode = 1;
}
dog.journal.close();
