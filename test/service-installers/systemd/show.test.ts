import { describe, expect, it } from "vitest";
import { parseShow } from "../../../src/service-installers/systemd/show.ts";
import { parseTimeSpanMs } from "../../../src/service-installers/systemd/time-span.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { RECORDED, showOutput } from "./recorded.ts";

const reading = (recorded: Readonly<Record<string, string>>, changed: Readonly<Record<string, string>> = {}) =>
  parseShow(showOutput(recorded, changed)).reading;

describe("what systemctl show says", () => {
  it("names the process of a running unit and no last exit", () => {
    expect(reading(RECORDED.running)).toEqual({ manager: "systemd", state: "running", mainPid: 911, restarts: 0 });
  });

  it("is backing off after a kill, with the signal and the moment of the next try", () => {
    const look = parseShow(showOutput(RECORDED.backingOff));
    expect(look.reading).toEqual({ manager: "systemd", state: "backing-off", lastExit: { signal: "SIGKILL" }, restarts: 0 });
    expect(look.retryAtMs).toBeCloseTo(3_771_609.136, 3);
  });

  it("is backing off, not failed, in the sub-states that systemd 254 added", () => {
    const failedFirst = { ActiveState: "failed", SubState: "failed-before-auto-restart" };
    expect(reading(RECORDED.backingOff, failedFirst).state).toBe("backing-off");
    expect(reading(RECORDED.backingOff, { SubState: "auto-restart-queued" }).state).toBe("backing-off");
  });

  it("is starting while a start waits in the manager's queue", () => {
    expect(reading(RECORDED.running, { ActiveState: "activating", SubState: "start" })).toMatchObject({ state: "starting", mainPid: 911 });
    expect(reading(RECORDED.stopped, { Job: "7" }).state).toBe("starting");
    expect(reading(RECORDED.latched, { Job: "7" }).state).toBe("starting");
  });

  it("is running until the process that is being stopped has ended", () => {
    const look = parseShow(showOutput(RECORDED.deactivating));
    expect(look.reading).toMatchObject({ state: "running", mainPid: 968 });
    expect(look.ending).toBe(true);
    expect(look.stopWithinMs).toBe(2_000);
  });

  it("is running when the unit's file was removed or broken meanwhile", () => {
    expect(reading(RECORDED.running, { LoadState: "not-found" }).state).toBe("running");
    expect(reading(RECORDED.running, { LoadState: "bad-setting" }).state).toBe("running");
  });

  it("is not installed when the manager finds no such unit", () => {
    expect(reading(RECORDED.notFound)).toMatchObject({ state: "not-installed" });
  });

  it("refuses text that systemctl does not write", () => {
    expect(() => parseShow("")).toThrow(RescueError);
    expect(() => parseShow(showOutput(RECORDED.running, { ActiveState: "levitating" }))).toThrow('"levitating"');
  });
});

describe("a unit that is down", () => {
  it("was stopped on purpose when it ended cleanly, since Restart=always brings everything else back", () => {
    const stopped = { state: "stopped", stoppedOnPurpose: true };
    expect(reading(RECORDED.stopped)).toMatchObject({ ...stopped, lastExit: { signal: "SIGTERM" } });
    expect(reading(RECORDED.stopped, { ExecMainCode: "1", ExecMainStatus: "0" })).toMatchObject({ ...stopped, lastExit: { code: 0 } });
    expect(reading(RECORDED.stopped, { ExecMainCode: "1", ExecMainStatus: "143" })).toMatchObject(stopped);
  });

  it("was stopped on purpose when somebody stopped it during the pause before a restart", () => {
    expect(reading(RECORDED.stoppedWhileBackingOff)).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
  });

  it("was not stopped on purpose when only its failure was cleared", () => {
    const cleared = reading(RECORDED.stoppedWhileBackingOff, { Result: "success" });
    expect(cleared).toMatchObject({ state: "stopped", lastExit: { signal: "SIGKILL" } });
    expect(cleared.stoppedOnPurpose).toBeUndefined();
  });

  it("was stopped on purpose when the stop ended with the manager's SIGKILL or a bad exit code", () => {
    const failed = { state: "failed", stoppedOnPurpose: true };
    expect(reading(RECORDED.stoppedAtTheDeadline)).toMatchObject({ ...failed, lastExit: { signal: "SIGKILL" } });
    const badExit = { ...RECORDED.stoppedAtTheDeadline, Result: "exit-code", ExecMainCode: "1", ExecMainStatus: "3" };
    expect(reading(badExit)).toMatchObject({ ...failed, lastExit: { code: 3 } });
  });

  it("was stopped on purpose also when it had been restarted as often as the limit allows in the weeks before", () => {
    expect(reading(RECORDED.stoppedAtTheDeadline, { NRestarts: "12" })).toMatchObject({ state: "failed", stoppedOnPurpose: true });
  });

  it("says nothing of purpose when the unit does not restart by itself", () => {
    expect(reading(RECORDED.stopped, { Restart: "on-failure" }).stoppedOnPurpose).toBeUndefined();
    expect(reading(RECORDED.stoppedAtTheDeadline, { Restart: "no" })).toMatchObject({ state: "failed" });
    expect(reading(RECORDED.stoppedAtTheDeadline, { Restart: "no" }).stoppedOnPurpose).toBeUndefined();
  });

  it("that never ran since the manager began is meant to be down only when it is disabled or masked", () => {
    expect(reading(RECORDED.disabled)).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
    expect(reading(RECORDED.disabled, { UnitFileState: "enabled" }).stoppedOnPurpose).toBeUndefined();
    const masked = { LoadState: "masked", UnitFileState: "masked", Restart: "no" };
    expect(reading(RECORDED.disabled, masked)).toMatchObject({ state: "stopped", stoppedOnPurpose: true });
  });

  it("is latched when the manager waited for a restart and then did not restart, whatever the result says", () => {
    expect(reading(RECORDED.latched)).toEqual({ manager: "systemd", state: "latched", lastExit: { code: 1 }, restarts: 10 });
    expect(reading(RECORDED.latched, { Result: "start-limit-hit" }).state).toBe("latched");
  });

  it("is latched also when people had a part in the starts that used up the limit", () => {
    expect(reading(RECORDED.latched, { NRestarts: "4" }).state).toBe("latched");
  });

  it("is latched by its count of restarts when there is no pause to tell by", () => {
    expect(reading(RECORDED.latched, { RestartUSec: "0" }).state).toBe("latched");
    expect(reading(RECORDED.latched, { RestartUSec: "0", NRestarts: "3" }).state).toBe("failed");
  });

  it("is not installed when its file was deleted while it ran, whatever the manager remembers of its end", () => {
    expect(reading(RECORDED.latched, { LoadState: "not-found" }).state).toBe("not-installed");
  });

  it("is masked by an operator, which is told with it", () => {
    expect(reading(RECORDED.latched, { LoadState: "masked" }).masked).toBe(true);
    expect(reading(RECORDED.latched).masked).toBeUndefined();
  });

  it("is parked after exit 78, which the manager is told not to restart", () => {
    const parked = reading(RECORDED.parked);
    expect(parked).toMatchObject({ state: "parked", lastExit: { code: 78 } });
    expect(parked.stoppedOnPurpose).toBeUndefined();
  });
});

describe("a time span of systemctl", () => {
  it.each([
    ["0", 0],
    ["100ms", 100],
    ["1.500000s", 1_500],
    ["5min 30s", 330_000],
    ["1d 2h", 93_600_000],
    ["infinity", Number.POSITIVE_INFINITY],
  ])("%s is %d ms", (text, ms) => {
    expect(parseTimeSpanMs(text)).toBe(ms);
  });

  it("is undefined when it is none", () => {
    for (const text of ["", "soon", "5", "5 s", "5parsecs"]) expect(parseTimeSpanMs(text), text).toBeUndefined();
  });
});
