import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BotApi, botApi } from "../support/bot-api.ts";
import { type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));
const ANA = { id: 4711 };

/** A real gateway and a real watcher with the direct door; Telegram's servers are ours and cannot show how the real ones limit and delay. */
describe("a chat with the watchdog of a real gateway", () => {
  let home: StartedHome;
  let bot: BotApi;
  let watcher: ChildProcess;

  beforeAll(async () => {
    home = await startGatewayHome();
    bot = await botApi();
    const dir = join(home.home, ".local/state/rescue-watchdog/default");
    mkdirSync(dir, { recursive: true });
    const tokenFile = join(home.home, "token");
    writeFileSync(tokenFile, bot.token);
    const chat = { telegram: { tokenFile, operators: [ANA.id], apiRoot: bot.root } };
    writeFileSync(join(dir, "config.json5"), JSON.stringify({ chat, verify: { holdSeconds: 5 } }));
    startSupervised(home);
    await waitReady(home.port);
    watcher = spawn(process.execPath, [BIN, "watch", "--json", "--telegram"], {
      env: home.env,
      cwd: home.home,
      stdio: ["ignore", "ignore", "inherit"],
    });
    home.adopt(watcher);
  });
  afterAll(async () => {
    await home.dispose();
    await bot.down();
  });

  const seen = async (part: string) => {
    const deadline = performance.now() + 120_000;
    for (;;) {
      const found = bot.messages(ANA.id).findLast(({ text }) => text.includes(part));
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`not within two minutes: ${part}; ${JSON.stringify(bot.messages(ANA.id))}`);
      await delay(20);
    }
  };
  /** The last one that has not been pressed yet. */
  const newest = async (part: string) => {
    const before = bot.messages(ANA.id).length;
    const deadline = performance.now() + 10_000;
    while (bot.messages(ANA.id).length === before && performance.now() < deadline) await delay(20);
    return seen(part);
  };
  const press = async (message: { id: number; buttons?: readonly { text: string; callback_data: string }[] }, label: string) =>
    bot.press(ANA, message.buttons?.find(({ text }) => text === label)?.callback_data ?? "none", message.id);

  it("says how the gateway is, pauses, and lets a dead one be repaired from the phone", { timeout: 300_000 }, async () => {
    bot.write(ANA, "/status");
    const status = await seen("🟢 default: serving");
    expect(status.text).toMatch(/pid \d+, up /);
    bot.write(ANA, "/pause 1h from the phone");
    await seen("paused by telegram:4711");
    process.kill(home.gatewayPid(), "SIGSTOP");
    await delay(4_000);
    bot.write(ANA, "/repair");
    await press(await seen("Repair the gateway now?"), "Repair now");
    await seen("refused: paused");
    bot.write(ANA, "/status");
    const down = await seen("🔴 default: frozen");
    expect(down.text).toContain("paused by telegram:4711 for 59 min");
    await press(down, "Resume");
    await seen("resumed by telegram:4711");
    await press(down, "Repair now");
    await press(await newest("Repair the gateway now?"), "Repair now");
    await seen("· recovered");
    bot.write(ANA, "/logs");
    await seen("process-frozen, a restart, asked by telegram:4711: done");
    bot.write(ANA, "/history 24h");
    await seen("24 hours: 1 of 1 recovered (100 %)");
  });

  it("changes a setting that is safe, after a confirmation, with its limits", { timeout: 60_000 }, async () => {
    bot.write(ANA, "/config limits.repairsPerHour 2");
    await press(await seen("limits.repairsPerHour: 3 → 2?"), "Change it");
    await seen("limits.repairsPerHour was 3 and is 2");
    bot.write(ANA, "/config limits.repairsPerHour 9000");
    await press(await seen("limits.repairsPerHour: 2 → 9000?"), "Change it");
    await seen("limits.repairsPerHour");
    bot.write(ANA, "/config limits.maxTier 1");
    await seen("limits.maxTier is not changed from a chat");
  });
});
