import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { restoreFiles, saveFiles } from "../../rescue-profile/copies/entry.ts";
import { fingerprintOf } from "../../rescue-profile/copies/fingerprint.ts";
import { keepCopy, listCopies } from "../../rescue-profile/copies/ring.ts";
import { moveWhole } from "../../rescue-profile/copies/whole-file.ts";

const SECRET = "s3cr3t-7f81c2e9d04ab65f";
const DAY_MS = 86_400_000;

function place() {
  const home = mkdtempSync(join(tmpdir(), "rescue-copies-"));
  const dir = join(home, "watchdog");
  const state = join(home, ".openclaw");
  mkdirSync(state, { mode: 0o700 });
  const config = join(state, "openclaw.json");
  const write = (text: string, path = config) => writeFileSync(path, text, { mode: 0o600 });
  const numbered = (number: number) => `{ gateway: { port: ${number}, auth: { token: "${SECRET}" } } }`;
  write(numbered(1));
  const ports = () => listCopies(dir).copies.map(({ files }) => Number(/port: (\d+)/.exec(files.at(-1)?.content().toString() ?? "")?.[1]));
  return { home, dir, state, config, write, numbered, ports, [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

describe("the ring of copies", () => {
  it("keeps the file and what it includes, for this user alone, with date and proof", () => {
    using at = place();
    mkdirSync(join(at.state, "parts"), { mode: 0o755 });
    const [part, inner] = [join(at.state, "parts/openclaw.json"), join(at.state, "parts/manifest.json")];
    at.write('{ $include: "./manifest.json" }', part);
    at.write("{ b: 1 }", inner);
    at.write('{ agents: { $include: "./parts/openclaw.json" } }');
    chmodSync(inner, 0o644);
    expect(keepCopy(at.dir, at.config, "booted", 1_000)).toBeUndefined();
    const { copies, damaged } = listCopies(at.dir);
    expect(damaged).toEqual([]);
    expect(copies).toMatchObject([{ takenWallMs: 1_000, proof: "booted", fingerprint: fingerprintOf(at.config).fingerprint }]);
    expect(copies[0]?.files.map(({ path, name, mode }) => [path, name, mode.toString(8)])).toEqual([
      [inner, "2-manifest.json", "644"],
      [part, "openclaw.json", "600"],
      [at.config, "2-openclaw.json", "600"],
    ]);
    const entry = copies[0]?.directory ?? "";
    expect(entry).toMatch(/\/watchdog\/copies\/00000001-[0-9a-f]{8}$/);
    for (const [path, mode] of [
      [at.dir, 0o700],
      [join(at.dir, "copies"), 0o700],
      [entry, 0o700],
    ] as const) {
      expect(statSync(path).mode & 0o777, path).toBe(mode);
    }
    for (const name of readdirSync(entry)) expect(statSync(join(entry, name)).mode & 0o777, name).toBe(0o600);
  });

  it("keeps nothing twice, unless it has booted meanwhile", () => {
    using at = place();
    keepCopy(at.dir, at.config, "validated", 1_000);
    keepCopy(at.dir, at.config, "validated", 2_000);
    expect(listCopies(at.dir).copies.map(({ takenWallMs, proof }) => [takenWallMs, proof])).toEqual([[1_000, "validated"]]);
    keepCopy(at.dir, at.config, "booted", 3_000);
    keepCopy(at.dir, at.config, "validated", 4_000);
    expect(listCopies(at.dir).copies.map(({ takenWallMs, proof }) => [takenWallMs, proof])).toEqual([[3_000, "booted"]]);
  });

  it("makes what an older copy holds the newest again, with today's date and the proof it had", () => {
    using at = place();
    keepCopy(at.dir, at.config, "booted", 1_000);
    at.write(at.numbered(2));
    keepCopy(at.dir, at.config, "validated", DAY_MS);
    at.write(at.numbered(1));
    keepCopy(at.dir, at.config, "validated", 8 * DAY_MS);
    expect(at.ports()).toEqual([1, 2]);
    expect(listCopies(at.dir).copies[0]).toMatchObject({ takenWallMs: 8 * DAY_MS, proof: "booted" });
  });

  it("lets the oldest go, never the newest that booted", () => {
    using at = place();
    for (const [number, proof] of [
      [1, "booted"],
      [2, "booted"],
      [3, "validated"],
      [4, "validated"],
      [5, "validated"],
    ] as const) {
      at.write(at.numbered(number));
      keepCopy(at.dir, at.config, proof, number, 3);
    }
    expect(at.ports()).toEqual([5, 4, 2]);
    expect(readdirSync(join(at.dir, "copies"))).toHaveLength(3);
  });

  it("leaves out what is damaged, says so without content, and lets it go in its turn", () => {
    using at = place();
    for (const number of [1, 2, 3, 4]) {
      at.write(at.numbered(number));
      keepCopy(at.dir, at.config, "booted", number);
    }
    const [one = "", two = "", three = ""] = readdirSync(join(at.dir, "copies")).sort();
    writeFileSync(join(at.dir, "copies", one, "openclaw.json"), at.numbered(9));
    writeFileSync(join(at.dir, "copies", two, "manifest.json"), `{ "token": "${SECRET}`);
    rmSync(join(at.dir, "copies", three, "openclaw.json"));
    const { damaged } = listCopies(at.dir);
    expect(at.ports()).toEqual([4]);
    expect(damaged.map(({ why }) => why.slice(why.indexOf(" has ")))).toEqual([
      " has no openclaw.json",
      " has a damaged manifest.json",
      " has a changed openclaw.json",
    ]);
    expect(JSON.stringify(damaged)).not.toContain(SECRET);
    keepCopy(at.dir, at.config, "booted", 5, 2);
    expect(listCopies(at.dir).damaged.map(({ directory }) => directory)).toEqual([join(at.dir, "copies", three)]);
  });

  it("does not look for a file outside of its entry", () => {
    using at = place();
    keepCopy(at.dir, at.config, "booted", 1);
    const manifest = join(listCopies(at.dir).copies[0]?.directory ?? "", "manifest.json");
    writeFileSync(
      manifest,
      readFileSync(manifest, "utf8").replace('"name": "openclaw.json"', '"name": "../../../.openclaw/openclaw.json"'),
    );
    expect(listCopies(at.dir)).toMatchObject({ copies: [], damaged: [{ why: expect.stringContaining("damaged manifest.json") }] });
  });

  it("keeps nothing of a configuration that cannot be read through, and says why", () => {
    using at = place();
    at.write("{");
    expect(keepCopy(at.dir, at.config, "booted", 1)).toContain("is not valid JSON5");
    expect(listCopies(at.dir)).toEqual({ copies: [], damaged: [] });
  });

  it("refuses a directory that others can write to, and one behind a link", () => {
    using at = place();
    mkdirSync(at.dir, { mode: 0o700 });
    mkdirSync(join(at.dir, "copies"));
    chmodSync(join(at.dir, "copies"), 0o777);
    expect(() => keepCopy(at.dir, at.config, "booted", 1)).toThrow("can be written by others");
    rmSync(join(at.dir, "copies"), { recursive: true });
    mkdirSync(join(at.home, "elsewhere"), { mode: 0o700 });
    symlinkSync(join(at.home, "elsewhere"), join(at.dir, "copies"));
    expect(() => keepCopy(at.dir, at.config, "booted", 1)).toThrow("is a symbolic link");
    expect(readdirSync(join(at.home, "elsewhere"))).toEqual([]);
  });
});

describe("a fingerprint", () => {
  it("names each state of the file and repeats nothing of it", () => {
    using at = place();
    const states: string[] = [];
    const look = () => {
      const { state, fingerprint, why = "" } = fingerprintOf(at.config);
      expect(why).not.toContain(SECRET);
      expect(fingerprint === null).toBe(state !== "there");
      states.push(state);
    };
    look();
    at.write(at.numbered(1).slice(0, -3));
    look();
    at.write(" \n");
    look();
    at.write(`{ a: { $include: "./${SECRET}/../gone.json5" } }`.replace(SECRET, "x"));
    look();
    at.write(`"${SECRET}"`);
    look();
    at.write(`{ $include: "./openclaw.json" }`);
    look();
    rmSync(at.config);
    look();
    mkdirSync(at.config);
    look();
    expect(states).toEqual(["there", "unparsable", "empty", "unparsable", "unparsable", "unparsable", "missing", "unreadable"]);
  });

  it("changes with an included file, and not with where the profile lies", () => {
    using one = place();
    using two = place();
    for (const at of [one, two]) {
      at.write("{ b: 1 }", join(at.state, "part.json5"));
      at.write('{ a: { $include: "./part.json5" } }');
    }
    const before = fingerprintOf(one.config);
    expect(before.files).toEqual([join(one.state, "part.json5"), one.config]);
    expect(fingerprintOf(two.config).fingerprint).toBe(before.fingerprint);
    one.write("{ b: 2 }", join(one.state, "part.json5"));
    expect(fingerprintOf(one.config).fingerprint).not.toBe(before.fingerprint);
  });
});

describe("saved files", () => {
  it("come back byte for byte, never wider than 0600 for the configuration, into directories that vanished", () => {
    using at = place();
    const part = join(at.state, "parts", "a.json5");
    mkdirSync(join(at.state, "parts"));
    writeFileSync(part, Buffer.from([0x7b, 0xc3]));
    chmodSync(part, 0o640);
    chmodSync(at.config, 0o644);
    const saved = saveFiles(join(at.home, "folder", "before"), [part, join(at.state, "none"), at.config], 5);
    expect(saved.absent).toEqual([join(at.state, "none")]);
    rmSync(join(at.state, "parts"), { recursive: true });
    at.write("{");
    restoreFiles(saved);
    expect([readFileSync(part), readFileSync(at.config, "utf8")]).toEqual([Buffer.from([0x7b, 0xc3]), at.numbered(1)]);
    expect([statSync(part).mode & 0o777, statSync(at.config).mode & 0o777]).toEqual([0o640, 0o600]);
  });

  it("are saved once: a second time returns the first", () => {
    using at = place();
    const folder = join(at.home, "folder", "before");
    saveFiles(folder, [at.config], 5);
    at.write("{");
    expect(saveFiles(folder, [at.config], 9)).toMatchObject({ takenWallMs: 5 });
    expect(readFileSync(join(folder, "openclaw.json"), "utf8")).toBe(at.numbered(1));
  });

  it("do not go through a link, neither when they are saved nor when they come back", () => {
    using at = place();
    const saved = saveFiles(join(at.home, "folder", "before"), [at.config], 5);
    const target = join(at.home, "target");
    at.write("mine", target);
    rmSync(at.config);
    symlinkSync(target, at.config);
    expect(() => restoreFiles(saved)).toThrow("is a symbolic link; nothing was written");
    expect(() => saveFiles(join(at.home, "folder", "again"), [at.config], 5)).toThrow("is a symbolic link");
    expect(readFileSync(target, "utf8")).toBe("mine");
  });

  it("do not go into a directory that others can write to", () => {
    using at = place();
    const saved = saveFiles(join(at.home, "folder", "before"), [at.config], 5);
    at.write("{");
    chmodSync(at.state, 0o777);
    expect(() => restoreFiles(saved)).toThrow("can be written by others");
    expect(readFileSync(at.config, "utf8")).toBe("{");
  });
});

it.skipIf(!existsSync("/dev/shm"))("moves a file to another file system too, for this user alone", () => {
  using at = place();
  const other = mkdtempSync(join("/dev/shm", "rescue-copies-"));
  chmodSync(at.config, 0o644);
  moveWhole(at.config, join(other, "aside"));
  expect(readFileSync(join(other, "aside"), "utf8")).toBe(at.numbered(1));
  expect(statSync(join(other, "aside")).mode & 0o777).toBe(statSync(other).dev === statSync(at.home).dev ? 0o644 : 0o600);
  expect(readdirSync(at.state)).toEqual([]);
  rmSync(other, { recursive: true });
});
