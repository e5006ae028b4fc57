import { describe, expect, it } from "vitest";
import { greet } from "../rescue-profile/alerting.ts";
import { botApi } from "./support/bot-api.ts";

const wish = (bot: { token: string; root: string }, ...people: string[]) => ({ botToken: bot.token, allowFrom: people, apiRoot: bot.root });

describe("the first message of a rescue's bot", () => {
  it("goes to each of those who may use it", async () => {
    await using bot = await botApi();
    expect(await greet("default", wish(bot, "4711", "4712"))).toEqual([
      { chat: "4711", problem: null },
      { chat: "4712", problem: null },
    ]);
    for (const chat of [4711, 4712]) expect(bot.messages(chat)[0]?.text).toContain("This is a test. Alerts of this watchdog arrive here.");
  });

  it("says who was not reached and why, without the token, and reaches the others", async () => {
    await using bot = await botApi();
    const description = `Forbidden: bot can't initiate conversation with a user (${bot.token})`;
    bot.next("sendMessage", { status: 403, body: { ok: false, error_code: 403, description } });
    const greeted = await greet("default", wish(bot, "4711", "4712"));
    const problems = greeted.flatMap(({ problem }) => problem ?? []);
    expect(problems).toEqual([expect.stringContaining("Forbidden: bot can't initiate conversation")]);
    expect(problems.join()).not.toContain(bot.token);
    expect([bot.messages(4711), bot.messages(4712)].flat()).toHaveLength(1);
  });

  it("arrives by an address with a slash at its end, which the host takes too", async () => {
    await using bot = await botApi();
    expect(await greet("default", { ...wish(bot, "4711"), apiRoot: `${bot.root}/` })).toEqual([{ chat: "4711", problem: null }]);
  });

  it("never fails a set-up, nor quotes an address that cannot be used", async () => {
    const [greeted] = await greet("default", { botToken: "123456:secret", allowFrom: ["4711"], apiRoot: "no address at all" });
    expect(greeted?.problem).toEqual(expect.any(String));
    expect(greeted?.problem).not.toMatch(/secret|no address at all/);
  });

  it("is not awaited for ever where Telegram cannot be reached", async () => {
    const bot = await botApi();
    await bot.down();
    expect(await greet("default", wish(bot, "4711"))).toEqual([{ chat: "4711", problem: "Telegram cannot be reached" }]);
  });
});
