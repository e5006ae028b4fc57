#!/usr/bin/env node
import { homedir } from "node:os";
import { runCli } from "./run.ts";

const abort = new AbortController();
// `supervise` has its own signal rules and takes these listeners away.
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => abort.abort());

process.exitCode = await runCli(process.argv.slice(2), {
  program: "rescue-watchdog",
  env: process.env,
  home: homedir(),
  defaultProfile: "default",
  signal: abort.signal,
});
