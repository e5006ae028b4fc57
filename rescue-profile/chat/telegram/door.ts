import { Bot, type Context, GrammyError } from "grammy";
import { cut } from "../../../src/shared/cut.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { Buttons, type Deed, type Pressed } from "../buttons.ts";
import { parseCommand } from "../commands.ts";
import { type Allowed, Flood, roleOf, type Sender } from "../rights.ts";
import { type Reply, type Speaker, type TalkPorts, talk } from "../talk.ts";

export interface DoorOptions {
  readonly token: string;
  readonly apiRoot?: string;
  readonly allowed: Allowed;
  readonly ports: TalkPorts;
  /** Nobody who is not on the list is answered; they are counted. */
  readonly log: (event: "chat-opened" | "chat-closed" | "chat-stranger" | "chat-command" | "chat-trouble", details: unknown) => void;
  readonly wallMs: () => number;
}

const POLL_S = 30;
const AGAIN_MS = 15_000;
const MOST_CHARACTERS = 4_000;
const SAID: Readonly<Record<Exclude<Pressed, { deed: Deed }>["why"], string>> = {
  used: "This was pressed already.",
  expired: "This is too old: ask again.",
  foreign: "This is somebody else's.",
  unknown: "This is from before a restart: ask again.",
};

/**
 * A bot of the watchdog's own, by long polling, until the signal aborts. One token has one poller: when another one polls, that is said, and it is tried
 * again. Never rejects for what Telegram does.
 */
export async function telegramDoor(options: DoorOptions, signal: AbortSignal): Promise<void> {
  const { log, token } = options;
  const masked = (text: string) => text.replaceAll(token, "…");
  while (!signal.aborted) {
    const bot = botOf(options, signal, masked);
    const stop = () => void bot.stop().catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await bot.init(signal as Parameters<typeof bot.init>[0]);
      log("chat-opened", { bot: bot.botInfo.username });
      await bot.start({ timeout: POLL_S, allowed_updates: ["message", "callback_query"] });
    } catch (error) {
      if (!signal.aborted) log("chat-trouble", masked(reasonOf(error)));
    } finally {
      signal.removeEventListener("abort", stop);
    }
    if (!signal.aborted) await options.ports.sleep(AGAIN_MS, signal);
  }
  log("chat-closed", {});
}

function reasonOf(error: unknown): string {
  if (!(error instanceof GrammyError)) return "Telegram cannot be reached";
  if (error.error_code === 409)
    return "another program reads this bot's messages (409): one token has one reader; give the watchdog a bot of its own";
  if (error.error_code === 401 || error.error_code === 404) return `Telegram does not know this token (${error.error_code})`;
  return `Telegram: ${error.error_code} ${error.description}`;
}

function botOf(options: DoorOptions, signal: AbortSignal, masked: (text: string) => string): Bot {
  const { token, apiRoot, allowed, ports, log, wallMs } = options;
  const bot = new Bot(token, apiRoot === undefined ? {} : { client: { apiRoot } });
  const buttons = new Buttons();
  const flood = new Flood();
  const strangers = new Map<number, number>();
  const heard = new Set<number>();

  const speakerOf = (context: Context): Speaker | undefined => {
    const sender = senderOf(context);
    if (sender === undefined) return undefined;
    const role = roleOf(sender, allowed);
    if (role !== undefined) return { id: sender.id, role, name: `telegram:${sender.id}` };
    const count = (strangers.get(sender.id) ?? 0) + 1;
    strangers.set(sender.id, count);
    if (count === 1 || count % 100 === 0) log("chat-stranger", { id: sender.id, messages: count });
    return undefined;
  };
  const converse = async (context: Context, deed: Deed, speaker: Speaker) => {
    log("chat-command", { by: speaker.name, command: deed.command.name, confirmed: deed.confirmed });
    let message: number | undefined;
    for await (const reply of talk(deed, speaker, buttons, ports, signal)) message = await show(context, reply, message);
  };

  bot.use(async (context, next) => {
    // An update that comes twice is heard once.
    if (heard.has(context.update.update_id)) return;
    heard.add(context.update.update_id);
    if (heard.size > 1_000) for (const old of heard) if (heard.size > 500) heard.delete(old);
    await next();
  });
  bot.on("message:text", async (context) => {
    const speaker = speakerOf(context);
    if (speaker === undefined) return;
    const command = parseCommand(context.message.text, context.me.username);
    if (command === undefined) return;
    const allowance = flood.ask(speaker.id, wallMs());
    if (allowance === "first") await context.reply("That is too much at once; I go on in a minute.");
    if (allowance !== "ok") return;
    // A repair is followed for minutes, and others are to be heard meanwhile.
    void converse(context, { command, confirmed: false }, speaker).catch((error: unknown) => log("chat-trouble", masked(textOf(error))));
  });
  bot.on("callback_query:data", async (context) => {
    const speaker = speakerOf(context);
    if (speaker === undefined) return;
    const pressed = buttons.press(context.callbackQuery.data, speaker.id, wallMs());
    await context.answerCallbackQuery("deed" in pressed ? {} : { text: SAID[pressed.why] });
    if ("deed" in pressed && flood.ask(speaker.id, wallMs()) === "ok")
      void converse(context, pressed.deed, speaker).catch((error: unknown) => log("chat-trouble", masked(textOf(error))));
  });
  bot.catch(({ error }) => log("chat-trouble", masked(textOf(error))));
  return bot;
}

function textOf(error: unknown): string {
  return error instanceof GrammyError ? reasonOf(error) : error instanceof RescueError ? error.message : "an answer could not be given";
}

function senderOf({ from, chat }: Context): Sender | undefined {
  if (from === undefined || chat === undefined) return undefined;
  return { id: from.id, isBot: from.is_bot, chat: chat.type === "private" ? "private" : "group" };
}

/** Sends, or changes what was sent. Returns the number of the message. */
async function show(context: Context, { text, buttons }: Reply, message: number | undefined): Promise<number> {
  const keyboard = buttons.map((row) => row.map(({ label, name }) => ({ text: label, callback_data: name })));
  const markup = keyboard.length === 0 ? {} : { reply_markup: { inline_keyboard: keyboard } };
  const words = cut(text, MOST_CHARACTERS);
  const options = { link_preview_options: { is_disabled: true }, ...markup };
  const chat = context.chat?.id ?? 0;
  if (message === undefined) return (await context.api.sendMessage(chat, words, options)).message_id;
  try {
    await context.api.editMessageText(chat, message, words, options);
  } catch (error) {
    if (!(error instanceof GrammyError) || !/not modified/.test(error.description)) throw error;
  }
  return message;
}
