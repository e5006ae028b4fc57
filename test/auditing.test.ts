import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEMORY_FILE, NOTHING, parseMemory, serialiseMemory } from "../rescue-profile/audit/memory.ts";
import { scheduledAudit } from "../rescue-profile/audit-main.ts";
import { auditIfDue, isDue } from "../rescue-profile/auditing.ts";
import { parsePolicy } from "../rescue-profile/config.ts";
import type { Action } from "../rescue-profile/core/event.ts";
import { servedHome } from "./observe/findings-support.ts";
import { tempDir } from "./observe/support.ts";

const DAY_MS = 86_400_000;

describe("an audit of the watcher's own", () => {
  it("is due when the time has passed, and when the clock was wrong", () => {
    expect(isDue(DAY_MS, 0, DAY_MS)).toBe(true);
    expect(isDue(DAY_MS, 1, DAY_MS)).toBe(false);
    expect(isDue(DAY_MS, 10 * DAY_MS, DAY_MS)).toBe(true);
    fc.assert(fc.property(fc.integer({ min: 1, max: DAY_MS }), fc.nat(DAY_MS), (everyMs, atMs) => isDue(everyMs, atMs, atMs + everyMs)));
  });

  const dog = (dir: string, everySeconds: number) => {
    const lines: object[] = [];
    const settings = parsePolicy({ audit: { everySeconds } });
    const watchdog = {
      dir,
      settings,
      options: { profile: "default", home: dir, env: {}, what: "test" },
      log: (line: object) => lines.push(line),
    };
    return { watchdog, lines };
  };

  it("comes the first time ten minutes later, and not at all when it is switched off", () => {
    const dir = tempDir();
    auditIfDue(dog(dir, 0).watchdog);
    expect(existsSync(path.join(dir, MEMORY_FILE))).toBe(false);
    const before = Date.now();
    auditIfDue(dog(dir, 86_400).watchdog);
    const { scheduledMs } = parseMemory(readFileSync(path.join(dir, MEMORY_FILE), "utf8"));
    expect((scheduledMs ?? 0) + DAY_MS - before).toBeGreaterThanOrEqual(600_000);
    expect((scheduledMs ?? 0) + DAY_MS - before).toBeLessThan(660_000);
  });

  it("that cannot be begun is said, and the watching goes on", () => {
    const { watchdog, lines } = dog(path.join(tempDir(), "gone"), 86_400);
    auditIfDue(watchdog);
    expect(lines).toMatchObject([{ event: "audit", level: "error", success: false }]);
  });

  it("tells what is new, once, the worst first, and leaves notes to the log", async () => {
    const { home, target } = await servedHome({ gateway: { mode: "local", auth: { mode: "none" }, allowRealIpFallback: true } });
    const env = { HOME: home, PATH: "", RESCUE_WATCHDOG_STATE_DIR: path.join(home, "state") };
    const dir = path.join(home, "state", "default");
    const told: Extract<Action, { kind: "tell" }>[] = [];
    const journal = { tell: (action: Extract<Action, { kind: "tell" }>) => void told.push(action) };
    const options = { profile: "default", home, env, only: ["gateway-auth", "config-last-good"] };
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, MEMORY_FILE), serialiseMemory(NOTHING));
    await scheduledAudit(options, journal);
    expect(told).toMatchObject([{ severity: "critical", cause: "audit-findings", incident: null }]);
    expect(told[0]?.evidence[0]).toMatch(/^critical: The gateway asks nobody for a token/);
    expect(told[0]?.evidence.length).toBe(3);
    await scheduledAudit(options, journal);
    expect(told).toHaveLength(1);
    writeFileSync(
      target.configPath,
      JSON.stringify({
        gateway: { mode: "local", auth: { mode: "none" }, allowRealIpFallback: true, controlUi: { allowedOrigins: ["*"] } },
      }),
    );
    await scheduledAudit(options, journal);
    expect(told).toHaveLength(2);
    expect(told[1]?.evidence).toHaveLength(1);
  });

  it("goes on with a baseline that an update has outdated, says so, and is not begun again at once", async () => {
    const { home } = await servedHome({ gateway: { mode: "local", auth: { mode: "none" } } });
    const env = { HOME: home, PATH: "", RESCUE_WATCHDOG_STATE_DIR: path.join(home, "state") };
    const dir = path.join(home, "state", "default");
    mkdirSync(dir, { recursive: true });
    writeFileSync(path.join(dir, "audit-baseline.json"), '{"accepted":[{"id":"old-check","reason":"x","expires":"2026-12-31"}]}');
    const told: Extract<Action, { kind: "tell" }>[] = [];
    await scheduledAudit({ profile: "default", home, env, only: ["gateway-auth"] }, { tell: (action) => void told.push(action) });
    expect(told[0]?.evidence).toMatchObject([expect.stringContaining('names "old-check"'), expect.stringContaining("critical: ")]);
    expect(Date.now() - (parseMemory(readFileSync(path.join(dir, MEMORY_FILE), "utf8")).scheduledMs ?? 0)).toBeLessThan(60_000);
  });

  it("finds and tells also when nothing can be remembered, as on a full disk", async () => {
    const { home } = await servedHome({ gateway: { mode: "local", auth: { mode: "none" } } });
    const env = { HOME: home, PATH: "", RESCUE_WATCHDOG_STATE_DIR: path.join(home, "state") };
    mkdirSync(path.join(home, "state", "default", MEMORY_FILE), { recursive: true });
    const told: Extract<Action, { kind: "tell" }>[] = [];
    const { findings, trouble } = await scheduledAudit(
      { profile: "default", home, env, only: ["gateway-auth"] },
      { tell: (action) => void told.push(action) },
    );
    expect(findings).toHaveLength(1);
    expect(trouble).toContain("could not be remembered");
    expect(told).toHaveLength(1);
  });
});
