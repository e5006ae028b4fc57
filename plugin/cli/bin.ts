#!/usr/bin/env node
import { homedir } from "node:os";
import { runCli } from "./run.ts";

const abort = new AbortController();
// `supervise` adds listeners of its own; both hear the signal.
// Listeners that stay: libraries that clean up at a signal kill the process themselves when they find no other listener than their own.
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => abort.abort());
// A reader that went away (`logs -f | head`) ends a command; a supervisor or watcher must survive the loss of its terminal.
process.stdout.on("error", (error) => onLostOutput(error, () => abort.abort()));
process.stderr.on("error", (error) => onLostOutput(error, () => undefined));

process.exitCode = await runCli(process.argv.slice(2), {
  program: "rescue-watchdog",
  env: process.env,
  home: homedir(),
  defaultProfile: "default",
  signal: abort.signal,
});

function onLostOutput(error: Error, lost: () => void): void {
  if ("code" in error && error.code === "EPIPE") lost();
  else throw error;
}
