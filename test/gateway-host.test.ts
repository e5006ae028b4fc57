import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cliOf, versionOf } from "../rescue-profile/gateway-host.ts";
import { OPENCLAW } from "./support/home.ts";

const definition = (...argv: string[]) => ({ path: "/u", argv, environment: {}, enabled: true });

describe("the program that the gateway runs", () => {
  it("is what its service starts, also behind options of Node's", () => {
    for (const options of [[], ["--max-old-space-size=8192"], ["--max-old-space-size=8192", "--no-warnings"]]) {
      expect(cliOf(definition(process.execPath, ...options, OPENCLAW, "gateway", "--port", "18789"))).toEqual([process.execPath, OPENCLAW]);
    }
  });

  it("is not known from a definition whose program is not there, or is none of the host's", () => {
    for (const argv of [
      [],
      ["/bin/sh", "-c", "exec node openclaw.mjs"],
      [process.execPath, "/nonexistent/openclaw.mjs"],
      ["/nonexistent/node", OPENCLAW],
    ]) {
      expect(cliOf(definition(...argv))).toBeUndefined();
    }
    expect(cliOf(null)).toBeUndefined();
  });

  it("tells its version by the package that it lies in", () => {
    expect(existsSync(OPENCLAW)).toBe(true);
    expect(versionOf(OPENCLAW)).toMatch(/^\d{4}\.\d+\.\d+/);
    expect(versionOf(import.meta.filename)).toBeUndefined();
    expect(versionOf(undefined)).toBeUndefined();
  });
});
