/**
 * `npm run bench:alerts -- [--runs N] [--svg FILE]`: how long it takes from `kill -KILL` of a real gateway until the alert is at a Bot API server of our own, and until the
 * message says that it serves again; then the last message with every change, as a phone shows it. Telegram's own way to the phone is not in it.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { botApi } from "../test/support/bot-api.ts";
import { startGatewayHome, startSupervised, waitReady } from "../test/support/gateway.ts";
import { median } from "./matrix/summary.ts";
import { writePhone } from "./phone.ts";
import { BIN } from "./stage.ts";

const CHAT = 4711;
const WITHIN_MS = 180_000;
const { values } = parseArgs({ options: { runs: { type: "string", default: "5" }, svg: { type: "string" } } });
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) {
  process.stderr.write("usage: npm run bench:alerts -- [--runs N] [--svg FILE]\n");
  process.exit(2);
}

async function until<T>(look: () => T | undefined, what: string): Promise<T> {
  const deadline = performance.now() + WITHIN_MS;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${WITHIN_MS / 1000} s: ${what}`);
    await delay(5);
  }
}

const home = await startGatewayHome();
const bot = await botApi();
try {
  const dir = join(home.home, ".local/state/rescue-watchdog/default");
  mkdirSync(dir, { recursive: true });
  const tokenFile = join(home.home, "token");
  writeFileSync(tokenFile, bot.token);
  const alerts = { telegram: [{ name: "me", tokenFile, chat: CHAT, apiRoot: bot.root }] };
  writeFileSync(join(dir, "config.json5"), JSON.stringify({ alerts, limits: { repairsPerHour: 100 }, verify: { holdSeconds: 3 } }));
  startSupervised(home);
  await waitReady(home.port);
  home.adopt(spawn(process.execPath, [BIN, "watch", "--json"], { env: home.env, cwd: home.home, stdio: ["ignore", "ignore", "inherit"] }));
  await delay(3_000);
  const told: number[] = [];
  const recovered: number[] = [];
  let firstCall = 0;
  let killedMs = 0;
  for (let run = 0; run < runs; run++) {
    const before = bot.messages(CHAT).length;
    firstCall = bot.calls.length;
    killedMs = Date.now();
    process.kill(home.gatewayPid(), "SIGKILL");
    const call = await until(() => (bot.messages(CHAT).length > before ? bot.calls[firstCall] : undefined), "an alert");
    told.push(call.atMs - killedMs);
    await until(() => (bot.messages(CHAT).at(-1)?.text.startsWith("🟢") === true ? true : undefined), "the recovery");
    recovered.push((bot.calls.at(-1)?.atMs ?? Number.NaN) - killedMs);
    process.stderr.write(`${run + 1} of ${runs}: told after ${told.at(-1)} ms, recovered after ${recovered.at(-1)} ms\n`);
  }
  const line = (what: string, list: readonly number[]) => `| ${what} | ${median(list)} ms | ${Math.max(...list)} ms | ${list.length} |`;
  process.stdout.write(
    [
      "| from the kill until | median | worst | n |",
      "|---|---|---|---|",
      line("the alert is at the server", told),
      line("it says recovered", recovered),
      "",
    ].join("\n"),
  );
  const states = bot.calls.slice(firstCall).map(({ body, atMs }) => ({ afterS: (atMs - killedMs) / 1000, text: String(body["text"]) }));
  for (const { afterS, text } of states) process.stdout.write(`\n+${afterS.toFixed(1)} s\n${text}\n`);
  if (values.svg !== undefined) writePhone(values.svg, states);
} finally {
  await home.dispose();
  await bot.down();
}
