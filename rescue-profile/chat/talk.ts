import { formatDuration } from "../../src/shared/duration.ts";
import { messageOf, RescueError } from "../../src/shared/errors.ts";
import type { Buttons, Deed } from "./buttons.ts";
import type { ChatCommand } from "./commands.ts";
import { type Bar, historyPicture } from "./picture.ts";
import { may, type Role } from "./rights.ts";

/** A message of ours as it is to stand there now; plain text. */
export interface Reply {
  readonly text: string;
  /** Rows of buttons; `name` is what comes back when it is pressed. */
  readonly buttons: readonly (readonly { readonly label: string; readonly name: string }[])[];
  /** A PNG above the text, where pictures can be shown. */
  readonly picture?: Uint8Array;
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
  readonly wallMs: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export interface Speaker {
  readonly id: number;
  readonly role: Role;
  /** For the journal: who it was. */
  readonly name: string;
}

const HELP = `/status – how both gateways are
/repair – repair now (asks first)
/logs – the last ten repairs
/history 24h|7d|30d – how well they went
/config – the settings; /config KEY VALUE changes one (asks first)
/pause [2h] [reason], /resume – repair nothing for a while
The same behind /rescue: /rescue status, /rescue config.`;
const LOGS = 10;
const FOLLOW_EVERY_MS = 1_000;
const FOLLOW_MS = 600_000;

/**
 * One answer, which may change while it is being given: the first is to be sent, each further one takes its place. Never throws for what is behind it.
 */
export async function* talk(deed: Deed, speaker: Speaker, buttons: Buttons, ports: TalkPorts, signal: AbortSignal): AsyncGenerator<Reply> {
  const { command } = deed;
  if (!may(speaker.role, command)) {
    yield say("You may look, but not act: ask an operator.");
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
              press("Repair now", { name: "repair" }),
              isPaused ? press("Resume", { name: "resume" }) : press("Pause", { name: "pause", forMs: null, reason: null }),
            ]
          : [];
      yield {
        text: sides.map((side) => describe(side, ports.wallMs())).join("\n\n"),
        buttons: [acts, [press("View logs", { name: "logs" }), press("Stats", { name: "history", days: 7 })]].filter(
          (row) => row.length > 0,
        ),
      };
      return;
    }
    case "repair": {
      if (!confirmed) {
        yield {
          text: "Repair the gateway now? Waiting times and the hourly number do not count; nothing is done to a gateway that serves.",
          buttons: [[press("Repair now", command, true)]],
        };
        return;
      }
      const sinceMs = ports.wallMs();
      yield say("Looking…");
      const answer = await ports.request("repair", {}, speaker.name);
      yield say(answer);
      yield* follow(sinceMs, ports, signal);
      return;
    }
    case "logs": {
      const lines = ports.repairs(LOGS);
      yield say(lines.length === 0 ? "Nothing was repaired yet." : lines.join("\n"));
      return;
    }
    case "history": {
      const figures = ports.figures(command.days);
      yield {
        text: figuresText(command.days, figures),
        ...(figures.total === 0 ? {} : { picture: historyPicture(figures.bars) }),
        buttons: [([1, 7, 30] as const).map((days) => press(days === 1 ? "24 h" : `${days} d`, { name: "history", days }))],
      };
      return;
    }
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
        yield say(known === undefined ? `There is no setting ${command.key}.` : `${command.key} is not changed from a chat.`);
        return;
      }
      if (!confirmed) {
        yield { text: `${command.key}: ${known.value} → ${command.value}?`, buttons: [[press("Change it", command, true)]] };
        return;
      }
      const before = await ports.set(command.key, command.value, speaker.name);
      yield say(`${command.key} was ${before} and is ${command.value}; it holds from the watcher's next start.`);
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
      yield say(HELP);
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

function describe(side: SideStatus, nowMs: number): string {
  const { profile, condition, verdict, evidence, pid, uptimeMs, rssBytes, lastLookAgoMs, pause, lastIncident, nextRepairInMs } = side;
  const process = pid === null ? "no process" : `pid ${pid}, up ${formatDuration(uptimeMs ?? 0)}, ${Math.round((rssBytes ?? 0) / 1e6)} MB`;
  const looked = lastLookAgoMs === null ? "nobody watches" : `looked at ${formatDuration(lastLookAgoMs)} ago`;
  const incident =
    lastIncident === null
      ? "no incident yet"
      : `last incident ${lastIncident.id}: ${lastIncident.cause}, ${lastIncident.outcome ?? "open"}, ${formatDuration(nowMs - lastIncident.openedAt)} ago`;
  const paused =
    pause === null
      ? []
      : [
          `paused by ${pause.by}${pause.remainingMs === null ? "" : ` for ${formatDuration(pause.remainingMs)} more`}${pause.reason === null ? "" : `: ${pause.reason}`}`,
        ];
  const next = nextRepairInMs === 0 ? [] : [`next repair in ${formatDuration(nextRepairInMs)} at the earliest`];
  return [`${SIGN[verdict]} ${profile}: ${condition}`, ...evidence.slice(0, 1), process, looked, incident, ...paused, ...next].join("\n");
}

const BAR = 12;

function figuresText(days: number, { total, recovered, meanMs, worstMs, byTier, byCause }: Figures): string {
  const title = days === 1 ? "24 hours" : `${days} days`;
  if (total === 0) return `${title}: no incident.`;
  const most = Math.max(...Object.values(byCause));
  const bars = Object.entries(byCause)
    .sort(([, a], [, b]) => b - a)
    .map(([cause, count]) => `${"▇".repeat(Math.max(1, Math.round((count / most) * BAR)))} ${count} ${cause}`);
  const times = meanMs === null ? [] : [`mean ${formatDuration(meanMs)}, worst ${formatDuration(worstMs ?? meanMs)}`];
  const tiers = Object.entries(byTier).map(([tier, count]) => `tier ${tier}: ${count}`);
  return [
    `${title}: ${recovered} of ${total} recovered (${Math.round((recovered / total) * 100)} %)`,
    ...times,
    ...(tiers.length === 0 ? [] : [tiers.join(", ")]),
    "",
    ...bars,
  ].join("\n");
}
