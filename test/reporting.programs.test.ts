import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { opened, repairOf, toldOf } from "./journal/harness.ts";
import { blocksOf } from "./report/support.ts";
import { line, linesOf, told, world } from "./report/world.ts";

describe("the report of an incident", () => {
  it("is a page and an archive in its folder, for the account's eyes only; the archive has the page, the record, the evidence and the log", async () => {
    const the = world();
    the.commit(opened(1), repairOf(1), toldOf(1));
    const proposal = the.propose();
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const lines = [
      line("of it", { timestamp: at(-600_000) }),
      line("of its time", { timestamp: at(-30_000), incident: null }),
      line("of another time", { timestamp: at(-600_000), incident: null }),
      line("of another incident", { timestamp: at(-600_000), incident: 2 }),
      "no JSON\n",
      '"no object"\n',
    ];
    writeFileSync(the.logFile, lines.join(""));
    const { written, page, members, of } = await the.report();
    expect(written).toEqual({ page: join(the.folder, "report.md"), archive: join(the.folder, "report.tar.gz") });
    for (const name of readdirSync(the.folder)) expect(statSync(join(the.folder, name)).mode & 0o777).toBe(0o600);
    for (const folder of [the.folder, dirname(the.folder)]) expect(statSync(folder).mode & 0o777).toBe(0o700);
    const names = ["", "report.md", "incident.json", "evidence.txt", "watchdog.jsonl"];
    expect(members.map(({ name }) => name)).toEqual(names.map((name) => `incident-1/${name}`));
    expect(of("report.md")).toBe(page);
    const record = JSON.parse(of("incident.json"));
    expect(record).toMatchObject({ id: 1, cause: "process-frozen", told: [{ text: "look at it" }], proposals: [{ id: proposal.id }] });
    expect(record).not.toHaveProperty("secret");
    expect(of("evidence.txt")).toContain("process-frozen, likely\n| pid 7 is gone\n");
    expect(linesOf(of("watchdog.jsonl")).map(({ details }) => details)).toEqual(["of it", "of its time"]);
    expect(page).toContain("rescue-watchdog proposal 1 --approve");
    expect(blocksOf(page).fences.at(-1)?.text).toBe(of("evidence.txt").trimEnd());
  });

  it("is not there for an incident that is not there, and leaves nothing behind", async () => {
    const the = world();
    await expect(the.report()).rejects.toMatchObject({ code: "usage", message: "there is no incident 1" });
    expect(existsSync(dirname(the.folder))).toBe(false);
  });

  it("replaces the one before, and keeps the first evidence until there is a diagnosis's own", async () => {
    const the = world();
    the.commit(opened(1), toldOf(1));
    writeFileSync(the.gatewayLog, `${JSON.stringify({ 0: "the first failure" })}\n`);
    const first = await the.report();
    expect(first.of("evidence.txt")).toContain("the first failure");
    writeFileSync(the.gatewayLog, "");
    the.commit({ kind: "close-incident", incident: 1, outcome: "recovered" });
    const second = await the.report();
    expect(second.page).toContain("- state: **over: recovered**");
    expect(second.of("evidence.txt")).toBe(first.of("evidence.txt"));
    for (const { page } of [first, second]) expect(page).toContain("As it was when this incident was first reported.");
    // None that an AI was shown, which `--context` would show.
    expect(readdirSync(the.folder).toSorted()).toEqual(["evidence.txt", "report.md", "report.tar.gz"]);
    expect(second.page).toContain("are in no report.\n\n- nothing\n");

    const boundary = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    the.keep("context.txt", `DATA-${boundary} cause: what\n| <secret-7> END-11112222333344445555666677778888\nEND-${boundary}\n`);
    const third = await the.report();
    expect(third.page).toContain("As it was for the diagnosis");
    expect(third.of("evidence.txt")).toMatch(/^DATA cause: what\n\| <secret-7> END-<secret-\d+>\nEND\n$/);
    expect(third.page).toContain("- `context.txt`, ");
  });

  it("can answer no proposal: not one whose time is over, and none by the secret of its buttons, wherever that stands", async () => {
    const the = world();
    the.commit(opened(1));
    the.propose({ untilMs: 1 });
    const late = await the.report();
    expect(late.page).toContain(": rejected, nobody answered in time\n");
    expect(late.page).not.toContain("--approve");
    the.propose();
    const secret = the.journaled(({ proposals }) => proposals.secretOf(1)) ?? "";
    expect(secret).toMatch(/^[\w-]{22}$/);
    the.commit(told(`button rw:${secret}.approve`));
    appendFileSync(the.logFile, line({ button: `rw:${secret}.reject` }));
    const { page, everything } = await the.report();
    expect(page).toContain("rescue-watchdog proposal 1 --approve");
    expect(everything).not.toContain(secret);
    expect(everything).toContain("button rw:");
  });
});

describe("what stands in the way", () => {
  const elsewhere = (the: ReturnType<typeof world>) => {
    const path = join(the.at.dir, "elsewhere");
    mkdirSync(path);
    writeFileSync(join(path, "victim"), "as it was, opaque words", { mode: 0o640 });
    return { path, victim: join(path, "victim"), now: () => readdirSync(path, { recursive: true }) };
  };

  it.each([
    ["the incident's folder", "1", "."],
    ["the incident's folder, to nowhere", "1", "nowhere"],
    ["the folder of the incidents", "", "."],
    ["the folder of the incidents, to nowhere", "", "nowhere"],
  ])("as a link in place of %s is refused and not followed", async (_, name, to) => {
    const the = world();
    the.commit(opened(1));
    const other = elsewhere(the);
    const link = join(the.dir, "incidents", name);
    mkdirSync(dirname(link), { recursive: true, mode: 0o700 });
    symlinkSync(join(other.path, to), link);
    await expect(the.report()).rejects.toMatchObject({ code: "refused", message: expect.stringContaining("is a symbolic link") });
    expect(other.now()).toEqual(["victim"]);
  });

  it("as a folder that others can write to, or a file, is refused", async () => {
    const the = world();
    the.commit(opened(1));
    mkdirSync(the.folder, { recursive: true, mode: 0o700 });
    chmodSync(the.folder, 0o777);
    await expect(the.report()).rejects.toMatchObject({ code: "refused" });
    rmSync(the.folder, { recursive: true });
    writeFileSync(the.folder, "");
    await expect(the.report()).rejects.toMatchObject({ code: "refused" });
  });

  it("as a link in place of a file is refused or left alone, and not followed; one that keeps its reader waiting holds nothing up", async () => {
    const the = world();
    the.commit(opened(1));
    const other = elsewhere(the);
    mkdirSync(the.folder, { recursive: true, mode: 0o700 });
    const written = ["evidence.txt", "report.md", "report.tar.gz"];
    for (const name of [...written, "context.txt"]) symlinkSync(other.victim, join(the.folder, name));
    for (const name of ["openclaw.json", "wait.json5"]) execFileSync("mkfifo", [join(the.folder, name)]);
    for (const name of written) {
      await expect(the.report()).rejects.toMatchObject({ code: "refused", message: expect.stringContaining(`${name} was not written`) });
      rmSync(join(the.folder, name));
    }
    const { page, everything } = await the.report();
    expect(everything).not.toContain("opaque words");
    expect(page).toMatch(/- `context.txt`, \d+ bytes\n- `openclaw.json`, 0 bytes\n- `wait.json5`, 0 bytes\n/);
    expect(readFileSync(other.victim, "utf8")).toBe("as it was, opaque words");
    expect(statSync(other.victim).mode & 0o777).toBe(0o640);
  });
});

describe("what grows without end", () => {
  it("is shown by its newest: 200 of each list, half a million letters of the log; and how much was left out", async () => {
    const the = world();
    const many = (n: number) => Array.from({ length: n }, (_, index) => index);
    the.commit(
      opened(
        1,
        many(300).map((n) => `evidence ${n}`),
      ),
      ...many(10_000).map((n) => told(`told ${n} ${"word ".repeat(20)}`)),
    );
    for (const n of many(230)) the.keep(`file-${String(n).padStart(3, "0")}`, "");
    const lines = many(10_000).map((n) => line("word ".repeat(180), { duration_ms: n }));
    appendFileSync(`${the.logFile}.1795000000000-7`, lines.slice(0, 5_000).join(""));
    appendFileSync(the.logFile, lines.slice(5_000).join(""));

    const { written, page, of } = await the.report();
    const { told: listed, evidence, leftOut } = JSON.parse(of("incident.json"));
    expect([listed.length, listed.at(-1).text.slice(0, 9), evidence.length]).toEqual([200, "told 9999", 200]);
    expect(leftOut).toEqual({ evidence: 100, repairs: 0, proposals: 0, told: 9_800 });
    for (const [heading, left] of Object.entries({ "What was seen": 100, "What people were told": 9_800 }))
      expect(page).toContain(`## ${heading}\n\n- (${left} others are left out)\n`);
    expect(page).toContain("are in no report.\n\n- (30 others are left out)\n- `file-000`, 0 bytes\n");
    const [first, ...rest] = linesOf(of("watchdog.jsonl"));
    expect(first).toEqual({ event: "left-out", details: `${10_000 - rest.length} older lines` });
    expect(rest.map((each) => each["duration_ms"])).toEqual(many(10_000).slice(-rest.length));
    expect(rest.length).toBeGreaterThan(400);
    expect(of("watchdog.jsonl").length).toBeLessThan(510_000);
    expect(statSync(written.page).size).toBeLessThan(100_000);
    expect(statSync(written.archive).size).toBeLessThan(200_000);
  });
});
