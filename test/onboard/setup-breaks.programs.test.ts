import { existsSync, mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { writeMarker } from "../../src/onboard/marker.ts";
import type { SetupPorts } from "../../src/onboard/ports.ts";
import { setup } from "../../src/onboard/provision.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { commands, MARK, machine, rescued, WISHES } from "./harness.ts";

const prove: SetupPorts["prove"] = async () => Promise.reject(new Error("not proved"));

/** The three calls of a setup from nothing, each refused at once and each broken when its work was done; then our own two. */
const BREAKS = [
  ...["plugins install", "config patch", "gateway install"].flatMap((words, index) =>
    (["before", "after"] as const).map(
      (how) => [`${words}, ${how} its work`, { FAIL_AT: String(index + 1), FAIL_HOW: how }, words] as const,
    ),
  ),
] as const;

describe("a setup that breaks", () => {
  it.each(BREAKS)(
    "at %s, leaves no rescue profile, no service, no wish to watch, and ends in an error that says why",
    async (_what, env, words) => {
      const at = machine({ gateway: { port: 18_789 }, plugins: { allow: ["telegram"], entries: { telegram: { enabled: true } } } });
      await expect(setup(WISHES, at.ports(env))).rejects.toMatchObject({
        code: "service-control",
        message: expect.stringContaining(words),
      });
      expect(existsSync(at.at(".openclaw-rescue"))).toBe(false);
      expect(existsSync(at.at("unit-rescue"))).toBe(false);
      const { plugins } = at.json(".openclaw", "openclaw.json");
      expect(plugins.allow).toEqual(["telegram"]);
      expect(plugins.entries.telegram).toEqual({ enabled: true });
      expect(plugins.load).toBeUndefined();
      expect(plugins.entries["rescue-watchdog"]?.enabled ?? false).toBe(false);
      expect(plugins.entries["rescue-watchdog"]?.config?.watchProfile).toBeUndefined();
      expect(existsSync(at.at(".rescue-watchdog-rescue.lock"))).toBe(false);
    },
  );

  it("at the proof, takes all of it back, service first and directory last", async () => {
    const at = machine();
    await expect(setup(WISHES, at.ports({}, { prove }))).rejects.toThrow("not proved; what this run had made was taken back");
    expect(commands(at).slice(3)).toEqual(["gateway uninstall", "plugins uninstall", "config patch"]);
    expect(existsSync(at.at(".openclaw-rescue"))).toBe(false);
  });

  it("and cannot take back, names what is left with the command that removes it", async () => {
    const at = machine();
    const error = await setup(WISHES, at.ports({ FAIL_AT: "4" }, { prove })).catch((reason: unknown) => reason);
    expect(messageOf(error)).toContain("still there: openclaw --profile rescue gateway uninstall");
  });

  it("while it completes an earlier one, leaves profile, token and port as they were", async () => {
    const at = await rescued();
    const before = at.files();
    const inheritAuth: SetupPorts["inheritAuth"] = async () => ({
      copied: [{ id: "a", provider: "p", mode: "api_key" }],
      present: [],
      left: [],
    });
    await expect(setup({ ...WISHES, inheritAuth: true }, at.ports({}, { prove, inheritAuth }))).rejects.toThrow("not proved");
    expect(at.files()).toEqual(before);
  });

  it("leaves the home as it was, or says what is left", async () => {
    const at = machine();
    const before = at.files();
    const error = await setup(WISHES, at.ports({}, { prove })).catch((reason: unknown) => reason);
    // The host's own writer leaves the empty objects that held the entry.
    const files = Object.fromEntries(
      Object.entries(at.files()).map(([name, text]) => [name, text.replace(',"plugins":{"entries":{}}', "")]),
    );
    if (messageOf(error).includes("was taken back")) expect(files).toEqual(before);
  });

  it("does not name as left what was never made", async () => {
    const at = machine();
    const error = await setup(WISHES, at.ports({ FAIL_AT: "1" })).catch((reason: unknown) => reason);
    expect(messageOf(error)).not.toContain("still there");
  });

  it("takes a configuration back that it wrote into a half-made profile", async () => {
    const at = machine();
    mkdirSync(at.at(".openclaw-rescue"), { mode: 0o700 });
    await writeMarker(at.at(".openclaw-rescue"), MARK);
    await expect(setup(WISHES, at.ports({}, { prove }))).rejects.toThrow("was taken back");
    expect(existsSync(at.at(".openclaw-rescue", "openclaw.json"))).toBe(false);
  });

  it("after it had moved the port, gives the unit its old one back, or says so", async () => {
    const at = await rescued();
    const unit = at.files()["unit-rescue"];
    const error = await setup({ ...WISHES, port: 20_509 }, at.ports({}, { prove })).catch((reason: unknown) => reason);
    if (!messageOf(error).includes("gateway install")) expect(at.files()["unit-rescue"]).toBe(unit);
  });

  it("keeps the directory of a service that it could not remove", async () => {
    const at = machine();
    await expect(setup(WISHES, at.ports({ FAIL_AT: "4" }, { prove }))).rejects.toThrow("still there");
    expect([existsSync(at.at("unit-rescue")), existsSync(at.at(".openclaw-rescue"))]).toEqual([true, true]);
  });

  it("between the directory and its mark, leaves no directory that it then takes for somebody else's", async () => {
    const at = machine();
    // A directory that is not 0700 is refused by the writer of secrets; a full disk would do as well.
    const umask = process.umask(0o277);
    await expect(setup(WISHES, at.ports()).finally(() => process.umask(umask))).rejects.toMatchObject({ code: "refused" });
    expect(existsSync(at.at(".openclaw-rescue"))).toBe(false);
  });
});
