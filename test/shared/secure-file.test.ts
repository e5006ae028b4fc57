import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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
