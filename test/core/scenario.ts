import { decide } from "../../rescue-profile/core/decide.ts";
import type { Action, WatchEvent } from "../../rescue-profile/core/event.ts";
import type { Findings } from "../../rescue-profile/core/findings.ts";
import type { Assessment, Condition } from "../../rescue-profile/core/model.ts";
import type { Depth } from "../../rescue-profile/core/pace.ts";
import type { Policy } from "../../rescue-profile/core/policy.ts";
import { initialState, type WatchState } from "../../rescue-profile/core/state.ts";
import { FINDS } from "./finds.ts";

/**
 * Runs a transcript: input lines begin with `>`, everything else is what the watchdog did, and is produced anew by each run.
 *
 *     > see CONDITION [pid N] [cpu +MS/s] [harm X] [exit CODE] [finds WHAT] [suppressed CHANNEL] [place NAME]
 *           [rss MB[+MB/h]] [answers MS] [for DURATION [every DURATION]]
 *     > late | settled OUTCOME | request [tier N] | pause [DURATION] | resume | reboot DURATION
 *
 * `finds` is what a deep look would find; it is seen only when the watchdog takes one (and by a request, which is judged by one).
 * Without `for`, one look. Looks follow the watchdog's own pace (`next`) unless `every` says otherwise.
 * Output shows the time, the phase when it changed, and every action; a run of looks with nothing new is one line.
 */
export function runScenario(text: string, policy: Policy): string {
  const lines: string[] = [];
  let state = initialState(0);
  let now = 0;
  let pid = 100;
  let cpuMs = 0;
  let depth = "full" as Depth;
  let last: Assessment | undefined;

  const apply = (event: WatchEvent, always: boolean): number => {
    const before = state;
    const decided = decide(state, event, policy);
    state = decided.state;
    const phaseChanged = describePhase(before) !== describePhase(state);
    if (always || phaseChanged || decided.actions.length > 0) lines.push(`  ${clock(now)} ${describePhase(state)} · ${decided.reason}`);
    for (const action of decided.actions) lines.push(`      ${describeAction(action)}`);
    if (!always && decided.reason.endsWith("looking deeper")) lines.push(`  ${clock(now)} ${decided.reason}`);
    depth = decided.next.depth;
    return decided.next.afterMs;
  };

  for (const line of text.split("\n")) {
    if (!line.startsWith(">")) {
      if (line.startsWith("#") || line === "") lines.push(line);
      continue;
    }
    lines.push(line);
    const words = line.slice(1).trim().split(/\s+/);
    const [verb = "", first = ""] = words;
    const value = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
    if (verb === "see") {
      pid = Number(value("pid") ?? pid);
      const cpuPerSecond = Number.parseFloat(value("cpu") ?? "0");
      const until = now + duration(value("for") ?? "0s");
      const every = value("every");
      const began = now;
      let once = true;
      while (once || now < until) {
        const seen = measured(told(look(first, now, pid, cpuMs, value("harm")), value), value, now - began);
        last = { ...seen, findings: found(value("finds")) };
        const after = apply({ kind: "sampled", assessment: depth === "deep" ? last : seen }, once);
        const step = every === undefined ? Math.max(after, 100) : duration(every);
        const advance = until === now ? step : Math.min(step, Math.max(until - now, 1));
        now += advance;
        cpuMs += (cpuPerSecond * advance) / 1000;
        once = false;
        if (value("for") === undefined) break;
      }
    } else if (verb === "late") {
      apply({ kind: "sampled", assessment: { ...look("blind", now, pid, cpuMs, undefined), distrust: "late" } }, true);
    } else if (verb === "settled") {
      const outcome = first === "failed" || first === "aborted" || first === "lost" ? first : "done";
      apply({ kind: "repair-settled", atMs: now, incident: state.incident?.id ?? 0, outcome, note: "as told" }, true);
    } else if (verb === "request") {
      const tier = value("tier") === undefined ? {} : ({ tier: value("tier") === "1" ? 1 : 2 } as const);
      apply(
        { kind: "repair-requested", atMs: now, by: "ana", ...(last === undefined ? {} : { seen: { ...last, atMs: now } }), ...tier },
        true,
      );
    } else if (verb === "pause") {
      apply({ kind: "paused", atMs: now, untilMs: first === "" ? null : now + duration(first), by: "ana", reason: null }, true);
    } else if (verb === "resume") {
      apply({ kind: "resumed", atMs: now, by: "ana" }, true);
    } else {
      throw new Error(`unknown line in a scenario: ${line}`);
    }
  }
  return lines.join("\n");
}

const CONDITIONS: readonly Condition[] = [
  "serving",
  "degraded",
  "starting",
  "draining",
  "planned-restart",
  "stopped-cleanly",
  "maintenance",
  "alive",
  "gone",
  "frozen",
  "silent",
  "deaf",
  "latched",
  "parked",
  "foreign-port",
  "blind",
];
const WITHOUT_PROCESS: readonly Condition[] = ["gone", "latched", "parked", "stopped-cleanly", "planned-restart", "foreign-port", "blind"];

function look(name: string, atMs: number, pid: number, cpuMs: number, harm: string | undefined): Assessment {
  const condition = CONDITIONS.find((candidate) => candidate === name);
  if (condition === undefined) throw new Error(`unknown condition in a scenario: ${name}`);
  const verdict = condition === "serving" || condition === "degraded" ? "up" : "down";
  const base: Assessment = { atMs, verdict, condition, evidence: [condition] };
  if (WITHOUT_PROCESS.includes(condition)) return base;
  const alive = { ...base, identity: { pid, startTime: pid * 10 }, cpuMs };
  if (condition !== "silent") return alive;
  if (harm === "unknown") return alive;
  return harm === "database-locked" || harm === "disk-full" ? { ...alive, killHarm: harm } : { ...alive, killHarmRuledOut: true };
}

function found(name = "nothing"): Findings {
  const entry = Object.entries(FINDS).find(([known]) => known === name);
  if (entry === undefined) throw new Error(`unknown finding in a scenario: ${name}`);
  return entry[1];
}

/** What it says of itself, and how its process ended. */
function told(seen: Assessment, value: (name: string) => string | undefined): Assessment {
  const exit = value("exit");
  const suppressed = value("suppressed");
  const place = value("place");
  const says = { version: "2026.9.6", failing: [], suppressed: suppressed === undefined ? [] : [suppressed] };
  return {
    ...seen,
    ...(exit === undefined ? {} : { lastExit: exit.startsWith("SIG") ? { signal: exit } : { code: Number(exit) } }),
    ...(seen.verdict === "up" ? { says } : {}),
    ...(place === undefined ? {} : { place }),
  };
}

/** What is measured of a process that serves. `rss 700+80/h` grows by 80 MB an hour from the line's first look on. */
function measured(seen: Assessment, value: (name: string) => string | undefined, sinceMs: number): Assessment {
  if (seen.verdict !== "up") return seen;
  const [rss, answers] = [value("rss"), value("answers")];
  const [, megabytes = 0, perHour = 0] = /^(\d+)(?:\+(\d+)\/h)?$/.exec(rss ?? "") ?? [];
  return {
    ...seen,
    ...(rss === undefined ? {} : { rssBytes: (Number(megabytes) + (Number(perHour) * sinceMs) / 3_600_000) * 1e6 }),
    ...(answers === undefined ? {} : { answerMs: Number(answers) }),
  };
}

function describePhase(state: WatchState): string {
  const { phase } = state;
  return phase.name === "watching" ? "watching" : `${phase.name}(${phase.cause})`;
}

function describeAction(action: Action): string {
  switch (action.kind) {
    case "open-incident":
      return `open incident ${action.incident}: ${action.cause}, first seen at ${clock(action.firstSeenMs).trim()}`;
    case "start-repair":
      return `repair incident ${action.incident}, attempt ${action.attempt}, tier ${action.tier}${action.subject === null ? "" : `, about ${action.subject}`}${action.identity === null ? "" : `, may end pid ${action.identity.pid}`}`;
    case "abandon-repair":
      return `give up what is left of the repair: ${action.why}`;
    case "close-incident":
      return `close incident ${action.incident}: ${action.outcome}`;
    case "tell":
      return `tell (${action.severity}): ${action.text}`;
  }
}

function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new Error(`not a duration in a scenario: ${text}`);
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as "ms" | "s" | "m" | "h"];
}

function clock(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`.padStart(8);
}
