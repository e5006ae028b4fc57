import { formatDuration } from "../../src/shared/duration.ts";
import type { JudgedCommand, KeptProposal, ProposalState } from "../core/proposal.ts";
import { nextSteps, takenFor, titleOf } from "./next-steps.ts";
import { type Escape, listed, type Report, type ReportedIncident, type ReportedRepair, utc, waitingIn } from "./story.ts";

/** The incident as one Markdown page, for whoever takes it over. Headings, lists and fences are ours alone. Pure. */
export function reportPage(report: Report, say: Escape): string {
  const { incident, kept, context, leftOut } = report;
  const { code, prose } = say;
  const blocks = [
    `# Incident ${incident.id}: ${titleOf(takenFor(incident).cause, say)}`,
    about(report, say),
    "## What to do now",
    ...nextSteps(report, say),
    "## What was seen",
    listed(incident.evidence.map(prose), leftOut.evidence),
    "## What was done",
    listed(
      incident.repairs.map((repair) => repaired(repair, incident, say)),
      leftOut.repairs,
    ),
    "## What was proposed",
    listed(
      incident.proposals.map((proposal) => proposed(proposal, say)),
      leftOut.proposals,
    ),
    "## What people were told",
    listed(
      incident.told.map(({ at, severity, text }) => `${utc(at)}, ${prose(severity)}: ${prose(text)}`),
      leftOut.told,
    ),
    "## What is kept",
    "In the incident's folder. Copies of configurations hold secrets and are in no report.",
    listed(
      kept.map(({ name, bytes }) => `${code(name)}, ${bytes} bytes`),
      leftOut.kept,
    ),
    "## Evidence",
    `${context.diagnosed ? "As it was for the diagnosis: what an AI was shown, when one was asked." : "As it was when this incident was first reported."} A secret stands there as ${code("<secret-1>")}, the same one by the same number, which may be another than above; a person's number or address as ${code("<person>")}.`,
    say.fenced(context.text, "text"),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function about({ incident, atMs, profile, versions, places }: Report, { code, prose }: Escape): string {
  const { firstSeenAt, closedAt } = incident;
  const lasted = formatDuration(Math.max(0, (closedAt ?? atMs) - firstSeenAt));
  const over = closedAt === null ? `${lasted} ago` : `over at ${utc(closedAt)}, after ${lasted}`;
  return listed([
    `profile: ${code(profile)}`,
    `state: **${stateOf(incident, atMs, prose)}**`,
    `first seen: ${utc(firstSeenAt)}, ${over}`,
    `taken for: ${code(takenFor(incident).cause)}`,
    ...Object.entries(versions).map(([name, version]) => `${prose(name)}: ${code(version)}`),
    ...Object.entries(places).map(([name, place]) => `${prose(name)}: ${code(place)}`),
    `this page: ${utc(atMs)}`,
  ]);
}

function stateOf(incident: ReportedIncident, atMs: number, prose: Escape["prose"]): string {
  if (incident.outcome !== null) return `over: ${prose(incident.outcome)}`;
  if (waitingIn(incident, atMs) !== undefined) return "open, and waits for your answer to a proposal";
  return incident.repairs.some(({ outcome }) => outcome === null) ? "open, being repaired" : "open";
}

/** One item of a list, with what belongs to it in a list below. */
function item(head: string, below: readonly string[]): string {
  return [head, ...below.map((line) => `  - ${line}`)].join("\n");
}

function repaired(repair: ReportedRepair, { evidence }: ReportedIncident, { code, prose }: Escape): string {
  const { attempt, tier, cause, subject, requestedBy, startedAt, outcome, note, steps } = repair;
  const what = `tier ${tier}, ${code(cause)}${subject === null ? "" : ` (${code(subject)})`}, by ${prose(requestedBy)}`;
  const end = `${prose(outcome ?? "not ended")}${note === null || note === "" ? "" : `, ${prose(note)}`}`;
  return item(`**Repair ${attempt}**, ${utc(startedAt)}, ${what}: ${end}`, [
    ...repair.evidence.filter((each) => !evidence.includes(each)).map((each) => `because: ${prose(each)}`),
    ...steps.map(({ name, durationMs, outcome: how, detail }) => {
      const took = durationMs === null ? "" : ` in ${formatDuration(durationMs)}`;
      return `${code(name)}: ${prose(how ?? "begun")}${took}${detail === null || detail === "" ? "" : `, ${prose(detail)}`}`;
    }),
  ]);
}

const STATES: Readonly<Record<ProposalState, string>> = {
  waiting: "waits for a person",
  asked: "handed to whoever watches",
  done: "carried out",
  rejected: "rejected",
  shown: "only shown",
  none: "nothing that may be done",
};

function proposed(proposal: KeptProposal, { code, prose }: Escape): string {
  const { engine, atMs, untilMs, asked, diagnosis, human, judged, refusal, actions, ends, state, answer } = proposal;
  const who = engine === null ? "nobody" : prose(engine);
  const answered = `${STATES[state]}${state === "waiting" ? ` until ${utc(untilMs)}` : ""}${answer === null ? "" : `, ${prose(answer)}`}`;
  return item(`**Proposal ${proposal.id}**, ${utc(atMs)}, by ${who}: ${answered}`, [
    prose(asked),
    ...(diagnosis === null ? [] : [`in the model's words: ${prose(diagnosis)}`]),
    ...(human === null ? [] : [`in the model's words, for a person: ${prose(human)}`]),
    ...judged.map((each) => verdictOn(each, { code, prose })),
    ...(refusal === null ? [] : [`refused as a whole: ${prose(refusal)}`]),
    ...(actions === "" ? [] : [`steps: ${code(actions)}${ends === null ? "" : `, ending pid ${ends.pid}`}`]),
  ]);
}

function verdictOn({ command, verdict }: JudgedCommand, { code, prose }: Pick<Escape, "code" | "prose">): string {
  return verdict.accepted
    ? `accepted: ${code(command)}, by ${code(verdict.entry)}`
    : `rejected: ${code(command)}: ${prose(verdict.reason)}`;
}
