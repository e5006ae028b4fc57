import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadAllowlist, parseYaml, USER_FILE } from "../../../rescue-profile/diagnosis/allowlist-file.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { tempDir } from "../../observe/support.ts";
import { ALLOWLIST, SHIPPED } from "./support.ts";

const ENTRY = 'version: 1\nentries:\n  - { id: mine, does: end-owner, argv: [kill, -INT, "{pid}"] }\n';
const PACK = "version: 1\nentries:\n  - { id: packed, does: look-at-port, argv: [ss, -lnt] }\n";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const approving = (...packs: readonly (readonly [path: string, sha256: string])[]) =>
  `version: 1\nentries: []\npacks:\n${packs.map(([path, sum]) => `  - { path: ${path}, sha256: ${sum} }\n`).join("")}`;

function place(text?: string, mode = 0o600) {
  const dir = tempDir();
  const file = join(dir, USER_FILE);
  if (text !== undefined) writeFileSync(file, text, { mode });
  if (text !== undefined) chmodSync(file, mode);
  return { dir, file, ids: () => loadAllowlist(SHIPPED, dir).map(({ id }) => id) };
}

function refusal(work: () => unknown): RescueError {
  try {
    work();
  } catch (error) {
    if (error instanceof RescueError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

const SHIPPED_IDS = ALLOWLIST.map(({ id }) => id);

describe("the files of the allowlist", () => {
  it("are the package's alone where the user has none, also where there is no directory", () => {
    expect(place().ids()).toEqual(SHIPPED_IDS);
    expect(loadAllowlist(SHIPPED, "/nonexistent/anywhere")).toEqual(ALLOWLIST);
  });

  it("are the package's, the user's and the packs that the user approved, each with its file", () => {
    const { dir, file } = place(`${ENTRY}packs:\n  - { path: packs/a.yaml, sha256: ${sha256(PACK)} }\n`);
    mkdirSync(join(dir, "packs"));
    writeFileSync(join(dir, "packs", "a.yaml"), PACK, { mode: 0o644 });
    const all = loadAllowlist(SHIPPED, dir);
    expect(all.slice(SHIPPED_IDS.length).map(({ id, from }) => [id, from])).toEqual([
      ["mine", file],
      ["packed", join(dir, "packs", "a.yaml")],
    ]);
  });

  it("take a pack by an absolute path", () => {
    const pack = join(tempDir(), "p.yaml");
    writeFileSync(pack, PACK);
    expect(place(approving([pack, sha256(PACK)])).ids()).toEqual([...SHIPPED_IDS, "packed"]);
  });

  it("refuse the user's file with any mode but 600", () => {
    for (const mode of [0o644, 0o640, 0o620, 0o602, 0o604, 0o666, 0o700, 0o4600, 0o400]) {
      const { file, ids } = place(ENTRY, mode);
      const { code, message, fix } = refusal(ids);
      expect(code).toBe("refused");
      expect(message).toBe(`${file} has the mode ${mode.toString(8)}, and only 600 is taken`);
      expect(fix).toBe(`look at what it says, and then: chmod 600 ${file}`);
    }
  });

  it("refuse the user's file when it is a link, also to a good one", () => {
    const { dir, file, ids } = place();
    const other = join(dir, "other.yaml");
    writeFileSync(other, ENTRY, { mode: 0o600 });
    symlinkSync(other, file);
    expect(refusal(ids)).toMatchObject({ code: "refused", message: `${file} is a symbolic link`, fix: "put the file itself there" });
  });

  it("take the user's file under a second name", () => {
    const { dir, file, ids } = place();
    const other = join(dir, "other.yaml");
    writeFileSync(other, ENTRY, { mode: 0o600 });
    linkSync(other, file);
    expect(ids()).toContain("mine");
  });

  it("refuse a directory and a fifo, without waiting for anybody", () => {
    const directory = place();
    mkdirSync(directory.file);
    expect(refusal(directory.ids)).toMatchObject({ code: "refused", message: `${directory.file} is no plain file` });
    const fifo = place();
    execFileSync("/bin/sh", ["-c", 'mkfifo -m 600 "$0"', fifo.file]);
    expect(refusal(fifo.ids)).toMatchObject({ code: "refused", message: `${fifo.file} is no plain file` });
  });

  it.runIf(process.getuid?.() === 0)("refuse the user's file when it is another's", async () => {
    const { file, ids } = place(ENTRY);
    const { chownSync } = await import("node:fs");
    chownSync(file, 65_534, 65_534);
    expect(refusal(ids)).toMatchObject({ code: "refused", message: `${file} belongs to user 65534` });
  });

  it("refuse a file of more than 64 KiB, and take one of just so much", () => {
    const padded = (length: number) => `${ENTRY}#${"x".repeat(length - ENTRY.length - 1)}`;
    expect(place(padded(65_536)).ids()).toContain("mine");
    expect(refusal(place(padded(65_537)).ids)).toMatchObject({
      code: "refused",
      message: expect.stringContaining("has more than 65536 bytes"),
    });
  });

  it("refuse a pack that has changed, with the sum that it has now", () => {
    const { dir, file, ids } = place(approving(["p.yaml", sha256(PACK)]));
    const changed = PACK.replace("-lnt", "-lntp");
    writeFileSync(join(dir, "p.yaml"), changed);
    const { code, message, fix } = refusal(ids);
    expect(code).toBe("refused");
    expect(message).toBe(`the pack ${join(dir, "p.yaml")} is not the one that was approved: its sha256 is ${sha256(changed)}`);
    expect(fix).toBe(`read what has changed; to approve it, write that sum into ${file}`);
  });

  it("look at a pack's sum before its content is read as anything", () => {
    const { dir, ids } = place(approving(["p.yaml", sha256(PACK)]));
    writeFileSync(join(dir, "p.yaml"), "&a [*a");
    expect(refusal(ids).code).toBe("refused");
  });

  it("refuse a pack that is not there, is a link, has packs of its own or is none", () => {
    const { dir, ids } = place(approving(["p.yaml", sha256(PACK)]));
    expect(refusal(ids)).toMatchObject({ code: "not-readable", message: `the pack ${join(dir, "p.yaml")} does not exist` });
    writeFileSync(join(dir, "real.yaml"), PACK);
    symlinkSync("real.yaml", join(dir, "p.yaml"));
    expect(refusal(ids)).toMatchObject({ code: "refused", message: `${join(dir, "p.yaml")} is a symbolic link` });
    const nested = approving(["q.yaml", sha256(PACK)]);
    const other = place(approving(["p.yaml", sha256(nested)]));
    writeFileSync(join(other.dir, "p.yaml"), nested);
    expect(refusal(other.ids)).toMatchObject({ code: "config-invalid", message: `${join(other.dir, "p.yaml")}: has packs of its own` });
    const bad = place(approving(["p.yaml", sha256("[]")]));
    writeFileSync(join(bad.dir, "p.yaml"), "[]");
    expect(refusal(bad.ids)).toMatchObject({ code: "config-invalid", message: `${join(bad.dir, "p.yaml")}: is no mapping` });
  });

  it("let neither a pack nor the user's file replace an entry", () => {
    const same = PACK.replace("packed", "kill-9");
    const pack = place(approving(["p.yaml", sha256(same)]));
    writeFileSync(join(pack.dir, "p.yaml"), same);
    expect(refusal(pack.ids)).toMatchObject({
      code: "config-invalid",
      message: `${join(pack.dir, "p.yaml")}, entry kill-9: has an id that ${SHIPPED} has already`,
    });
    expect(refusal(place(ENTRY.replace("mine", "kill-9")).ids).message).toContain("entry kill-9: has an id that");
  });

  it("let no entry give a shipped command another meaning", () => {
    const { message } = refusal(
      place("version: 1\nentries:\n  - { id: mine, does: start-gateway, argv: [openclaw, doctor, --fix] }\n").ids,
    );
    expect(message).toContain("entry mine: can match the same command as doctor-fix in");
  });

  it("have no packs in the package, and the package's file is there", () => {
    const dir = tempDir();
    const shipped = join(dir, "shipped.yaml");
    expect(refusal(() => loadAllowlist(shipped, dir))).toMatchObject({
      code: "internal",
      message: `${shipped} is missing from the package`,
    });
    writeFileSync(shipped, approving(["p.yaml", sha256(PACK)]));
    expect(refusal(() => loadAllowlist(shipped, dir))).toMatchObject({ code: "config-invalid" });
    cpSync(SHIPPED, shipped);
    expect(loadAllowlist(shipped, dir).length).toBe(ALLOWLIST.length);
    rmSync(shipped);
  });
});

describe("YAML", () => {
  const read = (text: string) => parseYaml(Buffer.from(text), "F");

  it("is read as texts, whatever they look like", () => {
    expect(
      read('a: [1, -9, 010, 0x1f, 1e3, no, ~, null, true, 2026-01-01, "{pid}"]\nb: |\n  !x\n  &y\nc: "*"\n# &x !y *z\nd: a&b*c!d%'),
    ).toEqual({
      a: ["1", "-9", "010", "0x1f", "1e3", "no", "~", "null", "true", "2026-01-01", "{pid}"],
      b: "!x\n&y\n",
      c: "*",
      d: "a&b*c!d%",
    });
  });

  it("does not merge", () => expect(read("<<: { a: b }\nc: d")).toEqual({ "<<": { a: "b" }, c: "d" }));

  const LAUGHS = `a: &a [x, x]\n${[..."bcdefgh"].map((name, at) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcdefg"[at]}`).join(", ")}]`).join("\n")}`;
  // biome-ignore format: a table reads by its rows
  const bad: readonly [string, string, string][] = [
    ["an anchor", "a: &x b", "F: line 1 has an anchor"],
    ["an anchor on a key", "a: b\n&x c: d", "F: line 2 has an anchor"],
    ["an anchor on a list", "a: b\n\nc: &x [d]", "F: line 3 has an anchor"],
    ["an alias", "a: *x", "F: line 1 has an alias"],
    ["a merge of an alias", "a: b\n<<: *x", "F: line 2 has an alias"],
    ["a billion laughs", LAUGHS, "F: line 1 has an anchor"],
    ["a tag of YAML", "a: !!str b", "F: line 1 has a tag"],
    ["a tag of a number", "a: !!int 1", "F: line 1 has a tag"],
    ["a tag of a function", "a: !!js/function 'x'", "F: line 1 has a tag"],
    ["a tag of its own", "a: !x b", "F: line 1 has a tag"],
    ["a tag that says nothing", "a: ! b", "F: line 1 has a tag"],
    ["a tag that is verbatim", "a: !<tag:yaml.org,2002:str> b", "F: line 1 has a tag"],
    ["a directive", "%YAML 1.1\n---\na: b", "F: line 1 has a directive"],
    ["a directive of a tag", "%TAG ! tag:x,2026:\n---\na: b", "F: line 1 has a directive"],
    ["two documents", "a: b\n---\nc: d", "F: has more than one document"],
    ["a document that is ended and another", "a: b\n...\nc: d", "F: has more than one document"],
    ["nothing", "", "F: is empty"],
    ["comments", "# a\n", "F: is empty"],
    ["a key twice", "a: b\na: c", "F: Map keys must be unique at line 2, column 1"],
    ["a key twice in a flow", "a: { b: c, b: d }", "F: Map keys must be unique"],
    ["a list as key", "? [a]\n: b", "F: With stringKeys, all keys must be strings"],
    ["a list that is not closed", "a: [b", "F: Flow sequence in block collection must be"],
    ["a tab for indentation", "a:\n\tb: c", "F: Tabs are not allowed as indentation"],
    ["a quote that is not closed", "a: 'b", "F: Missing closing 'quote"],
    ["flow nested deeply", `a: ${"[".repeat(30_000)}`, "F: line 1 is nested too deeply"],
    ["flow nested deeply in mappings", `a: b\nc: ${"{ a: ".repeat(9)}`, "F: line 2 is nested too deeply"],
    ["lists nested deeply", `a: b\n${"- ".repeat(20_000)}a`, "F: line 2 is nested too deeply"],
    ["keys nested deeply", "? ".repeat(20_000), "F: line 1 is nested too deeply"],
    ["blocks nested deeply", Array.from({ length: 300 }, (_, at) => `${" ".repeat(at)}a:`).join("\n"), "F: line 65 is nested too deeply"],
  ];
  for (const [what, text, message] of bad) {
    it(`with ${what} is refused`, () => {
      const error = refusal(() => read(text));
      expect(error.code).toBe("config-invalid");
      expect(error.message).toContain(message);
      expect(error.message).not.toContain("\n");
      expect(error.fix).toMatch(/./);
    });
  }

  it("that is no UTF-8 is refused", () => {
    expect(refusal(() => parseYaml(Uint8Array.of(0x61, 0x3a, 0x20, 0xff), "F")).message).toBe("F: is not UTF-8");
  });
});
