import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type BotApi, botApi } from "../support/bot-api.ts";
import { type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";
import { changeSettings, OPERATORS, talkThroughAnOutage } from "./phone.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));

/** In npm test chat-gateway.host.test.ts has the same conversation, and diagnosis.host.test.ts this door. A real gateway and a real watcher with the direct door; Telegram's servers are ours and cannot show how the real ones limit and delay. */
describe.runIf(process.env["RESCUE_FULL"] === "1")("a chat with the watchdog of a real gateway, through a bot of its own", () => {
  let home: StartedHome;
  let bot: BotApi;

  beforeAll(async () => {
    home = await startGatewayHome();
    bot = await botApi();
    const dir = join(home.home, ".local/state/rescue-watchdog/default");
    mkdirSync(dir, { recursive: true });
    const tokenFile = join(home.home, "token");
    writeFileSync(tokenFile, bot.token);
    const chat = { telegram: { tokenFile, operators: OPERATORS, apiRoot: bot.root } };
    writeFileSync(join(dir, "config.json5"), JSON.stringify({ chat, verify: { holdSeconds: 5 } }));
    startSupervised(home);
    await waitReady(home.port);
    const argv = [BIN, "watch", "--json", "--telegram"];
    home.adopt(spawn(process.execPath, argv, { env: home.env, cwd: home.home, stdio: ["ignore", "ignore", "inherit"] }));
  });
  afterAll(async () => {
    await home.dispose();
    await bot.down();
  });

  it("says how it is, pauses, and lets a frozen one be repaired from the phone", { timeout: 300_000 }, () =>
    talkThroughAnOutage(bot, () => home.gatewayPid()),
  );

  it("changes a setting that is safe, after a confirmation, with its limits", { timeout: 60_000 }, () => changeSettings(bot));
});
