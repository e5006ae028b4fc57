import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { tempDir } from "../observe/support.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));

describe("watch", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("ended by %s says so in its log and ends with 0", async (signal) => {
    const home = tempDir();
    mkdirSync(join(home, ".openclaw"));
    writeFileSync(join(home, ".openclaw", "openclaw.json"), '{"gateway":{"port":1}}');
    const child = spawn(process.execPath, [BIN, "watch", "--json"], {
      env: { HOME: home, PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = new Promise<unknown>((resolve) => child.on("close", (code, by) => resolve(code ?? by)));
    await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    child.kill(signal);
    expect(await ended).toBe(0);
    const log = readFileSync(join(home, ".local/state/rescue-watchdog/default/logs/watchdog.jsonl"), "utf8");
    expect(log).toContain('"event":"watch-ended"');
  });
});
