import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { guardedDoctor } from "../../rescue-profile/repair/guarded-doctor.ts";
import { parseConfig } from "../../src/shared/gateway-config.ts";
import { HARMLESS } from "./fake-host.ts";
import { AGENTS, exposed, GOOD, litter, type Machine, machine, SECRET, tree } from "./machine.ts";

const STEP = { name: "guarded-doctor", deadlineMs: 150_000, failure: "goes on" } as const;
/** As measured: one key at the top, one within. */
const UNKNOWN = GOOD.replace("{\n", "{\n  bogusTop: { a: 1 },\n").replace("bind:", "bogusKey: true, bind:");
const config = (at: Machine) => parseConfig("openclaw.json", at.read());

describe("a doctor under guard", () => {
  it("may remove the keys that the host itself called unknown, and nothing of what else it did stays", async () => {
    using at = machine(UNKNOWN);
    chmodSync(at.configPath, 0o644);
    const outcome = await guardedDoctor(STEP, at.step);
    expect(outcome.detail).toContain(
      "doctor ran (exit 0) and took away just what the host had found wrong; kept: 3 keys differ: bogusTop, gateway.bogusKey, wizard; " +
        "put back: 1 key differs: skills; ",
    );
    expect(outcome.outcome).toBe("done");
    expect(config(at)).toEqual({ ...parseConfig("good", GOOD), wizard: HARMLESS["wizard"] });
    expect([at.read("agents.json5"), at.read("openclaw.json.bak"), existsSync(`${at.configPath}.bak.1`)]).toEqual([AGENTS, "{}\n", false]);
    expect(statSync(at.configPath).mode & 0o777).toBe(0o600);
    expect([at.host.count("doctor --fix"), at.host.count("config validate")]).toEqual([1, 1]);
  });

  it("leaves in the folder what it did, what was kept, the findings and the databases, for this user alone", async () => {
    using at = machine(UNKNOWN);
    await guardedDoctor(STEP, at.step);
    const inFolder = Object.keys(tree(at.folder));
    expect(inFolder).toEqual([
      "config-after/agents.json5",
      "config-after/manifest.json",
      "config-after/openclaw.json",
      "config-after/openclaw.json.bak",
      "config-after/openclaw.json.bak.1",
      "config-before/agents.json5",
      "config-before/manifest.json",
      "config-before/openclaw.json",
      "config-before/openclaw.json.bak",
      "databases/0-state.sqlite",
      "doctor-lint.json",
      "doctor-outcome.json",
      "doctor-run.json",
      "doctor.diff.txt",
      "made-meanwhile-openclaw.json.bak.1",
      "openclaw.json.merged",
      "validation-before.json",
    ]);
    expect(readFileSync(join(at.folder, "config-before/openclaw.json"), "utf8")).toBe(UNKNOWN);
    const database = new DatabaseSync(join(at.folder, "databases/0-state.sqlite"), { readOnly: true });
    expect(database.prepare("SELECT name FROM jobs").all()).toEqual([{ name: "backup" }]);
    database.close();
    expect(statSync(join(at.folder, "databases/0-state.sqlite")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(at.folder, "doctor-lint.json"), "utf8")).toContain('Unrecognized key: \\\\\\"bogusKey');
    expect([exposed(at.home), litter(at.home)]).toEqual([[], []]);
    expect(readFileSync(join(at.folder, "doctor.diff.txt"), "utf8")).not.toContain(SECRET);
  });

  it("that changes nothing but stamps costs nobody his comments", async () => {
    using at = machine();
    const before = tree(at.stateDir);
    expect(await guardedDoctor(STEP, at.step)).toMatchObject({ outcome: "done", detail: expect.stringContaining("none of its changes") });
    expect(tree(at.stateDir)).toEqual(before);
  });

  it("that weakens the gateway is undone, even where an allowlist says that it may", async () => {
    using at = machine(UNKNOWN);
    const weak = {
      gateway: { mode: "local", port: 19001, bind: "lan", auth: { mode: "none", token: "" } },
      channels: { telegram: { dmPolicy: "open", groupPolicy: "open", allowFrom: ["*"] } },
      plugins: { allow: ["crashy", "other"] },
    };
    at.host.doctor = { sets: weak };
    const outcome = await guardedDoctor(STEP, at.step, [{ path: ["**"], why: "anything", stamp: false }]);
    expect(outcome).toMatchObject({ outcome: "done", detail: expect.stringContaining("put back: 8 keys differ") });
    expect(config(at)).toEqual(parseConfig("good", GOOD));
  });

  it("that drops a section, or rewrites the gateway's mode, is undone", async () => {
    using at = machine(UNKNOWN);
    at.host.doctor = { sets: { gateway: { mode: "remote" } }, drops: ["channels", "meta"] };
    expect(await guardedDoctor(STEP, at.step)).toMatchObject({ outcome: "done" });
    expect(config(at)).toEqual(parseConfig("good", GOOD));
  });

  it("keeps what an allowlist allows and the law does not forbid", async () => {
    using at = machine(UNKNOWN);
    at.host.doctor = { sets: { gateway: { mode: "remote", bind: "lan" } } };
    await guardedDoctor(STEP, at.step, [{ path: ["gateway", "*"], why: "for this test", stamp: false }]);
    expect(config(at)["gateway"]).toMatchObject({ mode: "remote", bind: "loopback" });
    // More was changed than what the host had called wrong: it is asked again.
    expect(at.host.count("config validate")).toBe(2);
  });

  it("puts included files back, and those that it made or took away", async () => {
    using at = machine(UNKNOWN);
    at.host.doctor = {
      also: (path) => {
        writeFileSync(join(path, "../agents.json5"), "{ defaults: { workspace: '/' } }");
        writeFileSync(`${path}.last-good`, "{}");
        rmSync(`${path}.bak`);
      },
    };
    expect(await guardedDoctor(STEP, at.step)).toMatchObject({ outcome: "done" });
    expect([at.read("agents.json5"), at.read("openclaw.json.bak"), existsSync(`${at.configPath}.last-good`)]).toEqual([
      AGENTS,
      "{}\n",
      false,
    ]);
    expect(existsSync(join(at.folder, "made-meanwhile-openclaw.json.last-good"))).toBe(true);
  });

  for (const [what, also] of [
    ["leaves half a file", (path: string) => writeFileSync(path, "{ gateway: {")],
    ["deletes the file", (path: string) => rmSync(path)],
  ] as const) {
    it(`that ${what} changes nothing, and fails`, async () => {
      using at = machine(UNKNOWN);
      const before = tree(at.stateDir);
      at.host.doctor = { also };
      expect(await guardedDoctor(STEP, at.step)).toMatchObject({
        outcome: "failed",
        detail: expect.stringContaining("the configuration is not valid; it was put back"),
      });
      expect(tree(at.stateDir)).toEqual(before);
    });
  }

  it("that hangs changes nothing, and fails", async () => {
    using at = machine(UNKNOWN);
    const before = tree(at.stateDir);
    at.host.doctor = { hangs: true };
    expect(await guardedDoctor(STEP, at.step)).toMatchObject({ outcome: "failed", detail: expect.stringContaining("did not end in time") });
    expect(tree(at.stateDir)).toEqual(before);
    expect(at.host.timeouts).toEqual([60_000, 30_000, 90_000]);
  });

  it("that survives its end is named", async () => {
    using at = machine(UNKNOWN);
    at.host.doctor = { hangs: true };
    const maintenance = async () => (at.host.count("doctor --fix") === 0 ? [] : [{ pid: 7, what: "openclaw doctor" }]);
    const outcome = await guardedDoctor(STEP, { ...at.step, maintenance });
    expect(outcome).toMatchObject({ outcome: "failed", detail: expect.stringContaining("still lives openclaw doctor (pid 7)") });
    expect(at.read()).toBe(UNKNOWN);
  });

  it("whose host does not answer afterwards changes nothing, where more was wrong than unknown keys", async () => {
    using at = machine(UNKNOWN.replace("port: 18789", 'port: "abc"'));
    const before = tree(at.stateDir);
    at.host.doctor = {
      also: () => {
        at.host.silent = true;
      },
    };
    await expect(guardedDoctor(STEP, at.step)).rejects.toThrow("did not answer");
    expect(tree(at.stateDir)).toEqual(before);
  });

  it("does not overwrite what somebody else wrote meanwhile", async () => {
    using at = machine(UNKNOWN);
    const save: typeof at.step.save = (directory, paths) => {
      const saved = at.step.save(directory, paths);
      if (directory.endsWith("config-after")) at.write("openclaw.json", "{ mine: true }");
      return saved;
    };
    await expect(guardedDoctor(STEP, { ...at.step, save })).rejects.toThrow("was changed by somebody else meanwhile");
    expect(at.read()).toBe("{ mine: true }");
  });

  it("is not begun while another doctor lives, on a gateway that serves, on a full disk, or without a configuration", async () => {
    using at = machine(UNKNOWN);
    const before = tree(at.stateDir);
    const again = () => rmSync(join(at.folder, "doctor-outcome.json"), { force: true });
    const maintenance = async () => [{ pid: 7, what: "openclaw doctor" }];
    expect(await guardedDoctor(STEP, { ...at.step, maintenance })).toMatchObject({ outcome: "aborted" });
    expect(at.step.monotonicMs()).toBe(60_000);
    again();
    expect(await guardedDoctor(STEP, { ...at.step, serves: async () => true })).toMatchObject({ outcome: "aborted" });
    again();
    await expect(guardedDoctor(STEP, { ...at.step, freeBytes: async () => 100 })).rejects.toThrow("needs 1 MB of free disk");
    expect(tree(at.stateDir)).toEqual(before);
    rmSync(join(at.folder, "config-before"), { recursive: true });
    rmSync(at.configPath);
    expect(await guardedDoctor(STEP, at.step)).toMatchObject({ outcome: "failed", detail: expect.stringContaining("does not exist") });
    expect(at.host.count("doctor --fix")).toBe(0);
  });

  it("waits for an earlier runner's doctor to end", async () => {
    using at = machine(UNKNOWN);
    const maintenance = async () => (at.step.monotonicMs() < 9_000 ? [{ pid: 7, what: "openclaw doctor" }] : []);
    expect(await guardedDoctor(STEP, { ...at.step, maintenance })).toMatchObject({ outcome: "done" });
    expect(at.step.monotonicMs()).toBe(9_000);
  });

  it("is not taken a second time, however it ended", async () => {
    using at = machine(UNKNOWN);
    at.host.doctor = { hangs: true };
    const first = await guardedDoctor(STEP, at.step);
    at.write("openclaw.json", GOOD);
    expect(await guardedDoctor(STEP, at.step)).toEqual(first);
    expect([at.host.count("doctor --fix"), at.read()]).toEqual([1, GOOD]);
  });

  it("does nothing any more once the repair was taken over", async () => {
    using at = machine(UNKNOWN);
    const before = tree(at.home);
    const stillOurs = () => {
      throw new Error("taken over");
    };
    await expect(guardedDoctor(STEP, { ...at.step, stillOurs })).rejects.toThrow("taken over");
    expect([tree(at.home), at.host.calls]).toEqual([before, []]);
  });
});
