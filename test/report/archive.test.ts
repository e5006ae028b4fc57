import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type Archive, packed, writeArchive } from "../../rescue-profile/report/archive.ts";
import { scratch, WALL_MS } from "../journal/harness.ts";
import { membersOf } from "./support.ts";

const ARCHIVE: Archive = {
  folder: "incident-7",
  mtimeMs: WALL_MS,
  entries: [
    { name: "report.md", text: "# Incident 7: žluťoučký 🐎\n" },
    { name: "empty.txt", text: "" },
    { name: "watchdog.jsonl", text: "x".repeat(100_000) },
  ],
};

describe("an archive", () => {
  it("is one folder with these files, for its owner's eyes, as old as it was said", async () => {
    const members = membersOf(await packed(ARCHIVE));
    const mtimeMs = Math.floor(WALL_MS / 1000) * 1000;
    expect(members).toEqual([
      { name: "incident-7/", type: "5", mode: 0o700, mtimeMs, account: "", text: "" },
      ...ARCHIVE.entries.map(({ name, text }) => ({ name: `incident-7/${name}`, type: "0", mode: 0o600, mtimeMs, account: "", text })),
    ]);
  });

  it("of the same content has the same bytes, whenever and by whomever it is written", async () => {
    const one = await packed(ARCHIVE);
    const two = await packed(structuredClone(ARCHIVE));
    expect(two.equals(one)).toBe(true);
    // Time and system of the compression: none.
    expect([...one.subarray(4, 8), one[9]]).toEqual([0, 0, 0, 0, 255]);
    expect((await packed({ ...ARCHIVE, mtimeMs: WALL_MS + 1_000 })).equals(one)).toBe(false);
  });

  it("says nothing of the account and the machine", async () => {
    using at = scratch();
    mkdirSync(join(at.dir, "own"), { mode: 0o700 });
    const file = join(at.dir, "own", "report.tar.gz");
    await writeArchive(join(at.dir, "own"), file, ARCHIVE);
    const raw = gunzipSync(readFileSync(file)).toString("latin1");
    // A number of its owner would stand where the format has it, also as zeros.
    for (const { account } of membersOf(readFileSync(file))) expect(account).toBe("");
    expect(raw).not.toContain(at.dir);
    if (userInfo().username.length > 3) expect(raw).not.toContain(userInfo().username);
  });

  it("can be listed and unpacked by the system's tar", async () => {
    using at = scratch();
    const file = join(at.dir, "report.tar.gz");
    writeFileSync(file, await packed(ARCHIVE));
    const env = { PATH: process.env["PATH"], TZ: "UTC", LC_ALL: "C" };
    const listed = execFileSync("tar", ["-tzvf", file], { encoding: "utf8", env }).trimEnd().split("\n");
    expect(listed.map((line) => line.replaceAll(/\s+/g, " ").split(" "))).toEqual([
      ["drwx------", expect.anything(), "0", "2026-11-21", "03:04", "incident-7/"],
      ["-rw-------", expect.anything(), "33", "2026-11-21", "03:04", "incident-7/report.md"],
      ["-rw-------", expect.anything(), "0", "2026-11-21", "03:04", "incident-7/empty.txt"],
      ["-rw-------", expect.anything(), "100000", "2026-11-21", "03:04", "incident-7/watchdog.jsonl"],
    ]);
    execFileSync("tar", ["-xzf", file, "-C", at.dir], { env });
    for (const { name, text } of ARCHIVE.entries) expect(readFileSync(join(at.dir, "incident-7", name), "utf8")).toBe(text);
  });

  it("is written for its owner alone, as a whole, through no link", async () => {
    using at = scratch();
    const root = join(at.dir, "own");
    mkdirSync(join(root, "incidents"), { recursive: true, mode: 0o700 });
    const file = join(root, "incidents", "report.tar.gz");
    await writeArchive(root, file, ARCHIVE);
    await writeArchive(root, file, { ...ARCHIVE, entries: [] });
    expect(membersOf(readFileSync(file))).toHaveLength(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    mkdirSync(join(at.dir, "elsewhere"));
    symlinkSync(join(at.dir, "elsewhere"), join(root, "linked"));
    await expect(writeArchive(root, join(root, "linked", "report.tar.gz"), ARCHIVE)).rejects.toMatchObject({ code: "refused" });
  });
});
