import { describe, expect, it } from "vitest";
import { complaintKind, complaintOf } from "../../../src/service-installers/launchd/launchctl.ts";
import { parseDisabled, parsePrint } from "../../../src/service-installers/launchd/print.ts";
import { golden } from "./fake-launchctl.ts";

// Unproven without a Mac: the golden outputs are put together from outputs that users of macOS 11 to 26 have posted, and the version in
// a file's name is where its shape was seen, not where it was recorded. See docs/launchd.md.

const read = (name: string) => parsePrint(golden(name));

describe("what launchctl print says", () => {
  it.each([
    ["running-12.txt", { state: "running", mainPid: 3087, restarts: 0 }],
    ["running-15.txt", { state: "running", mainPid: 63810, lastExit: { signal: "SIGKILL" }, restarts: 3 }],
    ["backing-off-12.txt", { state: "backing-off", lastExit: { code: 1 }, restarts: 86 }],
    ["backing-off-15.txt", { state: "backing-off", lastExit: { signal: "SIGKILL" }, restarts: 3 }],
    ["parked-13.txt", { state: "parked", lastExit: { code: 78 }, restarts: 24 }],
    ["parked-15.txt", { state: "parked", lastExit: { code: 78 }, restarts: 9961 }],
    ["spawn-failed-15.txt", { state: "parked", lastExit: { code: 78 }, restarts: 13740 }],
    ["held-back-14.txt", { state: "failed", lastExit: { signal: "SIGKILL" }, restarts: 3 }],
    ["stopped-13.txt", { state: "stopped", lastExit: { code: 0 }, restarts: 1 }],
    ["waiting-12.txt", { state: "stopped", restarts: 0 }],
    ["dying-14.txt", { state: "running", mainPid: 63810, lastExit: { signal: "SIGKILL" }, restarts: 3 }],
  ])("is read from %s", (name, reading) => {
    expect(read(name).reading).toEqual({ manager: "launchd", ...reading });
  });

  it("tells a process that is being ended from one that runs", () => {
    expect(read("dying-14.txt").ending).toBe(true);
    expect(read("running-15.txt").ending).toBe(false);
  });

  it("tells launchd's own 78 for a program it cannot execute from the host's", () => {
    expect(read("spawn-failed-15.txt").spawnFailed).toBe(true);
    expect(read("parked-15.txt").spawnFailed).toBe(false);
  });

  it("names what holds a start back, and how long an orderly stop may take", () => {
    expect(read("held-back-14.txt")).toMatchObject({ heldBack: "inefficient", stopWithinMs: 20_000 });
    expect(read("running-15.txt").heldBack).toBeUndefined();
    const oneMore = golden("running-15.txt").replace("\truns = 4\n", "\truns = 4\n\tpended nondemand spawn = false\n");
    expect(parsePrint(oneMore).heldBack).toBeUndefined();
  });

  it("calls a first start that is yet to come a start, and launchd's helper too", () => {
    const fresh = golden("backing-off-12.txt").replace("last exit code = 1", "last exit code = (never exited)");
    expect(parsePrint(fresh.replace("runs = 87", "runs = 0")).reading.state).toBe("starting");
    // Ended by the system for lack of memory: neither a code nor a signal, but not the first time.
    expect(parsePrint(fresh).reading.state).toBe("backing-off");
    expect(parsePrint(golden("running-15.txt").replace("state = running\n\n", "state = xpcproxy\n\n")).reading.state).toBe("starting");
  });

  it("knows Darwin's signals by their numbers wherever it is read", () => {
    const killed = (how: string) => parsePrint(golden("running-15.txt").replace("Killed: 9", how)).reading.lastExit;
    expect(killed("Bus error: 10")).toEqual({ signal: "SIGBUS" });
    expect(killed("User defined signal 2: 31")).toEqual({ signal: "SIGUSR2" });
    expect(killed("Information request: 29")).toEqual({ signal: "signal Information request: 29" });
  });

  it("does not take the state of a coalition for the job's", () => {
    const text = golden("parked-15.txt").replace(/^\tstate = spawn scheduled\n/m, "");
    expect(text).toContain("\t\tstate = active");
    expect(() => parsePrint(text)).toThrow("no answer that can be read");
  });

  it("believes nothing when an argument poses as a field", () => {
    const text = golden("running-15.txt").replace("\t\tgateway\n", "\t\tgateway\n\tpid = 1\n");
    expect(() => parsePrint(text)).toThrow("names pid twice");
  });

  it("refuses a state and a number that it does not know, instead of guessing", () => {
    expect(() => parsePrint(golden("running-12.txt").replace("state = running", "state = enchanted"))).toThrow('"enchanted"');
    expect(() => parsePrint(golden("running-12.txt").replace("pid = 3087", "pid = many"))).toThrow('pid = "many"');
    for (const text of ["", "launchctl: nonsense\n"]) expect(() => parsePrint(text)).toThrow("no answer that can be read");
  });
});

describe("what launchctl print-disabled says", () => {
  it.each(["disabled-12.txt", "disabled-15.txt"])("is read from %s", (name) => {
    const text = golden(name);
    expect(parseDisabled(text, "ai.openclaw.gateway")).toBe(true);
    expect(parseDisabled(text, "ai.openclaw.work")).toBe(false);
    expect(parseDisabled(text, "ai.openclaw")).toBe(false);
    // Login items have a list of their own below it.
    expect(parseDisabled(text, "ai.openclaw.other")).toBe(false);
  });

  it("is not read from anything else", () => {
    expect(() => parseDisabled("", "x")).toThrow("no list");
    expect(() => parseDisabled('\tdisabled services = {\n\t\t"x" => perhaps\n\t}\n', "x")).toThrow('"perhaps"');
  });
});

describe("launchctl's complaints", () => {
  const said = (exitCode: number, stderr: string) => complaintKind({ exitCode, stderr, stdout: "" });

  it.each([
    [113, 'Bad request.\nCould not find service "x" in domain for user gui: 501', "no-job"],
    [3, "Boot-out failed: 3: No such process", "no-job"],
    [3, "No process to signal.", "no-job"],
    [113, "", "no-job"],
    [112, "Bad request.\nCould not find domain for user gui: 501", "no-domain"],
    [113, "Could not find domain for user gui: 501", "no-domain"],
    [125, "Bootstrap failed: 125: Domain does not support specified action", "no-domain"],
    [36, "Boot-out failed: 36: Operation now in progress", "in-progress"],
    [37, "Bootstrap failed: 37: Operation already in progress", "in-progress"],
    [5, "Bootstrap failed: 5: Input/output error", "unclear"],
    [119, "Bootstrap failed: 119: Service is disabled", "disabled"],
    [1, "Bootstrap failed: 1: Operation not permitted", "other"],
    [150, "Could not kickstart service: 150: Operation not permitted while System Integrity Protection is engaged", "other"],
  ])("%i %j means %s", (code, text, kind) => {
    expect(said(code, text)).toBe(kind);
  });

  it("are passed on in one line without the advice to become root", () => {
    const stderr = "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.\n";
    const result = { exitCode: 5, signal: null, stdout: "", stderr, timedOut: false, tookMs: 1, truncated: false };
    expect(complaintOf(result)).toBe("Bootstrap failed: 5: Input/output error");
    expect(complaintOf({ ...result, stderr: "" })).toBe("ended with 5");
  });
});
