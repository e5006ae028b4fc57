import { chmodSync, existsSync, lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { closingWords } from "../../plugin/onboard/step.ts";
import { writeMarker } from "../../src/onboard/marker.ts";
import type { SetupPorts } from "../../src/onboard/ports.ts";
import { setup, withSetupLock } from "../../src/onboard/provision.ts";
import { commands, MARK, machine, rescued, WISHES } from "./harness.ts";

describe("a setup", () => {
  it("makes the profile, the plugin in the primary and the service, in this order, and tells nobody the token but the proved gateway", async () => {
    const at = machine();
    const result = await setup(WISHES, at.ports());
    const { token } = at.json(".openclaw-rescue", "openclaw.json").gateway.auth;
    expect(commands(at)).toEqual(["plugins install", "config patch", "gateway install"]);
    expect(at.proved).toMatchObject([{ primary: "default", profile: "rescue", port: 19_789, token }]);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(JSON.stringify([result, at.calls(), at.steps])).not.toContain(token);
    expect(
      Object.entries(at.files())
        .filter(([, text]) => text.includes(token))
        .map(([name]) => name),
    ).toEqual([".openclaw-rescue/openclaw.json"]);
    for (const [name, mode] of [
      [".openclaw-rescue", 0o700],
      [".openclaw-rescue/openclaw.json", 0o600],
      [".openclaw-rescue/rescue-watchdog/owner.json", 0o600],
    ] as const) {
      expect(lstatSync(at.at(name)).mode & 0o777, name).toBe(mode);
    }
    expect(existsSync(at.at(".rescue-watchdog-rescue.lock"))).toBe(false);
  });

  it("run again, changes no file and keeps the token", async () => {
    const at = machine();
    await setup(WISHES, at.ports());
    const before = at.files();
    at.forget();
    await setup(WISHES, at.ports());
    expect(at.files()).toEqual(before);
    expect(commands(at)).toEqual([]);
    expect(at.proved[1]).toEqual(at.proved[0]);
  });

  it("writes nothing of the primary's on a machine whose onboarding holds its configuration, and returns what is to be merged", async () => {
    const at = machine(null);
    const result = await setup({ ...WISHES, inHand: { config: { plugins: { allow: ["a"] } }, port: 18_800 } }, at.ports());
    expect(result.primaryPatch).toEqual({
      plugins: { allow: ["a", "rescue-watchdog"], entries: { "rescue-watchdog": { enabled: true, config: { watchProfile: "rescue" } } } },
    });
    expect(commands(at)).toEqual(["gateway install"]);
    expect(existsSync(at.at(".openclaw", "openclaw.json"))).toBe(false);
  });

  it("at the same time as another one of the same profile: one claims, the other completes, and both have one token", async () => {
    const at = machine();
    const results = await Promise.all([setup(WISHES, at.ports()), setup(WISHES, at.ports())]);
    expect(results).toHaveLength(2);
    expect(at.steps.filter((step) => step === "claim-profile done")).toHaveLength(1);
    expect(at.steps.filter((step) => step === "claim-profile skipped")).toHaveLength(1);
    expect(commands(at).filter((words) => words === "plugins install")).toHaveLength(1);
    expect(new Set(at.proved.map(({ token }) => token)).size).toBe(1);
    expect(at.proved[0]?.token).toBe(at.json(".openclaw-rescue", "openclaw.json").gateway.auth.token);
  });

  it("refuses a profile that appears under its name after it has looked", async () => {
    const at = machine();
    let looks = 0;
    const manager: SetupPorts["manager"] = async () => {
      if (++looks === 1) mkdirSync(at.at(".openclaw-rescue"));
      return { name: "systemd" };
    };
    await expect(setup(WISHES, at.ports({}, { manager }))).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining("appeared while"),
    });
    expect(at.calls()).toEqual([]);
    // It is not ours to take back.
    expect(existsSync(at.at(".openclaw-rescue"))).toBe(true);
  });

  it.each([
    ["home", ""],
    ["rescue directory", ".openclaw-rescue"],
  ])("begins nothing in a %s that others can write to, and names it with its mode", async (_what, name) => {
    const at = machine();
    if (name !== "") {
      mkdirSync(at.at(name), { mode: 0o700 });
      await writeMarker(at.at(name), MARK);
    }
    chmodSync(at.at(name), 0o770);
    const before = at.files();
    const message = expect.stringMatching(new RegExp(`^${at.at(name)} can be written by others \\(mode 770\\); nothing was written$`));
    await expect(setup(WISHES, at.ports())).rejects.toMatchObject({ code: "refused", message });
    expect([at.files(), at.calls()]).toEqual([before, []]);
  });

  it("does not touch a rescue whose configuration cannot be parsed", async () => {
    const at = await rescued();
    writeFileSync(at.at(".openclaw-rescue", "openclaw.json"), '{"gateway": {"auth": {"token": "canary" }');
    const before = at.files();
    const error = await setup(WISHES, at.ports()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "config-invalid", message: expect.not.stringContaining("canary") });
    expect(at.files()).toEqual(before);
  });

  it("completes one that was killed before it had set its mark", async () => {
    const at = machine();
    mkdirSync(at.at(".openclaw-rescue"), { mode: 0o700 });
    await setup(WISHES, at.ports());
  });

  it("waits for another one that has not set its mark yet", async () => {
    const at = machine();
    const rescue = at.at(".openclaw-rescue");
    const first = withSetupLock(at.home, async () => {
      mkdirSync(rescue, { mode: 0o700 });
      await delay(100);
      await writeMarker(rescue, MARK);
    });
    await expect.poll(() => existsSync(rescue)).toBe(true);
    const second = setup(WISHES, at.ports()).finally(() => first);
    await second;
  });

  it("at the same time as one of another profile, takes another port", async () => {
    const at = machine();
    at.profile(".openclaw-work", { gateway: { port: 18_000 } });
    // Long enough for both to have looked.
    const manager: SetupPorts["manager"] = async () => delay(50, { name: "systemd" });
    const wish = (profile: string) => ({ profile, service: "managed" as const });
    await Promise.all([setup(wish("default"), at.ports({}, { manager })), setup(wish("work"), at.ports({}, { manager }))]);
    const [one = 0, other = 0] = at.proved.map(({ port }) => port);
    expect(Math.abs(one - other)).toBeGreaterThanOrEqual(120);
  });

  it("run again, moves from a port that has come too near to the primary's, or says so", async () => {
    const at = await rescued();
    at.profile(".openclaw", { ...at.json(".openclaw", "openclaw.json"), gateway: { port: 19_800 } });
    const port = await setup(WISHES, at.ports()).then(
      ({ plan }) => plan.port,
      () => 0,
    );
    expect(Math.abs(port - 19_800)).toBeGreaterThanOrEqual(120);
  });

  it("refuses a primary that denies the plugin, where the rescue would keep its hands off", async () => {
    const at = machine({ plugins: { deny: ["rescue-watchdog"] } });
    await expect(setup(WISHES, at.ports())).rejects.toThrow("deny");
  });

  it("refuses a primary whose gateway runs on another machine", async () => {
    const at = machine({ gateway: { mode: "remote", remote: { url: "ws://elsewhere:1" } } });
    await expect(setup(WISHES, at.ports())).rejects.toMatchObject({ code: "usage" });
  });

  it("names the command that removes this rescue, and not another one's", async () => {
    const at = machine();
    at.profile(".openclaw-work", {});
    const result = await setup({ profile: "work", service: "managed" }, at.ports());
    expect(closingWords(result).join("\n")).toMatch(/remove: .*--profile work/);
  });
});
