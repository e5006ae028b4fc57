import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { setup } from "../../src/onboard/provision.ts";
import { machine } from "./harness.ts";

describe("a setup that breaks", () => {
  it("because it lost its lock, takes nothing back from the one that took it over", async () => {
    const at = machine();
    const lock = at.at(".rescue-watchdog-setup.lock");
    await expect(setup({ profile: "default", service: "managed" }, at.ports({ LOSE_LOCK: lock }))).rejects.toThrow();
    expect(existsSync(at.at(".openclaw-rescue", "openclaw.json"))).toBe(true);
  });
});
