import { formatDuration } from "../../src/shared/duration.ts";
import { messageOf, RescueError } from "../../src/shared/errors.ts";
import type { Buttons, Deed } from "./buttons.ts";
import type { ChatCommand } from "./commands.ts";
import { type Bar, historyPicture } from "./picture.ts";
import { may, type Role } from "./rights.ts";
import type { ChatWords } from "./words.ts";

/** A message of ours as it is to stand there now; plain text. */
export interface Reply {
  readonly text: string;
  /** Rows of buttons; `name` is what comes back when it is pressed. */
  readonly buttons: readonly (readonly { readonly label: string; readonly name: string }[])[];
  /** A PNG above the text, where pictures can be shown. */
  readonly picture?: Uint8Array;
  /** A file beside the text. */
  readonly file?: { readonly name: string; readonly content: Uint8Array };
}

export interface SideStatus {
  readonly profile: string;
  readonly condition: string;
  readonly verdict: "up" | "down" | "unknown";
  readonly evidence: readonly string[];
  readonly pid: number | null;
  readonly uptimeMs: number | null;
  readonly rssBytes: number | null;
  readonly lastLookAgoMs: number | null;
  readonly pause: { readonly by: string; readonly reason: string | null; readonly remainingMs: number | null } | null;
  readonly lastIncident: {
    readonly id: number;
    readonly cause: string;
    readonly outcome: string | null;
    readonly openedAt: number;
    readonly durationMs: number | null;
  } | null;
  readonly nextRepairInMs: number;
}

/** Of one time: how many, how many recovered, mean and worst, and by tier and cause. */
export interface Figures {
  readonly total: number;
  readonly recovered: number;
  readonly meanMs: number | null;
  readonly worstMs: number | null;
  readonly byTier: Readonly<Record<string, number>>;
  readonly byCause: Readonly<Record<string, number>>;
  /** Hours of a day, else days; oldest first. */
  readonly bars: readonly Bar[];
}

/** What is behind the words: the same for every door. Each may throw RescueError, whose sentence is the answer. */
export interface TalkPorts {
  readonly words: ChatWords;
  /** Of the watched gateway, and of the one that watches where there is one. */
  readonly status: () => Promise<readonly SideStatus[]>;
  /** Newest first, one sentence each. */
  readonly repairs: (most: number) => readonly string[];
  readonly figures: (days: number) => Figures;
  readonly settings: () => readonly { readonly key: string; readonly value: string; readonly safe: boolean }[];
  /** Validates and writes; resolves to what it was before. */
  readonly set: (key: string, value: string, by: string) => Promise<string>;
  readonly request: (
    kind: "repair" | "pause" | "resume",
    payload: { readonly forMs?: number; readonly reason?: string },
    by: string,
  ) => Promise<string>;
  /** How it stands with the incident that is open, or was closed last since then: its text, and whether it is over. Undefined: there is none. */
  readonly incident: (sinceMs: number) => { readonly text: string; readonly over: boolean } | undefined;
  /** What was proposed last for this incident (null: for any), as text; `waits`: for an answer. Undefined: nothing was. */
  readonly proposal: (
    incident: number | null,
  ) => { readonly id: number; readonly incident: number; readonly text: string; readonly waits: boolean } | undefined;
  /** Which proposal an alert's button answers, and how; undefined: it is none of these, or does not wait any more. */
  readonly answered: (button: string) => { readonly id: number; readonly approved: boolean } | undefined;
  /** Has it carried out, or not; resolves to what was said to that. */
  readonly answer: (proposal: number, approved: boolean, by: string) => Promise<string>;
  /** An incident (null: the newest) as one page. */
  readonly report: (incident: number | null) => Promise<{ readonly name: string; readonly content: Uint8Array }>;
  readonly wallMs: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface Speaker {
  readonly id: number;
  readonly role: Role;
  /** For the journal: who it was. */
  readonly name: string;
}

/** The Bot API's own limit is 4096. */
export const MOST_CHARACTERS = 4_000;
/** Room for a last sentence. */
const TAIL = 300;
const LOGS = 10;
const FOLLOW_EVERY_MS = 1_000;
const FOLLOW_MS = 600_000;

/**
 * One answer, which may change while it is being given: the first is to be sent, each further one takes its place. Never throws for what is behind it.
 */
export async function* talk(deed: Deed, speaker: Speaker, buttons: Buttons, ports: TalkPorts, signal: AbortSignal): AsyncGenerator<Reply> {
  const { command } = deed;
  if (!may(speaker.role, command)) {
    yield say(ports.words.mayNotAct);
    return;
  }
  try {
    yield* carryOut(deed, speaker, buttons, ports, signal);
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    yield say(error.fix === undefined ? messageOf(error) : `${messageOf(error)}\n→ ${error.fix}`);
  }
}

async function* carryOut(deed: Deed, speaker: Speaker, buttons: Buttons, ports: TalkPorts, signal: AbortSignal): AsyncGenerator<Reply> {
  const { command, confirmed } = deed;
  const { words } = ports;
  const { buttons: labels } = words;
  const press = (label: string, to: ChatCommand, sure = false) => ({
    label,
    name: buttons.issue({ command: to, confirmed: sure }, speaker.id, ports.wallMs()),
  });
  switch (command.name) {
    case "status": {
      const sides = await ports.status();
      const isPaused = sides[0]?.pause != null;
      const acts =
        speaker.role === "operator"
          ? [
              press(labels.repair, { name: "repair" }),
              isPaused ? press(labels.resume, { name: "resume" }) : press(labels.pause, { name: "pause", forMs: null, reason: null }),
            ]
          : [];
      yield {
        text: sides.map((side) => describe(side, ports.wallMs(), words)).join("\n\n"),
        buttons: [acts, [press(labels.logs, { name: "logs" }), press(labels.stats, { name: "history", days: 7 })]].filter(
          (row) => row.length > 0,
        ),
      };
      return;
    }
    case "repair": {
      if (!confirmed) {
        yield {
          text: words.askRepair,
          buttons: [[press(labels.repair, command, true)]],
        };
        return;
      }
      const sinceMs = ports.wallMs();
      yield say(words.looking);
      const answer = await ports.request("repair", {}, speaker.name);
      yield say(answer);
      yield* follow(sinceMs, ports, signal);
      return;
    }
    case "logs": {
      const lines = ports.repairs(LOGS);
      yield say(lines.length === 0 ? words.nothingRepaired : lines.join("\n"));
      return;
    }
    case "history": {
      const figures = ports.figures(command.days);
      yield {
        text: figuresText(command.days, figures, words),
        ...(figures.total === 0 ? {} : { picture: historyPicture(figures.bars) }),
        buttons: [([1, 7, 30] as const).map((days) => press(days === 1 ? labels.day : words.days(days), { name: "history", days }))],
      };
      return;
    }
    case "proposal": {
      const proposed = ports.proposal(command.incident);
      if (proposed === undefined) {
        yield say(words.nothingProposed);
        return;
      }
      const { id, incident, text, waits } = proposed;
      // Nobody approves what he has not seen.
      if (waits && text.length > MOST_CHARACTERS) {
        yield say(`${text.slice(0, MOST_CHARACTERS - TAIL)}…\n${words.tooLong(`rescue-watchdog proposal ${incident}`)}`);
        return;
      }
      const answers = [
        press(labels.approve, { name: "answer", proposal: id, approved: true }, true),
        press(labels.reject, { name: "answer", proposal: id, approved: false }, true),
      ];
      yield { text, buttons: waits && speaker.role === "operator" ? [answers] : [] };
      return;
    }
    case "answer": {
      const sinceMs = ports.wallMs();
      yield say(await ports.answer(command.proposal, command.approved, speaker.name));
      if (command.approved) yield* follow(sinceMs, ports, signal);
      return;
    }
    case "report":
      yield { text: words.report, buttons: [], file: await ports.report(command.incident) };
      return;
    case "config":
      yield say(
        ports
          .settings()
          .map(({ key, value, safe }) => `${safe ? "" : "🔒 "}${key} = ${value}`)
          .join("\n"),
      );
      return;
    case "set": {
      const known = ports.settings().find(({ key }) => key === command.key);
      if (known === undefined || !known.safe) {
        yield say(known === undefined ? words.noSetting(command.key) : words.notFromChat(command.key));
        return;
      }
      if (!confirmed) {
        yield { text: `${command.key}: ${known.value} → ${command.value}?`, buttons: [[press(labels.change, command, true)]] };
        return;
      }
      const before = await ports.set(command.key, command.value, speaker.name);
      yield say(words.changed(command.key, before, command.value));
      return;
    }
    case "pause": {
      const { forMs, reason } = command;
      yield say(
        await ports.request("pause", { ...(forMs === null ? {} : { forMs }), ...(reason === null ? {} : { reason }) }, speaker.name),
      );
      return;
    }
    case "resume":
      yield say(await ports.request("resume", {}, speaker.name));
      return;
    case "help":
      yield say(words.help);
      return;
    case "wrong":
      yield say(command.why);
  }
}

/** The same message, through all tiers to the end. */
async function* follow(sinceMs: number, ports: TalkPorts, signal: AbortSignal): AsyncGenerator<Reply> {
  const endMs = ports.wallMs() + FOLLOW_MS;
  let last = "";
  while (!signal.aborted && ports.wallMs() < endMs) {
    const now = ports.incident(sinceMs);
    if (now === undefined) return;
    if (now.text !== last) yield say(now.text);
    last = now.text;
    if (now.over) return;
    await ports.sleep(FOLLOW_EVERY_MS, signal);
  }
}

function say(text: string): Reply {
  return { text, buttons: [] };
}

const SIGN = { up: "🟢", down: "🔴", unknown: "🟡" } as const;

function describe(side: SideStatus, nowMs: number, words: ChatWords): string {
  const { profile, condition, verdict, evidence, pid, uptimeMs, rssBytes, lastLookAgoMs, pause, lastIncident, nextRepairInMs } = side;
  const ago = (wallMs: number) => formatDuration(nowMs - wallMs);
  const remaining = pause?.remainingMs == null ? null : formatDuration(pause.remainingMs);
  return [
    `${SIGN[verdict]} ${profile}: ${condition}`,
    ...evidence.slice(0, 1),
    pid === null ? words.noProcess : words.process(pid, formatDuration(uptimeMs ?? 0), Math.round((rssBytes ?? 0) / 1e6)),
    lastLookAgoMs === null ? words.nobodyWatches : words.looked(formatDuration(lastLookAgoMs)),
    lastIncident === null
      ? words.noIncident
      : words.incident(lastIncident.id, lastIncident.cause, lastIncident.outcome, ago(lastIncident.openedAt)),
    ...(pause === null ? [] : [words.paused(pause.by, remaining, pause.reason)]),
    ...(nextRepairInMs === 0 ? [] : [words.nextRepair(formatDuration(nextRepairInMs))]),
  ].join("\n");
}

const BAR = 12;

function figuresText(days: number, { total, recovered, meanMs, worstMs, byTier, byCause }: Figures, words: ChatWords): string {
  const span = words.span(days);
  if (total === 0) return words.noIncidents(span);
  const most = Math.max(...Object.values(byCause));
  const bars = Object.entries(byCause)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, count]) => `${"▇".repeat(Math.max(1, Math.round((count / most) * BAR)))} ${count} ${cause}`);
  const times = meanMs === null ? [] : [words.times(formatDuration(meanMs), formatDuration(worstMs ?? meanMs))];
  const tiers = Object.entries(byTier).map(([tier, count]) => words.tier(tier, count));
  return [
    words.recovered(span, recovered, total, Math.round((recovered / total) * 100)),
    ...times,
    ...(tiers.length === 0 ? [] : [tiers.join(", ")]),
    "",
    ...bars,
  ].join("\n");
}
