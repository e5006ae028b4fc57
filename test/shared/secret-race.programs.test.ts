import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { createSecret, writeSecret } from "../../src/shared/secure-file.ts";
import { child, firstWord, fixture, tempDir } from "../observe/support.ts";

const RACE_MS = 2_000;
const SECRET = "canary-5ecre7";

/** What a naive program does. */
function naive(file: string): void {
  try {
    writeFileSync(file, "naive", { mode: 0o600 });
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
  }
}

/** Attack and defence in one directory; `swapped` is what the attacker swaps: the root, or a directory below it. */
async function race(swapped: "root" | "below") {
  const outer = tempDir();
  const root = join(outer, "state");
  const real = swapped === "root" ? root : join(root, "below");
  const attackers = join(outer, "attackers");
  for (const directory of [root, join(root, "below"), attackers, join(attackers, "below")])
    mkdirSync(directory, { mode: 0o700, recursive: true });
  const swap = child(process.execPath, [fixture("onboard-swap.mjs"), real, attackers, String(RACE_MS)]);
  await firstWord(swap);
  let said = "";
  swap.stdout?.on("data", (data: Buffer) => {
    said += data;
  });
  const written: string[] = [];
  let refused = 0;
  for (let n = 0; swap.exitCode === null; n++) {
    for (let tries = 0; tries < 10; tries++) naive(join(root, "below", `naive-${n}-${tries}`));
    const name = `secret-${n}`;
    const file = join(root, "below", name);
    const write = n % 2 === 0 ? writeSecret(root, file, SECRET) : createSecret(root, file, SECRET);
    await write.then(
      () => written.push(name),
      (error: unknown) => {
        // A refusal, or the moment in which neither is there.
        if (!(error instanceof RescueError) && !["ENOENT", "ENOTDIR", "ELOOP"].includes(systemErrorCode(error) ?? "")) throw error;
        refused++;
      },
    );
  }
  // What the writer itself made, in the moment in which nothing was there, is its own too.
  const own = readdirSync(dirname(real))
    .filter((name) => name === basename(real) || name.startsWith(`${basename(real)}.made-`))
    .map((name) => join(dirname(real), name, swapped === "root" ? "below" : ""));
  const stolen = readdirSync(attackers, { recursive: true, encoding: "utf8" }).filter((name) => name !== "below");
  return { written, refused, said, own, stolen, attackers };
}

describe.runIf(process.platform === "linux")("secrets, while somebody swaps their directory for a link to his own", () => {
  it("go to the real one or nowhere, whether it is the root or a directory below", async () => {
    for (const { written, refused, said, own, stolen, attackers } of await Promise.all([race("root"), race("below")])) {
      // The control: the attack works, on a program that trusts paths.
      expect(stolen.filter((name) => name.includes("naive")).length, said).toBeGreaterThan(0);
      expect(stolen.filter((name) => !name.includes("naive"))).toEqual([]);
      for (const name of stolen) expect(readFileSync(join(attackers, name), "utf8")).not.toContain(SECRET);
      expect(refused).toBeGreaterThan(0);
      expect(written.length).toBeGreaterThan(0);
      expect(written.filter((name) => !own.some((directory) => existsSync(join(directory, name))))).toEqual([]);
    }
  });
});
