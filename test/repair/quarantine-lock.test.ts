import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Mending } from "../../rescue-profile/repair/mending.ts";
import { quarantineLock } from "../../rescue-profile/repair/quarantine-lock.ts";
import { machine } from "./machine.ts";

const GARBLED = '{"pid": 12';
const HELD = JSON.stringify({ pid: 70, startTime: 700, stateDir: "/home/ana/.openclaw", configPath: "/home/ana/.openclaw/openclaw.json" });

describe("quarantining the host's lock", () => {
  it("moves one that names nobody into the folder, once", async () => {
    using at = machine();
    const aside = join(at.folder, "gateway.state.lock");
    expect(await quarantineLock(at.step)).toEqual({ outcome: "done", detail: "there is no lock file any more" });
    writeFileSync(at.mend.lockPath, GARBLED, { mode: 0o600 });
    const moved = { outcome: "done", detail: `moved a lock that named nobody to ${aside}; undo: mv ${aside} ${at.mend.lockPath}` };
    expect(await quarantineLock(at.step)).toEqual(moved);
    expect([existsSync(at.mend.lockPath), readFileSync(aside, "utf8")]).toEqual([false, GARBLED]);
    expect(await quarantineLock(at.step)).toEqual(moved);
  });

  const blind = (): never => {
    throw new Error("EACCES");
  };
  for (const [what, text, change, detail] of [
    ["that names its holder", HELD, {}, "the lock names its holder now"],
    ["whose kernel lock is held", GARBLED, { lockHolders: () => [70] }, "pid 70 holds the kernel's lock beside it"],
    ["while something listens", GARBLED, { listens: async () => true }, "something listens on the gateway's port"],
    [
      "while the host is at work",
      GARBLED,
      { maintenance: async () => [{ pid: 7, what: "openclaw doctor" }] },
      "the host is at work: openclaw doctor (pid 7)",
    ],
    ["that cannot be read", GARBLED, { readLock: () => ({ state: "unreadable", why: "EACCES reading it" }) }, "EACCES reading it"],
  ] as const satisfies readonly (readonly [string, string, Partial<Mending>, string])[]) {
    it(`leaves one alone ${what}`, async () => {
      using at = machine();
      writeFileSync(at.mend.lockPath, text, { mode: 0o600 });
      expect(await quarantineLock({ ...at.step, ...change })).toEqual({ outcome: "aborted", detail });
      expect(readFileSync(at.mend.lockPath, "utf8")).toBe(text);
    });
  }

  for (const look of ["lockHolders", "listens", "maintenance", "readLock"] as const) {
    it(`does nothing when it could not look: ${look}`, async () => {
      using at = machine();
      writeFileSync(at.mend.lockPath, GARBLED, { mode: 0o600 });
      await expect(quarantineLock({ ...at.step, [look]: blind })).rejects.toThrow("EACCES");
      expect(existsSync(at.mend.lockPath)).toBe(true);
    });
  }

  it("gives it back to a gateway that took it at that very moment, and never replaces a newer one", async () => {
    for (const newer of [undefined, "newer"]) {
      using at = machine();
      writeFileSync(at.mend.lockPath, GARBLED, { mode: 0o600 });
      const move: Mending["move"] = (from, to) => {
        writeFileSync(from, HELD);
        at.step.move(from, to);
        if (newer !== undefined) writeFileSync(from, newer);
      };
      expect(await quarantineLock({ ...at.step, move })).toMatchObject({ outcome: "aborted" });
      expect(readFileSync(at.mend.lockPath, "utf8")).toBe(newer ?? HELD);
      rmSync(at.mend.lockPath);
    }
  });
});
