import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scrubbedEnv } from "../src/shared/openclaw-home.ts";
import type { WatchdogOptions } from "./open-watchdog.ts";

/**
 * Starts one of our own entry files as a process in a session of its own, which outlives whoever starts it. From the package itself where our code runs from a
 * copy that the host throws away.
 */
export function startApart(
  entry: "runner-main" | "audit-run-main" | "human-main",
  args: readonly string[],
  { packageRoot, home, env }: Pick<WatchdogOptions, "packageRoot" | "home" | "env">,
  failed: (why: string) => void,
): void {
  const beside = fileURLToPath(new URL(`./${entry}${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
  const file = packageRoot === undefined ? beside : join(packageRoot, "dist", "rescue-profile", `${entry}.js`);
  const child = spawn(process.execPath, [file, ...args], {
    detached: true,
    stdio: "ignore",
    cwd: home,
    env: { ...scrubbedEnv(env), HOME: home },
  });
  child.on("error", (error) => failed(error.message));
  child.unref();
}
