import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Action } from "../../rescue-profile/core/event.ts";
import type { ProposalRecord } from "../../rescue-profile/core/proposal.ts";
import type { Journal } from "../../rescue-profile/journal/journal.ts";
import { openWatchdog, type Watchdog } from "../../rescue-profile/open-watchdog.ts";
import { writeReport } from "../../rescue-profile/reporting.ts";
import { fakeClock, processAt, proposalFor, scratch, stateWith, TARGET, take, toldOf } from "../journal/harness.ts";
import { membersOf } from "./support.ts";

const FAR = 8.64e15;
/** One more message to people. */
export const told = (text: string): Action => ({ ...toldOf(1), text }) as Action;
/** One line of the watchdog's own log. */
export const line = (details: unknown, more: object = {}) =>
  `${JSON.stringify({ timestamp: new Date().toISOString(), level: "info", event: "look", incident: 1, details, ...more })}\n`;

export const linesOf = (log: string): readonly Record<string, unknown>[] =>
  log
    .trimEnd()
    .split("\n")
    .map((each) => JSON.parse(each));

/** A profile whose gateway never ran, and its watchdog's journal, log and folder of incident 1. */
export function world(config: object = {}) {
  const at = scratch();
  onTestFinished(() => at[Symbol.dispose]());
  const home = join(at.dir, "home");
  const profile = join(home, ".openclaw");
  mkdirSync(profile, { recursive: true });
  const gatewayLog = join(home, "gateway.log");
  const configPath = join(profile, "openclaw.json");
  const withLog = (more: object) => JSON.stringify({ gateway: { mode: "local", port: 18_789 }, logging: { file: gatewayLog }, ...more });
  writeFileSync(configPath, withLog(config), { mode: 0o600 });
  const env = { HOME: home, PATH: process.env["PATH"], RESCUE_WATCHDOG_STATE_DIR: join(at.dir, "state") };
  const dir = join(at.dir, "state", TARGET);
  const folder = join(dir, "incidents", "1");
  const logFile = join(dir, "logs", "watchdog.jsonl");
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  const clock = fakeClock("boot-1", 5_000_000, Date.now() - 60_000);

  function journaled<T>(work: (journal: Journal, commit: (...actions: Action[]) => readonly number[]) => T): T {
    using journal = processAt(dir, clock, { pid: 11, startTime: 110 });
    const lease = take(journal);
    return work(journal, (...actions) => journal.commit(TARGET, lease, stateWith({}), actions) ?? []);
  }
  async function watched<T>(work: (dog: Watchdog) => Promise<T>): Promise<T> {
    const dog = await openWatchdog({ profile: TARGET, home, env, what: "test", whatever: true });
    try {
      return await work(dog);
    } finally {
      dog.journal.close();
    }
  }
  return {
    ...{ at, home, profile, configPath, gatewayLog, dir, folder, logFile, withLog, journaled, watched },
    commit: (...actions: Action[]) => journaled((_, commit) => commit(...actions)),
    propose: (more: Partial<ProposalRecord> = {}) =>
      journaled(({ proposals }) => proposals.add({ ...proposalFor(1), atMs: Date.now(), untilMs: FAR, ...more })),
    /** A file in the incident's folder. */
    keep: (name: string, text: string) => {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, name), text, { mode: 0o600 });
    },
    report: async () => {
      const written = await watched((dog) => writeReport(dog, 1));
      const page = readFileSync(written.page, "utf8");
      const members = membersOf(readFileSync(written.archive));
      const of = (name: string) => members.find((member) => member.name === `incident-1/${name}`)?.text ?? "";
      const everything = [page, ...members.flatMap(({ name, text }) => [name, text])].join("\n");
      return { written, page, members, of, everything };
    },
  };
}
