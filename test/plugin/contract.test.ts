import { describe, expect, it } from "vitest";
import { flagOf, legacyConfigRules } from "../../plugin/onboard/contract.ts";

const argv = (...words: string[]) => ["/opt/node", "/opt/openclaw.mjs", ...words];
const seen = (words: string) => flagOf(argv(...words.split(" ")));

describe("what the command line of an onboarding asks for", () => {
  it.each([
    "onboard",
    "onboard --auth-choice skip",
    "doctor --rescue-watchdog",
    "setup --rescue-watchdog",
    "gateway run",
    "rescue onboard",
    "onboard --no-rescue-watchdog",
    "onboard --rescue-watchdogs",
  ])("is nothing of ours: %s", (words) => {
    expect(seen(words)).toBeUndefined();
  });

  it("is looked for in a module that has no rules of its own for the host", () => {
    expect(legacyConfigRules).toEqual([]);
  });

  it("is not what the program and its entry are called", () => {
    expect(flagOf(["onboard", "--rescue-watchdog"])).toBeUndefined();
    expect(flagOf(["/opt/node", "onboard", "--rescue-watchdog"])).toBeUndefined();
    expect(flagOf([])).toBeUndefined();
  });

  it.each([
    ["onboard --rescue-watchdog", { service: "managed", remote: false }],
    ["--no-color onboard --auth-choice skip --rescue-watchdog --json", { service: "managed", remote: false }],
    ["onboard --rescue-watchdog --install-daemon", { service: "managed", remote: false }],
    ["onboard --rescue-watchdog --skip-daemon", { service: "none", remote: false }],
    ["onboard --no-install-daemon --rescue-watchdog", { service: "none", remote: false }],
    ["onboard --mode local --rescue-watchdog", { service: "managed", remote: false }],
    ["onboard --mode=local --rescue-watchdog", { service: "managed", remote: false }],
    ["onboard --mode remote --rescue-watchdog", { service: "managed", remote: true }],
    ["onboard --rescue-watchdog --mode=remote --skip-daemon", { service: "none", remote: true }],
    ["onboard --rescue-watchdog --mode", { service: "managed", remote: false }],
  ])("%s", (words, expected) => {
    expect(seen(words)).toEqual(expected);
  });
});
