import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { readLockedOut } from "../../rescue-profile/observe/locked-out.ts";
import type { Target } from "../../rescue-profile/observe/target.ts";
import { footprint, servedHome } from "./findings-support.ts";
import { child, firstWord } from "./support.ts";

const NOBODY = 65_534;

/** A state directory of another account than root's, as root sees it. */
async function ofNobody(): Promise<{ target: Target; agentDatabase: string; own: (file: string) => void }> {
  const { target, agentDatabase, home } = await servedHome();
  const own = (file: string) => chownSync(file, NOBODY, NOBODY);
  mkdirSync(target.lockDir, { recursive: true });
  for (const line of ["", ...footprint(target.stateDir).map((each) => each.split(" ")[0] ?? "")]) own(path.join(target.stateDir, line));
  own(home);
  return { target, agentDatabase, own };
}

describe("files that the gateway's account cannot use", () => {
  it("are none where everything is its own, whoever looks", async () => {
    const { target } = await servedHome();
    const before = footprint(target.stateDir);
    expect(readLockedOut(target)).toEqual({ ok: true, value: [] });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it.runIf(process.getuid?.() === 0)("are told to root by owner and mode", async () => {
    const { target, agentDatabase } = await ofNobody();
    expect(readLockedOut(target)).toEqual({ ok: true, value: [] });
    chownSync(target.databasePath, 0, 0);
    chmodSync(target.databasePath, 0o600);
    chownSync(agentDatabase, 0, 0);
    chmodSync(agentDatabase, 0o644);
    const before = footprint(target.stateDir);
    expect(readLockedOut(target)).toEqual({
      ok: true,
      value: [
        { path: target.databasePath, why: "belongs to root (uid 0), mode 600" },
        { path: agentDatabase, why: "belongs to root (uid 0), mode 644" },
      ],
    });
    expect(footprint(target.stateDir)).toEqual(before);
  });

  it.runIf(process.getuid?.() === 0)("are a configuration that may not be read, but not one that may not be written", async () => {
    const { target } = await ofNobody();
    chmodSync(target.configPath, 0o400);
    expect(readLockedOut(target)).toEqual({ ok: true, value: [] });
    chmodSync(target.configPath, 0);
    expect(readLockedOut(target)).toEqual({ ok: true, value: [{ path: target.configPath, why: `belongs to uid ${NOBODY}, mode 0` }] });
  });

  it.runIf(process.getuid?.() === 0)("are at most five", async () => {
    const { target, own } = await ofNobody();
    const sessions = path.join(target.stateDir, "agents", "main", "sessions");
    mkdirSync(sessions);
    own(sessions);
    for (let index = 0; index < 9; index++) writeFileSync(path.join(sessions, `${index}.jsonl`), "", { mode: 0o600 });
    expect(readLockedOut(target)).toMatchObject({ ok: true, value: { length: 5 } });
  });

  it.runIf(process.getuid?.() === 0)("are told to the account itself by the kernel", async () => {
    const { target } = await ofNobody();
    chownSync(target.configPath, 0, 0);
    chownSync(target.databasePath, 0, 0);
    chmodSync(target.databasePath, 0o600);
    const module = new URL("../../rescue-profile/observe/locked-out.ts", import.meta.url);
    const program = `import { readLockedOut } from "${module}"; console.log(JSON.stringify(readLockedOut(${JSON.stringify(target)})));`;
    const nobody = child(process.execPath, ["--input-type=module", "--eval", program], { uid: NOBODY });
    expect(JSON.parse(await firstWord(nobody))).toEqual({
      ok: true,
      value: [
        { path: target.configPath, why: "belongs to root (uid 0), mode 600" },
        { path: target.databasePath, why: "belongs to root (uid 0), mode 600" },
      ],
    });
  });
});
