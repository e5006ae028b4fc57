import { type ChildProcess, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readLockFile } from "../../rescue-profile/observe/lock-file.ts";
import { callGateway, type GatewayTarget, withGateway } from "../../src/onboard/handover/gateway-call.ts";
import type { Connection, Prover } from "../../src/onboard/handover/prove.ts";
import { proveLinux } from "../../src/onboard/handover/prove-linux.ts";
import { type StartedHome, startGatewayHome, waitReady } from "../support/gateway.ts";
import { OPENCLAW } from "../support/home.ts";

let home: StartedHome;
let gateway: ChildProcess;
let target: GatewayTarget;

const logPath = () => path.join(home.home, "gateway.log");

function lockHolder() {
  const file = readLockFile(path.join(home.stateDir, "tmp", `openclaw-${process.getuid?.()}`, "gateway.state.lock"));
  return file.state === "held" ? file.lock : undefined;
}

describe.runIf(process.platform === "linux")("a real gateway that is handed its token", () => {
  beforeAll(async () => {
    home = await startGatewayHome();
    const log = openSync(logPath(), "a");
    gateway = spawn(process.execPath, [OPENCLAW, "gateway", "run"], { env: home.env, cwd: home.home, stdio: ["ignore", log, log] });
    home.adopt(gateway);
    await waitReady(home.port);
    const lock = lockHolder();
    if (lock === undefined) throw new Error("a gateway that serves holds its lock");
    target = {
      port: home.port,
      token: JSON.parse(readFileSync(home.configPath, "utf8")).gateway.auth.token,
      expected: { pid: lock.pid, startTime: lock.startTime, stateDir: home.stateDir, title: "openclaw-gateway" },
      lockHolder,
      timeoutMs: 30_000,
    };
  });

  afterAll(() => home.dispose());

  it("is proved, says hello and answers", async () => {
    const methods = [{ method: "system.info" }, { method: "cron.list", params: { includeDisabled: true } }];
    expect(await callGateway({ ...target, methods })).toEqual({
      version: expect.stringMatching(/^\d{4}\./),
      bootId: expect.stringMatching(/./),
      scopes: expect.arrayContaining(["operator.read", "operator.admin"]),
      results: [expect.objectContaining({ pid: gateway.pid }), expect.objectContaining({ jobs: expect.any(Array) })],
    });
  });

  it("keeps its boot id from one connection to the next, and runs a job of ours", async () => {
    const { bootId } = await callGateway({ ...target, methods: [] });
    const ran = await withGateway(target, async (proved) => {
      expect(proved.bootId).toBe(bootId);
      const added = await proved.request("cron.add", {
        declarationKey: "handover-test",
        name: "handover-test",
        enabled: true,
        schedule: { kind: "every", everyMs: 3_600_000 },
        sessionTarget: "isolated",
        wakeMode: "now",
        payload: { kind: "command", argv: [process.execPath, "-e", "console.log('ran')"], timeoutSeconds: 30 },
        delivery: { mode: "none" },
      });
      const id = idOf(added);
      expect(await proved.request("cron.run", { id, mode: "force" })).toMatchObject({ runId: expect.any(String) });
      for (;;) {
        const found = JSON.stringify(await proved.request("cron.get", { id }));
        if (found.includes('"lastRunStatus"')) return found;
      }
    });
    expect(ran).toContain('"lastRunStatus":"ok"');
  });

  it("says clearly that a token is not its own, and nobody repeats it", async () => {
    const token = "0f1e2d3c4b5a-not-the-token";
    const error = await callGateway({ ...target, token, methods: [] }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "refused", message: expect.stringContaining("AUTH_TOKEN_MISMATCH"), fix: expect.any(String) });
    expect(String(error)).not.toContain(token);
    expect(readFileSync(logPath(), "utf8")).not.toContain(token);
  });

  it("is waited for while it is stopped, and proved when it goes on", async () => {
    let proofs = 0;
    const prover: Prover = {
      ...proveLinux,
      holders(connection: Connection, pid: number) {
        if (++proofs === 5) gateway.kill("SIGCONT");
        return proveLinux.holders(connection, pid);
      },
    };
    gateway.kill("SIGSTOP");
    expect(await callGateway({ ...target, methods: [] }, prover)).toMatchObject({ bootId: expect.any(String) });
    expect(proofs).toBeGreaterThan(5);
  });

  it("gets no token once its lock is another's", async () => {
    const other = { ...target, lockHolder: () => ({ ...target.expected, startTime: target.expected.startTime + 1, port: target.port }) };
    await expect(callGateway({ ...other, methods: [] })).rejects.toMatchObject({ code: "refused" });
  });

  it("is proved within milliseconds", async () => {
    const took: number[] = [];
    const timed: Prover = {
      async identify(pid) {
        const startedAt = performance.now();
        const found = await proveLinux.identify(pid);
        took.push(performance.now() - startedAt);
        return found;
      },
      async holders(connection, pid) {
        const startedAt = performance.now();
        const found = await proveLinux.holders(connection, pid);
        took.push(performance.now() - startedAt);
        return found;
      },
    };
    const startedAt = performance.now();
    await callGateway({ ...target, methods: [] }, timed);
    const sum = took.reduce((total, each) => total + each, 0);
    // Told, not asserted: the machine may be busy.
    const parts = took.map((each) => each.toFixed(1)).join(" + ");
    console.log(`two proofs took ${parts} = ${sum.toFixed(1)} ms of ${(performance.now() - startedAt).toFixed(1)} ms in all`);
    expect(took.length).toBeGreaterThanOrEqual(6);
  });
});

/** `cron.add` answers with the job and whether it is new. */
function idOf(added: unknown): string {
  const job = typeof added === "object" && added !== null ? Reflect.get(added, "job") : undefined;
  const id = typeof job === "object" && job !== null ? Reflect.get(job, "id") : undefined;
  if (typeof id !== "string") throw new Error(`the host made no job: ${JSON.stringify(added)}`);
  return id;
}
