import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { choosePort, readFacts } from "../../src/onboard/facts.ts";
import { markerPath, writeMarker } from "../../src/onboard/marker.ts";
import { planSetup } from "../../src/onboard/plan.ts";
import { rescueProfileOf } from "../../src/shared/rescue-home.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "rescue-plan-"));
  chmodSync(home, 0o700);
  profile(".openclaw", { gateway: { port: 18_789 } });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const profile = (name: string, config: object) => {
  mkdirSync(join(home, name), { mode: 0o700 });
  writeFileSync(join(home, name, "openclaw.json"), JSON.stringify(config));
};
const facts = (name = "default") => readFacts({ profile: name, home });
const marker = (primary: string) => ({
  format: 1 as const,
  madeBy: "rescue-watchdog" as const,
  primary,
  primaryStateDir: join(home, ".openclaw"),
  port: 19_789,
  createdAt: "2026-11-21T00:00:00.000Z",
  installedPlugin: false,
});

describe("what is there before a setup", () => {
  it("is a primary, and no rescue profile yet", () => {
    expect(facts()).toMatchObject({
      primary: { port: 18_789, allow: undefined },
      rescue: { profile: "rescue", state: "absent" },
      gatewayPorts: [18_789],
    });
  });

  it("is half made when our mark is there and the configuration is not", async () => {
    mkdirSync(join(home, ".openclaw-rescue"), { mode: 0o700 });
    await writeMarker(join(home, ".openclaw-rescue"), marker("default"));
    const plan = planSetup(facts(), { port: 19_789, service: "managed" });
    expect(plan.steps.map(({ name, done }) => [name, done])).toEqual([
      ["claim-profile", true],
      ["write-config", false],
      ["primary-plugin", false],
      ["install-service", false],
      ["start-and-prove", false],
    ]);
  });

  it("is refused when the name is taken by a profile that we did not make, or made for another", async () => {
    profile(".openclaw-rescue", {});
    expect(() => facts()).toThrow(
      expect.objectContaining({ code: "refused", message: expect.stringContaining("not made by this plugin") }),
    );
    await writeMarker(join(home, ".openclaw-rescue"), marker("work"));
    expect(() => facts()).toThrow(expect.objectContaining({ code: "refused", message: expect.stringContaining("rescues profile work") }));
    writeFileSync(markerPath(join(home, ".openclaw-rescue")), "{");
    expect(() => facts()).toThrow(expect.objectContaining({ code: "refused" }));
  });

  it("is refused when a link stands in the rescue profile's place, also one that leads nowhere", () => {
    symlinkSync(join(home, "nowhere"), join(home, ".openclaw-rescue"));
    expect(() => facts()).toThrow(expect.objectContaining({ code: "refused" }));
  });

  it("never rescues a rescue profile, nor one that is not there", () => {
    for (const name of ["rescue", "work-rescue"]) expect(() => facts(name)).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => facts("nobody")).toThrow(expect.objectContaining({ code: "profile-missing" }));
  });
});

describe("the port of a rescue gateway", () => {
  const free = async () => true;
  it("is 19789 by convention, or the next one 120 away from every gateway on which nothing listens", async () => {
    expect(await choosePort([18_789], free)).toBe(19_789);
    expect(await choosePort([18_789, 19_700], free)).toBe(19_909);
    expect(await choosePort([18_789], async (port) => port > 20_000)).toBe(20_029);
  });
});

describe("the name of a rescue profile", () => {
  it("is cut to 64 characters and stays one of its own", () => {
    const [one, other] = [`${"a".repeat(63)}b`, `${"a".repeat(63)}c`].map(rescueProfileOf);
    expect(one).toHaveLength(64);
    expect(one).toMatch(/^a+-[0-9a-f]{8}-rescue$/);
    expect(one).not.toBe(other);
    expect(rescueProfileOf("a".repeat(57))).toBe(`${"a".repeat(57)}-rescue`);
  });
});
