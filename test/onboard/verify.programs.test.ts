import { describe, expect, it } from "vitest";
import { proveAndVerify } from "../../src/onboard/verify.ts";
import { identityOf } from "../../src/service-installers/external/processes.ts";
import { child, firstWord, fixture, tempDir } from "../observe/support.ts";

/** Setup's last step, with a gateway whose backstop last ran `before` (empty: never), and ends `after` when it is run now. */
async function verify(before: string, after: string) {
  const gateway = child(process.execPath, [fixture("onboard-gateway.mjs")], { env: { ...process.env, BEFORE: before, AFTER: after } });
  const port = Number(await firstWord(gateway));
  const stateDir = tempDir();
  const { pid } = gateway;
  const identity = identityOf(pid);
  if (identity === null) throw new Error("the gateway has ended");
  return proveAndVerify(
    { stateDir, port, token: "ab".repeat(32) },
    {
      service: { manager: "systemd", name: "unit", status: async () => ({ manager: "systemd", state: "running", mainPid: pid }) },
      lockHolder: () => ({ ...identity, stateDir, port }),
      identityOf: () => identity,
      tickArgv: ["/bin/true"],
      signal: AbortSignal.timeout(10_000),
    },
  );
}

describe.runIf(process.platform === "linux")("the backstop's run of a setup", () => {
  it("is waited for, and its end is the setup's", async () => {
    expect(await verify("", "ok")).toEqual({ bootId: "boot", version: "2026.9.6", cronJob: "job-1" });
    await expect(verify("", "error")).rejects.toMatchObject({
      code: "service-control",
      message: expect.stringContaining("ended with error"),
    });
  });

  it("is this one, when an earlier one was fine", async () => {
    await expect(verify("ok", "error")).rejects.toMatchObject({ code: "service-control" });
  });

  it("is this one, when an earlier one had failed", async () => {
    await verify("error", "ok");
  });
});
