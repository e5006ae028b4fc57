import { CAUSES } from "../core/causes.ts";
import type { NewsKind } from "../core/event.ts";
import type { Alert, Story } from "./alert.ts";
import type { Words } from "./words.ts";

type Incident = Extract<Story, { kind: "incident" }>;

/** One thread as a person is to read it now. Pure. */
export function compose(thread: string, event: NewsKind, story: Story, profile: string, words: Words): Alert {
  const cause = causeOf(story);
  const base = { thread, event, profile, cause, title: `${profile}: ${titleOf(cause)}` };
  if (story.kind === "warning") {
    const since = new Date(story.at).toISOString();
    return { ...base, state: "warning", severity: story.severity, lines: [story.text, ...story.evidence], incident: null, since };
  }
  const state = stateOf(story);
  const severity = state === "needs-you" || state === "repairing" ? "critical" : "info";
  const since = new Date(story.firstSeenAt).toISOString();
  return { ...base, state, severity, lines: linesOf(story, words), incident: story.id, since };
}

/** The newest repair's, which may know more than what opened the incident. */
function causeOf(story: Story): string {
  return (story.kind === "incident" ? story.repairs.at(-1)?.cause : undefined) ?? story.cause;
}

function titleOf(cause: string): string {
  return Object.entries(CAUSES).find(([name]) => name === cause)?.[1].title ?? cause;
}

function stateOf({ outcome, told, repairs }: Incident): Alert["state"] {
  if (outcome === "recovered" || outcome === "recovered-by-itself") return "recovered";
  if (outcome !== null) return "over";
  const lastTold = told.findLast(({ severity }) => severity === "critical")?.at ?? Number.NEGATIVE_INFINITY;
  return lastTold >= (repairs.at(-1)?.startedAt ?? Number.NEGATIVE_INFINITY) && told.length > 0 ? "needs-you" : "repairing";
}

function linesOf({ id, evidence, repairs, told, firstSeenAt, closedAt, outcome }: Incident, words: Words): readonly string[] {
  const happened = [
    ...repairs.map((repair, index) => ({
      at: repair.startedAt,
      text: words.repair(index + 1, repair.tier, repair.subject, repair.outcome, repair.note),
    })),
    ...told.map(({ at, text }) => ({ at, text })),
  ].sort((a, b) => a.at - b.at);
  const end = closedAt === null || outcome === null ? [] : [words.ended(outcome, closedAt - firstSeenAt)];
  return [...evidence.slice(0, 2), ...happened.map(({ text }) => text), ...end, words.more(id)];
}
