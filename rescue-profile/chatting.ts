import { botTokensOf } from "../src/onboard/wishes.ts";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { readHostConfig } from "../src/shared/gateway-config.ts";
import { rescueProfileOf } from "../src/shared/rescue-home.ts";
import { secretIn } from "./alerting.ts";
import type { Figures, SideStatus, TalkPorts } from "./chat/talk.ts";
import { openJournalReader } from "./journal/open.ts";
import { type IncidentSummary, readIncidents, readRepairs, summarize } from "./journal/read.ts";
import { compose } from "./notify/compose.ts";
import { CATALOGUE } from "./notify/words.ts";
import { monotonicMs, wallMs } from "./observe/clock.ts";
import { sleep, type Watchdog } from "./open-watchdog.ts";
import { changeSetting, flatSettings } from "./settings.ts";
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
  const token = secretIn(telegram.tokenFile);
  const config = readHostConfig(dog.target.configPath, (file) => new RescueError("profile-missing", `there is no ${file}`));
  if (botTokensOf(config, dog.options.env).includes(token)) {
    throw new RescueError("config-invalid", "this is the token of the watched gateway's own bot: one token has one reader", {
      fix: "make another bot with @BotFather",
    });
  }
  const { telegramDoor } = await import("./chat/telegram/door.ts");
  const { operators, viewers, groups, apiRoot } = telegram;
  const log = (event: string, details: unknown) => dog.log({ event, level: event === "chat-trouble" ? "warn" : "info", details });
  const bot = { token, ...(apiRoot === undefined ? {} : { apiRoot }) };
  void telegramDoor({ ...bot, allowed: { operators, viewers, groups }, ports: talkPorts(dog), log, wallMs }, signal);
}

const ANSWER_MS = 60_000;
const ASK_EVERY_MS = 100;
const DAY_MS = 86_400_000;
const MOST_INCIDENTS = 10_000;

/** What is behind the words of a chat, for a process that watches itself or runs beside one that does. */
export function talkPorts(dog: Watchdog): TalkPorts {
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
  return {
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
        const by = requestedBy === "watchdog" ? "" : `, asked by ${requestedBy}`;
        const what = tier === 1 ? "a restart" : `a deeper repair${subject === null ? "" : ` (${subject})`}`;
        const end = outcome === null ? "under way" : outcome === "done" ? "done" : `${outcome}: ${note ?? ""}`;
        return `${new Date(startedAt).toISOString().slice(0, 16).replace("T", " ")} #${incident} ${cause}, ${what}${by}: ${end}`;
      }),
    figures: (days) => figuresOf(reading((db) => readIncidents(db, { limit: MOST_INCIDENTS, sinceWallMs: wallMs() - days * DAY_MS }))),
    settings: () => flatSettings(dir),
    set: async (key, value, by) => {
      const before = changeSetting(dir, key, value);
      dog.log({ event: "setting-changed", trigger: by, details: { key, before, after: value } });
      return before;
    },
    request: async (kind, payload, by) => {
      const id = journal.addRequest(kind, payload, by);
      ringBell(dir);
      const endMs = monotonicMs() + ANSWER_MS;
      while (monotonicMs() < endMs) {
        const answer = journal.requestAnswer(id);
        if (answer !== undefined) return answer;
        await sleep(ASK_EVERY_MS);
      }
      return journal.withdrawRequest(id) ?? "nobody who watches has answered; it was withdrawn";
    },
    incident: (sinceMs) => {
      const [newest] = reading((db) => readIncidents(db, { limit: 1 }));
      if (newest === undefined || (newest.closedAt !== null && newest.closedAt < sinceMs)) return undefined;
      const thread = `incident-${newest.id}`;
      const story = journal.outbox.story(thread);
      if (story === undefined) return undefined;
      const words = CATALOGUE[dog.settings.alerts.language];
      const alert = compose(thread, "opened", story, options.profile, words);
      const over = alert.state === "recovered" || alert.state === "over" || alert.state === "needs-you";
      return { text: [`${alert.title} · ${words.state[alert.state]}`, ...alert.lines].join("\n"), over };
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

function figuresOf(incidents: readonly IncidentSummary[]): Figures {
  const { total, recovered, meanMs, worstMs, byCause } = summarize(incidents);
  const byTier: Record<string, number> = {};
  for (const { tier, outcome } of incidents)
    if (tier !== null && outcome?.startsWith("recovered") === true) byTier[tier] = (byTier[tier] ?? 0) + 1;
  return { total, recovered, meanMs, worstMs, byTier, byCause };
}
