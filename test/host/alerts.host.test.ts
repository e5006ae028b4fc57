import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BotApi, botApi } from "../support/bot-api.ts";
import { type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));
const CHAT = 4711;

/** A real gateway and a real watcher; Telegram's servers are ours, speak its Bot API, and cannot show how the real ones limit and delay. */
describe("alerts of a real gateway's outage", () => {
  let home: StartedHome;
  let bot: BotApi;
  let hook: Server;
  let watcher: ChildProcess;
  const events: { id: number; event: string; state: string; incident: number }[] = [];

  beforeAll(async () => {
    home = await startGatewayHome();
    bot = await botApi();
    hook = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      events.push(JSON.parse(text));
      response.end();
    });
    await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
    const dir = join(home.home, ".local/state/rescue-watchdog/default");
    mkdirSync(dir, { recursive: true });
    const tokenFile = join(home.home, "token");
    writeFileSync(tokenFile, bot.token);
    const { port } = hook.address() as AddressInfo;
    const alerts = {
      telegram: [{ name: "me", tokenFile, chat: CHAT, apiRoot: bot.root }],
      webhooks: [{ name: "ops", url: `http://127.0.0.1:${port}/` }],
    };
    writeFileSync(join(dir, "config.json5"), JSON.stringify({ alerts, verify: { holdSeconds: 5 } }));
    startSupervised(home);
    await waitReady(home.port);
    watcher = spawn(process.execPath, [BIN, "watch", "--json"], { env: home.env, cwd: home.home, stdio: ["ignore", "ignore", "inherit"] });
    home.adopt(watcher);
    await delay(3_000);
  });
  afterAll(async () => {
    await home.dispose();
    await bot.down();
    await new Promise((resolve) => hook.close(resolve));
  });

  const until = async (so: () => boolean, what: string) => {
    const deadline = performance.now() + 120_000;
    while (!so()) {
      if (performance.now() > deadline) throw new Error(`not within two minutes: ${what}; ${JSON.stringify([bot.messages(CHAT), events])}`);
      await delay(20);
    }
  };

  it("arrive within seconds, as one message that ends with its recovery, and at the webhook one after the other", {
    timeout: 300_000,
  }, async () => {
    const killedMs = Date.now();
    process.kill(home.gatewayPid(), "SIGKILL");
    await until(() => bot.messages(CHAT).length > 0, "a message");
    const [first] = bot.calls;
    console.log(`alert latency: ${(first?.atMs ?? 0) - killedMs} ms from the kill to the message at the server`);
    await until(() => bot.messages(CHAT)[0]?.text.startsWith("🟢") === true, "its recovery");
    await until(() => events.at(-1)?.event === "closed", "the closing at the webhook");
    expect(bot.messages(CHAT)).toHaveLength(1);
    expect(bot.messages(CHAT)[0]?.text).toMatch(
      /the gateway process is gone · recovered\n[\s\S]*repair 1, a restart: done\nserves again, /,
    );
    expect(events.map(({ event }) => event)).toEqual(["opened", "repair-started", "repair-ended", "closed"]);
    expect(new Set(events.map(({ incident }) => incident))).toEqual(new Set([1]));
  });

  // In npm test test/notify/pipeline.test.ts has an hour of it on a clock of its own.
  it.runIf(process.env["RESCUE_FULL"] === "1")(
    "wait while nobody can be reached, and come in order when he can, also from the next watcher",
    { timeout: 300_000 },
    async () => {
      await bot.down();
      process.kill(home.gatewayPid(), "SIGKILL");
      await until(() => events.filter(({ event }) => event === "closed").length === 2, "the second recovery");
      watcher.kill("SIGKILL");
      await once(watcher, "exit");
      expect(bot.messages(CHAT)).toHaveLength(1);
      await bot.up();
      watcher = spawn(process.execPath, [BIN, "watch", "--json"], {
        env: home.env,
        cwd: home.home,
        stdio: ["ignore", "ignore", "inherit"],
      });
      home.adopt(watcher);
      await until(() => bot.messages(CHAT).length === 2, "the second message");
      expect(bot.messages(CHAT)[1]?.text).toMatch(/^🟢/);
      expect(events.map(({ id }) => id)).toEqual([...new Set(events.map(({ id }) => id))]);
    },
  );
});
