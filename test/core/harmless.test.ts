import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { decide } from "../../rescue-profile/core/decide.ts";
import type { Action } from "../../rescue-profile/core/event.ts";
import type { Findings } from "../../rescue-profile/core/findings.ts";
import type { Assessment, Condition } from "../../rescue-profile/core/model.ts";
import { initialState } from "../../rescue-profile/core/state.ts";
import { config, FINDS, findings, plugin, sign } from "./finds.ts";
import { ok } from "./looks.ts";

const policy = toPolicy(parsePolicy({}));

/** A gateway as the watchdog sees it, at the watchdog's own pace; repairs settle "done" at once. */
function story() {
  let state = initialState(0);
  let now = 0;
  let depth = "full";
  const did: { readonly atMs: number; readonly action: Action }[] = [];
  const take = (decided: ReturnType<typeof decide>) => {
    state = decided.state;
    depth = decided.next.depth;
    for (const action of decided.actions) {
      did.push({ atMs: now, action });
      if (action.kind === "start-repair") {
        state = decide(state, { kind: "repair-settled", atMs: now, incident: action.incident, outcome: "done", note: "" }, policy).state;
        depth = "full";
      }
    }
    return decided.next.afterMs;
  };
  return {
    did,
    see(condition: Condition, forMs: number, about: { exit?: Assessment["lastExit"]; finds?: Findings; pid?: number } = {}) {
      const until = now + forMs;
      while (now < until) {
        const up = condition === "serving";
        const seen: Assessment = {
          atMs: now,
          verdict: up ? "up" : "down",
          condition,
          evidence: [condition],
          ...(up ? { identity: { pid: about.pid ?? 7, startTime: 70 }, cpuMs: 0, says: { failing: [], suppressed: [] } } : {}),
          ...(about.exit === undefined ? {} : { lastExit: about.exit }),
          ...(depth === "deep" ? { findings: about.finds ?? FINDS.nothing } : {}),
        };
        const after = take(decide(state, { kind: "sampled", assessment: seen }, policy));
        now += Math.max(1, Math.min(after, until - now));
      }
    },
    repairs: () =>
      did.flatMap(({ action }) =>
        action.kind === "start-repair" ? [`${action.cause}${action.subject === null ? "" : ` ${action.subject}`}`] : [],
      ),
    tells: () => did.flatMap(({ action }) => (action.kind === "tell" ? [`${action.severity} ${action.cause}`] : [])),
  };
}

const lost = (path: string) => findings({ databases: ok([{ path, state: "missing", why: "it was there" }]) });

describe("decisions that would do harm, or leave somebody uninformed", () => {
  it("a gateway whose lost database was told is not started when it is killed afterwards", () => {
    const at = story();
    at.see("serving", 130_000);
    at.see("serving", 700_000, { finds: lost("/h/.openclaw/state/openclaw.sqlite") });
    expect(at.tells()).toEqual(["critical database-lost"]);
    at.see("gone", 20_000, { exit: { signal: "SIGKILL" }, finds: lost("/h/.openclaw/state/openclaw.sqlite") });
    expect(at.repairs()).toEqual([]);
  });

  it("a broken configuration is not restored where the start after it would begin without a database that is gone", () => {
    const at = story();
    at.see("serving", 130_000);
    const both = findings({ config: FINDS["config-empty"].config, databases: FINDS["database-missing"].databases });
    at.see("parked", 600_000, { exit: { code: 78 }, finds: both });
    expect(at.repairs()).toEqual([]);
    expect(at.did).toMatchObject([
      { action: { kind: "open-incident" } },
      { action: { kind: "tell", cause: "config-broken", text: expect.stringContaining("begin without it") } },
    ]);
  });

  it("the loss of a second database within the hour is told too", () => {
    const at = story();
    at.see("serving", 700_000, { finds: lost("/h/.openclaw/agents/toy/agent/openclaw-agent.sqlite") });
    at.see("serving", 600_000);
    at.see("serving", 600_000, { finds: lost("/h/.openclaw/state/openclaw.sqlite") });
    expect(at.tells()).toEqual(["critical database-lost", "critical database-lost"]);
  });

  it("a configuration that was mended and broken again half an hour later is told again", () => {
    const at = story();
    const broken = findings({ config: ok(config({ state: "unparsable", fingerprint: null, sinceServed: "changed" })) });
    at.see("serving", 700_000, { finds: broken });
    at.see("serving", 1_800_000);
    at.see("serving", 700_000, { finds: broken });
    expect(at.tells().length).toBe(2);
  });

  it("an innocent only plugin is not disabled at the first time that it ends by itself, after two kills by somebody else", () => {
    const at = story();
    at.see("serving", 130_000);
    for (const _ of [1, 2]) {
      at.see("gone", 3_000, { exit: { signal: "SIGKILL" } });
      at.see("serving", 600_000);
    }
    at.see("gone", 3_000, { exit: { code: 1 }, finds: findings({ plugins: plugin("only") }) });
    expect(at.repairs()).not.toContain("plugin-crash weather");
  });

  it("a half-applied update, whose updater has ended, is worth one start before it is told (FAILURES.md)", () => {
    const at = story();
    at.see("serving", 130_000);
    at.see("latched", 1_200_000, { exit: { code: 1 }, finds: findings({ signs: sign("module-missing") }) });
    expect(at.repairs().length).toBe(1);
  });

  it("no doctor works on a machine that is too slow for the host's own boot (measured: 6.5 % of a core)", () => {
    const at = story();
    at.see("serving", 130_000);
    at.see("gone", 3_600_000, { exit: { code: 1 }, finds: findings({ signs: sign("boot-timeout") }) });
    expect([...new Set(at.repairs())]).toEqual(["boot-starved"]);
    expect(at.tells().length).toBe(1);
  });

  it("one file of a session that belongs to root does not keep a gateway down", () => {
    const at = story();
    at.see("serving", 130_000);
    const foreign = findings({
      lockedOut: ok([{ path: "/h/.openclaw/agents/main/sessions/x.jsonl", why: "belongs to root (uid 0), mode 600" }]),
    });
    at.see("gone", 1_200_000, { exit: { code: 1 }, finds: foreign });
    expect(at.repairs().length).toBeGreaterThan(0);
  });

  it("a gateway that serves 40 s between two ends is not told to a person each minute", () => {
    const at = story();
    at.see("serving", 130_000);
    for (let n = 0; n < 30; n++) {
      at.see("gone", 4_000, { exit: { code: 1 } });
      at.see("serving", 40_000, { pid: 100 + n });
    }
    expect(at.tells().length).toBeLessThanOrEqual(2);
  });

  it("what did not help is not done again and again for a day: doctor, and tells", () => {
    const at = story();
    at.see("serving", 130_000);
    at.see("parked", 86_400_000, { exit: { code: 78 } });
    const doctors = at.repairs().filter((each) => each === "start-failed").length;
    expect([doctors, at.tells().length]).toEqual([1, 1]);
  });

  it("the cooldown that was told holds, also when it served for half a minute in between", () => {
    const at = story();
    at.see("serving", 130_000);
    for (const forMs of [29, 29, 1, 1]) {
      at.see("gone", 3_000, { exit: { signal: "SIGKILL" } });
      at.see("serving", forMs * 60_000);
    }
    expect(at.tells()).toEqual(["critical process-gone"]);
    const told = at.did.find(({ action }) => action.kind === "tell")?.atMs ?? 0;
    at.see("gone", 3_000, { exit: { signal: "SIGKILL" } });
    at.see("serving", 60_000);
    const next = at.did.find(({ atMs, action }) => action.kind === "start-repair" && atMs > told)?.atMs ?? Infinity;
    expect(next - told).toBeGreaterThanOrEqual(1_800_000);
  });

  it("a configuration that is byte for byte what it served with is not exchanged for an older one, whatever the host says of it now", () => {
    const at = story();
    at.see("serving", 130_000);
    const same = config({
      sinceServed: "same",
      copies: 3,
      validation: { valid: false, problems: [{ path: "plugins.entries.x.config", message: "invalid config" }] },
    });
    at.see("parked", 20_000, { exit: { code: 78 }, finds: findings({ config: ok(same) }) });
    expect(at.repairs().join()).not.toContain("config-invalid");
  });

  it("a person's --tier 1 does not start a gateway whose database is lost without saying so", () => {
    const findingsNow = lost("/h/.openclaw/state/openclaw.sqlite");
    const seen: Assessment = { atMs: 1_000, verdict: "down", condition: "gone", evidence: [] };
    const state = decide(initialState(0), { kind: "sampled", assessment: seen }, policy).state;
    const asked = decide(
      state,
      { kind: "repair-requested", atMs: 1_100, by: "ana", tier: 1, seen: { ...seen, atMs: 1_100, findings: findingsNow } },
      policy,
    );
    expect(asked.actions.map(({ kind }) => kind)).not.toContain("start-repair");
  });

  it("a configuration that was taken back is told to a person, also when it helped", () => {
    const at = story();
    at.see("serving", 130_000);
    at.see("gone", 1_500, { exit: { code: 1 }, finds: FINDS["config-invalid"] });
    at.see("serving", 600_000, { pid: 8 });
    expect(at.repairs()).toEqual(["config-invalid /h/.openclaw/openclaw.json"]);
    expect(at.tells()).toEqual(["warning config-invalid"]);
  });

  it("a damaged database is called by its name, though the host calls the configuration invalid because of it", () => {
    const at = story();
    at.see("serving", 130_000);
    const problems = [{ path: "", message: "read failed: Error: database disk image is malformed" }];
    const finds = findings({
      config: ok(config({ validation: { valid: false, problems } })),
      databases: ok([{ path: "/h/.openclaw/state/openclaw.sqlite", state: "corrupt", why: "malformed" }]),
    });
    at.see("parked", 20_000, { exit: { code: 78 }, finds });
    expect(at.tells()).toEqual(["critical database-corrupt"]);
  });
});
