import { describe, expect, it } from "vitest";
import { OURS } from "../../bench/matrix/contenders.ts";
import type { Sight } from "../../bench/matrix/eye.ts";
import type { MatrixFault } from "../../bench/matrix/faults.ts";
import { type Evidence, judge, servedAt } from "../../bench/matrix/judge.ts";
import { isRight, spread, summarize } from "../../bench/matrix/summary.ts";
import { targets } from "../../bench/matrix/targets.ts";

const sight = (atMs: number, pids: readonly number[], ready: boolean, more: Partial<Sight> = {}): Sight => ({
  atMs,
  pids,
  ready,
  doctor: false,
  config: "c1",
  ...more,
});
const BEFORE = sight(0, [7], true);
const evidence = (sights: readonly Sight[], more: Partial<Evidence> = {}): Evidence => ({
  before: BEFORE,
  atMs: 1_000,
  establishedMs: 1_100,
  endedMs: 60_000,
  sights: [BEFORE, ...sights],
  said: [],
  config: { before: "{}", left: "{ broken", end: "{}" },
  changed: [],
  ...more,
});
const KILLED: MatrixFault = { name: "killed", title: "", answer: "recovers", tier: 1, script: "" };
const FROZEN: MatrixFault = { ...KILLED, name: "frozen", lives: true };
const STALL: MatrixFault = { name: "stall-20", title: "", answer: "nothing", script: "" };

describe("a run of the bench", () => {
  it("acted when another gateway was started, and served when that one answered", () => {
    const run = judge(KILLED, "x", 9_000, evidence([sight(1_010, [], false), sight(3_000, [8], false), sight(20_000, [8], true)]));
    expect(run).toMatchObject({ actedMs: 2_000, servedMs: 19_000, starts: 1, harm: [], coldStartMs: 9_000 });
  });

  it("does not count who ends again at once as serving, nor a fork as a start", () => {
    const list = [sight(1_010, [], false), sight(3_000, [8], false), sight(9_000, [8], true), sight(9_500, [8, 9], true)];
    const again = [sight(9_600, [8], true), sight(11_000, [], false), sight(16_000, [10], false), sight(30_000, [10], true)];
    expect(judge(KILLED, "x", 1, evidence([...list, ...again]))).toMatchObject({ servedMs: 29_000, starts: 2 });
    expect(servedAt(evidence(list, { endedMs: 9_700 }))).toBeUndefined();
    const blocked = [sight(1_010, [], false), sight(3_000, [8], false), sight(9_000, [8], true), sight(10_500, [8], false)];
    expect(servedAt(evidence(blocked))).toBeUndefined();
  });

  it("acted when a process that goes on living was ended, or the configuration was written, or a doctor began", () => {
    expect(judge(FROZEN, "x", 1, evidence([sight(1_020, [7], false), sight(9_000, [], false)])).actedMs).toBe(8_000);
    const restarted: MatrixFault = { ...FROZEN, script: "systemctl --user restart openclaw-gateway.service" };
    const blocks = [sight(1_050, [], false), sight(1_300, [8], false), sight(90_000, [], false), sight(91_000, [9], false)];
    expect(judge(restarted, "x", 1, evidence(blocks, { endedMs: 100_000 }))).toMatchObject({ actedMs: 89_000, starts: 1 });
    expect(judge(KILLED, "x", 1, evidence([sight(1_020, [], false), sight(5_000, [], false, { config: "c2" })])).actedMs).toBe(4_000);
    const doctor = judge(KILLED, "x", 1, evidence([sight(1_020, [], false), sight(6_000, [], false, { doctor: true })]));
    expect(doctor).toMatchObject({ actedMs: 5_000, doctors: 1 });
  });

  it("does not count the start that belongs to the fault", () => {
    const fault: MatrixFault = { ...KILLED, script: "systemctl --user restart openclaw-gateway.service" };
    const list = [sight(1_050, [], false), sight(1_300, [8], false), sight(4_000, [], false), sight(9_000, [9], false)];
    expect(judge(fault, "x", 1, evidence(list))).toMatchObject({ actedMs: 8_000, starts: 1 });
    expect(judge(KILLED, "x", 1, evidence(list))).toMatchObject({ actedMs: 300, starts: 2 });
  });

  it("in which nobody did anything has no times", () => {
    expect(judge(KILLED, "x", 1, evidence([sight(1_020, [], false)]))).toMatchObject({ actedMs: null, servedMs: null, starts: 0 });
  });

  it("without a fault is harmed by every start, repair, doctor or change", () => {
    const quiet = evidence([sight(1_020, [7], false), sight(21_000, [7], true)]);
    expect(judge(STALL, "x", 1, quiet).harm).toEqual([]);
    const restarted = evidence([sight(1_020, [7], false), sight(9_000, [8], false)], {
      config: { before: "{}", left: "{}", end: "{ mine }" },
    });
    const run = judge(STALL, "x", 1, restarted);
    expect(run.harm).toEqual(["1 needless start", "down at the end", "the configuration was changed"]);
    expect([run.downtimeMs, judge(STALL, "x", 1, quiet).downtimeMs]).toEqual([51_000, 0]);
    const said = [{ event: "repair-started", cause: "silent-busy", tier: 1, atMs: 2_000 }];
    expect(judge(STALL, "x", 1, { ...quiet, said }).harm).toEqual(["1 false repair"]);
    expect(judge({ ...STALL, staysDown: true }, "x", 1, quiet).harm).toEqual(["started what somebody had stopped"]);
  });

  it("of a fault that only a person can mend is right when he was told its cause, and not before it was injected", () => {
    const fault: MatrixFault = { name: "port-taken", title: "", answer: "told", cause: "port-foreign", script: "" };
    const told = (cause: string, atMs: number) => ({ event: "needs-a-human", cause, tier: null, atMs });
    const config = { before: "{}", left: "{ broken", end: "{ broken" };
    const of = (more: Partial<Evidence>) => judge(fault, "rescue-watchdog", 1, evidence([], { config, ...more }));
    const said = [told("port-foreign", 500), told("port-foreign", 9_000)];
    expect([of({ said }).told, isRight(of({ said }), fault)]).toEqual([[{ cause: "port-foreign", atMs: 8_000 }], true]);
    expect(isRight(of({ said: [told("blind", 9_000)] }), fault)).toBe(false);
    expect(of({ said, config: { ...config, end: "{}" } }).harm).toEqual(["the configuration was changed"]);
    expect(of({ said, changed: ["plugins/a.js"] }).harm).toEqual(["plugins/a.js was changed"]);
  });

  it("tells what the host's own boot and doctor took of a recovery, and when the repair that helped began", () => {
    const list = [
      sight(1_020, [], false),
      sight(5_000, [8], false),
      sight(9_000, [], false),
      sight(12_000, [], false, { doctor: true }),
      sight(24_000, [], false),
      sight(26_000, [9], false),
      sight(36_000, [9], true),
    ];
    const said = [4_500, 10_000].map((atMs) => ({ event: "repair-started", cause: "x", tier: 1, atMs }));
    const run = judge(KILLED, "x", 1, evidence(list, { said }));
    expect(run).toMatchObject({ actedMs: 3_500, repairMs: 9_000, doctorMs: 12_000, bootMs: 10_000, servedMs: 35_000 });
    expect(summarize([run])).toMatchObject([{ mended: { median: 26_000 }, own: { median: 4_000 }, doctor: { median: 12_000 } }]);
  });

  it("is compared with what was promised", () => {
    const list = (servedMs: number) => [sight(1_010, [], false), sight(2_500, [8], false), sight(servedMs, [8], true)];
    const runs = [13_000, 14_000, 90_000].map((ms) => judge(KILLED, OURS, 9_000, evidence(list(ms), { endedMs: 99_000 })));
    expect(targets(summarize(runs))).toEqual([
      { what: "killed: acts", limit: "2.0 s", measured: "1.5 s", met: true },
      { what: "killed: repaired, besides the host's own boot", limit: "3.0 s", measured: "0.0 s", met: true },
      { what: "killed: recovers unharmed", limit: "3 of 3", measured: "3 of 3", met: true },
    ]);
    const never = judge(KILLED, OURS, 9_000, evidence([sight(1_010, [], false)]));
    expect(targets(summarize([never])).map(({ met }) => met)).toEqual([false, false, false]);
  });

  it("counts in a cell with the others of its fault and contender", () => {
    const run = judge(KILLED, "x", 1, evidence([sight(1_010, [], false), sight(3_000, [8], false), sight(20_000, [8], true)]));
    const never = judge(KILLED, "x", 1, evidence([sight(1_010, [], false)]));
    expect(summarize([run, never])).toMatchObject([
      { fault: "killed", contender: "x", runs: 2, right: 1, served: { median: 19_000, n: 1 } },
    ]);
    expect(spread([3, 1, 2, 10])).toEqual({ median: 2, worst: 10, n: 4 });
    expect(spread([])).toBeNull();
  });
});
