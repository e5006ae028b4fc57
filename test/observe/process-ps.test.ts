import { describe, expect, it } from "vitest";
import { parsePs, readByPs, readByPsNow } from "../../rescue-profile/observe/process-ps.ts";
import { idleChild } from "./support.ts";

/** As macOS 15 prints them for the columns pid, ppid, uid, stat, rss, time, etime, lstart, command (TZ=UTC, LC_ALL=C). */
const RUNNING = "  8524     1   501 Ss   788988   2:26.46   10-03:04:05 Sat Nov 21 02:39:30 2026     openclaw-gateway    \n";

describe("ps of macOS", () => {
  it("gives identity, times and memory; the start in whole seconds, as the host's lock has it there", () => {
    expect(parsePs(RUNNING)).toEqual({
      pid: 8524,
      parentPid: 1,
      uid: 501,
      run: "sleeping",
      rssBytes: 788_988 * 1024,
      cpuMs: 146_460,
      ageMs: (((10 * 24 + 3) * 60 + 4) * 60 + 5) * 1000,
      startTime: Date.UTC(2026, 10, 21, 2, 39, 30) / 1000,
      command: "openclaw-gateway",
    });
  });

  it.each([
    ["R+", "running"],
    ["S", "sleeping"],
    ["Is", "sleeping"],
    ["U", "uninterruptible"],
    ["T", "stopped"],
    ["TX+", "traced"],
  ])("state %s is %s", (stat, run) => {
    expect(parsePs(RUNNING.replace(" Ss ", ` ${stat} `))).toMatchObject({ run });
  });

  it("shows a zombie as gone", () => {
    expect(parsePs(" 77 1 501 Z+ 0 0:00.00 00:01 Sat Nov  7 02:39:30 2026 <defunct>\n")).toBe("gone");
  });

  it("is not guessed at when it looks different", () => {
    expect(parsePs("")).toBeUndefined();
    expect(parsePs("ps: illegal option -- w\n")).toBeUndefined();
    expect(parsePs(RUNNING.replace("2:26.46", "long"))).toBeUndefined();
    expect(parsePs(RUNNING.replace(" Ss ", " ? "))).toBeUndefined();
  });
});

describe.skipIf(process.platform === "win32")("ps of this machine", () => {
  it("names a live process and no dead one", async () => {
    const someone = idleChild();
    expect(await readByPs(someone.pid, 10_000)).toMatchObject({ ok: true, value: { pid: someone.pid, parentPid: process.pid } });
    expect(readByPsNow(someone.pid)).toMatchObject({
      pid: someone.pid,
      uid: process.getuid?.(),
      command: expect.stringContaining("setInterval"),
    });
    someone.kill("SIGKILL");
    await new Promise((resolve) => someone.once("exit", resolve));
    expect(await readByPs(someone.pid, 10_000)).toEqual({ ok: true, value: null });
    expect(readByPsNow(someone.pid)).toBeUndefined();
  });
});
