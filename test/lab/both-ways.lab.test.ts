import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Box, requireLab } from "./box.ts";
import { boxWithGateway, type PackageBox } from "./installed.ts";
import { until } from "./until.ts";
import { PACKAGE, UNIT } from "./watching.ts";

/** Both gateways as units, each watching the other. Waits for the primary's five quiet minutes, so only in test:full. */
const PORT = randomInt(40_000, 59_000);
const RESCUE = "openclaw-gateway-rescue.service";
const QUIET_S = 300;
const whyNot = requireLab();

describe.runIf(whyNot === undefined && process.env["RESCUE_FULL"] === "1")("two gateways that watch each other", () => {
  let box: Box;
  let installed: PackageBox | undefined;
  const show = async (unit: string, property: string) =>
    (await box.output(["systemctl", "--user", "show", unit, "-p", property, "--value"])).trim();
  const ageS = async (pid: string) => Number(await box.output(["ps", "-o", "etimes=", "-p", pid]));
  /** Of the watchdog that watches this profile. */
  const log = (profile: string, inside: string): ReturnType<typeof JSON.parse>[] => {
    const places = [join(box.home, ".local/state/rescue-watchdog", profile), join(box.home, inside, "rescue-watchdog")];
    const file = places.map((place) => join(place, "logs/watchdog.jsonl")).find((each) => existsSync(each));
    return file === undefined
      ? []
      : readFileSync(file, "utf8")
          .split("\n")
          .slice(0, -1)
          .map((line) => JSON.parse(line));
  };
  const ofRescue = () => log("rescue", ".openclaw");
  const ofPrimary = () => log("default", ".openclaw-rescue");

  beforeAll(async () => {
    installed = await boxWithGateway(PORT);
    ({ box } = installed);
    await box.output(["node", `${PACKAGE}/dist/plugin/cli/bin.js`, "setup", "--json"], 400_000);
  }, 600_000);
  afterAll(async () => {
    await installed?.dispose();
  });

  it("the primary restarts a frozen rescue after its own five quiet minutes, once, and nothing more", { timeout: 900_000 }, async () => {
    const serves = (lines: ReturnType<typeof JSON.parse>[]) => lines.some(({ details }) => details?.condition === "serving");
    await until(() => serves(ofRescue()) && serves(ofPrimary()), 300_000);
    const [primary, rescue] = [await show(UNIT, "MainPID"), await show(RESCUE, "MainPID")];
    const frozenAtS = await ageS(primary);
    const frozenAtMs = Date.now();
    expect(frozenAtS, "frozen within the quiet minutes, so that they are proved").toBeLessThan(QUIET_S - 30);
    await box.output(["kill", "-STOP", rescue]);
    await until(() => ofRescue().some(({ event }) => event === "repair-started"), 600_000);
    const actedAtS = await ageS(primary);
    await until(() => ofRescue().some(({ event }) => event === "incident-closed"), 300_000);
    const servingMs = Date.now() - frozenAtMs;
    await sleep(20_000);
    const repairs = ofRescue().filter(({ event }) => event === "repair-started");
    console.log(
      `the rescue is frozen | primary ${frozenAtS} s old | plan begins when it is ${actedAtS} s old | ` +
        `${repairs.map(({ cause, tier }) => `${cause}, ${tier}`)} | serving again ${Math.round(servingMs / 1000)} s | ${repairs.length}`,
    );
    expect(actedAtS).toBeGreaterThanOrEqual(QUIET_S);
    expect(repairs).toMatchObject([{ cause: "process-frozen", tier: 1 }]);
    expect(await show(UNIT, "MainPID"), "the primary itself").toBe(primary);
    expect([await show(RESCUE, "ActiveState"), (await show(RESCUE, "MainPID")) !== rescue]).toEqual(["active", true]);
    expect(ofPrimary().filter(({ event }) => event === "repair-started")).toEqual([]);
  });
});
