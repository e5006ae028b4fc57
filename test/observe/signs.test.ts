import { describe, expect, it } from "vitest";
import type { SignName } from "../../rescue-profile/core/findings.ts";
import { findSigns, SIGNS } from "../../rescue-profile/observe/signs.ts";
import { said } from "./findings-support.ts";

/** As a real gateway (2026.9.6), systemd, the kernel or Node wrote them. */
const LITERAL: Readonly<Record<SignName, readonly string[]>> = {
  "address-in-use": [
    "Gateway failed to start: another gateway instance is already listening on ws://127.0.0.1:44591 | listen EADDRINUSE: address already in use 127.0.0.1:44591 | EADDRINUSE",
    "Port 44591 is already in use.",
  ],
  "boot-timeout": [
    "Gateway failed to start: state lease heartbeat did not become ready (phase=startup, trigger=timeout, status=starting, elapsedMs=5002, timeoutMs=5000, onlineObserved=true, startupPhase=entry-not-observed). Run openclaw gateway status --deep for diagnostics.",
  ],
  "config-invalid": [
    'Gateway failed to start: Invalid config at /h/.openclaw/openclaw.json:\nopenclaw.json:43 — gateway: Unrecognized key: "bogusKey"',
    "Gateway start blocked: existing config is missing gateway.mode. Treat this as suspicious or clobbered config.",
    "Missing config. Run `openclaw setup` or set gateway.mode=local (or pass --allow-unconfigured).",
  ],
  "config-newer": [
    "Refusing to run automatic gateway startup migrations because this OpenClaw binary (2026.9.6) is older than the config last written by OpenClaw 2099.1.1.",
  ],
  "credentials-missing": [
    'lane task error: lane=cron-nested durationMs=675 error="No route-compatible authentication source is configured for openai."',
    "Authentication failed (provider returned HTTP 401). Your provider token may have expired — try the request again in a moment.",
  ],
  "database-corrupt": [
    "Doctor could not enter maintenance. Error: database disk image is malformed Stop the Gateway service and other OpenClaw processes",
    "Doctor cannot repair this state: shared state database is unreadable at /h/.openclaw/state/openclaw.sqlite: file is not a database.",
    "SQLite integrity_check failed for /h/.openclaw/agents/main/agent/openclaw-agent.sqlite: vtable constructor failed: standing_intents_fts (code=ERR_SQLITE_ERROR, errcode=11) | ERR_SQLITE_ERROR",
  ],
  "database-newer": [
    "OpenClaw state database /h/.openclaw/state/openclaw.sqlite uses newer schema version 999; this build supports 18.",
    "Gateway refused startup because 1 OpenClaw database schema(s) are newer than this build. state database /h/state/openclaw.sqlite uses schema 999",
  ],
  "disk-full": [
    "failed to persist gateway boot start; fail-open: Error: database or disk is full",
    "failed to write stability bundle: Error: ENOSPC: no space left on device, write",
  ],
  "heap-exhausted": ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"],
  "killed-for-memory": [
    "2026-11-21T20:07:43+0000 vm systemd[138]: openclaw-gateway.service: systemd-oomd killed some process(es) in this unit.",
    "2026-11-21T15:41:00+0000 vm systemd[812]: openclaw-gateway.service: A process of this unit has been killed by the OOM killer.",
    "2026-11-21T15:41:00+0000 vm systemd[812]: openclaw-gateway.service: Failed with result 'oom-kill'.",
  ],
  "lock-held": [
    "Another gateway (pid 24893) already owns this state directory; refusing to run automatic startup migrations or report the gateway ready.",
    "Gateway failed to start: gateway already running; lock timeout after 5000ms",
    "Doctor could not enter maintenance. StateDatabaseCoordinatorContentionError: another OpenClaw process owns gateway-lifecycle Stop the Gateway",
  ],
  "model-unknown": [
    "Unknown model: bogusprovider/some-model. Run `openclaw models list --refresh --provider bogusprovider` to inspect this provider's model choices",
  ],
  "module-missing": [
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/usr/lib/node_modules/openclaw/dist/entry.js' imported from /usr/lib/node_modules/openclaw/openclaw.mjs",
    "Error: Cannot find module '/usr/lib/node_modules/openclaw/openclaw.mjs'",
  ],
  "pairing-required": ["pairing required: device is asking for more scopes than currently approved"],
  "permission-denied": [
    "Doctor cannot repair this state: shared state database is unreadable at /h/.openclaw/state/openclaw.sqlite: EACCES: permission denied, stat '/h/.openclaw/state/openclaw.sqlite'.",
  ],
  "plugin-failed": [
    "[plugins] plugin failed during register: Error: boom in register (plugin=c3-throw-register, source=/p/c3-throw-register/index.js)",
    "plugin service failed (c4-throw-start-svc, plugin=c4-throw-start, root=/p/c4-throw-start): boom in service start",
    "[plugins] c10-syntax failed during load from /p/c10-syntax/index.js: SyntaxError: Unexpected identifier 'is'",
  ],
  "polling-conflict": [
    "Telegram getUpdates conflict: Conflict: terminated by other getUpdates request; make sure that only one bot instance is running.",
  ],
  "secret-missing": [
    'Config warnings: gateway.auth.token: *** env var "MISSING_VAR" - feature using this value will be unavailable',
    'Config (/h/.openclaw/openclaw.json): missing env var "OPENAI_API_KEY" at models.providers.x.apiKey - feature using this value will be unavailable',
  ],
  "tls-files-missing": [
    "Gateway failed to start: gateway tls: cert/key missing. Run openclaw gateway status --deep for diagnostics.",
    "gateway tls: failed to load cert (Error: ENOENT: no such file or directory)",
  ],
  "uncaught-exception": [
    "[openclaw] Unhandled promise rejection: TypeError: boom async\n    at Timeout.tick [as _onTimeout] (file:///p/index.js:8:59)",
  ],
};

describe("a sign", () => {
  it.each(Object.entries(LITERAL).flatMap(([name, lines]) => lines.map((line) => [name, line])))("of %s is %s", (name, line) => {
    expect(findSigns(said("gateway ready", line, "heartbeat: started")).map((sign) => sign.name)).toEqual([name]);
  });

  it("has a source, and every name has one", () => {
    expect(SIGNS.map(({ name }) => name).sort()).toEqual(Object.keys(LITERAL).sort());
    for (const { source } of SIGNS) expect(source).toMatch(/measured|host source|own words/);
  });

  it("is told once, newest first", () => {
    const lines = said("Port 1 is already in use.", "Unknown model: a/b", "Port 2 is already in use.");
    expect(findSigns(lines)).toEqual([
      { name: "address-in-use", line: "Port 2 is already in use." },
      { name: "model-unknown", line: "Unknown model: a/b" },
    ]);
  });

  it("of an exception that Node printed is the error itself", () => {
    const crash = [
      "file:///p/index.js:8",
      "      setTimeout(function tick(){ throw new TypeError('boom in timer'); }, 2000);",
      "                                  ^",
      "",
      "TypeError: boom in timer",
      "    at Timeout.tick [as _onTimeout] (file:///p/index.js:8:41)",
      "    at process.processTimers (node:internal/timers:618:7)",
      "",
      "Node.js v24.21.0",
    ];
    expect(findSigns(said(...crash))).toEqual([{ name: "uncaught-exception", line: "TypeError: boom in timer" }]);
  });

  it("is not seen in what every healthy gateway says, nor in a plugin's own missing module", () => {
    const healthy = [
      "[plugins] OpenClaw can't verify where this plugin came from. Review it with 'openclaw plugins inspect x'. (plugin=x, source=/p/x/index.js)",
      "remote model catalog refresh failed",
      "admission closed: stop (SIGTERM)",
      "shutdown completed cleanly in 79ms",
      "channel autostart suppressed by crash-loop breaker; refusing automatic start for telegram.",
    ];
    expect(findSigns(said(...healthy))).toEqual([]);
    const foreign =
      "[plugins] plugin failed during load: Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'not-there' imported from /x/plugin-captures/u/index.js (plugin=p, source=/p)";
    expect(findSigns(said(foreign)).map(({ name }) => name)).toEqual(["plugin-failed"]);
  });
});
