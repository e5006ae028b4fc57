import { Bot, type Context } from "grammy";
import { botApiRoot } from "../../../src/shared/bot-api-root.ts";
import { type ChatLog, Conversation } from "../conversation.ts";
import type { Allowed, Sender } from "../rights.ts";
import type { TalkPorts } from "../talk.ts";
import { telegramWriter, type Writer } from "./writer.ts";

export interface DoorOptions {
  readonly token: string;
  readonly apiRoot?: string;
  readonly allowed: Allowed;
  readonly ports: TalkPorts;
  readonly log: ChatLog;
}

const POLL_S = 30;
const AGAIN_MS = 15_000;

/**
 * A bot of the watchdog's own, by long polling, until the signal aborts. One token has one poller: when another one polls, that is said, and it is tried
 * again. Never rejects for what Telegram does.
 */
export async function telegramDoor(options: DoorOptions, signal: AbortSignal): Promise<void> {
  const { log } = options;
  const writer = telegramWriter(options);
  const conversation = new Conversation({ ...options, allowed: () => options.allowed });
  while (!signal.aborted) {
    const bot = botOf(options, conversation, writer, signal);
    const stop = () => void bot.stop().catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await bot.init(signal as Parameters<typeof bot.init>[0]);
      log("chat-opened", { bot: bot.botInfo.username });
      await bot.start({ timeout: POLL_S, allowed_updates: ["message", "callback_query"] });
    } catch (error) {
      if (!signal.aborted) log("chat-trouble", writer.troubleOf(error));
    } finally {
      signal.removeEventListener("abort", stop);
    }
    if (!signal.aborted) await options.ports.sleep(AGAIN_MS, signal);
  }
  log("chat-closed", {});
}

function botOf({ token, apiRoot, log }: DoorOptions, conversation: Conversation, writer: Writer, signal: AbortSignal): Bot {
  const bot = new Bot(token, apiRoot === undefined ? {} : { client: { apiRoot: botApiRoot(apiRoot) } });
  const heard = new Set<number>();
  const troubled = (error: unknown) => log("chat-trouble", writer.troubleOf(error));

  bot.use(async (context, next) => {
    // An update that comes twice is heard once.
    if (heard.has(context.update.update_id)) return;
    heard.add(context.update.update_id);
    if (heard.size > 1_000) for (const old of heard) if (heard.size > 500) heard.delete(old);
    await next();
  });
  bot.on("message:text", (context) => {
    const sender = senderOf(context);
    const answers = sender && conversation.hear(sender, context.message.text, context.me.username, signal);
    // A repair is followed for minutes, and others are to be heard meanwhile.
    if (answers !== undefined) void writer.write(context.chat.id, answers).catch(troubled);
  });
  bot.on("callback_query:data", async (context) => {
    const sender = senderOf(context);
    const pressing = sender && conversation.press(sender, context.callbackQuery.data, signal);
    if (pressing === undefined) return;
    await context.answerCallbackQuery(pressing.politely === undefined ? {} : { text: pressing.politely });
    if (pressing.politely !== undefined) return;
    const message = pressing.takesPlace ? context.callbackQuery.message?.message_id : undefined;
    void writer.write(context.chat?.id ?? 0, pressing.answers, message).catch(troubled);
  });
  bot.catch(({ error }) => troubled(error));
  return bot;
}

function senderOf({ from, chat }: Context): Sender | undefined {
  if (from === undefined || chat === undefined) return undefined;
  return { id: from.id, isBot: from.is_bot, chat: chat.type === "private" ? "private" : "group" };
}
