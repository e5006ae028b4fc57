/** An audit that the watcher makes by itself: `node audit-run-main.js PROFILE`. What is new in it goes into the journal, from where it is told. */
import { homedir } from "node:os";
import { messageOf } from "../src/shared/errors.ts";
import { scheduledAudit } from "./audit-main.ts";
import { monotonicMs } from "./observe/clock.ts";
import { openWatchdog } from "./open-watchdog.ts";

const [profile = ""] = process.argv.slice(2);
const dog = await openWatchdog({ profile, home: homedir(), env: process.env, what: "audit", whatever: true });
const LONGEST_MS = 900_000;
const startedMs = monotonicMs();
// Whatever holds it up (a file system that hangs): nobody waits for this process, and others would join it.
setTimeout(() => process.exit(1), LONGEST_MS).unref();
try {
  const { findings, couldNotLook, checked } = await scheduledAudit({ profile, home: homedir(), env: process.env }, dog.journal);
  const details = { findings: findings.map(({ id, subject }) => `${id} ${subject}`.trim()), couldNotLook, checked };
  dog.log({ event: "audit", durationMs: monotonicMs() - startedMs, success: couldNotLook.length === 0, details });
} catch (error) {
  // Nobody else listens to this process.
  dog.log({ event: "audit", level: "error", success: false, details: messageOf(error) });
  process.exitCode = 1;
}
dog.journal.close();
