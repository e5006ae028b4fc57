import { describe, expect, it } from "vitest";
import { dataBackups } from "../../../rescue-profile/audit/checks/data-backups.ts";
import { dataDatabases } from "../../../rescue-profile/audit/checks/data-databases.ts";
import { dataDisk } from "../../../rescue-profile/audit/checks/data-disk.ts";
import { dataDrift } from "../../../rescue-profile/audit/checks/data-drift.ts";
import { dataFresh } from "../../../rescue-profile/audit/checks/data-fresh.ts";
import type { DeclaredFacts, DiskFacts } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import type { DatabaseFinding } from "../../../rescue-profile/core/findings.ts";
import { factsOf, NOW_MS, problemsOf } from "../facts.ts";

type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

const HOUR = 3_600_000;
const DATABASE = "/home/ada/.openclaw/state/openclaw.sqlite";

const database = (...states: DatabaseFinding["state"][]) => ({
  databases: states.map((state) => ({ path: DATABASE, state, why: `it is ${state}` })),
});

const databases: readonly Case[] = [
  ["a damaged one", database("corrupt"), [`${DATABASE} critical`]],
  ["a missing one", database("missing"), [`${DATABASE} critical`]],
  ["an empty one", database("empty"), [`${DATABASE} critical`]],
  ["another one", database("replaced"), [`${DATABASE} critical`]],
  ["a newer one", database("newer"), [`${DATABASE} critical`]],
  ["what is none", database("not-a-database"), [`${DATABASE} critical`]],
  ["sound ones", database(), []],
];

const DISK: DiskFacts = { freeBytes: 100e9, freeRatio: 0.5, freeInodesRatio: 0.5, daysLeft: null };
const disk = (values: Partial<DiskFacts>) => ({ disk: { ...DISK, ...values } });

const room: readonly Case[] = [
  ["4 % free", disk({ freeRatio: 0.04, freeBytes: 4e9 }), ["space critical"]],
  ["hardly anything of a small disk", disk({ freeRatio: 0.3, freeBytes: 499e6 }), ["space critical"]],
  ["9 % free", disk({ freeRatio: 0.09, freeBytes: 9e9 }), ["space warning"]],
  ["no inodes", disk({ freeInodesRatio: 0.049 }), ["inodes critical"]],
  ["few inodes", disk({ freeInodesRatio: 0.099 }), ["inodes warning"]],
  ["a day left", disk({ daysLeft: 1.5 }), ["growth critical"]],
  ["six days left", disk({ daysLeft: 6.9 }), ["growth warning"]],
  [
    "all of it",
    disk({ freeRatio: 0.01, freeBytes: 1e9, freeInodesRatio: 0.01, daysLeft: 0 }),
    ["space critical", "inodes critical", "growth critical"],
  ],
  ["half free", disk({}), []],
  ["a tenth free", disk({ freeRatio: 0.1, freeBytes: 1e9 }), []],
  ["9 % of a large disk", disk({ freeRatio: 0.09, freeBytes: 90e9 }), []],
  ["a file system without inodes", disk({ freeInodesRatio: null }), []],
  ["just a week left", disk({ daysLeft: 7 }), []],
];

const declared = (values: Partial<DeclaredFacts>) => ({ declared: { fresh: [], sources: [], backups: [], repositories: [], ...values } });

const PRICES = { path: "/data/prices.json", field: "updatedAt", maxAgeMs: 24 * HOUR, why: null };
const fresh: readonly Case[] = [
  ["a stale file", declared({ fresh: [{ ...PRICES, ageMs: 25 * HOUR }] }), ["/data/prices.json updatedAt warning"]],
  ["a very stale file", declared({ fresh: [{ ...PRICES, ageMs: 9_999 * HOUR }] }), ["/data/prices.json updatedAt warning"]],
  [
    "a field that is not there",
    declared({ fresh: [{ ...PRICES, ageMs: null, why: "there is no such field" }] }),
    ["/data/prices.json updatedAt warning"],
  ],
  ["no reason", declared({ fresh: [{ ...PRICES, ageMs: null }] }), ["/data/prices.json updatedAt warning"]],
  [
    "two fields of one file",
    declared({ fresh: ["a", "b"].map((field) => ({ ...PRICES, field, ageMs: 48 * HOUR })) }),
    ["/data/prices.json a warning", "/data/prices.json b warning"],
  ],
  ["a fresh file", declared({ fresh: [{ ...PRICES, ageMs: HOUR }] }), []],
  ["one just as old as it may be", declared({ fresh: [{ ...PRICES, ageMs: 24 * HOUR }] }), []],
  ["one from the future", declared({ fresh: [{ ...PRICES, ageMs: -HOUR }] }), []],
  ["nothing declared", declared({}), []],
];

const SKILLS = { path: "/home/ada/skills", source: "/srv/skills", differs: [], missing: [], count: 0, why: null };
const drift: readonly Case[] = [
  ["a changed file", declared({ sources: [{ ...SKILLS, differs: ["a.md"], count: 1 }] }), ["/home/ada/skills warning"]],
  ["a missing file", declared({ sources: [{ ...SKILLS, missing: ["b.md"], count: 1 }] }), ["/home/ada/skills warning"]],
  [
    "many",
    declared({ sources: [{ ...SKILLS, differs: ["a", "b", "c", "d", "e", "f"], missing: ["g"], count: 155 }] }),
    ["/home/ada/skills warning"],
  ],
  ["a source that cannot be read", declared({ sources: [{ ...SKILLS, why: "EACCES reading /srv/skills" }] }), ["/home/ada/skills warning"]],
  ["the same", declared({ sources: [SKILLS] }), []],
  ["two that are the same", declared({ sources: [SKILLS, { ...SKILLS, path: "/home/ada/more" }] }), []],
  ["nothing declared", declared({}), []],
  ["something else declared", declared({ fresh: [{ ...PRICES, ageMs: 48 * HOUR }] }), []],
];

const BACKUP = { path: "/backup", newestMs: NOW_MS - HOUR, maxAgeMs: 24 * HOUR, why: null };
const backups: readonly Case[] = [
  ["an old one", declared({ backups: [{ ...BACKUP, newestMs: NOW_MS - 25 * HOUR }] }), ["/backup warning"]],
  ["none", declared({ backups: [{ ...BACKUP, newestMs: null }] }), ["/backup warning"]],
  [
    "a directory that cannot be read",
    declared({ backups: [{ ...BACKUP, newestMs: null, why: "ENOENT reading /backup" }] }),
    ["/backup warning"],
  ],
  ["one of two that is old", declared({ backups: [BACKUP, { ...BACKUP, path: "/b", newestMs: 0 }] }), ["/b warning"]],
  ["a young one", declared({ backups: [BACKUP] }), []],
  ["one just as old as it may be", declared({ backups: [{ ...BACKUP, newestMs: NOW_MS - 24 * HOUR }] }), []],
  ["one from the future", declared({ backups: [{ ...BACKUP, newestMs: NOW_MS + HOUR }] }), []],
  ["nothing declared", declared({}), []],
];

const GROUP: readonly (readonly [Check, readonly Case[]])[] = [
  [dataDatabases, databases],
  [dataDisk, room],
  [dataFresh, fresh],
  [dataDrift, drift],
  [dataBackups, backups],
];

describe.each(GROUP.map(([check, cases]) => ({ id: check.id, check, cases })))("$id", ({ check, cases }) => {
  it.each(cases)("judges %s, and leaves it to a person", async (_, values, expected) => {
    const problems = await problemsOf(check, values);
    expect(problems.map(({ subject, severity }) => `${subject} ${severity}`)).toEqual(expected);
    expect(problems.filter(({ fix }) => fix !== undefined)).toEqual([]);
  });

  it("says so when it could not look", async () => {
    expect(await check.look(factsOf({}))).toMatchObject({ ok: false });
  });
});

describe("what is said of data", () => {
  it("is how much room there is, in words", async () => {
    const [space] = await problemsOf(dataDisk, disk({ freeRatio: 0.031, freeBytes: 3.14e9 }));
    expect(space?.evidence[0].fact).toBe("3.1 GB are free, 3.1 %");
  });

  it("is the first few files that drifted, and how many there are", async () => {
    const [problem] = await problemsOf(
      dataDrift,
      declared({ sources: [{ ...SKILLS, differs: ["a", "b", "c", "d", "e", "f"], missing: ["g"], count: 155 }] }),
    );
    expect(problem?.evidence).toHaveLength(6);
    expect(problem?.evidence[0].fact).toBe("155 files differ from /srv/skills");
  });

  it("is why something could not be read", async () => {
    const unread = declared({
      fresh: [{ ...PRICES, ageMs: null, why: "there is no such field" }],
      backups: [{ ...BACKUP, newestMs: null, why: "EACCES reading /backup" }],
    });
    expect((await problemsOf(dataFresh, unread))[0]?.evidence[0].fact).toBe("there is no such field");
    expect((await problemsOf(dataBackups, unread))[0]?.evidence[0].fact).toBe("EACCES reading /backup");
  });
});
