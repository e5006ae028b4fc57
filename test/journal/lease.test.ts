import { describe, expect, it } from "vitest";
import { LeaseLost } from "../../rescue-profile/journal/journal.ts";
import { everybodyLives, fakeClock, nobodyLives, processAt, scratch, stateWith, TARGET, take } from "./harness.ts";

const ONE = { pid: 11, startTime: 110 };
const TWO = { pid: 22, startTime: 220 };
const TTL = 30_000;

describe("the lease", () => {
  it("is refused to a second process while the first lives, and names the first", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    one.acquire("watch", "plugin", TTL, everybodyLives);
    clock.pass(TTL - 1);
    expect(two.acquire("watch", "tick", TTL, everybodyLives)).toEqual({ held: false, by: { pid: 11, what: "plugin" } });
  });

  it("of a live holder is taken over at its expiry and not a millisecond sooner", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    take(one, TTL);
    clock.pass(TTL - 1);
    expect(two.acquire("watch", "tick", TTL, everybodyLives).held).toBe(false);
    clock.pass(1);
    expect(two.acquire("watch", "tick", TTL, everybodyLives).held).toBe(true);
  });

  it("of a dead holder is taken over at once, and the dead are told by pid and start time", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    take(one, TTL);
    const asked: [number, number][] = [];
    const taken = two.acquire("watch", "tick", TTL, (...process) => {
      asked.push(process);
      return false;
    });
    expect(asked).toEqual([[11, 110]]);
    expect(taken.held).toBe(true);
  });

  it("of an earlier boot is nobody's, whatever its expiry says", () => {
    using at = scratch();
    const clock = fakeClock("boot-1", 9_000_000);
    using one = processAt(at.dir, clock, ONE);
    take(one, TTL);
    using two = processAt(at.dir, fakeClock("boot-2", 1_000), TWO);
    expect(two.acquire("watch", "tick", TTL, everybodyLives).held).toBe(true);
  });

  it("that is renewed in time lasts", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    const lease = take(one, TTL);
    for (let round = 0; round < 5; round++) {
      clock.pass(TTL - 1);
      one.renew(lease, TTL);
    }
    expect(two.acquire("watch", "tick", TTL, everybodyLives).held).toBe(false);
  });

  it("that was given back is free at once", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    one.release(take(one, TTL));
    expect(two.acquire("watch", "tick", TTL, everybodyLives).held).toBe(true);
  });

  it("cannot be renewed, used or given back by a process that lost it", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    const lost = take(one, TTL);
    take(two, TTL, nobodyLives);
    expect(() => one.renew(lost, TTL)).toThrow(LeaseLost);
    expect(() => one.commit(TARGET, lost, stateWith({}), [])).toThrow(LeaseLost);
    one.release(lost);
    using three = processAt(at.dir, clock, { pid: 33, startTime: 330 });
    expect(three.acquire("watch", "tick", TTL, everybodyLives)).toMatchObject({ held: false, by: { pid: 22 } });
  });

  it("taken twice by the same process makes the first taking void", () => {
    using at = scratch();
    using one = processAt(at.dir, fakeClock(), ONE);
    const first = take(one, TTL);
    const second = take(one, TTL);
    expect(() => one.commit(TARGET, first, stateWith({}), [])).toThrow(LeaseLost);
    one.commit(TARGET, second, stateWith({}), []);
  });

  it("raises its fence with every taking, also over releases, deaths and reboots", () => {
    using at = scratch();
    const fences: number[] = [];
    for (let round = 0; round < 12; round++) {
      const clock = fakeClock(`boot-${round % 3}`, 1_000 * (20 - round));
      using journal = processAt(at.dir, clock, { pid: 100 + (round % 4), startTime: round });
      const lease = take(journal, TTL, nobodyLives);
      fences.push(lease.fence);
      if (round % 2 === 0) journal.release(lease);
    }
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
    expect(new Set(fences).size).toBe(fences.length);
  });

  it("for watching and the one for repairing do not know each other", () => {
    using at = scratch();
    const clock = fakeClock();
    using one = processAt(at.dir, clock, ONE);
    using two = processAt(at.dir, clock, TWO);
    take(one, TTL);
    expect(two.acquire("repair", "repair 1", TTL, everybodyLives).held).toBe(true);
  });
});
