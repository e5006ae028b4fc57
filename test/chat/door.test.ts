import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { TalkPorts } from "../../rescue-profile/chat/talk.ts";
import { telegramDoor } from "../../rescue-profile/chat/telegram/door.ts";
import { CHAT_WORDS } from "../../rescue-profile/chat/words.ts";
import { type BotApi, botApi } from "../support/bot-api.ts";
import { NOTHING_PROPOSED } from "./support.ts";

const ANA = { id: 1 };
const VIC = { id: 2 };
const EVE = { id: 666 };

async function opened() {
  const bot = await botApi();
  const abort = new AbortController();
  const done: string[] = [];
  const logged: string[] = [];
  const ports: TalkPorts = {
    words: CHAT_WORDS.en,
    status: async () => [],
    repairs: () => ["a line with *bold* <b>tags</b> and [links](http://x)"],
    figures: () => ({ total: 0, recovered: 0, meanMs: null, worstMs: null, byTier: {}, byCause: {}, bars: [] }),
    settings: () => [],
    set: async () => "",
    request: async (kind, _, by) => {
      done.push(`${by} ${kind}`);
      return `${kind}: accepted`;
    },
    incident: () => undefined,
    ...NOTHING_PROPOSED,
    report: async (incident) => ({ name: `incident-${incident}.md`, content: Buffer.from("# Incident 3") }),
    wallMs: () => Date.now(),
    sleep: (ms, signal) => delay(Math.min(ms, 50), undefined, { signal }).catch(() => undefined),
  };
  const log = (event: string, details: unknown) => void logged.push(`${event} ${JSON.stringify(details)}`);
  const allowed = { operators: [1], viewers: [2], groups: false };
  const running = telegramDoor({ token: bot.token, apiRoot: bot.root, allowed, ports, log }, abort.signal);
  return {
    bot,
    done,
    logged,
    abort,
    running,
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await bot.down();
      await running;
    },
  };
}

async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  const deadline = performance.now() + 8_000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not seen: ${what}`);
    await delay(10);
  }
}

const textOf = (bot: BotApi, chat: number, part: string) => bot.messages(chat).find(({ text }) => text.includes(part));

describe("the direct door", () => {
  it("answers who is on its list, repairs after a confirmation, and once", async () => {
    await using the = await opened();
    the.bot.write(ANA, "/repair");
    const question = await until(() => textOf(the.bot, 1, "Repair the gateway now?"), "the question");
    const [button] = question.buttons ?? [];
    expect(the.done).toEqual([]);
    the.bot.press(ANA, button?.callback_data ?? "", question.id);
    await until(() => textOf(the.bot, 1, "repair: accepted"), "the answer");
    the.bot.press(ANA, button?.callback_data ?? "", question.id);
    await until(
      () => the.bot.calls.find(({ method, body }) => method === "answerCallbackQuery" && body["text"] === "This was pressed already."),
      "politeness",
    );
    expect(the.done).toEqual(["telegram:1 repair"]);
  });

  it("is silent to strangers, bots and groups, counts them, and lets nobody press what is not his or was forged", async () => {
    await using the = await opened();
    the.bot.write(EVE, "/status");
    the.bot.write({ id: 1, isBot: true }, "/status");
    the.bot.write({ id: 1, group: -77 }, "/status");
    the.bot.press(EVE, "rw:forged", 1);
    the.bot.write(VIC, "/pause 2h");
    await until(() => textOf(the.bot, 2, "not act"), "the viewer's answer");
    the.bot.press(VIC, "rw:forged", 1);
    await until(() => the.bot.calls.find(({ method }) => method === "answerCallbackQuery"), "politeness");
    expect([the.bot.messages(666), the.bot.messages(-77), the.bot.messages(1), the.done]).toEqual([[], [], [], []]);
    expect(the.logged.filter((line) => line.startsWith("chat-stranger"))[0]).toContain("666");
  });

  it("hears an update once that comes twice, and lives through updates that no Telegram would send", async () => {
    await using the = await opened();
    const number = the.bot.write(ANA, "/logs");
    await until(() => textOf(the.bot, 1, "a line with *bold*"), "the log");
    the.bot.update({
      update_id: number,
      message: { message_id: 99, from: { id: 1, is_bot: false }, chat: { id: 1, type: "private" }, date: 1, text: "/pause" },
    });
    the.bot.update({ update_id: number + 1 });
    the.bot.update({ update_id: number + 2, message: { message_id: 1, date: 1, chat: { id: 1, type: "private" }, text: "/status" } });
    the.bot.update({
      update_id: number + 3,
      message: { message_id: 2, from: { id: 1, is_bot: false }, chat: { id: 1, type: "private" }, date: 1, text: "x".repeat(1_000_000) },
    });
    the.bot.update({
      update_id: number + 4,
      message: { message_id: 3, from: { id: 1, is_bot: false }, chat: { id: 1, type: "private" }, date: 1, text: "/help" },
    });
    await until(() => textOf(the.bot, 1, "The same behind /rescue"), "the help");
    expect(the.done).toEqual([]);
    expect(the.bot.calls.every(({ body }) => body["parse_mode"] === undefined)).toBe(true);
  });

  it("sends an incident as a file", async () => {
    await using the = await opened();
    the.bot.write(VIC, "/report 3");
    const message = await until(() => textOf(the.bot, 2, "The incident on one page"), "the report");
    expect(Buffer.from(message.document ?? []).toString()).toBe("# Incident 3");
  });

  it("says that another one reads the same bot, and goes on when that ends; no word holds the token", async () => {
    await using the = await opened();
    await until(() => the.bot.calls.find(({ method }) => method === "getUpdates"), "polling");
    the.bot.next("getUpdates", {
      status: 409,
      body: { ok: false, error_code: 409, description: "Conflict: terminated by other getUpdates request" },
    });
    the.bot.write(ANA, "/logs");
    await until(() => the.logged.find((line) => line.includes("one token has one reader")), "the explanation");
    the.bot.write(ANA, "/help");
    await until(() => textOf(the.bot, 1, "The same behind /rescue"), "the help");
    expect(the.logged.join("\n")).not.toContain("test-token");
  });

  it("goes on after Telegram was away", async () => {
    await using the = await opened();
    await until(() => the.bot.calls.find(({ method }) => method === "getUpdates"), "polling");
    await the.bot.down();
    await delay(200);
    await the.bot.up();
    the.bot.write(ANA, "/help");
    await until(() => textOf(the.bot, 1, "The same behind /rescue"), "the help");
  });
});
