import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Call } from "../../plugin/cli/command.ts";
import { logsCommand } from "../../plugin/cli/commands/logs.ts";
import { opened, repairOf, toldOf } from "../journal/harness.ts";
import { cliIn } from "./cli-harness.ts";

const closed = (incident: number) => ({ kind: "close-incident", incident, outcome: "recovered" }) as const;
const line = (n: number, details: unknown = null) =>
  JSON.stringify({
    level: "info",
    timestamp: "2026-11-21T03:04:05.678Z",
    event: `event-${n}`,
    tier: null,
    duration_ms: null,
    incident: null,
    cause: null,
    details,
  });

describe("history", () => {
  it("says so where nothing was ever watched, and makes no journal", async () => {
    using cli = cliIn();
    expect(await cli.run("history")).toEqual({ code: 0, out: "no incidents\n", err: "" });
    expect(() => statSync(cli.dir)).toThrow("ENOENT");
  });

  it("lists incidents, newest first, with their figures", async () => {
    using cli = cliIn();
    cli.commit([opened(1), closed(1), opened(2)]);
    const { code, out } = await cli.run("history", "--no-color");
    expect(code).toBe(0);
    expect(out).toMatch(
      /^ {4}2 .* process-gone +open\s+\n {4}1 .* process-gone +recovered +1\.0 s\n1 of 2 recovered; mean 1\.0 s, worst 1\.0 s\n$/,
    );
  });

  it("with --json is one object, limited in what it lists and not in what it counts", async () => {
    using cli = cliIn();
    cli.commit([opened(1), closed(1), opened(2), closed(2), opened(3)]);
    const { out } = await cli.run("history", "--limit", "1", "--json");
    expect(JSON.parse(out)).toMatchObject({ ok: true, stats: { total: 3, recovered: 2 }, incidents: [{ id: 3, outcome: null }] });
  });

  it("counts only the asked time", async () => {
    using cli = cliIn();
    cli.commit([opened(1)], Date.now() - 7_200_000);
    expect(JSON.parse((await cli.run("history", "--since", "1h", "--json")).out).incidents).toEqual([]);
    expect(JSON.parse((await cli.run("history", "--since", "3h", "--json")).out).incidents).toHaveLength(1);
  });

  it("that cannot be read ends with 10 and what will happen to it", async () => {
    using cli = cliIn();
    mkdirSync(cli.dir, { recursive: true });
    writeFileSync(join(cli.dir, "journal.sqlite"), "no database ".repeat(100));
    const { code, err } = await cli.run("history");
    expect(code).toBe(10);
    expect(err).toContain("journal.sqlite cannot be read: file is not a database\n  → the next watch or tick sets it aside");
    expect(JSON.parse((await cli.run("history", "--json")).out)).toMatchObject({ ok: false, error: { code: "journal" } });
  });
});

describe("incident", () => {
  it("shows what was seen, done and told, and nothing that drives a terminal", async () => {
    using cli = cliIn();
    cli.commit([opened(1, ["pid 7 is gone", "\u001b[2Jspoofed"]), repairOf(1), toldOf(1)]);
    const { code, out } = await cli.run("incident", "1", "--no-color");
    expect(code).toBe(0);
    for (const part of [
      "Incident 1: ",
      "seen: pid 7 is gone",
      "seen: spoofed",
      "repair 1 (tier 1, process-frozen, by watchdog): running",
      "told (critical): look at it",
    ]) {
      expect(out).toContain(part);
    }
    expect(out).not.toContain("\u001b");
    expect(JSON.parse((await cli.run("incident", "1", "--json")).out)).toMatchObject({
      ok: true,
      incident: { id: 1, evidence: ["pid 7 is gone", "\u001b[2Jspoofed"] },
    });
  });
});

describe("logs", () => {
  it("says so when nothing was logged", async () => {
    using cli = cliIn();
    expect(await cli.run("logs")).toEqual({ code: 0, out: "nothing logged yet\n", err: "" });
    expect(await cli.run("logs", "--json")).toEqual({ code: 0, out: "", err: "" });
  });

  it("shows the last lines, readable, or as they are", async () => {
    using cli = cliIn();
    cli.log(...[1, 2, 3].map((n) => line(n)));
    expect((await cli.run("logs", "-n", "2", "--no-color")).out).toMatch(/^03:04:05\.678 event-2 .*\n03:04:05\.678 event-3 .*\n$/);
    expect((await cli.run("logs", "-n", "2", "--json")).out).toBe(`${line(2)}\n${line(3)}\n`);
    expect((await cli.run("logs", "-n", "0")).out).toBe("");
  });

  it("goes back into the file that was rotated last", async () => {
    using cli = cliIn();
    cli.log(line(2));
    renameSync(join(cli.dir, "logs/watchdog.jsonl"), join(cli.dir, "logs/watchdog.jsonl.1795000000000-7"));
    expect((await cli.run("logs", "--json")).out).toBe(`${line(2)}\n`);
    cli.log(line(3));
    expect((await cli.run("logs", "--json")).out).toBe(`${line(2)}\n${line(3)}\n`);
  });

  it("shows nothing that drives a terminal", async () => {
    using cli = cliIn();
    cli.log(line(1, { seen: "\u001b]0;title\u0007\u001b[2J" }), "\u001b[2Jno JSON");
    expect((await cli.run("logs", "--no-color")).out).not.toContain("\u001b");
  });

  it("that cannot be read ends with 4: that is not the same as an empty log", async () => {
    using cli = cliIn();
    mkdirSync(join(cli.dir, "logs", "watchdog.jsonl"), { recursive: true });
    const { code, err } = await cli.run("logs");
    expect(code).toBe(4);
    expect(err).toContain(`the log ${join(cli.dir, "logs/watchdog.jsonl")} cannot be read: `);
  });

  it("with -f goes on with each new line, over a rotation, and cuts no letter in two", async () => {
    using cli = cliIn();
    const file = join(cli.dir, "logs/watchdog.jsonl");
    cli.log(line(1));
    const abort = new AbortController();
    const printed: string[] = [];
    const call: Call = {
      ...{
        profile: "default",
        home: "/nowhere",
        env: { RESCUE_WATCHDOG_STATE_DIR: join(cli.dir, "..") },
        packageRoot: undefined,
        json: true,
      },
      ...{ values: { follow: true }, positionals: [], rest: [], signal: abort.signal },
      ...{ out: (text: string) => void printed.push(text), err: () => undefined, style: (_format, text) => text },
    };
    const seen = async (n: number) => {
      for (let wait = 0; wait < 500 && !printed.join("").includes(`event-${n}"`); wait++) await delay(10);
      return printed.join("").includes(`event-${n}"`);
    };
    const running = logsCommand.run(call);
    expect(await seen(1)).toBe(true);
    await delay(20);
    appendFileSync(file, `${line(2)}\n`);
    expect(await seen(2)).toBe(true);
    // Letters of two bytes, that begin at even places in the one line and at odd places in the other: one of them is cut by any buffer.
    const three = line(3, "ž".repeat(70_000));
    const four = line(4, `${Buffer.byteLength(`${three}\n`) % 2 === 0 ? "z" : ""}${"ž".repeat(70_000)}`);
    appendFileSync(file, `${three}\n${four}\n`);
    renameSync(file, `${file}.1795000000000-7`);
    writeFileSync(file, `${line(5)}\n`);
    expect(await seen(5)).toBe(true);
    abort.abort();
    expect(await running).toBe(0);
    expect(printed.join("")).toBe(`${[line(1), line(2), three, four, line(5)].join("\n")}\n`);
    expect(readFileSync(file, "utf8")).toBe(`${line(5)}\n`);
  });
});
