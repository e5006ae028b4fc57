import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { openJournal, openJournalReader } from "../../rescue-profile/journal/open.ts";
import { SCHEMA, SCHEMA_VERSION, UPGRADES } from "../../rescue-profile/journal/schema.ts";
import { RescueError } from "../../src/shared/errors.ts";
import { everybodyLives, fakeClock, nobodyLives, opened, processAt, scratch, stateWith, TARGET, take, WALL_MS } from "./harness.ts";

const STAMP = "2026-11-21T03-04-05-000Z";
const open = (dir: string, isAlive = everybodyLives) => openJournal(dir, { isAlive, wallMs: WALL_MS });
const fileIn = (dir: string) => join(dir, "journal.sqlite");
const setAsideIn = (dir: string) => readdirSync(dir).filter((name) => /set-aside-.*Z(-\d+)?$/.test(name));

/** A journal with `incidents` in it; by default its last holder is a process that nobody can find. */
function journalIn(dir: string, incidents = 200): void {
  using journal = processAt(dir, fakeClock(), { pid: 11, startTime: 110 });
  const actions = Array.from({ length: incidents }, (_, index) => opened(index + 1, ["x".repeat(100)]));
  journal.commit(TARGET, take(journal), stateWith({ lastIncident: incidents }), actions);
}

function change(dir: string, sql: string): void {
  const db = new DatabaseSync(fileIn(dir));
  db.exec(sql);
  db.close();
}

function refusal(act: () => unknown): RescueError {
  try {
    act();
  } catch (error) {
    if (error instanceof RescueError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

/** Root may write everywhere, so for it a right can only be missing when it is somebody else for a moment. */
function asNobody<T>(act: () => T): T {
  if (process.getuid?.() !== 0) return act();
  process.seteuid?.(65_534);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

describe("a journal that is opened", () => {
  it("is made for its owner's eyes only, and syncs every commit", () => {
    using at = scratch();
    const dir = join(at.dir, "deep", "down");
    const { db, file, setAside } = open(dir);
    expect(setAside).toBeUndefined();
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    db.close();
  });

  it("is the same one the next time", () => {
    using at = scratch();
    journalIn(at.dir, 3);
    const { db, setAside } = open(at.dir);
    expect(setAside).toBeUndefined();
    expect(db.prepare("SELECT count(*) AS n FROM incidents").get()).toEqual({ n: 3 });
    db.close();
  });

  it("is upgraded in place when an older watchdog made it, with everything that is in it", () => {
    using at = scratch();
    const old = new DatabaseSync(fileIn(at.dir));
    old.exec(
      SCHEMA.replace("subject TEXT, evidence TEXT, ", "")
        .replace(UPGRADES[2] ?? "", "")
        .replace(UPGRADES[3] ?? "", ""),
    );
    old.exec("PRAGMA application_id=0x72657363; PRAGMA user_version=1");
    old.exec("INSERT INTO incidents VALUES (1, 'process-gone', 0, 0, NULL, NULL, '[]')");
    old.exec("INSERT INTO repairs (incident, attempt, tier, cause, requested_by, started_wall) VALUES (1, 1, 1, 'process-gone', 'ana', 0)");
    old.close();
    const { db, setAside } = open(at.dir);
    expect(setAside).toBeUndefined();
    expect(db.prepare("PRAGMA user_version").get()).toEqual({ user_version: SCHEMA_VERSION });
    expect(db.prepare("SELECT cause, subject, evidence FROM repairs").get()).toEqual({
      cause: "process-gone",
      subject: null,
      evidence: null,
    });
    db.close();
    open(at.dir).db.close();
  });

  it("begins in an empty file, which another process may be just about to fill", () => {
    using at = scratch();
    writeFileSync(fileIn(at.dir), "");
    const { db, setAside } = open(at.dir);
    expect(setAside).toBeUndefined();
    expect(db.prepare("SELECT count(*) AS n FROM incidents").get()).toEqual({ n: 0 });
    db.close();
  });
});

describe("an unusable journal is moved aside with the reason, never deleted, and a new one begun", () => {
  const cases: [string, (dir: string) => void, string, RegExp][] = [
    ["a garbage header", (dir) => writeFileSync(fileIn(dir), "no database ".repeat(500)), "corrupt", /^file is not a database$/],
    [
      "a file cut in the middle",
      (dir) => {
        journalIn(dir);
        truncateSync(fileIn(dir), Math.floor(statSync(fileIn(dir)).size / 2));
      },
      "corrupt",
      /malformed|damaged/,
    ],
    [
      "pages overwritten in the middle",
      (dir) => {
        journalIn(dir);
        const bytes = readFileSync(fileIn(dir));
        bytes.fill(0xa5, 8_192, 20_480);
        writeFileSync(fileIn(dir), bytes);
      },
      "corrupt",
      /malformed|damaged/,
    ],
    [
      "a state that no run could go on from",
      (dir) => {
        journalIn(dir, 1);
        change(dir, "UPDATE watch SET state = replace(state, 'null', 'nul')");
      },
      "corrupt",
      /^it is damaged: the state of default cannot be read$/,
    ],
    [
      "a newer schema",
      (dir) => {
        journalIn(dir, 1);
        change(dir, `PRAGMA user_version=${SCHEMA_VERSION + 1}`);
      },
      "newer",
      /^it was written by a newer version \(schema \d+\)$/,
    ],
    ["another program's database", (dir) => change(dir, "CREATE TABLE notes (a)"), "foreign", /^it is not a rescue-watchdog journal$/],
    [
      "a directory",
      (dir) => {
        mkdirSync(fileIn(dir));
        writeFileSync(join(fileIn(dir), "kept"), "");
      },
      "foreign",
      /^it is not a file$/,
    ],
  ];
  for (const [what, spoil, why, sentence] of cases) {
    it(what, () => {
      using at = scratch();
      spoil(at.dir);
      const before = statSync(fileIn(at.dir));
      const { db, setAside } = open(at.dir, nobodyLives);
      expect(setAside?.file).toBe(`${fileIn(at.dir)}.set-aside-${why}-${STAMP}`);
      expect(setAside?.why).toMatch(sentence);
      expect(statSync(setAside?.file ?? "").ino).toBe(before.ino);
      expect(db.prepare("SELECT count(*) AS n FROM incidents").get()).toEqual({ n: 0 });
      db.close();
      expect(open(at.dir).setAside).toBeUndefined();
    });
  }

  it("together with what was committed but not yet in the main file", () => {
    using at = scratch();
    using copy = scratch();
    using journal = processAt(at.dir, fakeClock(), { pid: 11, startTime: 110 });
    journal.commit(TARGET, take(journal), stateWith({ lastIncident: 1 }), [opened(1)]);
    change(at.dir, `PRAGMA user_version=${SCHEMA_VERSION + 1}`);
    for (const side of ["", "-wal"]) copyFileSync(fileIn(at.dir) + side, fileIn(copy.dir) + side);
    const { db, setAside } = open(copy.dir, nobodyLives);
    db.close();
    const old = new DatabaseSync(setAside?.file ?? "", { readOnly: true });
    expect(old.prepare("SELECT id FROM incidents").all()).toEqual([{ id: 1 }]);
    old.close();
  });

  it("with nothing of it in the new one, although its last commits were still in a side file", () => {
    using at = scratch();
    using copy = scratch();
    journalIn(at.dir, 50);
    using journal = processAt(at.dir, fakeClock(), { pid: 22, startTime: 220 });
    journal.commit(TARGET, take(journal, 1, nobodyLives), stateWith({ lastIncident: 51 }), [opened(51)]);
    writeFileSync(fileIn(copy.dir), "no database ".repeat(500));
    copyFileSync(`${fileIn(at.dir)}-wal`, `${fileIn(copy.dir)}-wal`);
    const { db, setAside } = open(copy.dir);
    expect(setAside).toBeDefined();
    expect(db.prepare("SELECT count(*) AS n FROM incidents").get()).toEqual({ n: 0 });
    db.close();
  });

  it("a second one of the same moment gets another name", () => {
    using at = scratch();
    for (let round = 0; round < 3; round++) {
      writeFileSync(fileIn(at.dir), `garbage ${round} `.repeat(100));
      open(at.dir).db.close();
    }
    const kept = setAsideIn(at.dir).map((name) => readFileSync(join(at.dir, name), "utf8").slice(0, 9));
    expect(kept.sort()).toEqual(["garbage 0", "garbage 1", "garbage 2"]);
  });

  it("whatever bytes of it were damaged", () => {
    using at = scratch();
    journalIn(at.dir, 60);
    const sound = readFileSync(fileIn(at.dir));
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(sound);
      const offsets = Array.from({ length: 8 }, () => Math.floor(Math.random() * (round % 2 === 0 ? 120 : bytes.length)));
      for (const offset of offsets) bytes[offset] = Math.floor(Math.random() * 256);
      writeFileSync(fileIn(at.dir), bytes);
      const { db, setAside } = open(at.dir, nobodyLives);
      const { n } = db.prepare("SELECT count(*) AS n FROM leases").get() ?? {};
      if (setAside !== undefined) expect(n, `damaged at ${offsets}`).toBe(0);
      db.close();
    }
  });
});

describe("a journal is refused and left where it is", () => {
  it("when a newer watchdog is at work in it", () => {
    using at = scratch();
    journalIn(at.dir, 1);
    change(at.dir, `PRAGMA user_version=${SCHEMA_VERSION + 1}`);
    const asked: [number, number][] = [];
    const error = refusal(() =>
      openJournal(at.dir, {
        wallMs: WALL_MS,
        isAlive: (...process) => {
          asked.push(process);
          return true;
        },
      }),
    );
    expect(asked).toEqual([[11, 110]]);
    expect(error).toMatchObject({ code: "busy", message: `a newer rescue-watchdog (pid 11) is at work in ${fileIn(at.dir)}` });
    expect(error.fix).toBe("use the version of rescue-watchdog that is running");
    expect(setAsideIn(at.dir)).toEqual([]);
  });

  it("when it belongs to somebody else: that it cannot be read does not mean that it is damaged", () => {
    using at = scratch();
    journalIn(at.dir, 1);
    chmodSync(fileIn(at.dir), 0o000);
    chmodSync(at.dir, 0o777);
    const error = refusal(() => asNobody(() => open(at.dir)));
    expect(error.code).toBe("journal");
    expect(error.message).toContain(`the journal ${fileIn(at.dir)} cannot be opened: `);
    expect(setAsideIn(at.dir)).toEqual([]);
  });

  it("when its directory may only be read", () => {
    using at = scratch();
    chmodSync(at.dir, 0o555);
    const error = refusal(() => asNobody(() => open(at.dir)));
    expect(error.code).toBe("journal");
    expect(error.message).toContain(at.dir);
    chmodSync(at.dir, 0o755);
    expect(readdirSync(at.dir)).toEqual([]);
  });

  it("when its directory cannot be entered", () => {
    using at = scratch();
    journalIn(at.dir, 1);
    chmodSync(at.dir, 0o000);
    expect(refusal(() => asNobody(() => open(at.dir))).code).toBe("journal");
    expect(refusal(() => asNobody(() => openJournalReader(at.dir))).code).toBe("journal");
    chmodSync(at.dir, 0o700);
  });

  it("when a file stands where its directory should be", () => {
    using at = scratch();
    const dir = join(at.dir, "file");
    writeFileSync(dir, "");
    expect(refusal(() => open(dir))).toMatchObject({
      code: "journal",
      message: expect.stringContaining(`the journal directory ${dir} cannot be made`),
    });
  });
});

describe("a reader of the journal", () => {
  it("finds none where nothing was ever watched, and makes none", () => {
    using at = scratch();
    expect(openJournalReader(at.dir)).toBeUndefined();
    expect(openJournalReader(join(at.dir, "missing"))).toBeUndefined();
    expect(readdirSync(at.dir)).toEqual([]);
  });

  it("cannot write", () => {
    using at = scratch();
    journalIn(at.dir, 1);
    const db = openJournalReader(at.dir);
    expect(() => db?.exec("DELETE FROM incidents")).toThrow(/readonly/);
    db?.close();
  });

  it("says what is wrong with one that cannot be used, and moves nothing", () => {
    using at = scratch();
    writeFileSync(fileIn(at.dir), "no database ".repeat(500));
    expect(refusal(() => openJournalReader(at.dir))).toMatchObject({
      code: "journal",
      message: `the journal ${fileIn(at.dir)} cannot be read: file is not a database`,
      fix: "the next watch or tick sets it aside and begins a new one",
    });
    expect(existsSync(fileIn(at.dir))).toBe(true);
    expect(setAsideIn(at.dir)).toEqual([]);
  });
});
