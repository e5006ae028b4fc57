import { cut } from "../../src/shared/cut.ts";
import { CAUSES } from "../core/causes.ts";
import type { NewsKind } from "../core/event.ts";
import { answerButton, type KeptProposal } from "../core/proposal.ts";
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
  const { secret } = story;
  const question =
    secret === null ? {} : { question: { approve: answerButton(secret, "approve"), reject: answerButton(secret, "reject") } };
  return { ...base, state, severity, lines: linesOf(story, state === "needs-you", words), incident: story.id, since, ...question };
}

/** The newest repair's, which may know more than what opened the incident; what was proposed is no cause. */
function causeOf(story: Story): string {
  return (story.kind === "incident" ? story.repairs.findLast(({ tier }) => tier < 3)?.cause : undefined) ?? story.cause;
}

function titleOf(cause: string): string {
  return Object.entries(CAUSES).find(([name]) => name === cause)?.[1].title ?? cause;
}

function stateOf({ outcome, told, repairs, secret }: Incident): Alert["state"] {
  if (outcome === "recovered" || outcome === "recovered-by-itself") return "recovered";
  if (outcome !== null) return "over";
  if (secret !== null) return "needs-you";
  const lastTold = told.findLast(({ severity }) => severity === "critical")?.at ?? Number.NEGATIVE_INFINITY;
  return lastTold >= (repairs.at(-1)?.startedAt ?? Number.NEGATIVE_INFINITY) && told.length > 0 ? "needs-you" : "repairing";
}

function linesOf(story: Incident, needsYou: boolean, words: Words): readonly string[] {
  const { id, evidence, repairs, told, proposals, firstSeenAt, closedAt, outcome } = story;
  const happened = [
    ...repairs.map((repair, index) => ({
      at: repair.startedAt,
      text: words.repair(index + 1, repair.tier, repair.subject, repair.outcome, repair.note),
    })),
    ...told.map(({ at, text }) => ({ at, text })),
    ...proposals.map((proposal) => ({ at: proposal.atMs, text: proposalLines(proposal, words).join("\n") })),
  ].sort((a, b) => a.at - b.at);
  const end = closedAt === null || outcome === null ? [] : [words.ended(outcome, closedAt - firstSeenAt)];
  return [...evidence.slice(0, 2), ...happened.map(({ text }) => text), ...end, words.more(id, needsYou)];
}

const MOST_REJECTED = 5;
/** Of what a model says. */
const MOST_SAID = 300;

/** A proposal as a person reads it who is to answer it: who, why, every command that may be done, what was rejected, and where it stands. */
export function proposalLines(
  { engine, asked, diagnosis, human, judged, refusal, state, answer, untilMs, incident }: KeptProposal,
  words: Words,
): readonly string[] {
  const accepted = judged.filter(({ verdict }) => verdict.accepted).map(({ command }) => `✔ ${command}`);
  const rejected = judged.flatMap(({ command, verdict }) => (verdict.accepted ? [] : [cut(`✘ ${command}: ${verdict.reason}`, MOST_SAID)]));
  const more = rejected.length > MOST_REJECTED ? [words.moreRejected(rejected.length - MOST_REJECTED)] : [];
  const said = (text: string | null) => (text === null || text === "" ? [] : [`“${cut(text.replaceAll(/\s+/g, " "), MOST_SAID)}”`]);
  return [
    engine === null ? words.nobodyProposed(asked) : words.proposed(engine, asked),
    ...said(diagnosis),
    ...accepted,
    ...rejected.slice(0, MOST_REJECTED),
    ...more,
    ...(refusal === null || engine === null ? [] : [words.notAsAWhole(refusal)]),
    ...said(human),
    ...(state === "none" ? [] : [state === "waiting" ? words.approveUntil(incident, new Date(untilMs)) : words.proposalIs(state, answer)]),
    ...(state === "waiting" && answer !== null ? [answer] : []),
  ];
}
