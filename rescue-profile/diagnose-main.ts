/** Asks an AI about an incident: `node diagnose-main.js PROFILE INCIDENT`. Started by the loop when the first two tiers have not helped, and only with `limits.maxTier` 3. */
import { homedir } from "node:os";
import { messageOf } from "../src/shared/errors.ts";
import { forProfile } from "./core/causes.ts";
import { diagnose, keep, proposalOf } from "./diagnosing.ts";
import { monotonicMs } from "./observe/clock.ts";
import { openWatchdog } from "./open-watchdog.ts";

const [profile = "", number = ""] = process.argv.slice(2);
const incident = Number(number);
const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "diagnosis", whatever: true });
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const startedMs = monotonicMs();
try {
  const record = await diagnose(dog, incident, stop.signal);
  const { engine, asked, actions, refusal, judged, state } = record;
  dog.log({
    event: "diagnosis",
    incident,
    durationMs: monotonicMs() - startedMs,
    success: state === "waiting",
    details: { engine, asked, actions, refusal, judged },
  });
  const auto = dog.settings.diagnosis.mode === "auto";
  if (state === "waiting" && auto) {
    dog.journal.addRequest("repair", { proposal: proposalOf(record, null) }, "diagnosis");
    keep(dog.dir, { ...record, state: "asked" });
  }
  const commands = judged.map(({ command, verdict }) => (verdict.accepted ? command : `${command} (rejected: ${verdict.reason})`));
  const approve = `approve it: rescue-watchdog proposal ${incident} --approve`;
  const what = state === "none" ? `nothing that may be done was proposed: ${refusal ?? asked}` : auto ? "it is carried out now" : approve;
  dog.journal.tell({
    kind: "tell",
    severity: "warning",
    incident,
    cause: "proposed",
    text: forProfile(`${state === "none" ? "a diagnosis was made" : "a diagnosis proposes a repair"}: ${what}`, profile),
    evidence: [...(record.diagnosis === null ? [] : [`${engine} says: ${record.diagnosis}`]), ...commands],
  });
} catch (error) {
  // Nobody else listens to this process; the human was told before it began.
  dog.log({ event: "diagnosis", level: "error", incident, success: false, details: messageOf(error) });
  process.exitCode = 1;
}
dog.journal.close();
