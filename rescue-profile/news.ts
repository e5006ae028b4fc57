import { CAUSES } from "./core/causes.ts";
import type { LogEntry } from "./journal/log.ts";
import type { LoopNews } from "./loop.ts";

/** What changed, as log lines. Pure. */
export function newsLines({ event, before, decision }: LoopNews): readonly LogEntry[] {
  const { state, actions, reason } = decision;
  const atMs = event.kind === "sampled" ? event.assessment.atMs : event.atMs;
  const incident = state.incident?.id ?? before.incident?.id;
  const base = { ...(incident === undefined ? {} : { incident }) };
  const lines: LogEntry[] = [];

  if (state.track.condition !== before.track.condition && event.kind === "sampled") {
    const { verdict, evidence, distrust } = event.assessment;
    lines.push({
      event: distrust === undefined ? "condition" : "look-discarded",
      level: (verdict === "down" && state.track.condition !== "starting") || distrust !== undefined ? "warn" : "info",
      ...base,
      details: { condition: state.track.condition, was: before.track.condition, evidence, pid: event.assessment.identity?.pid ?? null },
    });
  }
  if (event.kind !== "sampled") {
    const trigger = event.kind === "repair-settled" ? "runner" : event.by;
    const success = event.kind === "repair-settled" ? event.outcome === "done" : !reason.startsWith("refused");
    lines.push({ event: event.kind, trigger, success, ...base, details: reason });
  }
  for (const action of actions) {
    switch (action.kind) {
      case "open-incident":
        lines.push({
          event: "incident-opened",
          level: "warn",
          incident: action.incident,
          cause: action.cause,
          durationMs: atMs - action.firstSeenMs,
          details: { title: CAUSES[action.cause].title, evidence: action.evidence },
        });
        break;
      case "start-repair":
        lines.push({
          event: "repair-started",
          level: "warn",
          incident: action.incident,
          cause: action.cause,
          tier: action.tier,
          trigger: action.by,
          details: {
            attempt: action.attempt,
            pid: action.identity?.pid ?? null,
            subject: action.subject,
            confidence: action.confidence,
            evidence: action.evidence,
          },
        });
        break;
      case "abandon-repair":
        lines.push({ event: "repair-abandoned", level: "warn", incident: action.incident, success: false, details: action.why });
        break;
      case "close-incident":
        lines.push({
          event: "incident-closed",
          incident: action.incident,
          success: true,
          ...(before.incident === null ? {} : { cause: before.incident.cause, durationMs: atMs - before.incident.openedMs }),
          details: { outcome: action.outcome },
        });
        break;
      case "tell":
        lines.push({
          event: action.severity === "critical" ? "needs-a-human" : "warning",
          level: action.severity === "critical" ? "error" : "warn",
          ...(action.incident === null ? {} : { incident: action.incident }),
          cause: action.cause,
          details: { text: action.text, evidence: action.evidence },
        });
        break;
    }
  }
  return lines;
}
