import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readFacts } from "../../src/onboard/facts.ts";
import { FIXTURE, machine } from "./harness.ts";

const NOBODY = 65_534;
const facts = (home: string) => readFacts({ profile: "default", home });
const refused = (message: string) => expect.objectContaining({ code: "refused", message: expect.stringContaining(message) });

describe("what is there before a setup", () => {
  it("is nothing yet, on a fresh machine whose onboarding holds the configuration", () => {
    const at = machine(null);
    expect(() => facts(at.home)).toThrow(expect.objectContaining({ code: "profile-missing", fix: "openclaw onboard" }));
    const config = { gateway: { port: 18_800 }, plugins: { allow: ["a"] } };
    const inHand = (more: object) => readFacts({ profile: "default", home: at.home, inHand: { config, ...more } });
    expect(inHand({})).toMatchObject({ primary: { port: 18_800, allow: ["a"] }, rescue: { state: "absent" }, gatewayPorts: [18_800] });
    // `--gateway-port` is known before the wizard has asked.
    expect(inHand({ port: 20_000 }).gatewayPorts).toEqual([20_000]);
    expect(readdirSync(at.home)).toEqual(["package"]);
  });

  it("is what the onboarding holds, not what an earlier one left on disk", () => {
    const at = machine({ gateway: { port: 30_000 }, plugins: { entries: { "rescue-watchdog": { enabled: true } } } });
    expect(readFacts({ profile: "default", home: at.home, inHand: { config: {} } }).primary).toMatchObject({
      port: 18_789,
      pluginEnabled: false,
    });
  });

  it("counts the ports of all gateways, of none twice, and of no directory that was moved aside or is no profile's", () => {
    const at = machine();
    at.profile(".openclaw-work", { gateway: { port: 21_000 } });
    at.profile(".openclaw-dev", {});
    at.profile(".openclaw-rescue.removed-2026-11-21T00-00-00-000Z", { gateway: { port: 22_000 } });
    at.profile(".openclaw-", { gateway: { port: 22_001 } });
    at.profile(".openclaw-a.b", "{ broken");
    at.profile(".openclawed", { gateway: { port: 22_002 } });
    mkdirSync(at.at(".openclaw-empty"));
    writeFileSync(at.at(".openclaw-file"), "");
    expect([...facts(at.home).gatewayPorts].sort()).toEqual([18_789, 19_001, 21_000]);
  });

  it.each(["{", "[]", '{"gateway": }'])(
    "is an error, not an absence, when the primary's configuration cannot be understood: %j",
    (text) => {
      const at = machine();
      at.profile(".openclaw", text);
      expect(() => facts(at.home)).toThrow(expect.objectContaining({ code: "config-invalid" }));
    },
  );

  it("never shows what is in a configuration that cannot be parsed", () => {
    const at = machine();
    at.profile(".openclaw", '{"token": "canary-secret" "port": 1}');
    expect(() => facts(at.home)).toThrow(expect.not.objectContaining({ message: expect.stringContaining("canary") }));
  });

  it("is somebody else's profile when it holds anything but our mark, and when its mark is for another", () => {
    const at = machine();
    mkdirSync(at.at(".openclaw-rescue", "rescue-watchdog"), { recursive: true, mode: 0o700 });
    expect(facts(at.home).rescue.state).toBe("empty");
    writeFileSync(at.at(".openclaw-rescue", "something"), "");
    expect(() => facts(at.home)).toThrow(refused("was not made by this plugin"));
    rmSync(at.at(".openclaw-rescue", "something"));
    const mark = (text: string) => writeFileSync(at.at(".openclaw-rescue", "rescue-watchdog", "owner.json"), text);
    mark(JSON.stringify({ format: 1, madeBy: "rescue-watchdog", primary: "Default" }));
    expect(() => facts(at.home)).toThrow(refused("rescues profile Default"));
    for (const text of [
      "",
      "null",
      "[]",
      "{}",
      '{"format":2,"madeBy":"rescue-watchdog","primary":"default"}',
      '{"format":1,"madeBy":"me","primary":"default"}',
    ]) {
      mark(text);
      expect(() => facts(at.home), text).toThrow(refused("not an ownership mark"));
    }
  });

  it("refuses a file in the rescue profile's place as what it is", () => {
    const at = machine();
    writeFileSync(at.at(".openclaw-rescue"), "");
    expect(() => facts(at.home)).toThrow(expect.objectContaining({ code: "refused" }));
  });

  it("does not read `could not look` as `not there`", () => {
    const at = machine();
    mkdirSync(at.at(".openclaw-work"));
    symlinkSync("openclaw.json", at.at(".openclaw-work", "openclaw.json"));
    expect(() => facts(at.home)).toThrow();
  });
});

describe.skipIf(process.getuid?.() !== 0)("what another user may not read", () => {
  const asNobody = (what: "facts" | "withdrawn", home: string) =>
    execFileSync(process.execPath, [FIXTURE("onboard-as-nobody.mjs"), what, home], { uid: NOBODY, gid: NOBODY, encoding: "utf8" }).trim();
  const shut = (config: object) => {
    const at = machine(config);
    chownSync(at.home, NOBODY, NOBODY);
    chmodSync(at.at(".openclaw"), 0o755);
    return at;
  };
  const OFF = { plugins: { entries: { "rescue-watchdog": { enabled: false } } } };

  it("is an error that names the file, also for the rescue's own configuration", () => {
    const at = shut({});
    expect(asNobody("facts", at.home)).toMatch(/^not-readable: EACCES reading .*\.openclaw\/openclaw\.json$/);
    chmodSync(at.at(".openclaw", "openclaw.json"), 0o644);
    expect(asNobody("facts", at.home)).toContain('"state":"absent"');
    at.profile(".openclaw-work", {});
    chmodSync(at.at(".openclaw-work"), 0o755);
    expect(asNobody("facts", at.home)).toMatch(/^not-readable: EACCES reading .*\.openclaw-work\/openclaw\.json$/);
  });

  it("is no withdrawn consent", () => {
    const at = shut(OFF);
    expect(asNobody("withdrawn", at.home)).toBe("false");
    chmodSync(at.at(".openclaw", "openclaw.json"), 0o644);
    expect(asNobody("withdrawn", at.home)).toBe("true");
    chmodSync(at.at(".openclaw"), 0o700);
    expect(asNobody("withdrawn", at.home)).toBe("false");
  });

  it("is an error also for another profile's directory, whose port would be missed", () => {
    const at = shut({});
    chmodSync(at.at(".openclaw", "openclaw.json"), 0o644);
    at.profile(".openclaw-work", { gateway: { port: 19_789 } });
    expect(asNobody("facts", at.home)).toContain("not-readable");
  });

  it("is `not-readable` also for the mark", () => {
    const at = shut({});
    chmodSync(at.at(".openclaw", "openclaw.json"), 0o644);
    mkdirSync(join(at.home, ".openclaw-rescue"), { mode: 0o700 });
    expect(asNobody("facts", at.home)).toContain("not-readable");
  });
});
