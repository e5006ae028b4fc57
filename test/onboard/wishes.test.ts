import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { objectionToBotToken, objectionToUserIds, assertOwnBot as refuseSharedBot, type TelegramWish } from "../../src/onboard/wishes.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { tempDir } from "../observe/support.ts";

const assertOwnBot = (telegram: TelegramWish, primary: Parameters<typeof refuseSharedBot>[1], env: NodeJS.ProcessEnv = {}) =>
  refuseSharedBot(telegram, primary, env);

const TOKEN = `123456789:${"A".repeat(35)}`;
const primary = (telegram: object) => ({ profile: "default", config: { channels: { telegram } } });
const wish = (botToken: string, allowFrom: readonly string[] = ["1"]) => ({ botToken, allowFrom });

/** The error's words, as a person or a log would see them. */
function words(run: () => void): string {
  try {
    run();
    return "no error";
  } catch (error) {
    return `${messageOf(error)} ${error instanceof Error ? error.stack : ""} ${JSON.stringify(error)}`;
  }
}

describe("a bot of the rescue's own", () => {
  it("is taken when it is not one of the primary's", () => {
    expect(() => assertOwnBot(wish(TOKEN, ["12", "34567890123456789012"]), primary({ botToken: `${TOKEN}x` }))).not.toThrow();
    expect(() => assertOwnBot(wish(TOKEN), { profile: "default", config: {} })).not.toThrow();
  });

  it.each([
    ["the one of the channel", { botToken: TOKEN }],
    ["one of several accounts", { botToken: "other", accounts: { home: { botToken: "other" }, work: { botToken: TOKEN } } }],
    ["one of a channel that is switched off", { enabled: false, accounts: { work: { enabled: false, botToken: TOKEN } } }],
  ])("is refused when the primary polls with it: %s", (_what, telegram) => {
    const run = () => assertOwnBot(wish(TOKEN), primary(telegram));
    expect(run).toThrow(expect.objectContaining({ code: "usage", message: expect.stringContaining("profile default's own") }));
    expect(words(run)).not.toContain(TOKEN);
    expect(words(run)).not.toContain("AAAA");
  });

  it.each([
    "",
    "987654321",
    `12:${"A".repeat(35)}`,
    `123456789:${"A".repeat(29)}`,
    `${TOKEN} `,
    `${TOKEN}\n`,
    `x${TOKEN}`,
    `123456789:${"A".repeat(34)}é`,
  ])("is refused, and not repeated, when it does not look like one: %j", (token) => {
    expect(objectionToBotToken(token)).toContain("@BotFather");
    const run = () => assertOwnBot(wish(token), primary({}));
    expect(run).toThrow(expect.objectContaining({ code: "usage" }));
    if (token !== "") expect(words(run)).not.toContain(token);
  });

  it("speaks with numeric ids only, and with somebody", () => {
    expect(objectionToUserIds(["1", "-1"])).toBeDefined();
    for (const ids of [[], ["ana"], ["@ana"], ["1", ""], ["123456789012345678901"], ["1\n2"], ["*"]]) {
      expect(objectionToUserIds(ids)).toBeDefined();
      expect(() => assertOwnBot(wish(TOKEN, ids), primary({}))).toThrow(expect.objectContaining({ code: "usage" }));
    }
    expect(objectionToUserIds(["1", "22"])).toBeUndefined();
  });

  it("is refused when the primary has it from a variable", () => {
    const VARIABLE = `\${BOT}`;
    for (const telegram of [{ botToken: VARIABLE }, { accounts: { main: { botToken: VARIABLE } } }]) {
      expect(() => assertOwnBot(wish(TOKEN), primary(telegram), { BOT: TOKEN })).toThrow(expect.objectContaining({ code: "usage" }));
    }
    expect(() => assertOwnBot(wish(TOKEN), primary({}), { TELEGRAM_BOT_TOKEN: TOKEN })).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => assertOwnBot(wish(TOKEN), primary({ botToken: VARIABLE }))).not.toThrow();
  });

  it("is refused when the primary polls with it from a file", () => {
    const tokenFile = join(tempDir(), "token");
    writeFileSync(tokenFile, `${TOKEN}\n`);
    expect(() => assertOwnBot(wish(TOKEN), primary({ tokenFile }))).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("is not repeated when it was given in place of the ids", () => {
    expect(objectionToUserIds([TOKEN])).not.toContain(TOKEN);
  });
});
