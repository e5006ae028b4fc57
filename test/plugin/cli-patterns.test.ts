import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { Action } from "../../rescue-profile/core/event.ts";
import { SCHEMA, SCHEMA_VERSION, UPGRADES } from "../../rescue-profile/journal/schema.ts";
import { fakeClock, opened, processAt, proposalFor, repairOf, stateWith, TARGET, take } from "../journal/harness.ts";
import { cliIn } from "./cli-harness.ts";

type Repair = Partial<Extract<Action, { kind: "start-repair" }>>;

const proposed = (subject: string): Repair => ({ tier: 3, cause: "proposed", subject });
const fileIn = (dir: string) => join(dir, "journal.sqlite");

/** Incidents that recovered one after the other, each after these repairs of 4 s. */
function remember(dir: string, incidents: readonly (readonly Repair[])[]): void {
  const clock = fakeClock();
  using journal = processAt(dir, clock, { pid: 11, startTime: 110 });
  const lease = take(journal);
  const commit = (...actions: Action[]) => journal.commit(TARGET, lease, stateWith({}), actions);
  for (const [index, repairs] of incidents.entries()) {
    const incident = index + 1;
    commit(opened(incident));
    for (const repair of repairs) {
      const asked = { actions: repair.subject ?? "", atMs: clock.wall, state: "asked" } as const;
      const proposal = repair.tier === 3 ? { proposal: journal.proposals.add(proposalFor(incident, asked)).id } : {};
      const [id = 0] = commit({ ...repairOf(incident), ...repair, ...proposal } as Action);
      journal.beginStep(id, 0, "end-process");
      journal.beginStep(id, 1, "start-service");
      clock.pass(4_000);
      journal.endRepair(id, "done", "");
    }
    commit({ kind: "close-incident", incident, outcome: "recovered" });
  }
}

/** Two causes: three ends of a frozen process, the last with success; two doctors that helped, beside a restart that did not. */
function experienced() {
  const cli = cliIn();
  mkdirSync(join(cli.home, ".openclaw"));
  writeFileSync(join(cli.home, ".openclaw", "openclaw.json"), JSON.stringify({ gateway: { mode: "local", port: 18_789 } }));
  remember(cli.dir, [[{}], [{}, proposed("doctor")], [{}, proposed("end,start"), proposed("doctor")]]);
  return cli;
}

function change(dir: string, sql: string): void {
  const db = new DatabaseSync(fileIn(dir));
  db.exec(sql);
  db.close();
}

/** What an older watchdog left: an incident that a repair ended. */
function olderJournal(dir: string, version: number): void {
  mkdirSync(dir, { recursive: true });
  const since = Array.from({ length: SCHEMA_VERSION - version }, (_, index) => UPGRADES[version + index] ?? "");
  const schema = since.reduce((text, part) => text.replace(part, ""), SCHEMA);
  change(dir, version === 1 ? schema.replace("subject TEXT, evidence TEXT, ", "") : schema);
  change(
    dir,
    `PRAGMA application_id=0x72657363; PRAGMA user_version=${version}; PRAGMA journal_mode=WAL;
     INSERT INTO incidents VALUES (1, 'process-frozen', 1000, 2000, 9000, 'recovered', '["pid 7 is stopped"]');
     INSERT INTO repairs (incident, attempt, tier, cause, requested_by, started_wall, ended_wall, outcome) VALUES (1, 1, 1, 'process-frozen', 'ana', 3000, 5000, 'done');
     INSERT INTO steps (repair, seq, name, intent_wall, outcome) VALUES (1, 0, 'end-process', 3000, 'done');`,
  );
}

describe("patterns", () => {
  it("says so where nothing was learned, and makes no journal", async () => {
    using cli = cliIn();
    for (const words of [[], ["--forget", "all"]]) {
      expect(await cli.run("patterns", ...words)).toEqual({ code: 0, out: "nothing was learned yet\n", err: "" });
      expect(JSON.parse((await cli.run("patterns", "--json", ...words)).out)).toEqual({ ok: true, patterns: [] });
    }
    expect(() => statSync(cli.dir)).toThrow("ENOENT");
  });

  it("is a table by cause, and names what would be proposed first", async () => {
    using cli = experienced();
    const { code, out, err } = await cli.run("patterns", "--no-color");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(
      [
        "cause           tier  actions                    worked  works        median  last",
        "process-frozen  1     end-process,start-service  1 of 3  6 to 79 %    4.0 s   2026-11-21T03:04:17.000Z",
        "process-gone    3     doctor                     2 of 2  34 to 100 %  4.0 s   2026-11-21T03:04:25.000Z  first",
        "process-gone    3     end,start                  0 of 1  0 to 79 %            2026-11-21T03:04:21.000Z",
        "",
      ].join("\n"),
    );
  });

  it("with --json is one object, with the whole numbers", async () => {
    using cli = experienced();
    const { out } = await cli.run("patterns", "--json");
    const { ok, patterns } = JSON.parse(out);
    expect(ok).toBe(true);
    expect(patterns).toEqual([
      {
        cause: "process-frozen",
        tier: 1,
        actions: "end-process,start-service",
        tried: 3,
        worked: 1,
        share: { low: expect.closeTo(0.0615, 4), high: expect.closeTo(0.7923, 4) },
        medianMs: 4_000,
        lastAt: Date.parse("2026-11-21T03:04:17Z"),
        first: false,
      },
      expect.objectContaining({ cause: "process-gone", actions: "doctor", tried: 2, worked: 2, first: true }),
      expect.objectContaining({ cause: "process-gone", actions: "end,start", worked: 0, medianMs: null, first: false }),
    ]);
  });

  it("forgets one cause, says who did in the log, and leaves the history alone", async () => {
    using cli = experienced();
    expect(await cli.run("patterns", "--forget", "process-gone")).toEqual({ code: 0, out: "forgotten: process-gone\n", err: "" });
    const { out } = await cli.run("patterns", "--json");
    expect(JSON.parse(out).patterns).toMatchObject([{ cause: "process-frozen" }]);
    expect(JSON.parse((await cli.run("history", "--json", "--since", "9999d")).out).incidents).toHaveLength(3);
    expect(readFileSync(join(cli.dir, "logs", "watchdog.jsonl"), "utf8")).toMatch(/"event":"patterns-forgotten".*"details":"process-gone"/);
  });

  it("forgets all, and answers with what is left", async () => {
    using cli = experienced();
    const one = await cli.run("patterns", "--forget", "process-frozen", "--json");
    expect(JSON.parse(one.out)).toMatchObject({ ok: true, patterns: [{ cause: "process-gone" }, { cause: "process-gone" }] });
    const all = await cli.run("patterns", "--forget", "all", "--json");
    expect(JSON.parse(all.out)).toEqual({ ok: true, patterns: [] });
    expect((await cli.run("patterns")).out).toBe("nothing was learned yet\n");
  });

  it("does not know a cause about which nothing was tried, names those that it knows, and forgets nothing", async () => {
    using cli = experienced();
    for (const cause of ["process-gon", "*", ""]) {
      const { code, out, err } = await cli.run("patterns", "--forget", cause);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toContain(
        `nothing is known about ${JSON.stringify(cause)}; what is known is about process-frozen, process-gone\n  → look with: patterns`,
      );
    }
    expect(JSON.parse((await cli.run("patterns", "--json")).out).patterns).toHaveLength(3);
    expect(existsSync(join(cli.dir, "logs"))).toBe(false);
  });

  it("without anything that was learned knows no cause either", async () => {
    using cli = cliIn();
    const { code, err } = await cli.run("patterns", "--forget", "process-gone");
    expect(code).toBe(2);
    expect(err).toContain('nothing is known about "process-gone"; nothing was learned yet');
  });

  it("shows nothing that drives a terminal, and no line that is not its own", async () => {
    using cli = experienced();
    const hostile = "\u001b[2Jsp\noof\u009b2J";
    change(cli.dir, `UPDATE repairs SET cause = '${hostile}' WHERE tier = 1; UPDATE steps SET name = '${hostile}' WHERE seq = 0`);
    const shown = [await cli.run("patterns", "--no-color"), await cli.run("patterns", "--forget", "wrong")];
    shown.push(await cli.run("patterns", "--forget", hostile));
    for (const { out, err } of shown) {
      expect(out + err).toContain("sp oof");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(out + err).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }
    expect(shown.map(({ code }) => code)).toEqual([0, 2, 0]);
    expect(shown[0]?.out.trimEnd().split("\n")).toHaveLength(4);
  });

  it("that cannot be read ends with 10, also when it is to forget", async () => {
    using cli = cliIn();
    mkdirSync(cli.dir, { recursive: true });
    writeFileSync(fileIn(cli.dir), "no database ".repeat(100));
    for (const words of [[], ["--forget", "all"]]) {
      const { code, err } = await cli.run("patterns", ...words);
      expect(code).toBe(10);
      expect(err).toContain("journal.sqlite cannot be read: file is not a database");
    }
    expect(readFileSync(fileIn(cli.dir), "utf8")).toBe("no database ".repeat(100));
  });

  it("--help says what it means and with what it ends", async () => {
    using cli = cliIn();
    const { code, out } = await cli.run("patterns", "--help");
    expect(code).toBe(0);
    expect(out).toMatch(/^Usage: rescue-watchdog patterns \[--profile NAME\] \[--forget CAUSE\|all\] \[--json\]\n/);
    expect(out).toMatch(/^Exit codes: 0 .*; 2 .*; 10 /m);
    expect((await cli.run("--help")).out).toMatch(/^ {2}patterns {3}\S/m);
  });
});

describe("an older watchdog's journal", () => {
  for (const version of [1, 2, 3]) {
    it(`of schema ${version} is read as it is: nothing proposed, nothing forgotten, nothing changed`, async () => {
      using cli = cliIn();
      olderJournal(cli.dir, version);
      const history = JSON.parse((await cli.run("history", "--since", "99999d", "--json")).out);
      expect(history).toMatchObject({ ok: true, incidents: [{ id: 1, outcome: "recovered" }] });
      const detail = JSON.parse((await cli.run("incident", "1", "--json")).out);
      expect(detail.incident).toMatchObject({ evidence: ["pid 7 is stopped"], proposals: [], told: [] });
      expect(detail.incident.repairs).toMatchObject([{ subject: null, evidence: [], requestedBy: "ana" }]);
      expect((await cli.run("incident", "1")).out).toContain("repair 1 (tier 1, process-frozen, by ana): done");
      const { patterns } = JSON.parse((await cli.run("patterns", "--json")).out);
      expect(patterns).toMatchObject([{ cause: "process-frozen", actions: "end-process", tried: 1, worked: 1, medianMs: 6_000 }]);
      using db = new DatabaseSync(fileIn(cli.dir), { readOnly: true });
      expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: version });
    });
  }

  it("is upgraded when it is to forget", async () => {
    using cli = experienced();
    change(cli.dir, "DROP TRIGGER news_of_proposal; DROP TRIGGER news_of_answer; DROP TRIGGER end_of_proposals");
    change(cli.dir, "DROP TABLE proposals; DROP TABLE forgotten; PRAGMA user_version=3");
    // What the proposals consisted of is not known any more, so that none can be proposed again, and they stand under their incident's cause.
    const { patterns } = JSON.parse((await cli.run("patterns", "--json")).out);
    expect(patterns).toMatchObject([
      { cause: "process-frozen", actions: "doctor", tier: 3, worked: 2, first: false },
      { cause: "process-frozen", tier: 1, worked: 1, first: false },
      { cause: "process-frozen", actions: "end,start", tier: 3, worked: 0, first: false },
    ]);
    expect(await cli.run("patterns", "--forget", "process-frozen")).toEqual({ code: 0, out: "forgotten: process-frozen\n", err: "" });
    expect(await cli.run("patterns")).toEqual({ code: 0, out: "nothing was learned yet\n", err: "" });
    using db = new DatabaseSync(fileIn(cli.dir), { readOnly: true });
    expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: SCHEMA_VERSION });
  });

  it("in which nobody has written anything yet is none", async () => {
    using cli = cliIn();
    mkdirSync(cli.dir, { recursive: true });
    writeFileSync(fileIn(cli.dir), "");
    expect(await cli.run("history")).toEqual({ code: 0, out: "no incidents\n", err: "" });
    expect(await cli.run("patterns")).toEqual({ code: 0, out: "nothing was learned yet\n", err: "" });
  });
});
