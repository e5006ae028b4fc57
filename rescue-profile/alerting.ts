import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Greeting, TelegramWish } from "../src/onboard/wishes.ts";
import { messageOf, RescueError } from "../src/shared/errors.ts";
import { asObject, readHostConfig } from "../src/shared/gateway-config.ts";
import { profileConfigPath, scrubbedEnv } from "../src/shared/openclaw-home.ts";
import { rescueProfileOf } from "../src/shared/rescue-home.ts";
import type { Alert, Receiver, Sent } from "./notify/alert.ts";
import { courier, deliverAll } from "./notify/courier.ts";
import { execReceiver } from "./notify/exec/exec.ts";
import { ping } from "./notify/heartbeat.ts";
import { ntfyReceiver } from "./notify/ntfy/ntfy.ts";
import type { PipelinePorts } from "./notify/pipeline.ts";
import { parseQuietHours } from "./notify/quiet-hours.ts";
import { webhookReceiver } from "./notify/webhook/webhook.ts";
import { CATALOGUE, type Words } from "./notify/words.ts";
import { wallMs } from "./observe/clock.ts";
import { sleep, type Watchdog } from "./open-watchdog.ts";

type Alerting = Pick<Watchdog, "settings" | "options">;
const PING_MS = 10_000;
/** News that are older are forgotten, heard or not; incidents stay. */
const KEPT_MS = 90 * 86_400_000;

/**
 * Whom the settings name. Throws `not-readable` or `config-invalid` for a secret that cannot be read or is empty. The library for Telegram is only
 * loaded when a chat is among them.
 */
async function receiversOf(dog: Alerting): Promise<readonly Receiver[]> {
  const { settings, options } = dog;
  const { alerts } = settings;
  const words = CATALOGUE[alerts.language];
  const secretOf = (file: string | undefined) => (file === undefined ? null : secretIn(file));
  return [
    ...(alerts.telegram.length === 0 ? [] : await chatsOf(dog, words)),
    ...alerts.webhooks.map(({ name, url, secretFile, least }) =>
      webhookReceiver({ name: `webhook:${name}`, url, secret: secretOf(secretFile), least, wallMs }),
    ),
    ...alerts.ntfy.map(({ name, url, tokenFile, least }) =>
      ntfyReceiver({ name: `ntfy:${name}`, url, token: secretOf(tokenFile), least, words }),
    ),
    ...alerts.exec.map(({ name, argv, least }) => execReceiver({ name: `exec:${name}`, argv, least, env: scrubbedEnv(options.env) })),
  ];
}

async function chatsOf(dog: Alerting, words: Words): Promise<readonly Receiver[]> {
  const { settings, options } = dog;
  const { telegramReceiver } = await import("./notify/telegram/telegram.ts");
  const read = botReader(dog);
  return settings.alerts.telegram.map(({ name, tokenFile, chat, apiRoot, least }) => {
    const bot =
      tokenFile === undefined ? rescueBot(options) : { token: secretIn(tokenFile), ...(apiRoot === undefined ? {} : { apiRoot }) };
    return telegramReceiver({
      name: `telegram:${name}`,
      chat,
      least,
      words,
      isRead: read !== undefined && read !== "unknown" && read.tokenFile === tokenFile && (chat > 0 || read.groups),
      ...bot,
    });
  });
}

/** The bot whose messages and buttons are read. */
export interface BotReader {
  /** Undefined: the rescue profile's bot. */
  readonly tokenFile: string | undefined;
  /** Are groups heard, or only private chats? */
  readonly groups: boolean;
}

/**
 * The bot that is read by somebody who may act: the settings' own, or the rescue profile's. Undefined: nobody was to be asked in a chat; `unknown`: whether somebody was cannot be
 * read.
 */
export function botReader({ settings, options }: Alerting): BotReader | "unknown" | undefined {
  const { telegram } = settings.chat;
  const groups = telegram?.groups ?? false;
  if (telegram?.tokenFile !== undefined) return telegram.operators.length > 0 ? { tokenFile: telegram.tokenFile, groups } : undefined;
  try {
    const bot = findRescueBot(options);
    const isNamed = telegram !== undefined && telegram.operators.length + telegram.viewers.length > 0;
    const acting = isNamed ? telegram.operators : (bot?.allowFrom ?? []);
    return bot === undefined || acting.length === 0 ? undefined : { tokenFile: undefined, groups };
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    return "unknown";
  }
}

interface RescueBot {
  readonly token: string;
  readonly apiRoot?: string;
  /** Numeric ids of those whom its gateway hears. */
  readonly allowFrom: readonly number[];
}

/**
 * The bot that setup gave the rescue profile. Its gateway reads what people write to it; here is only sent, which does not disturb that. Throws `config-invalid` when there is none,
 * and as {@link findRescueBot}.
 */
export function rescueBot(options: Alerting["options"]): RescueBot {
  const bot = findRescueBot(options);
  if (bot !== undefined) return bot;
  const rescue = rescueProfileOf(options.profile);
  const why = existsSync(dirname(profileConfigPath(rescue, options)))
    ? `the profile ${rescue} has no bot`
    : `there is no profile ${rescue} whose bot it could be`;
  throw new RescueError("config-invalid", `the settings name no tokenFile, and ${why}`, {
    fix: "name a tokenFile, or: openclaw rescue setup --telegram-token-file FILE",
  });
}

/** Undefined: there is no such profile, or it has no bot. Throws RescueError when its configuration or the token's file cannot be read. */
function findRescueBot({ profile, home, env }: Alerting["options"]): RescueBot | undefined {
  const path = profileConfigPath(rescueProfileOf(profile), { home, env });
  if (!existsSync(dirname(path))) return undefined;
  const config = readHostConfig(path, () => new RescueError("not-readable", `there is no ${path}`));
  const { botToken, tokenFile, apiRoot, allowFrom } = asObject(asObject(config["channels"])["telegram"]);
  const token = typeof tokenFile === "string" ? secretIn(tokenFile) : botToken;
  if (typeof token !== "string" || token === "") return undefined;
  const people = Array.isArray(allowFrom) ? allowFrom.map((id) => Number(String(id).replace(/^(telegram|tg):/, ""))) : [];
  return { token, ...(typeof apiRoot === "string" ? { apiRoot } : {}), allowFrom: people.filter(Number.isSafeInteger) };
}

/** Throws `not-readable`, or `config-invalid` when it holds anything but one word. */
export function secretIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new RescueError("not-readable", `the secret in ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (text === "" || /\s/.test(text)) throw new RescueError("config-invalid", `${file} holds no secret: it has to be one word`);
  return text;
}

/** Tells whoever is to be told, and pings, until the signal aborts. Never rejects; what fails stands in the log. */
export async function alerting(dog: Watchdog, signal: AbortSignal): Promise<void> {
  try {
    const receivers = await receiversOf(dog);
    dog.journal.outbox.forget(wallMs() - KEPT_MS);
    const troubled = (receiver: string, error: unknown) =>
      dog.log({ event: "alert-not-sent", level: "error", success: false, details: { receiver, why: messageOf(error) } });
    await Promise.all([courier(receivers, { ...pipelinePorts(dog), sleep, troubled }, signal), heart(dog, signal)]);
  } catch (error) {
    off(dog, error);
  }
}

/** What is due, once; for `tick`. Never rejects for a secret that cannot be read. */
export async function alertOnce(dog: Watchdog, signal: AbortSignal): Promise<void> {
  try {
    const receivers = await receiversOf(dog);
    const ports = pipelinePorts(dog);
    await Promise.all(receivers.map((receiver) => deliverAll(receiver, ports, signal)));
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    off(dog, error);
  }
}

function off({ log }: Watchdog, error: unknown): void {
  log({ event: "alerts-off", level: "error", success: false, details: messageOf(error) });
}

export interface ReceiverStatus {
  readonly receiver: string;
  /** Incidents and warnings that it has not heard of, or not all of. */
  readonly waiting: number;
  readonly failures: number;
  readonly lastError: string | null;
  /** Nothing is sent before; null: it may be sent to. */
  readonly notBefore: string | null;
}

/** Whom the settings name, and what they have not heard yet. */
export async function alertStatus(dog: Watchdog): Promise<readonly ReceiverStatus[]> {
  const { journal } = dog;
  const receivers = await receiversOf(dog);
  return receivers.map(({ name }) => {
    const { failures = 0, lastError = null, notBeforeWallMs = 0 } = journal.outbox.state(name) ?? {};
    const notBefore = notBeforeWallMs > wallMs() ? new Date(notBeforeWallMs).toISOString() : null;
    return { receiver: name, waiting: journal.outbox.waiting(name), failures, lastError, notBefore };
  });
}

/** One message to each receiver, past everything that waits. */
export async function alertTest(dog: Watchdog): Promise<readonly { readonly receiver: string; readonly sent: Sent }[]> {
  const test = testAlert(dog.options.profile, CATALOGUE[dog.settings.alerts.language]);
  const receivers = await receiversOf(dog);
  return Promise.all(receivers.map(async (receiver) => ({ receiver: receiver.name, sent: await receiver.send(test, null, test.thread) })));
}

/** The first message to those who may use the rescue's bot. What Telegram refuses is told with what it means for them. */
export async function greet(profile: string, { botToken, allowFrom, apiRoot }: TelegramWish): Promise<readonly Greeting[]> {
  const { telegramReceiver } = await import("./notify/telegram/telegram.ts");
  const words = CATALOGUE.en;
  const test = testAlert(profile, words);
  return Promise.all(
    allowFrom.map(async (chat) => {
      const bot = { token: botToken, ...(apiRoot === undefined ? {} : { apiRoot }) };
      try {
        const receiver = telegramReceiver({ name: chat, chat: Number(chat), least: "info", words, isRead: false, ...bot });
        const sent = await receiver.send(test, null, test.thread);
        return { chat, problem: "why" in sent ? sent.why : null };
      } catch {
        // Whatever it is, a set-up that is done is not to fail by it; and it may quote the address.
        return { chat, problem: "the address of the Bot API server cannot be used" };
      }
    }),
  );
}

function testAlert(profile: string, words: Words): Alert {
  const now = wallMs();
  return {
    thread: `test-${now}`,
    event: "told",
    profile,
    state: "warning",
    severity: "warning",
    title: `${profile}: rescue-watchdog`,
    lines: [words.test],
    cause: "test",
    incident: null,
    since: new Date(now).toISOString(),
  };
}

async function heart({ settings, log }: Watchdog, signal: AbortSignal): Promise<void> {
  const { heartbeatUrl, heartbeatSeconds } = settings.alerts;
  if (heartbeatUrl === undefined) return;
  let lastWhy: string | undefined;
  while (!signal.aborted) {
    const why = await ping(heartbeatUrl, PING_MS);
    if (why !== undefined && why !== lastWhy) log({ event: "heartbeat-not-sent", level: "warn", success: false, details: why });
    lastWhy = why;
    await sleep(heartbeatSeconds * 1000, signal);
  }
}

function pipelinePorts({ journal, options, settings, log }: Watchdog): PipelinePorts {
  const { language, quietHours } = settings.alerts;
  return {
    outbox: journal.outbox,
    story: (thread) => journal.outbox.story(thread),
    profile: options.profile,
    words: CATALOGUE[language],
    quietHours: quietHours === undefined ? null : (parseQuietHours(quietHours) ?? null),
    wallMs,
    log: (receiver, thread, sent) =>
      log({
        event: "alert",
        level: sent.outcome === "sent" ? "info" : "warn",
        success: sent.outcome === "sent",
        details: { receiver, thread, ...sent },
      }),
  };
}
