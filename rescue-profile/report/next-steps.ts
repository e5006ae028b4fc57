import { adviceFor, CAUSES, forProfile } from "../core/causes.ts";
import type { Cause } from "../core/model.ts";
import { type Escape, listed, ours, type Report, type ReportedIncident, utc, waitingIn } from "./story.ts";

/** What it was taken for last: when a person was told, or by a repair. What was proposed is no cause. */
export function takenFor({ cause, told, repairs }: ReportedIncident): { readonly cause: string; readonly told: string | null } {
  const [newest] = [
    ...told.filter(({ severity }) => severity === "critical").map((tell) => ({ atMs: tell.at, cause: tell.cause, told: tell.text })),
    ...repairs.filter(({ tier }) => tier < 3).map((repair) => ({ atMs: repair.startedAt, cause: repair.cause, told: null })),
  ].toSorted((a, b) => b.atMs - a.atMs);
  return newest ?? { cause, told: null };
}

function isCause(cause: string): cause is Cause {
  return Object.hasOwn(CAUSES, cause);
}

export function titleOf(cause: string, { code }: Escape): string {
  return isCause(cause) ? CAUSES[cause].title : code(cause);
}

/** Blocks of Markdown: what a person does now. */
export function nextSteps(report: Report, say: Escape): readonly string[] {
  return report.incident.outcome === null ? whileOpen(report, say) : whenOver(report, report.incident.outcome, say);
}

function whileOpen(report: Report, say: Escape): readonly string[] {
  const { incident, profile } = report;
  const command = (text: string, what: string) => `${ours(text, profile).padEnd(48)} # ${what}`;
  const running = incident.repairs.find(({ outcome }) => outcome === null);
  return [
    ...(running === undefined ? [] : [`Repair ${running.attempt} is under way since ${utc(running.startedAt)}: wait for its end first.`]),
    ...toAnswer(report, say),
    ...adviceOf(report, say),
    "To look, to have it tried again, or to keep the watchdog's hands off meanwhile:",
    say.fenced(
      [
        command("status", "whether it is well now"),
        command("repair", "tries again at once, whatever was tried before"),
        command("pause --for 2h", "repairs nothing for two hours"),
        command("resume", "ends the pause"),
      ].join("\n"),
      "sh",
    ),
    ...wordsOfModels(incident, say),
  ];
}

function toAnswer({ incident, profile, atMs }: Report, { fenced, prose }: Escape): readonly string[] {
  const waiting = waitingIn(incident, atMs);
  if (waiting === undefined) return [];
  const by = waiting.engine === null ? "" : ` of ${prose(waiting.engine)}`;
  const answer = (how: string, what: string) => `${ours(`proposal ${incident.id} --${how}`, profile).padEnd(48)} # ${what}`;
  return [
    `**A proposal${by} waits for your answer until ${utc(waiting.untilMs)}**; it stands below. Unanswered it is rejected.`,
    fenced(
      [
        answer("dry-run", "what it would do, step by step; nothing is done"),
        answer("approve", "it is carried out, once"),
        answer("reject", "it is not"),
      ].join("\n"),
      "sh",
    ),
  ];
}

/** What the watchdog told, which names what it found; else what it would tell. */
function adviceOf({ incident, profile }: Report, say: Escape): readonly string[] {
  const { cause, told } = takenFor(incident);
  if (told !== null) return ["The watchdog's advice:", say.fenced(told)];
  if (!isCause(cause)) return [];
  const subject = incident.repairs.findLast((repair) => repair.cause === cause)?.subject ?? undefined;
  return ["The watchdog's advice, when it does not mend it itself:", say.fenced(forProfile(adviceFor(cause, subject), profile))];
}

function wordsOfModels({ proposals }: ReportedIncident, { prose }: Escape): readonly string[] {
  const lines = proposals.flatMap(({ engine, human }) => (human === null ? [] : [`${prose(engine ?? "a model")} says: ${prose(human)}`]));
  if (lines.length === 0) return [];
  return [
    "**A model's words, not the watchdog's advice.** Nobody has checked them; do not paste what you do not understand:",
    listed(lines),
  ];
}

function whenOver(report: Report, outcome: string, say: Escape): readonly string[] {
  const { incident, profile, kept, places } = report;
  const start = say.code(forProfile("openclaw gateway start", profile));
  const end = outcome === "stopped-by-operator" ? `somebody stopped the gateway on purpose (it is started by ${start})` : "it is over";
  const changing = incident.repairs.filter(({ tier }) => tier > 1);
  const changed = changing.flatMap(({ attempt, subject, note, steps, outcome: how }) => [
    `repair ${attempt}${subject === null ? "" : `, ${say.code(subject)}`}: ${how ?? "not ended"}${note === null || note === "" ? "" : `, ${say.prose(note)}`}`,
    ...steps
      .filter(({ detail }) => detail !== null && detail !== "")
      .map(({ name, detail }) => `${say.code(name)}: ${say.prose(detail ?? "")}`),
  ]);
  const where = places["this incident"];
  return [
    `Nothing: ${end}. Whether the gateway is well now, ${say.code(ours("status", profile))} says.`,
    ...(changing.length === 0
      ? ["No file was changed for it."]
      : [
          `What was changed, and where${kept.length === 0 || where === undefined ? "" : ` (what was replaced is kept in ${say.code(where)})`}:`,
          listed(changed),
        ]),
  ];
}
