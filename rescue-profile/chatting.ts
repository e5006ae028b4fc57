import { readFileSync } from "node:fs";
import { botTokensOf } from "../src/onboard/wishes.ts";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { readHostConfig } from "../src/shared/gateway-config.ts";
import { rescueProfileOf } from "../src/shared/rescue-home.ts";
import { rescueBot, secretIn } from "./alerting.ts";
import { type ChatLog, Conversation, oneAnswer } from "./chat/conversation.ts";
import type { Sender } from "./chat/rights.ts";
import type { Figures, Reply, SideStatus, TalkPorts } from "./chat/talk.ts";
import { CHAT_WORDS } from "./chat/words.ts";
import { answerOf } from "./core/proposal.ts";
import { REQUEST_MS } from "./journal/journal.ts";
import { openJournalReader } from "./journal/open.ts";
import { type IncidentSummary, readIncidents, readRepairs, summarize } from "./journal/read.ts";
import { compose, proposalLines } from "./notify/compose.ts";
import { CATALOGUE } from "./notify/words.ts";
import { monotonicMs, wallMs } from "./observe/clock.ts";
import { sleep, type Watchdog } from "./open-watchdog.ts";
import { answerProposal, proposalNow } from "./proposing.ts";
import { changeSetting, flatSettings, loadSettings } from "./settings.ts";
import { readStatus, type Status } from "./status.ts";
import { ringBell } from "./wake.ts";

/**
 * Opens the direct door and returns; it closes when the signal aborts. Throws `config-invalid` when nobody is named or the token is the primary's own, and
 * `not-readable` as for any secret.
 */
export async function openChat(dog: Watchdog, signal: AbortSignal): Promise<void> {
  const { telegram } = dog.settings.chat;
  if (telegram === undefined || telegram.operators.length + telegram.viewers.length === 0) {
    throw new RescueError("config-invalid", "chat.telegram of the settings names no bot, or nobody who may speak with it", {
      fix: 'chat: { telegram: { tokenFile: "/path/to/token", operators: [123456789] } } in config.json5',
    });
  }
  if (telegram.tokenFile === undefined) {
    throw new RescueError("config-invalid", "chat.telegram of the settings has no tokenFile", {
      fix: "a file with the token of a bot that nobody else reads; the rescue gateway's own bot is read by that gateway",
    });
  }
  const token = secretIn(telegram.tokenFile);
  const config = readHostConfig(dog.target.configPath, (file) => new RescueError("profile-missing", `there is no ${file}`));
  if (botTokensOf(config, dog.options.env).includes(token)) {
    throw new RescueError("config-invalid", "this is the token of the watched gateway's own bot: one token has one reader", {
      fix: "make another bot with @BotFather",
    });
  }
  const { telegramDoor } = await import("./chat/telegram/door.ts");
  const { operators, viewers, groups, apiRoot } = telegram;
  const log = chatLog(dog);
  const bot = { token, ...(apiRoot === undefined ? {} : { apiRoot }) };
  void telegramDoor({ ...bot, allowed: { operators, viewers, groups }, ports: talkPorts(dog, signal), log }, signal);
}

/** What comes in through the rescue gateway's own channel; answers go out by its bot, which only the host reads. */
export interface HostDoor {
  /** Resolves when it is answered. Rejects never; what fails stands in the log. */
  readonly command: (sender: Sender, chat: number, text: string) => Promise<void>;
  /** Resolves at once: a repair is followed for minutes. `message`: the one with the button. */
  readonly press: (sender: Sender, chat: number, name: string, message: number) => void;
  /** What is under way is not followed any more, and what was asked for and not begun is withdrawn. */
  readonly close: () => Promise<void>;
}

/** Throws `config-invalid` when the rescue profile has no bot, and as `loadSettings` for settings that cannot be read. */
export async function openHostDoor(dog: Watchdog): Promise<HostDoor> {
  const closed = new AbortController();
  const { signal } = closed;
  // There is one: else nobody is answered, and that is said at once.
  const { allowFrom } = rescueBot(dog.options);
  // Not the settings of a watchdog that looks whatever: without those that cannot be read, a viewer would pass for an operator.
  const named = () => {
    const { telegram } = loadSettings(dog.dir, { fromPlugin: dog.options.fromPlugin }).chat;
    return telegram !== undefined && telegram.operators.length + telegram.viewers.length > 0 ? telegram : undefined;
  };
  // Whoever is named, or on the bot's list, now may act by it.
  const allowed = () => named() ?? { operators: rescueBot(dog.options).allowFrom, viewers: [], groups: false };
  const { telegramWriter } = await import("./chat/telegram/writer.ts");
  const log = chatLog(dog);
  const ports = talkPorts(dog, signal);
  const { operators, viewers } = named() ?? { operators: [], viewers: [] };
  const unheard = [...operators, ...viewers].filter((id) => !allowFrom.includes(id));
  if (unheard.length > 0)
    log(
      "chat-trouble",
      `the rescue gateway does not hear the buttons of ${unheard.join(", ")}: add them to channels.telegram.allowFrom there`,
    );
  const asked = new Set<Promise<string>>();
  const tracked = (answer: Promise<string>) => {
    asked.add(answer);
    const forget = () => void asked.delete(answer);
    answer.then(forget, forget);
    return answer;
  };
  const conversation = new Conversation({
    allowed,
    ports: {
      ...ports,
      request: (...what) => tracked(ports.request(...what)),
      answer: (...what) => tracked(ports.answer(...what)),
    },
    log,
  });
  const write = async (chat: number, answers: AsyncIterable<Reply>, message?: number) => {
    // The bot as it is configured now: the host changes its token without a word to us.
    const writer = telegramWriter(rescueBot(dog.options));
    try {
      await writer.write(chat, answers, message);
    } catch (error) {
      log("chat-trouble", writer.troubleOf(error));
    }
  };
  /** Who may speak, or by which bot, cannot be known: nobody is answered. */
  const troubled = (error: unknown) => log("chat-trouble", messageOf(error));
  return {
    command: async (sender, chat, text) => {
      try {
        const answers = conversation.hear(sender, text, "", signal);
        if (answers !== undefined) await write(chat, answers);
      } catch (error) {
        troubled(error);
      }
    },
    press: (sender, chat, name, message) => {
      try {
        const pressing = conversation.press(sender, name, signal);
        if (pressing === undefined) return;
        const answers = pressing.politely === undefined ? pressing.answers : oneAnswer(pressing.politely);
        const isInPlace = pressing.politely === undefined && pressing.takesPlace;
        write(chat, answers, isInPlace ? message : undefined).catch(troubled);
      } catch (error) {
        troubled(error);
      }
    },
    close: async () => {
      closed.abort();
      await Promise.allSettled(asked);
      dog.journal.close();
    },
  };
}

function chatLog(dog: Watchdog): ChatLog {
  return (event, details) => dog.log({ event, level: event === "chat-trouble" ? "warn" : "info", details });
}

const ASK_EVERY_MS = 100;
const DAY_MS = 86_400_000;
const MOST_INCIDENTS = 10_000;

/** What is behind the words of a chat, for a process that watches itself or runs beside one that does. */
export function talkPorts(dog: Watchdog, signal: AbortSignal): TalkPorts {
  const { options, journal, dir } = dog;
  const { home, env } = options;
  const reading = <T>(read: (db: NonNullable<ReturnType<typeof openJournalReader>>) => T): T => {
    const db = openJournalReader(dir);
    if (db === undefined) throw new RescueError("journal", "nothing was watched yet");
    try {
      return read(db);
    } finally {
      db.close();
    }
  };
  /** Undefined: nobody answered, and it was withdrawn. */
  const ask = async (...[kind, payload, by]: Parameters<typeof journal.addRequest>): Promise<string | undefined> => {
    const id = journal.addRequest(kind, payload, by);
    ringBell(dir);
    const endMs = monotonicMs() + REQUEST_MS;
    while (monotonicMs() < endMs && !signal.aborted) {
      const answer = journal.requestAnswer(id);
      if (answer !== undefined) return answer;
      await sleep(ASK_EVERY_MS, signal);
    }
    return journal.withdrawRequest(id);
  };
  const { language } = dog.settings.alerts;
  const alertWords = CATALOGUE[language];
  return {
    words: CHAT_WORDS[language],
    status: async () => {
      const other = rescueProfileOf(options.profile);
      const sides = await Promise.all([
        readStatus({ profile: options.profile, home, env }),
        ifThere(readStatus({ profile: other, home, env })),
      ]);
      return sides.filter((side) => side !== undefined).map(toSide);
    },
    repairs: (most) =>
      reading((db) => readRepairs(db, most)).map(({ incident, tier, cause, subject, requestedBy, startedAt, outcome, note }) => {
        const by = requestedBy === "watchdog" ? "" : alertWords.askedBy(requestedBy);
        const at = new Date(startedAt).toISOString().slice(0, 16).replace("T", " ");
        return `${at} #${incident} ${cause}, ${alertWords.repaired(tier, subject, outcome, note)}${by}`;
      }),
    figures: (days) => {
      const nowMs = wallMs();
      return figuresOf(
        reading((db) => readIncidents(db, { limit: MOST_INCIDENTS, sinceWallMs: nowMs - days * DAY_MS })),
        days,
        nowMs,
      );
    },
    settings: () => flatSettings(dir, options.fromPlugin),
    set: async (key, value, by) => {
      const before = changeSetting(dir, key, value, options.fromPlugin);
      dog.log({ event: "setting-changed", trigger: by, details: { key, before, after: value } });
      return before;
    },
    request: async (...what) => (await ask(...what)) ?? "nobody who watches has answered; it was withdrawn",
    incident: (sinceMs) => {
      const [newest] = reading((db) => readIncidents(db, { limit: 1 }));
      if (newest === undefined || (newest.closedAt !== null && newest.closedAt < sinceMs)) return undefined;
      const thread = `incident-${newest.id}`;
      const story = journal.outbox.story(thread);
      if (story === undefined) return undefined;
      const alert = compose(thread, "opened", story, options.profile, alertWords);
      const over = alert.state === "recovered" || alert.state === "over" || alert.state === "needs-you";
      return { text: [`${alert.title} · ${alertWords.state[alert.state]}`, ...alert.lines].join("\n"), over };
    },
    proposal: (incident) => {
      const found = proposalNow(dog, (proposals) => (incident === null ? proposals.newest() : proposals.current(incident)));
      if (found === undefined) return undefined;
      const text = [`#${found.incident} ${found.cause}`, ...proposalLines(found, alertWords)].join("\n");
      return { id: found.id, incident: found.incident, text, waits: found.state === "waiting" };
    },
    answered: (button) => {
      const answer = answerOf(button);
      if (answer === undefined) return undefined;
      const found = proposalNow(dog, (proposals) => proposals.bySecret(answer.secret));
      return found === undefined ? undefined : { id: found.id, approved: answer.approved };
    },
    answer: async (id, approved, by) => {
      const found = journal.proposals.get(id);
      if (found === undefined) throw new RescueError("refused", "the journal does not know it any more");
      return answerProposal(dog, found, { approved, by }, (payload) => ask("repair", payload, by));
    },
    report: async (incident) => {
      const number = incident ?? reading((db) => readIncidents(db, { limit: 1 }))[0]?.id;
      if (number === undefined) throw new RescueError("usage", "there was no incident yet");
      const { writeReport } = await import("./reporting.ts");
      const { page } = await writeReport(dog, number);
      return { name: `incident-${number}.md`, content: readFileSync(page) };
    },
    wallMs,
    sleep,
  };
}

/** The one that rescues need not be there. */
async function ifThere(status: Promise<Status>): Promise<Status | undefined> {
  try {
    return await status;
  } catch (error) {
    if (error instanceof RescueError && error.code === "profile-missing") return undefined;
    throw new RescueError("internal", messageOf(error), { cause: error });
  }
}

function toSide(status: Status): SideStatus {
  const { profile, condition, verdict, evidence, gateway, lastLookAgoMs, pause, lastIncident, nextRepairInMs } = status;
  return {
    profile,
    condition,
    verdict,
    evidence,
    pid: gateway?.pid ?? null,
    uptimeMs: gateway?.uptimeMs ?? null,
    rssBytes: gateway?.rssBytes ?? null,
    lastLookAgoMs,
    pause,
    lastIncident,
    nextRepairInMs,
  };
}

const HOURS = 24;

function figuresOf(incidents: readonly IncidentSummary[], days: number, nowMs: number): Figures {
  const { total, recovered, meanMs, worstMs, byCause } = summarize(incidents);
  const hasRecovered = ({ outcome }: IncidentSummary) => outcome?.startsWith("recovered") === true;
  const byTier: Record<string, number> = {};
  for (const incident of incidents)
    if (incident.tier !== null && hasRecovered(incident)) byTier[incident.tier] = (byTier[incident.tier] ?? 0) + 1;
  const parts = days === 1 ? HOURS : days;
  const partMs = (days * DAY_MS) / parts;
  const bars = Array.from({ length: parts }, () => ({ recovered: 0, other: 0 }));
  for (const incident of incidents) {
    // A clock that was put back leaves incidents in the future; one that is just within the time may be a part too far.
    const ago = Math.min(parts - 1, Math.max(0, Math.floor((nowMs - incident.openedAt) / partMs)));
    const bar = bars[parts - 1 - ago];
    if (bar !== undefined) bar[hasRecovered(incident) ? "recovered" : "other"]++;
  }
  return { total, recovered, meanMs, worstMs, byTier, byCause, bars };
}
