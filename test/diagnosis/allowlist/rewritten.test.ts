import { describe, expect, it } from "vitest";
import type { SlotFacts } from "../../../rescue-profile/diagnosis/action.ts";
import { judgePlan, offered, rewritten } from "../../../rescue-profile/diagnosis/judge.ts";
import { ALLOWLIST, FACTS, LOCK, WORK } from "./support.ts";

const GONE = "the allowlist does not have it any more, or what it needs is not proven now";
const NONE = { ...FACTS, pid: null, staleLocks: [], unit: null };

const shown = (entries: readonly string[], facts: SlotFacts = FACTS) => rewritten(entries, ALLOWLIST, facts).map((each) => each.shown);
const judged = (entries: readonly string[], facts: SlotFacts, onRejected: "reject-plan" | "skip-line" = "reject-plan") =>
  judgePlan(rewritten(entries, ALLOWLIST, facts), ALLOWLIST, facts, { onRejected });

/** Machines on which the same entry is written differently, or not at all. */
const MACHINES: readonly (readonly [string, SlotFacts])[] = [
  ["of the default profile", FACTS],
  ["of another profile", WORK],
  ["without a process of its own", { ...FACTS, pid: null }],
  ["without a stale lock", { ...FACTS, staleLocks: [] }],
  ["with another stale lock, outside of the home", { ...FACTS, staleLocks: ["/srv/x y/z.lock"] }],
  ["with a stale lock that a shell would expand", { ...FACTS, staleLocks: ["/home/op/a*.lock"] }],
  ["without a unit", { ...FACTS, unit: null }],
  ["of another profile, with nothing proven", { ...NONE, profile: "work" }],
];

describe("entries that are written again", () => {
  it("have what is proven today in their slots, in their own order, and are accepted for it", () => {
    const entries = ["kill-9", "lock-rm-home", "unit-restart", "doctor-fix-profile", "port-lsof"];
    const today = { ...WORK, pid: 77, staleLocks: ["/home/op/b.lock"] };
    expect(shown(entries, today)).toEqual([
      "kill -9 77",
      "rm ~/b.lock",
      "systemctl --user restart openclaw-gateway-work.service",
      "openclaw --profile work doctor --fix",
      "lsof -i :24810",
    ]);
    const plan = judged(entries, today);
    expect(plan.refusal).toBe(null);
    expect(plan.actions).toEqual([
      { action: "end-owner", entry: "kill-9", pid: 77 },
      { action: "quarantine-lock", entry: "lock-rm-home", lock: "/home/op/b.lock" },
      { action: "restart-gateway", entry: "unit-restart" },
      { action: "guarded-doctor", entry: "doctor-fix-profile" },
      { action: "look-at-port", entry: "port-lsof" },
    ]);
  });

  it("are other commands when other things are proven", () => {
    const later = { ...FACTS, pid: 4343, port: 20_000, staleLocks: ["/home/op/new.lock"] };
    expect(shown(["kill", "lock-rm", "port-lsof-joined"])).toEqual(["kill 4242", `rm ${LOCK}`, "lsof -i:18789"]);
    expect(shown(["kill", "lock-rm", "port-lsof-joined"], later)).toEqual(["kill 4343", "rm /home/op/new.lock", "lsof -i:20000"]);
    // The words of yesterday do not pass today.
    expect(judgePlan(rewritten(["kill"], ALLOWLIST, FACTS), ALLOWLIST, later, { onRejected: "reject-plan" }).accepted).toBe(false);
  });

  it("may name a pattern of locks, which stays as it is written", () => {
    expect(shown(["locks-rm"])).toEqual(["rm ~/.openclaw/agents/*/sessions/*.lock"]);
    expect(judged(["locks-rm"], FACTS).actions).toEqual([{ action: "quarantine-lock", entry: "locks-rm" }]);
  });

  it("are none where there were none, and that is no plan", () => {
    expect(rewritten([], ALLOWLIST, FACTS)).toEqual([]);
    expect(judged([], FACTS).refusal).toBe("there is no command in it");
  });
});

describe("an entry that cannot be written again", () => {
  const cases: readonly (readonly [string, string, SlotFacts])[] = [
    ["that is gone from the allowlist", "my-own-entry", FACTS],
    ["that has no name", "", FACTS],
    ["that is another one's name with more", "kill-9 ", FACTS],
    ["whose process is not proven", "kill-9", { ...FACTS, pid: null }],
    ["whose process is init", "kill-9", { ...FACTS, pid: 1 }],
    ["whose lock is not stale any more", "lock-rm", { ...FACTS, staleLocks: [] }],
    ["whose lock is not below the home", "lock-rm-home", { ...FACTS, staleLocks: ["/srv/z.lock"] }],
    ["for all locks, where none is stale", "locks-rm", { ...FACTS, staleLocks: [] }],
    ["whose lock would be expanded by a shell", "lock-rm", { ...FACTS, staleLocks: ["/home/op/a*.lock"] }],
    ["whose unit is not there", "unit-restart", { ...FACTS, unit: null }],
    ["that means the default profile, where another is watched", "doctor-fix", WORK],
    ["whose port is none", "port-lsof", { ...FACTS, port: 0 }],
  ];
  for (const [what, entry, facts] of cases) {
    it(`${what} is a command that is rejected, and its plan with it`, () => {
      expect(rewritten([entry], ALLOWLIST, facts)).toEqual([{ shown: entry, refusal: GONE }]);
      const plan = judged([entry, "port-ss"], facts);
      expect(plan.judged).toEqual([
        { command: entry, verdict: { accepted: false, reason: GONE } },
        { command: "ss -ltnp", verdict: { accepted: true, entry: "port-ss", action: "look-at-port" } },
      ]);
      expect({ refusal: plan.refusal, actions: plan.actions }).toEqual({ refusal: "1 of its 2 commands are not allowed", actions: [] });
      expect(judged([entry, "port-ss"], facts, "skip-line").actions).toEqual([{ action: "look-at-port", entry: "port-ss" }]);
    });
  }

  it("does not leave the gateway stopped, also when it would be skipped", () => {
    const facts = { ...FACTS, unit: null };
    const refusal = "it stops the gateway and does not start it again";
    expect(judged(["gateway-stop", "unit-start"], facts, "skip-line").refusal).toBe(refusal);
  });
});

describe("what is written again and what is offered", () => {
  for (const [what, facts] of MACHINES) {
    it(`agree about every entry of the package, on a machine ${what}`, () => {
      for (const { id, does } of ALLOWLIST) {
        const lines = offered(
          ALLOWLIST.filter((entry) => entry.id === id),
          facts,
        );
        const [command] = rewritten([id], ALLOWLIST, facts);
        expect({ id, shown: command?.shown }).toEqual({ id, shown: lines[0] ?? id });
        const [verdict] = judged([id], facts).judged.map((each) => each.verdict);
        expect(verdict?.accepted === true ? [verdict.entry, verdict.action] : []).toEqual(lines.length === 0 ? [] : [id, does]);
      }
    });
  }

  it("is something on each of them, and not the same", () => {
    const counts = MACHINES.map(
      ([, facts]) => ALLOWLIST.filter(({ id }) => "words" in (rewritten([id], ALLOWLIST, facts)[0] ?? {})).length,
    );
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts[0]).toBe(ALLOWLIST.length);
    expect(new Set(counts).size).toBeGreaterThan(4);
  });
});
