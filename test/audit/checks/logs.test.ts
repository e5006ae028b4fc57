import { describe, expect, it } from "vitest";
import { logGrowth } from "../../../rescue-profile/audit/checks/log-growth.ts";
import type { LogFacts, LogFile } from "../../../rescue-profile/audit/facts.ts";
import { factsOf, NOW_MS, problemsOf } from "../facts.ts";

const MAX_BYTES = 50e6;
const file = (path: string, bytes: number, hosts = false): LogFile => ({ path, bytes, changedMs: NOW_MS, hosts });
const OURS = file("/home/ada/.openclaw/logs/bridge.log", 60e6);
const HOSTS = file("/tmp/openclaw/openclaw-2026-11-27.log", 90e6, true);

/** `totalBytes` is the sum, unless it is given. */
function logs(files: readonly LogFile[], values: Partial<LogFacts> = {}): { readonly logs: LogFacts } {
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return { logs: { directories: ["/tmp/openclaw"], files, totalBytes, bytesPerDay: null, rotated: [], maxBytes: MAX_BYTES, ...values } };
}

const rotation = (...files: string[]) => ({ kind: "rotate-logs", files, maxBytes: MAX_BYTES, keep: 5 });

describe("log-growth", () => {
  it.each([
    ["a large file", logs([OURS]), rotation(OURS.path)],
    ["a large file beside the host's", logs([HOSTS, OURS]), rotation(OURS.path)],
    ["two large files, the largest first", logs([OURS, file("/b.log", 2e9), file("/c.log", 1)]), rotation("/b.log", OURS.path)],
    ["a large file and a large total", logs([OURS], { totalBytes: 2e9 }), rotation(OURS.path)],
    ["many small files", logs([], { totalBytes: 501e6 }), undefined],
    ["large files of the host's in a large total", logs([HOSTS], { totalBytes: 501e6 }), undefined],
    ["large files of the host's that grow fast", logs([HOSTS], { bytesPerDay: 501e6 }), undefined],
    ["a large file that is rotated already, and fast growth", logs([OURS], { rotated: [OURS.path], bytesPerDay: 1e9 }), undefined],
  ])("finds %s", async (_, values, fix) => {
    const problems = await problemsOf(logGrowth, values);
    expect(problems).toMatchObject([{ subject: "", severity: "warning" }]);
    expect(problems[0]?.fix).toEqual(fix);
  });

  it.each([
    ["no logs", logs([])],
    ["small files", logs([file("/a.log", 1e6), file("/b.log", MAX_BYTES)])],
    ["large files of the host's", logs([HOSTS])],
    ["a large file that is rotated already", logs([OURS], { rotated: [OURS.path] })],
    ["just as much as may be", logs([], { totalBytes: 10 * MAX_BYTES, bytesPerDay: 500e6 })],
  ])("finds nothing in %s", async (_, values) => {
    expect(await problemsOf(logGrowth, values)).toEqual([]);
  });

  it("says by which setting the host's own files become smaller", async () => {
    const [problem] = await problemsOf(logGrowth, logs([HOSTS], { totalBytes: 501e6 }));
    expect(problem?.cure.text).toContain("logging.maxFileBytes");
    expect(problem?.evidence).toEqual([
      { fact: "it has 90.0 MB; one file may have 50.0 MB", from: HOSTS.path },
      { fact: "all logs together have 501.0 MB", from: "/tmp/openclaw" },
    ]);
  });

  it("says so when it could not look", async () => {
    expect(await logGrowth.look(factsOf({}))).toMatchObject({ ok: false });
  });
});
