import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { assertOwnDirectory, createSecret, withLock, writeSecret } from "../../src/shared/secure-file.ts";

const refused = expect.objectContaining({ code: "refused" });
let outer = "";
let root = "";
beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), "secure-file-"));
  root = join(outer, "state");
  mkdirSync(root, { mode: 0o700 });
});
afterEach(() => rmSync(outer, { recursive: true, force: true }));

describe("a secret", () => {
  it("is written 0600 into 0700, and replaced as a whole", async () => {
    const file = join(root, "deep", "token");
    await writeSecret(root, file, "one");
    await writeSecret(root, file, "two");
    expect(readFileSync(file, "utf8")).toBe("two");
    expect(lstatSync(file).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(root, "deep")).mode & 0o777).toBe(0o700);
  });

  it("is created by exactly one of several at once", async () => {
    const file = join(root, "token");
    const results = await Promise.allSettled(["a", "b", "c"].map((text) => createSecret(root, file, text)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(["a", "b", "c"]).toContain(readFileSync(file, "utf8"));
  });

  it("does not go through a link that was planted in the target's place, nor into a file that a hard link shares", async () => {
    const elsewhere = join(outer, "elsewhere");
    writeFileSync(elsewhere, "before");
    const planted = join(root, "planted");
    symlinkSync(elsewhere, planted);
    await writeSecret(root, planted, "secret").catch(() => undefined);
    const shared = join(root, "shared");
    linkSync(elsewhere, shared);
    await writeSecret(root, shared, "secret").catch(() => undefined);
    expect(readFileSync(elsewhere, "utf8")).toBe("before");
  });

  it.each([
    ["a link", () => symlinkSync(outer, join(root, "below"))],
    ["open to a group", () => openDirectory(0o770)],
    ["open to everybody", () => openDirectory(0o777)],
  ])("is not written below a directory that is %s", async (_what, make) => {
    make();
    await expect(writeSecret(root, join(root, "below", "token"), "secret")).rejects.toThrow(refused);
    expect(() => readFileSync(join(outer, "token"))).toThrow("ENOENT");
  });

  it("does not go through links that were planted at names of temporary files, and gives its own a name that nobody can guess", async () => {
    const elsewhere = join(outer, "elsewhere");
    writeFileSync(elsewhere, "before");
    const guesses = ["token.tmp", ".token.tmp", "token~", `token.${process.pid}`, `token.${process.pid}.tmp`, `.token.${process.pid}.tmp`];
    for (const name of guesses) symlinkSync(elsewhere, join(root, name));
    const names: string[] = [];
    const watcher = watch(root, (_event, name) => void (name !== null && names.push(name)));
    onTestFinished(() => watcher.close());
    for (const text of ["one", "two"]) await writeSecret(root, join(root, "token"), text);
    await expect.poll(() => new Set(names.filter((name) => name !== "token")).size).toBeGreaterThanOrEqual(2);
    expect([readFileSync(elsewhere, "utf8"), readFileSync(join(root, "token"), "utf8")]).toEqual(["before", "two"]);
    expect(readdirSync(root).sort()).toEqual([...guesses, "token"].sort());
  });

  it("is not created in the place of a link that leads nowhere", async () => {
    symlinkSync(join(outer, "nowhere"), join(root, "token"));
    await expect(createSecret(root, join(root, "token"), "secret")).rejects.toThrow(refused);
    expect(() => readFileSync(join(outer, "nowhere"))).toThrow("ENOENT");
  });

  it("is not written outside of its root, however the path says it", async () => {
    for (const file of [join(outer, "token"), `${root}/../token`, `${root}/below/../../token`, root]) {
      await expect(writeSecret(root, file, "secret")).rejects.toThrow(refused);
    }
    expect(readdirSync(outer)).toEqual(["state"]);
  });

  it.skipIf(process.getuid?.() !== 0)("is not written into a root that is somebody else's, whatever its mode", async () => {
    chownSync(root, 1, 1);
    for (const write of [writeSecret, createSecret]) {
      await expect(write(root, join(root, "token"), "secret")).rejects.toThrow(/belongs to user 1; nothing was written/);
    }
    expect(readdirSync(root)).toEqual([]);
  });

  // src/shared/secure-file.ts, writeSecret, promises it for every directory on the way; the library looks at the mode of those below the root, not at their owner.
  it.skipIf(process.getuid?.() !== 0)("is not written below a directory of somebody else's, whatever its mode", async () => {
    mkdirSync(join(root, "below"), { mode: 0o700 });
    chownSync(join(root, "below"), 1, 1);
    await expect(writeSecret(root, join(root, "below", "token"), "secret")).rejects.toThrow(refused);
  });

  it("is not repeated in the refusal", async () => {
    chmodSync(root, 0o770);
    const error = await writeSecret(root, join(root, "token"), "canary").catch((reason: unknown) => reason);
    expect(`${error} ${error instanceof Error ? `${error.stack} ${error.cause}` : ""}`).not.toContain("canary");
  });

  it("is not written when its root is a link, or can be written by others", async () => {
    const link = join(outer, "link");
    symlinkSync(root, link);
    await expect(writeSecret(link, join(link, "token"), "secret")).rejects.toThrow(refused);
    chmodSync(root, 0o777);
    await expect(writeSecret(root, join(root, "token"), "secret")).rejects.toThrow(/can be written by others \(mode 777\)/);
  });
});

describe("a directory of our own", () => {
  it.skipIf(process.getuid?.() !== 0)("is not one that belongs to somebody else", () => {
    expect(() => assertOwnDirectory(root)).not.toThrow();
    const foreign = join(outer, "foreign");
    mkdirSync(foreign);
    // As root the owner can be changed; as anybody else such a directory cannot be made.
    chownSync(foreign, 1, 1);
    expect(() => assertOwnDirectory(foreign)).toThrow(/belongs to user 1/);
  });
});

describe("a lock", () => {
  it("is held by one at a time, says what runs, and is free again after a failure", async () => {
    const path = join(root, "setup");
    await withLock(path, "rescue setup", async () => {
      await expect(withLock(path, "rescue setup", async () => undefined)).rejects.toMatchObject({
        code: "busy",
        message: /another rescue setup/,
      });
    });
    await expect(
      withLock(path, "rescue setup", async () => {
        throw new Error("failed");
      }),
    ).rejects.toThrow("failed");
    expect(await withLock(path, "rescue setup", async () => "again")).toBe("again");
  });
});

function openDirectory(mode: number): void {
  mkdirSync(join(root, "below"));
  chmodSync(join(root, "below"), mode);
}
