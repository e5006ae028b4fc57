import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { logFiles, readGatewayLog } from "../../rescue-profile/observe/gateway-log.ts";
import { lastBoot, parseLogEntry, parseServiceLines } from "../../rescue-profile/observe/log-line.ts";
import { said } from "./findings-support.ts";
import { tempDir } from "./support.ts";

const NOON = new Date(2026, 10, 21, 12).getTime();
const BOOT = "loading configuration…";

/** A line of the host's own log file, as it writes it. */
function entry(message: string, atMs: number, subsystem = '{"subsystem":"gateway"}'): string {
  const time = new Date(atMs).toISOString().replace("Z", "+00:00");
  const _meta = {
    runtime: "node",
    runtimeVersion: "24.21.0",
    hostname: "vm",
    date: time,
    logLevelId: 3,
    logLevelName: "INFO",
    name: subsystem,
  };
  return JSON.stringify({ "0": subsystem, "1": message, _meta, time, hostname: "vm", message });
}

const texts = async (file: string, more: { living?: boolean; earlier?: true; service?: readonly string[] } = {}) => {
  const sources = {
    profile: "default",
    home: "/h",
    stateDir: path.dirname(file),
    file,
    living: more.living ?? false,
    wallMs: NOON,
    serviceLines: async () => more.service ?? [],
    ...(more.earlier === undefined ? {} : { earlier: more.earlier }),
  };
  return (await readGatewayLog(sources)).lines.map(({ text }) => text);
};

function logOf(...lines: readonly string[]): string {
  const file = path.join(tempDir(), "gateway.log");
  writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
  return file;
}

describe("a line of the gateway's log", () => {
  it("is its words without the subsystem, with its time", () => {
    expect(parseLogEntry(entry("gateway ready", NOON))).toEqual({ atMs: NOON, text: "gateway ready" });
    const cron = JSON.stringify({
      "0": '{"module":"cron"}',
      "1": { error: "boom" },
      "2": "cron: job failed",
      time: "2026-11-21T15:34:13.374+00:00",
    });
    expect(parseLogEntry(cron)).toEqual({ atMs: 1_795_275_253_374, text: '{"error":"boom"} cron: job failed' });
    expect(parseLogEntry('{"0": "cut off he')).toBeUndefined();
    expect(parseLogEntry("7")).toBeUndefined();
  });

  it("of the service manager has the time of the line before when it has none, and no colours", () => {
    const lines = [
      "no time yet",
      "2026-11-21T15:35:19+0000 vm node[7]: \u001b[31m[openclaw]\u001b[39m Unhandled promise rejection: x",
      "    at tick (file:///p:8:1)",
    ];
    expect(parseServiceLines(lines)).toEqual([
      { text: "no time yet" },
      { atMs: 1_795_275_319_000, text: "2026-11-21T15:35:19+0000 vm node[7]: [openclaw] Unhandled promise rejection: x" },
      { atMs: 1_795_275_319_000, text: "    at tick (file:///p:8:1)" },
    ]);
  });
});

describe("the last boot", () => {
  it("begins with the host's first words, in both logs, or when the manager started it", () => {
    expect(lastBoot(said("old", BOOT, "one", BOOT, "two"))).toEqual(said(BOOT, "two"));
    const console = "2026-11-21T15:35:31.113+00:00 [gateway] loading configuration…";
    expect(lastBoot(said("old", console, "new"))).toEqual(said(console, "new"));
    const systemd = "2026-11-21T15:41:00+0000 vm systemd[812]: Started openclaw-gateway.service - OpenClaw Gateway.";
    expect(lastBoot(said("old", BOOT, "one", systemd, "new"))).toEqual(said(systemd, "new"));
    expect(lastBoot(said("all", "there is"))).toHaveLength(2);
  });

  it("that failed before its first words is not mixed with the one that served before it", () => {
    const at = (text: string, atMs: number) => ({ text, atMs });
    const served = [at(BOOT, 0), at("gateway ready", 9_000), at("Unknown model: a/b", 500_000)];
    const failed = [at("Doctor could not enter maintenance.", 900_000), at("Gateway failed to start: Doctor could not", 900_500)];
    expect(lastBoot([...served, ...failed])).toEqual(failed);
    expect(lastBoot(served)).toEqual(served);
  });
});

describe("the gateway's log", () => {
  it("is read since the last boot began, then what the service manager kept of it", async () => {
    const file = logOf(entry("Port 1 is already in use.", NOON), entry(BOOT, NOON), entry("gateway ready", NOON), '{"cut');
    expect(await texts(file, { service: ["[gateway] loading configuration…", "Node.js v24.21.0"] })).toEqual([
      BOOT,
      "gateway ready",
      "[gateway] loading configuration…",
      "Node.js v24.21.0",
    ]);
  });

  it("is read with what was said before, for whoever asks how it came about", async () => {
    const file = logOf(entry("heap is full", NOON), entry(BOOT, NOON), entry("gateway ready", NOON));
    expect(await texts(file)).toEqual([BOOT, "gateway ready"]);
    expect(await texts(file, { earlier: true })).toEqual(["heap is full", BOOT, "gateway ready"]);
  });

  it("of a living gateway is that of the last ten minutes, as far as its lines have times", async () => {
    const file = logOf(entry(BOOT, NOON - 3_600_000), entry("old", NOON - 601_000), entry("new", NOON - 599_000));
    expect(await texts(file, { living: true, service: ["without a time"] })).toEqual(["new"]);
  });

  it("is read from its end only, whole lines", async () => {
    const file = logOf(entry(BOOT, NOON), ...Array.from({ length: 2000 }, (_, index) => entry(`line ${index}`, NOON)));
    const lines = await texts(file);
    expect(lines.at(-1)).toBe("line 1999");
    expect(lines.length).toBeLessThan(1000);
    expect(lines.every((line) => line.startsWith("line "))).toBe(true);
  });

  it("that is not there has no lines; one that cannot be read is said, and hides the other source's lines not", async () => {
    expect(await texts(path.join(tempDir(), "none.log"))).toEqual([]);
    const sources = {
      profile: "default",
      home: "/h",
      stateDir: "/h",
      living: false,
      wallMs: NOON,
      serviceLines: async () => ["Node.js v24.21.0"],
    };
    const file = logOf("x");
    expect(await readGatewayLog({ ...sources, file: path.join(file, "below") })).toEqual({
      lines: [{ text: "Node.js v24.21.0" }],
      blind: "ENOTDIR reading the gateway's log",
    });
    const serviceLines = async () => Promise.reject(new Error("journalctl: no journal files"));
    expect(await readGatewayLog({ ...sources, file, serviceLines })).toEqual({
      lines: [],
      blind: "the service manager's lines: journalctl: no journal files",
    });
  });
});

describe("the place of the log", () => {
  const where = (more: object) => logFiles({ profile: "default", home: "/home/u", wallMs: NOON, ...more });

  it("is what the configuration says, below the home and by day where it says so", () => {
    expect(where({ file: "/var/log/oc.log" })).toEqual(["/var/log/oc.log"]);
    expect(where({ file: "~/oc.log" })).toEqual(["/home/u/oc.log"]);
    expect(where({ file: "/l/openclaw-YYYY-MM-DD.log" })).toEqual(["/l/openclaw-2026-11-20.log", "/l/openclaw-2026-11-21.log"]);
  });

  it("is one file a day and profile, whose name no two profiles share", () => {
    const names = (profile: string) => where({ profile, temporary: "/t" }).map((file) => path.basename(file));
    expect(names("default")).toEqual(["openclaw-2026-11-20.log", "openclaw-2026-11-21.log"]);
    expect(names("dev-rescue")[1]).toBe("openclaw-dev--rescue-2026-11-21.log");
    expect(names("a_B")[1]).toBe("openclaw-a-0-1b-2026-11-21.log");
  });

  it("is read where the day changed since the boot", async () => {
    const directory = tempDir();
    mkdirSync(path.join(directory, "l"));
    const [yesterday = "", today = ""] = where({ file: path.join(directory, "l", "openclaw-YYYY-MM-DD.log") });
    writeFileSync(yesterday, `${entry(BOOT, NOON - 86_400_000)}\n`);
    writeFileSync(today, `${entry("gateway ready", NOON)}\n`);
    utimesSync(yesterday, 1, 1);
    expect(await texts(path.join(directory, "l", "openclaw-2026-01-01.log"))).toEqual([BOOT, "gateway ready"]);
  });
});

describe("the stack of an uncaught exception", () => {
  const STACK =
    "TypeError: boom\n    at Timeout.tick (file:///h/.openclaw/tmp/plugin-captures/U/captures/B/package-0/node_modules/weather/index.js:8:41)";

  it("is taken from the host's own report, of which the log names only the place", async () => {
    const state = tempDir();
    const report = path.join(state, "logs", "stability", "openclaw-stability-T-7-uncaught_exception.json");
    mkdirSync(path.dirname(report), { recursive: true });
    writeFileSync(report, JSON.stringify({ error: { name: "TypeError", stack: STACK }, process: { pid: 7 } }));
    const file = path.join(state, "gateway.log");
    writeFileSync(
      file,
      `${entry("[openclaw] OpenClaw hit an unexpected runtime error.", NOON)}\n${entry(`[openclaw] wrote stability bundle: ${report}`, NOON)}\n`,
    );
    expect((await texts(file)).at(-1)).toBe(STACK);
  });

  it("is not looked for in other directories, nor in what is no report", async () => {
    const state = tempDir();
    const outside = path.join(state, "report.json");
    writeFileSync(outside, JSON.stringify({ error: { stack: STACK } }));
    const inside = path.join(state, "logs", "stability", "broken.json");
    mkdirSync(path.dirname(inside), { recursive: true });
    writeFileSync(inside, "{");
    const file = path.join(state, "gateway.log");
    const lines = [outside, inside, `${inside}.gone.json`, `${path.dirname(inside)}/../../report.json`].map((each) =>
      entry(`wrote stability bundle: ${each}`, NOON),
    );
    writeFileSync(file, lines.map((line) => `${line}\n`).join(""));
    expect(await texts(file)).toHaveLength(4);
  });
});
