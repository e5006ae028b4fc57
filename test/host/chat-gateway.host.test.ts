import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, it } from "vitest";
import { type BotApi, botApi } from "../support/bot-api.ts";
import { type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";
import { createGatewayHome, type GatewayHome, OPENCLAW, openclaw } from "../support/home.ts";
import { packageCopy } from "../support/package.ts";
import { changeSettings, OPERATORS, talkThroughAnOutage } from "./phone.ts";

/** A real rescue gateway, with no model configured, whose own Telegram channel is the door; Telegram's servers are ours. */
describe("a chat with the watchdog of a real gateway, through the rescue gateway's own channel", () => {
  let home: StartedHome;
  let rescue: GatewayHome;
  let bot: BotApi;
  let dir: string;
  let gateway: ChildProcess;

  beforeAll(async () => {
    dir = packageCopy();
    home = await startGatewayHome();
    rescue = await createGatewayHome({ profile: "rescue", home: home.home });
    bot = await botApi();
    await openclaw(["--profile", "rescue", "plugins", "install", "--link", "--force", "--accept-capabilities", dir], home.env);
    configure(rescue.configPath, bot);
    startSupervised(home);
    await waitReady(home.port);
    gateway = spawn(process.execPath, [OPENCLAW, "--profile", "rescue", "gateway", "run"], { env: home.env, stdio: "ignore" });
    home.adopt(gateway);
    await waitReady(rescue.port);
  });
  afterAll(async () => {
    await home.dispose();
    await bot.down();
    rmSync(dir, { recursive: true, force: true });
  });

  it("says how it is, pauses, and lets a frozen one be repaired from the phone", { timeout: 400_000 }, () =>
    talkThroughAnOutage(bot, () => home.gatewayPid()),
  );

  it("changes a setting that is safe, after a confirmation, with its limits", { timeout: 60_000 }, () => changeSettings(bot));
});

/** As set-up writes it (src/onboard/rescue-config.ts), with a Bot API server of our own. */
function configure(configPath: string, bot: BotApi): void {
  const config = JSON.parse(readFileSync(configPath, "utf8"));
  const telegram = {
    enabled: true,
    botToken: bot.token,
    apiRoot: bot.root,
    dmPolicy: "allowlist",
    allowFrom: OPERATORS.map(String),
    groupPolicy: "disabled",
    capabilities: { inlineButtons: "all" },
  };
  config.channels = { ...config.channels, telegram };
  config.commands = { ...config.commands, ownerAllowFrom: OPERATORS.map((id) => `telegram:${id}`) };
  config.plugins.allow = ["rescue-watchdog", "telegram"];
  config.plugins.entries["rescue-watchdog"] = {
    ...config.plugins.entries["rescue-watchdog"],
    config: { watchProfile: "default", verify: { holdSeconds: 5 } },
  };
  writeFileSync(configPath, JSON.stringify(config, null, 2));
}
