import { describe, expect, it } from "vitest";
import { judgeConfig, judgeDisk, judgeGateway, judgePairing, judgeStart } from "../../rescue-profile/preflight/judge.ts";
import { parseWishes } from "../../rescue-profile/preflight/wishes.ts";

const blind = { ok: false, why: "EACCES looking" } as const;
const seen = <T>(value: T) => ({ ok: true, value }) as const;
const answered = (status: number) => seen({ state: "answered", status, tookMs: 3, body: {} } as const);

describe("a check", () => {
  it("that could not look is no permission", () => {
    expect(
      [judgeGateway(blind), judgePairing(blind), judgeConfig(blind), judgeDisk(blind, 1, "/s")].map((failure) => failure?.reason),
    ).toEqual(["gateway_unknown", "pairing_unknown", "config_unknown", "disk_unknown"]);
    expect(judgeGateway(seen({ port: 7, health: blind }))).toEqual({ reason: "gateway_unknown", facts: { port: 7 }, detail: blind.why });
  });

  it.each([
    ["gateway_unreachable", seen({ state: "refused" } as const)],
    ["gateway_unreachable", seen({ state: "silent", afterMs: 5_000 } as const)],
    ["gateway_foreign", seen({ state: "foreign", status: 200 } as const)],
    ["gateway_unhealthy", answered(503)],
    [undefined, answered(200)],
  ])("of the gateway says %s", (reason, health) => {
    expect(judgeGateway(seen({ port: 7, health }))?.reason).toBe(reason);
  });

  it("of pairing passes only when nobody waits, and says who does", () => {
    expect(judgePairing(seen({ devices: 0, nodes: 0, channels: 0 }))).toBeUndefined();
    expect(judgePairing(seen({ devices: 1, nodes: 0, channels: 2 }))).toMatchObject({ reason: "pairing_pending", facts: { pending: 3 } });
  });

  it("of the disk passes with exactly what was asked for", () => {
    expect(judgeDisk(seen(200e6), 200, "/s")).toBeUndefined();
    expect(judgeDisk(seen(200e6 - 1), 200, "/s")).toMatchObject({ reason: "disk_low", facts: { free_mb: 199, min_mb: 200 } });
  });

  it("of the configuration tells a missing one from one that is refused", () => {
    expect(judgeConfig(seen({ state: "valid" }))).toBeUndefined();
    expect(judgeConfig(seen({ state: "missing", why: "w" }))?.reason).toBe("config_missing");
    expect(judgeConfig(seen({ state: "invalid", why: "w" }))?.reason).toBe("config_invalid");
  });
});

describe("a command that does not start", () => {
  it("ends as in a shell: 127 when there is none, else 126", () => {
    expect(judgeStart("x", "ENOENT").exitCode).toBe(127);
    for (const code of ["EACCES", "ENOTDIR", "E2BIG", "ENOEXEC"]) expect(judgeStart("x", code).exitCode).toBe(126);
  });
});

describe("the wishes", () => {
  const wishes = (checks?: string, minFreeMb?: string) => parseWishes({ checks, minFreeMb, custom: [], customTimeout: undefined });

  it("are all checks and 200 MB unless said otherwise", () => {
    expect(wishes()).toMatchObject({ checks: ["gateway", "pairing", "config", "disk"], minFreeMb: 200 });
    expect(wishes("disk, gateway,disk", "0")).toMatchObject({ checks: ["gateway", "disk"], minFreeMb: 0 });
  });

  it.each(["", ",", "gateway,", "all", "Gateway", "toString"])("are refused when a check is %j", (checks) => {
    expect(() => wishes(checks)).toThrow("--checks does not know");
  });

  it.each(["", "-1", "1.5", "0x10", "1e3", "200MB", "9999999999"])("are refused when the space is %j", (minFreeMb) => {
    expect(() => wishes(undefined, minFreeMb)).toThrow("--min-free-mb wants a whole number");
  });

  it("do not quietly drop a space for a disk that is not checked", () => {
    expect(() => wishes("gateway", "500")).toThrow("which --checks leaves out");
  });
});
