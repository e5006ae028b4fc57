import { setTimeout as delay } from "node:timers/promises";
import { PNG } from "pngjs";
import { expect } from "vitest";
import type { BotApi } from "../support/bot-api.ts";

const ANA = { id: 4711 };
/** Another operator: what one asks within a minute is bounded. */
const BEN = { id: 4713 };
const EVE = { id: 666 };

type Message = ReturnType<BotApi["messages"]>[number];

/** Who may act in these tests. */
export const OPERATORS = [ANA.id, BEN.id];

/** What a person has in the hand: what was written to it, and buttons to press. */
interface Phone {
  write(text: string): void;
  /** Waits for a message that holds this. */
  seen(part: string): Promise<Message>;
  /** Waits until a message came after the given one. */
  after(before: Message | undefined, part: string): Promise<Message>;
  press(message: Message, label: string): void;
  last(): Message | undefined;
}

function phone(bot: BotApi, who = ANA): Phone {
  const find = async (so: (message: Message) => boolean, part: string) => {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const found = bot.messages(who.id).findLast((message) => message.text.includes(part) && so(message));
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`not within two minutes: ${part}; ${JSON.stringify(bot.messages(who.id))}`);
      await delay(20);
    }
  };
  return {
    write: (text) => void bot.write(who, text),
    seen: (part) => find(() => true, part),
    after: (before, part) => find(({ id }) => id > (before?.id ?? 0), part),
    press: (message, label) =>
      void bot.press(who, message.buttons?.find(({ text }) => text === label)?.callback_data ?? "none", message.id),
    last: () => bot.messages(who.id).at(-1),
  };
}

/**
 * The same conversation for every door: a gateway that serves, is paused, freezes, and is repaired from the phone; every command and every button. What
 * stays unproven is how Telegram's own servers limit and delay.
 */
export async function talkThroughAnOutage(bot: BotApi, gatewayPid: () => number): Promise<void> {
  const { write, seen, after, press, last } = phone(bot);
  write("/rescue help");
  await seen("The same behind /rescue");
  write("/rescue");
  const status = await seen("🟢 default: serving");
  expect(status.text).toMatch(/pid \d+, up /);
  expect(status.buttons?.map(({ text }) => text)).toEqual(["Repair now", "Pause", "View logs", "Stats"]);
  press(status, "View logs");
  await seen("Nothing was repaired yet.");
  press(status, "Stats");
  await seen("7 days: no incident.");
  write("/pause 1h from the phone");
  await seen("paused by telegram:4711");

  const frozen = gatewayPid();
  process.kill(frozen, "SIGSTOP");
  bot.write(EVE, "/repair");
  bot.press(EVE, status.buttons?.[0]?.callback_data ?? "none", status.id);
  await untilCondition(write, after, last, "🔴 default: frozen");
  let before = last();
  write("/repair");
  press(await after(before, "Repair the gateway now?"), "Repair now");
  await seen("refused: paused");
  before = last();
  write("/rescue status");
  const down = await after(before, "🔴 default: frozen");
  expect(down.text).toMatch(/paused by telegram:4711 for (59|58) min/);
  press(down, "Resume");
  await seen("resumed by telegram:4711");
  before = last();
  press(down, "Repair now");
  const question = await after(before, "Repair the gateway now?");
  const confirmation = question.buttons?.[0]?.callback_data ?? "none";
  press(question, "Repair now");
  const recovered = await seen("· recovered");
  // Once.
  bot.press(ANA, confirmation, question.id);
  bot.press(ANA, "rw:forged", question.id);
  await said(bot, "This was pressed already.");
  await said(bot, "This is from before a restart: ask again.");
  // One message from the question to the end.
  expect(recovered.id).toBe(question.id);
  expect(gatewayPid()).not.toBe(frozen);

  write("/logs");
  await seen("process-frozen, a restart: done, asked by telegram:4711");
  write("/history 24h");
  const history = await seen("24 hours: 1 of 1 recovered (100 %)");
  expect(PNG.sync.read(Buffer.from(history.photo ?? [])).width).toBe(640);
  press(history, "30 d");
  await seen("30 days: 1 of 1 recovered (100 %)");
  write("/pause");
  await after(history, "paused by telegram:4711");
  before = last();
  write("/resume");
  await after(before, "resumed by telegram:4711");
  expect(bot.messages(EVE.id)).toEqual([]);
  expect(bot.calls.filter(({ body }) => body["parse_mode"] !== undefined)).toEqual([]);
}

/** A safe setting is changed after a confirmation and within its limits; others are not. */
export async function changeSettings(bot: BotApi): Promise<void> {
  const { write, seen, press } = phone(bot, BEN);
  write("/rescue config");
  await seen("limits.repairsPerHour = 3");
  write("/rescue config limits.repairsPerHour 2");
  press(await seen("limits.repairsPerHour: 3 → 2?"), "Change it");
  await seen("limits.repairsPerHour was 3 and is 2");
  write("/rescue config limits.repairsPerHour 9000");
  press(await seen("limits.repairsPerHour: 2 → 9000?"), "Change it");
  await seen("limits.repairsPerHour is 9000");
  write("/rescue config limits.maxTier 1");
  await seen("limits.maxTier is not changed from a chat");
}

/** As a message, or as the answer to the button: one door has the one, the other the other. */
async function said(bot: BotApi, text: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!bot.calls.some(({ body }) => body["text"] === text)) {
    if (performance.now() > deadline) throw new Error(`never said: ${text}`);
    await delay(20);
  }
}

/** Asks until the watchdog has seen it. */
async function untilCondition(write: Phone["write"], after: Phone["after"], last: Phone["last"], part: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const before = last();
    write("/rescue status");
    const { text } = await after(before, "default: ");
    if (text.includes(part)) return;
    if (tries > 30) throw new Error(`never seen: ${part}; last: ${text}`);
    await delay(2_000);
  }
}
