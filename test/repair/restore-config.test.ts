import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keepCopy } from "../../rescue-profile/copies/ring.ts";
import { restoreConfig } from "../../rescue-profile/repair/restore-config.ts";
import { AGENTS, exposed, GOOD, litter, machine, SECRET, WALL_MS } from "./machine.ts";

const STEP = { name: "restore-config", deadlineMs: 120_000, unlessValid: true, bootedFirst: false } as const;
const beside = (stateDir: string) => readdirSync(stateDir).filter((name) => name.startsWith("openclaw.json.broken-"));

describe("restoring the configuration", () => {
  for (const [what, broken, says] of [
    ["cut in half", GOOD.slice(0, GOOD.length / 2), "what lay there could not be parsed"],
    ["emptied", "", "what lay there could not be parsed"],
    ["of a wrong type", GOOD.replace("18789", '"abc"'), "1 key differs: gateway.port"],
  ] as const) {
    it(`that was ${what} puts the copy that served back, byte for byte, and keeps the broken one twice`, async () => {
      using at = machine(broken);
      const outcome = await restoreConfig(STEP, at.step);
      expect(outcome).toEqual({
        outcome: "done",
        detail: `restored the copy of 2026-11-21T03:00Z that served; ${says}; undo: ${at.folder}/broken`,
      });
      expect(at.read()).toBe(GOOD);
      expect(readFileSync(join(at.folder, "openclaw.json.broken"), "utf8")).toBe(broken);
      expect(beside(at.stateDir)).toEqual(["openclaw.json.broken-2026-11-21T03-00-12-345Z"]);
      expect(at.read(beside(at.stateDir)[0])).toBe(broken);
      expect(statSync(at.configPath).mode & 0o777).toBe(0o600);
      expect([exposed(at.home), litter(at.home)]).toEqual([[], []]);
    });
  }

  it("keeps the very bytes of a file that ends within a character", async () => {
    using at = machine();
    const broken = Buffer.concat([Buffer.from(GOOD.slice(0, 30)), Buffer.from([0xc3])]);
    at.step.write(at.configPath, broken, 0o600);
    expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "done" });
    expect(readFileSync(join(at.folder, "openclaw.json.broken")).equals(broken)).toBe(true);
  });

  it("that was deleted puts it back and keeps nothing that was not there", async () => {
    using at = machine();
    rmSync(at.configPath);
    expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "done", detail: expect.stringContaining("there was no file") });
    expect(at.read()).toBe(GOOD);
    expect(beside(at.stateDir)).toEqual([]);
    expect(existsSync(join(at.folder, "openclaw.json.broken"))).toBe(false);
  });

  for (const [what, breaks] of [
    ["vanished", (path: string) => rmSync(path)],
    ["was cut", (path: string) => renameSync(path, `${path}.away`)],
  ] as const) {
    it(`restores an included file that ${what}, with the mode it had`, async () => {
      using at = machine();
      const included = join(at.stateDir, "agents.json5");
      breaks(included);
      if (what === "was cut") at.write("agents.json5", AGENTS.slice(0, 9));
      expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "done", detail: expect.stringContaining("in agents.json5: ") });
      expect(at.read("agents.json5")).toBe(AGENTS);
      expect(statSync(included).mode & 0o777).toBe(0o644);
      expect(at.read()).toBe(GOOD);
    });
  }

  it("does nothing when the host finds it valid, unless it is suspected nevertheless", async () => {
    const changed = GOOD.replace('mode: "local", ', "");
    using valid = machine(changed);
    expect(await restoreConfig(STEP, valid.step)).toEqual({
      outcome: "done",
      detail: "the host finds the configuration valid: nothing to restore",
      idle: true,
    });
    expect(valid.read()).toBe(changed);
    using suspect = machine(changed);
    expect(await restoreConfig({ ...STEP, unlessValid: false }, suspect.step)).toMatchObject({ outcome: "done" });
    expect(suspect.read()).toBe(GOOD);
  });

  it("prefers what has booted to what only passed the host's validation, when just that is suspected", async () => {
    const passed = GOOD.replace('bind: "loopback"', 'bind: "lan"');
    using at = machine(passed);
    keepCopy(at.dir, at.configPath, "validated", WALL_MS + 60_000);
    at.write("openclaw.json", passed.replace("18789", "18790"));
    expect(await restoreConfig({ ...STEP, unlessValid: false, bootedFirst: true }, at.step)).toMatchObject({ outcome: "done" });
    expect(at.read()).toBe(GOOD);
  });

  it("goes back further when the newest copy is not valid for this host", async () => {
    using at = machine(GOOD.replace("18789", '"newer"'));
    keepCopy(at.dir, at.configPath, "booted", WALL_MS + 60_000);
    at.write("openclaw.json", "{");
    expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "done", detail: expect.stringContaining("2026-11-21T03:00Z") });
    expect(at.read()).toBe(GOOD);
  });

  it("puts the broken one back when no copy is valid, and takes away what it had brought", async () => {
    using at = machine(GOOD.replace("18789", "{}").replace("agents.json5", "more.json5"));
    rmSync(join(at.dir, "copies"), { recursive: true });
    at.write("more.json5", "{}");
    keepCopy(at.dir, at.configPath, "validated", WALL_MS);
    rmSync(join(at.stateDir, "more.json5"));
    at.write("openclaw.json", "{ broken");
    expect(await restoreConfig(STEP, at.step)).toEqual({
      outcome: "failed",
      detail: "none of the 1 kept copies is valid for this host; what lay there was put back",
    });
    expect(at.read()).toBe("{ broken");
    expect(existsSync(join(at.stateDir, "more.json5"))).toBe(false);
  });

  it("removes what it restored when there was nothing before and no copy is valid", async () => {
    using at = machine(GOOD.replace("18789", "{}"));
    rmSync(join(at.dir, "copies"), { recursive: true });
    keepCopy(at.dir, at.configPath, "validated", WALL_MS);
    rmSync(at.configPath);
    expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "failed" });
    expect(existsSync(at.configPath)).toBe(false);
  });

  it("leaves no copy behind that neither the host has looked at nor a gateway has booted from", async () => {
    using at = machine("{");
    rmSync(join(at.dir, "copies"), { recursive: true });
    at.write("openclaw.json", GOOD);
    keepCopy(at.dir, at.configPath, "validated", WALL_MS);
    at.write("openclaw.json", "{");
    at.host.silent = true;
    await expect(restoreConfig(STEP, at.step)).rejects.toThrow("config validate did not answer: exit 1");
    expect(at.read()).toBe("{");
  });

  it("keeps what a gateway has booted from in the place of what cannot be read, though the host does not answer", async () => {
    using at = machine("{");
    at.host.silent = true;
    expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "done" });
    expect(at.read()).toBe(GOOD);
  });

  it("says so when there is no copy", async () => {
    using at = machine("{");
    rmSync(join(at.dir, "copies"), { recursive: true });
    expect(await restoreConfig(STEP, at.step)).toEqual({ outcome: "failed", detail: "no copy was kept that differs from what lies there" });
  });

  it("refuses a configuration that is a symbolic link, and an included file that is one", async () => {
    using at = machine();
    at.write("elsewhere.json", "{");
    rmSync(at.configPath);
    symlinkSync(join(at.stateDir, "elsewhere.json"), at.configPath);
    expect(await restoreConfig(STEP, at.step)).toMatchObject({ outcome: "aborted", detail: expect.stringContaining("is a symbolic link") });
    expect(at.read("elsewhere.json")).toBe("{");

    using other = machine("{");
    other.write("elsewhere.json5", "{");
    rmSync(join(other.stateDir, "agents.json5"));
    symlinkSync(join(other.stateDir, "elsewhere.json5"), join(other.stateDir, "agents.json5"));
    await expect(restoreConfig(STEP, other.step)).rejects.toThrow("agents.json5 is a symbolic link");
    expect([other.read(), other.read("elsewhere.json5")]).toEqual(["{", "{"]);
  });

  it("waits for the host's own work, and leaves a gateway alone that serves again", async () => {
    using at = machine("{");
    const maintenance = async () => [{ pid: 7, what: "openclaw doctor" }];
    expect(await restoreConfig(STEP, { ...at.step, maintenance })).toEqual({
      outcome: "aborted",
      detail: "the host is at work: openclaw doctor (pid 7)",
    });
    expect(at.step.monotonicMs()).toBe(20_000);
    expect(await restoreConfig(STEP, { ...at.step, serves: async () => true })).toMatchObject({ outcome: "aborted" });
    expect([at.read(), at.host.calls]).toEqual(["{", []]);
  });

  it("that was begun and killed is brought to an end even if the gateway serves meanwhile, but not over somebody else's change", async () => {
    using at = machine("{");
    at.step.save(join(at.folder, "broken"), [join(at.stateDir, "agents.json5"), at.configPath]);
    at.write("openclaw.json", "{ mine: true }");
    expect(await restoreConfig(STEP, at.step)).toEqual({
      outcome: "aborted",
      detail: "somebody else has changed the configuration since; it was left alone",
    });
    expect(at.read()).toBe("{ mine: true }");
    at.write("openclaw.json", "{");
    expect(await restoreConfig(STEP, { ...at.step, serves: async () => true })).toMatchObject({ outcome: "done" });
    expect(at.read()).toBe(GOOD);
  });

  it("shows in its diff which keys differ and no secret", async () => {
    const other = GOOD.replace(SECRET, "another-Secret-99").replace("18789", '"abc"').replace('"~/work"', '"~/play"');
    using at = machine(other);
    await restoreConfig(STEP, at.step);
    const diff = readFileSync(join(at.folder, "config.diff.txt"), "utf8");
    expect(diff).toBe(`${at.configPath}\n  ~ gateway.port: "abc" -> 18789\n  ~ gateway.auth.token: "(masked)" -> "(masked)"\n`);
  });
});
