import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Finding, Fix } from "../../../rescue-profile/audit/finding.ts";
import { changedKeys } from "../../../rescue-profile/audit/fixes/allow-plugins.ts";
import { evidenceLog } from "../../../rescue-profile/audit/fixes/evidence.ts";
import { forbidden } from "../../../rescue-profile/audit/fixes/forbidden.ts";
import { remedyFor } from "../../../rescue-profile/audit/fixes/remedy.ts";
import { applyFixes, type FixState, type Remedy } from "../../../rescue-profile/audit/fixing.ts";
import { reported } from "../../../rescue-profile/audit/report.ts";
import { seen } from "../../../rescue-profile/observe/reading.ts";
import { NOW_MS } from "../facts.ts";
import { CONFIG, type FakeWorld, fakeWorld } from "./ports.ts";

const ALLOW: Fix = { kind: "allow-plugins", ids: ["a"] };

async function saved(remedy: Remedy): Promise<Remedy> {
  await remedy.plan();
  await remedy.save();
  return remedy;
}

/** The engine with this one fix. Afterwards the finding is still there or gone. */
async function fixed(
  at: FakeWorld,
  fix: Fix,
  { still = false, meanwhile = (): void => undefined } = {},
): Promise<{ state: FixState; said: string }> {
  const finding: Finding = {
    id: "a",
    subject: "",
    severity: "note",
    title: "t",
    evidence: [{ fact: "f", from: "x" }],
    cure: { text: "c", commands: [] },
    fix,
  };
  const places = [at.home];
  const [outcome] = await applyFixes(
    { findings: [reported(finding)], accepted: [] },
    {
      places: { write: places, narrow: places, rotate: places },
      remedy: (each) => remedyFor(each, at.ports),
      recheck: async () => {
        meanwhile();
        return seen(still ? [finding] : []);
      },
      configTrouble: async () => undefined,
      note: async () => undefined,
      nowMs: () => NOW_MS,
    },
    { dryRun: false },
  );
  if (outcome === undefined) throw new Error("no outcome");
  return outcome;
}

describe("allowing plugins", () => {
  it("asks the host, shows the command, and masks what it says", async () => {
    using at = fakeWorld();
    const remedy = remedyFor(ALLOW, at.ports);
    const plan = await remedy.plan();
    expect(plan.commands).toEqual([`openclaw config set plugins.allow '["a"]' --strict-json`]);
    expect(forbidden(ALLOW, plan.changes, { write: [], narrow: [], rotate: [] })).toBeUndefined();
    await remedy.save();
    expect(await remedy.apply()).toBe("Updated plugins.allow. token=***");
    expect(at.asked).toEqual(['openclaw config set plugins.allow ["a"] --strict-json']);
    expect(JSON.parse(at.text())).toMatchObject({ plugins: { allow: ["a"] }, gateway: { port: 18789 } });
  });

  it("is taken back byte for byte, with the mode", async () => {
    using at = fakeWorld();
    expect(await fixed(at, ALLOW, { still: true })).toMatchObject({ state: "undone" });
    expect([at.text(), statSync(at.configPath).mode & 0o777]).toEqual([CONFIG, 0o600]);
  });

  it.each<[string, (config: Record<string, unknown>) => unknown]>([
    [
      "the host changed gateway.port",
      (config) => ({ ...config, gateway: { port: 1, auth: { token: "t" } }, plugins: { ...Object(config["plugins"]), allow: ["a"] } }),
    ],
    [
      "the host changed agents.list",
      (config) => ({ ...config, agents: { list: [] }, plugins: { ...Object(config["plugins"]), allow: ["a"] } }),
    ],
    ["plugins.allow is not what it was set to", (config) => ({ ...config, plugins: { ...Object(config["plugins"]), allow: ["a", "b"] } })],
    ["plugins.allow is not what it was set to", (config) => config],
  ])("is taken back when %s", async (why, writes) => {
    using at = fakeWorld();
    at.hostWrites = writes;
    const outcome = await fixed(at, ALLOW);
    expect(outcome).toMatchObject({ state: "undone", said: expect.stringContaining(why) });
    expect(at.text()).toBe(CONFIG);
  });

  it("may be stamped by the host", async () => {
    using at = fakeWorld();
    at.hostWrites = (config) => ({ ...config, meta: { lastTouchedVersion: "1" }, plugins: { ...Object(config["plugins"]), allow: ["a"] } });
    expect(await fixed(at, ALLOW)).toMatchObject({ state: "fixed" });
  });

  it("fails as the host does, and leaves everything as it was", async () => {
    using at = fakeWorld();
    at.exitCode = 1;
    expect(await fixed(at, ALLOW)).toMatchObject({
      state: "undone",
      said: expect.stringContaining("openclaw config set ended with 1: Updated plugins.allow. token=***"),
    });
    expect(at.text()).toBe(CONFIG);
  });

  it("is left to a person when the file has comments, when there is a list, and when somebody else has written it since", async () => {
    using commented = fakeWorld(`// mine\n${CONFIG}`);
    expect(await fixed(commented, ALLOW)).toMatchObject({ state: "refused", said: expect.stringContaining("more than plain JSON") });
    using listed = fakeWorld(CONFIG.replace('"entries"', '"allow": ["b"],\n    "entries"'));
    expect(await fixed(listed, ALLOW)).toMatchObject({ state: "refused", said: expect.stringContaining("has been set by somebody") });
    using changed = fakeWorld();
    writeFileSync(changed.configPath, CONFIG.replace("18789", "18790"));
    expect(await fixed(changed, ALLOW)).toMatchObject({
      state: "refused",
      said: expect.stringContaining("was changed by somebody else since it was read"),
    });
    expect([commented, listed, changed].flatMap(({ asked }) => asked)).toEqual([]);
  });

  it("does not begin when somebody writes between the plan and the deed", async () => {
    using at = fakeWorld();
    const remedy = await saved(remedyFor(ALLOW, at.ports));
    const theirs = CONFIG.replace("18789", "18790");
    writeFileSync(at.configPath, theirs);
    await expect(remedy.apply()).rejects.toThrow("was changed by somebody else");
    expect(await remedy.undo()).toBe("the configuration was not touched");
    expect([at.text(), at.asked]).toEqual([theirs, []]);
  });

  it("is not taken back over what somebody else has written meanwhile", async () => {
    using at = fakeWorld();
    const theirs = CONFIG.replace("18789", "18790");
    const outcome = await fixed(at, ALLOW, { still: true, meanwhile: () => writeFileSync(at.configPath, theirs) });
    expect(outcome).toMatchObject({ state: "undo-failed", said: expect.stringContaining("was changed by somebody else meanwhile") });
    expect(at.text()).toBe(theirs);
    expect(readFileSync(join(at.ports.folder, "openclaw.json"), "utf8")).toBe(CONFIG);
  });

  it("knows which keys differ", () => {
    expect(changedKeys({ a: { b: 1, c: [1] }, d: 1 }, { a: { b: 1, c: [2] }, e: { f: 1 } })).toEqual(["a.c", "d", "e.f"]);
    expect(changedKeys({ a: 1 }, { a: { b: 1 } })).toEqual(["a"]);
  });
});

describe("narrowing a mode", () => {
  const narrow = (path: string, mode: number): Fix => ({ kind: "narrow-mode", path, mode });
  const modeOf = (path: string) => statSync(path).mode & 0o7777;

  it("takes away what it is told to, keeps the other bits, and gives back the very mode", async () => {
    using at = fakeWorld();
    const directory = join(at.home, "plugin");
    mkdirSync(directory);
    chmodSync(directory, 0o2777);
    const remedy = await saved(remedyFor(narrow(directory, 0o755), at.ports));
    expect((await remedy.plan()).commands).toEqual([`chmod 2755 ${directory}`]);
    await remedy.apply();
    expect(modeOf(directory)).toBe(0o2755);
    await remedy.undo();
    expect(modeOf(directory)).toBe(0o2777);
  });

  it("follows no link, neither there nor later, and says where a link above leads", async () => {
    using at = fakeWorld();
    const [real, link] = [join(at.home, "real"), join(at.home, "link")];
    mkdirSync(real);
    symlinkSync(real, link);
    expect(await fixed(at, narrow(link, 0o700))).toMatchObject({ state: "refused", said: expect.stringContaining("is a symbolic link") });
    writeFileSync(join(real, "x"), "", { mode: 0o644 });
    const plan = await remedyFor(narrow(join(link, "x"), 0o600), at.ports).plan();
    expect(plan.changes).toEqual([{ kind: "mode", path: join(real, "x"), from: 0o644, to: 0o600 }]);

    const remedy = await saved(remedyFor(narrow(at.configPath, 0o400), at.ports));
    renameSync(at.configPath, join(at.home, "other"));
    symlinkSync(join(at.home, "other"), at.configPath);
    await expect(remedy.apply()).rejects.toThrow("ELOOP");
    rmSync(at.configPath);
    writeFileSync(at.configPath, "new", { mode: 0o600 });
    await expect(remedy.apply()).rejects.toThrow("is not what it was a moment ago");
    expect([modeOf(join(at.home, "other")), modeOf(at.configPath)]).toEqual([0o600, 0o600]);
  });

  it("leaves a mode alone that somebody else has set meanwhile", async () => {
    using at = fakeWorld();
    chmodSync(at.configPath, 0o644);
    const remedy = await saved(remedyFor(narrow(at.configPath, 0o600), at.ports));
    chmodSync(at.configPath, 0o640);
    await expect(remedy.apply()).rejects.toThrow("has the mode 0640 by now");
    expect(modeOf(at.configPath)).toBe(0o640);
  });

  it("never widens, and ends as it began unless it was kept, whatever the modes are", async () => {
    using at = fakeWorld();
    await fc.assert(
      fc.asyncProperty(fc.nat(0o777), fc.nat(0o777), fc.boolean(), async (from, to, still) => {
        rmSync(at.ports.folder, { recursive: true, force: true });
        chmodSync(at.configPath, from | 0o400);
        const { state } = await fixed(at, narrow(at.configPath, to | 0o400), { still });
        const wider = ((to | 0o400) & ~(from | 0o400)) !== 0;
        expect(state).toBe(wider ? "refused" : still ? "undone" : "fixed");
        expect(modeOf(at.configPath)).toBe(state === "fixed" ? to | 0o400 : from | 0o400);
      }),
      { numRuns: 40 },
    );
  });
});

describe("limiting the starts of a unit", () => {
  const LIMIT: Fix = { kind: "limit-starts", unit: "vllm.service" };

  it("writes a drop-in and tells the manager, and takes just that away again", async () => {
    using at = fakeWorld();
    expect(await fixed(at, LIMIT)).toMatchObject({ state: "fixed" });
    expect(at.asked).toEqual(["write vllm.service.conf", "daemon-reload"]);
    using undone = fakeWorld();
    expect(await fixed(undone, LIMIT, { still: true })).toMatchObject({ state: "undone" });
    expect(existsSync(join(undone.home, "vllm.service.conf"))).toBe(false);
    expect(undone.asked).toEqual(["write vllm.service.conf", "daemon-reload", "daemon-reload"]);
  });

  it("is refused where a file of somebody lies, and where no systemd answers", async () => {
    using at = fakeWorld();
    writeFileSync(join(at.home, "vllm.service.conf"), "mine");
    expect(await fixed(at, LIMIT)).toMatchObject({ state: "refused", said: expect.stringContaining("is not ours") });
    using none = fakeWorld(CONFIG, { units: false });
    expect(await fixed(none, LIMIT)).toMatchObject({ state: "refused", said: expect.stringContaining("no user's systemd") });
  });
});

describe("enabling a unit", () => {
  const ENABLE: Fix = { kind: "enable-unit", unit: "openclaw-gateway.service" };

  it("enables it, and disables it again when that did not help", async () => {
    using at = fakeWorld();
    expect(await fixed(at, ENABLE, { still: true })).toMatchObject({ state: "undone" });
    expect(at.asked).toEqual(["enable openclaw-gateway.service", "disable openclaw-gateway.service"]);
  });

  it.each(["masked", "static", "enabled", "not-found"])("leaves one alone that is %s", async (enablement) => {
    using at = fakeWorld();
    at.enablement = enablement;
    expect(await fixed(at, ENABLE)).toMatchObject({ state: "refused", said: expect.stringContaining(`is ${enablement}`) });
    expect(at.asked).toEqual([]);
  });
});

describe("rotating logs by a timer", () => {
  const rotation = (at: FakeWorld): Fix => ({ kind: "rotate-logs", files: [join(at.home, "x.log")], maxBytes: 10, keep: 2 });
  const files = (at: FakeWorld) => readdirSync(at.home).filter((name) => name.startsWith("rotate."));

  it("rehearses first, then writes, enables and rotates once", async () => {
    using at = fakeWorld();
    expect(await fixed(at, rotation(at))).toMatchObject({ state: "fixed" });
    expect(at.asked).toEqual([
      "rehearse",
      "write rotate.conf",
      "write rotate.service",
      "write rotate.timer",
      "daemon-reload",
      "enable --now rescue-watchdog-logrotate-default.timer",
      "start rescue-watchdog-logrotate-default.service",
    ]);
  });

  it("writes nothing when logrotate would not take it", async () => {
    using at = fakeWorld();
    at.failing = "rehearse";
    expect(await fixed(at, rotation(at))).toMatchObject({ state: "undone", said: expect.stringContaining("nothing was written") });
    expect(files(at)).toEqual([]);
  });

  it.each(["daemon-reload", "enable", "start"])("takes all away again when %s fails", async (failing) => {
    using at = fakeWorld();
    at.failing = failing;
    const outcome = await fixed(at, rotation(at));
    // The manager that cannot reload cannot do so for the undo either; the files are gone nevertheless.
    expect(outcome.state).toBe(failing === "daemon-reload" ? "undo-failed" : "undone");
    expect(files(at)).toEqual([]);
    expect(at.asked).toContain("disable --now rescue-watchdog-logrotate-default.timer");
  });

  it("goes back to the rotation that an earlier fix had made, whose timer goes on", async () => {
    using at = fakeWorld();
    for (const name of ["rotate.conf", "rotate.service", "rotate.timer"]) writeFileSync(join(at.home, name), "ours before");
    expect(await fixed(at, rotation(at), { still: true })).toMatchObject({ state: "undone" });
    expect(files(at).map((name) => readFileSync(join(at.home, name), "utf8"))).toEqual(["ours before", "ours before", "ours before"]);
    expect(at.asked.some((order) => order.startsWith("disable"))).toBe(false);
  });
});

describe("rotating logs once", () => {
  const rotation = (path: string, keep = 2): Fix => ({ kind: "rotate-logs", files: [path], maxBytes: 10, keep });
  function logWorld(text = "one\ntwo\n") {
    const at = fakeWorld(CONFIG, { logrotate: false });
    const log = join(at.home, "x.log");
    writeFileSync(log, text, { mode: 0o640 });
    return { ...at, log, unzipped: (number: number) => gunzipSync(readFileSync(`${log}.${number}.gz`)).toString() };
  }

  it("keeps what was in it, empties it in place, and says that it was once only", async () => {
    using at = logWorld();
    const { ino } = statSync(at.log);
    expect((await remedyFor(rotation(at.log), at.ports).plan()).what).toContain("once");
    expect(await fixed(at, rotation(at.log))).toMatchObject({ state: "fixed" });
    expect([readFileSync(at.log, "utf8"), at.unzipped(1)]).toEqual(["", "one\ntwo\n"]);
    const after = statSync(at.log);
    expect([after.ino, after.mode & 0o777, statSync(`${at.log}.1.gz`).mode & 0o777]).toEqual([ino, 0o640, 0o600]);
  });

  it("moves older ones up and deletes none: with enough of them it is refused", async () => {
    using at = logWorld("first");
    for (const text of ["second", "third"]) {
      rmSync(at.ports.folder, { recursive: true, force: true });
      expect(await fixed(at, rotation(at.log))).toMatchObject({ state: "fixed" });
      writeFileSync(at.log, text);
    }
    expect([at.unzipped(1), at.unzipped(2)]).toEqual(["second", "first"]);
    expect(await fixed(at, rotation(at.log))).toMatchObject({
      state: "refused",
      said: expect.stringContaining("would have to be deleted"),
    });
    expect(readFileSync(at.log, "utf8")).toBe("third");
  });

  it("keeps what is rotated when it is taken back, and says so", async () => {
    using at = logWorld();
    expect(await fixed(at, rotation(at.log), { still: true })).toMatchObject({
      state: "undone",
      said: expect.stringContaining("nothing is lost"),
    });
    expect(at.unzipped(1)).toBe("one\ntwo\n");
  });

  it("follows no link and touches no file that has a second name", async () => {
    using at = logWorld();
    const link = join(at.home, "link.log");
    symlinkSync(at.log, link);
    expect(await fixed(at, rotation(link))).toMatchObject({ state: "undone", said: expect.stringContaining("ELOOP") });
    linkSync(at.log, join(at.home, "second.txt"));
    rmSync(at.ports.folder, { recursive: true, force: true });
    expect(await fixed(at, rotation(at.log))).toMatchObject({ state: "undone", said: expect.stringContaining("has a second name") });
    expect(readFileSync(at.log, "utf8")).toBe("one\ntwo\n");
    expect(readdirSync(at.home).filter((name) => name.endsWith(".gz"))).toEqual([]);
  });
});

describe("keeping a copy", () => {
  it("keeps one, and takes just that one away again", async () => {
    using at = fakeWorld();
    expect(await fixed(at, { kind: "keep-config" }, { still: true })).toMatchObject({
      state: "undone",
      said: expect.stringContaining("the copy was taken away"),
    });
    expect(at.asked).toEqual(["keep a copy", "forget the copy"]);
  });
});

describe("the evidence log", () => {
  it("is one file for a day, begins with a heading, and is only added to", async () => {
    using at = fakeWorld();
    const log = evidenceLog(at.home, "work", NOW_MS);
    await log.note("\none\n");
    await log.note("two\n");
    expect(log.path).toBe(join(at.home, "audit-20261127.md"));
    expect(readFileSync(log.path, "utf8")).toBe("# Audit of profile `work`, 2026-11-27\n\none\ntwo\n");
    expect(statSync(log.path).mode & 0o777).toBe(0o600);
  });

  it("is no link, and lies in no directory that others can write to", async () => {
    using at = fakeWorld();
    const log = evidenceLog(at.home, "work", NOW_MS);
    symlinkSync(at.configPath, log.path);
    await expect(log.note("x")).rejects.toThrow("ELOOP");
    expect(at.text()).toBe(CONFIG);
    rmSync(log.path);
    chmodSync(at.home, 0o777);
    await expect(log.note("x")).rejects.toThrow("can be written by others");
  });
});
