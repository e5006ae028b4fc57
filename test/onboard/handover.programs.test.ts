import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { callGateway, type GatewayTarget, withGateway } from "../../src/onboard/handover/gateway-call.ts";
import type { Prover } from "../../src/onboard/handover/prove.ts";
import { proveLinux } from "../../src/onboard/handover/prove-linux.ts";
import { proveLsof } from "../../src/onboard/handover/prove-lsof.ts";
import { identityOf } from "../../src/service-installers/external/processes.ts";
import { child, firstWord, fixture, idleChild, tempDir, until } from "../observe/support.ts";
import { freePort } from "../support/home.ts";

const CANARY = "canary-b5e1c0ffee-token";

/** A process that plays a gateway. `heard` is everything that any client ever told it. */
interface Actor {
  readonly pid: number;
  listen(options?: { port?: number; reusePort?: boolean; answer?: "refuse" | "mute" }): Promise<number>;
  /** Stops listening; `keep` leaves the connections that were accepted. */
  close(options?: { keep: boolean }): Promise<void>;
  heard(): Promise<string>;
  readonly process: ChildProcess;
}

async function actor(): Promise<Actor> {
  const started = fork(fixture("handover-gateway.mjs"), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  onTestFinished(() => void started.kill("SIGKILL"));
  const { pid } = started;
  if (pid === undefined) throw new Error("the actor did not start");
  const ask = async (order: object): Promise<unknown> => {
    const answered = once(started, "message");
    started.send({ order });
    const [{ reply }] = await answered;
    return reply;
  };
  return {
    pid,
    process: started,
    listen: async (options = {}) => Number(await ask({ do: "listen", ...options })),
    close: async (options = { keep: false }) => void (await ask({ do: "close", ...options })),
    heard: async () => String(await ask({ do: "heard" })),
  };
}

function startTimeOf(pid: number): number {
  const identity = identityOf(pid);
  if (identity === null) throw new Error(`pid ${pid} does not run`);
  return identity.startTime;
}

/** As the service manager and the host's lock name the gateway with this pid. */
function target(pid: number, port: number, more: Partial<GatewayTarget> = {}): GatewayTarget & { readonly methods: [] } {
  const stateDir = tempDir();
  const identity = { pid, startTime: startTimeOf(pid) };
  return {
    port,
    token: CANARY,
    expected: { ...identity, stateDir },
    lockHolder: () => ({ ...identity, stateDir, port }),
    timeoutMs: 10_000,
    methods: [],
    ...more,
  };
}

/** Does `swap` before the proof number `nth`, which is then made as ever. */
function swappingBefore(nth: number, swap: () => Promise<unknown>, prover = proveLinux): Prover {
  let proofs = 0;
  return {
    async identify(pid) {
      // Asked on both sides of the tables.
      if (proofs++ === (nth - 1) * 2) await swap();
      return prover.identify(pid);
    },
    holders: (connection, pid) => prover.holders(connection, pid),
  };
}

/** What a client does that asks the port who it is, instead of the kernel: the control of each attack. */
const trusting: Prover = {
  identify: (pid) => proveLinux.identify(pid),
  holders: async () => ({ peers: ["expected"], listeners: ["expected"] }),
};

/** Whichever is seen first: the listener is there before it has accepted the connection. */
const FOREIGN = /(is not held by pid|other than) .*the token was not sent/;

const refusal = (why: string | RegExp) => expect.objectContaining({ code: "refused", message: expect.stringMatching(why) });

describe.runIf(process.platform === "linux")("handing over the token", () => {
  it("reaches the proved gateway, makes the requests in order and returns their answers", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    const methods = [{ method: "system.info" }, { method: "cron.list", params: { includeDisabled: true } }];
    expect(await callGateway({ ...target(gateway.pid, port), methods })).toEqual({
      version: "2026.9.6",
      bootId: `boot-${gateway.pid}`,
      scopes: [],
      results: [
        { pid: gateway.pid, method: "system.info", params: {} },
        { pid: gateway.pid, method: "cron.list", params: { includeDisabled: true } },
      ],
    });
    expect(await gateway.heard()).toContain(CANARY);
  });

  it("lets a later request depend on an earlier answer", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    const asked = withGateway(target(gateway.pid, port), async ({ request }) => request("cron.get", { was: await request("system.info") }));
    expect(await asked).toMatchObject({ method: "cron.get", params: { was: { method: "system.info" } } });
  });

  it("ends at the first request that the gateway refuses, and says which", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    const methods = [{ method: "cron.run" }, { method: "system.info" }];
    await expect(callGateway({ ...target(gateway.pid, port), methods })).rejects.toThrow(refusal("refused cron.run: no job"));
    expect(await gateway.heard()).not.toContain("system.info");
  });

  it("never repeats the token in an error, also when the gateway does", async () => {
    const gateway = await actor();
    const port = await gateway.listen({ answer: "refuse" });
    const error = await callGateway(target(gateway.pid, port)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "refused", message: expect.stringContaining("no: [token] (AUTH_TOKEN_MISMATCH)") });
    expect(`${error} ${error instanceof Error ? `${error.stack} ${error.cause}` : ""}`).not.toContain(CANARY);
  });

  it("waits for a gateway that is too busy to accept, and no longer than it was told", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    gateway.process.kill("SIGSTOP");
    await expect(callGateway(target(gateway.pid, port, { timeoutMs: 200 }))).rejects.toMatchObject({ code: "timeout" });
    const waiting = callGateway(
      target(gateway.pid, port),
      swappingBefore(3, async () => gateway.process.kill("SIGCONT")),
    );
    expect(await waiting).toMatchObject({ bootId: `boot-${gateway.pid}` });
  });

  it("ends with the reason of whoever cancels it", async () => {
    const gateway = await actor();
    const port = await gateway.listen({ answer: "mute" });
    const cancel = new AbortController();
    const asked = callGateway(target(gateway.pid, port, { signal: cancel.signal }));
    await until(async () => (await gateway.heard()).includes(CANARY));
    cancel.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  });

  it("says that nothing runs where nothing listens", async () => {
    await expect(callGateway(target(idleChild().pid, await freePort()))).rejects.toMatchObject({ code: "not-running" });
  });

  it("is refused without a token to hand over", async () => {
    await expect(callGateway(target(process.pid, 1, { token: "" }))).rejects.toMatchObject({ code: "usage" });
  });
});

describe.runIf(process.platform === "linux")("the token is withheld", () => {
  it("from an impostor that answers the health checks and speaks the challenge", async () => {
    const impostor = await actor();
    const port = await impostor.listen();
    for (const path of ["healthz", "startupz", "readyz"]) expect((await fetch(`http://127.0.0.1:${port}/${path}`)).status).toBe(200);
    const attacked = target(idleChild().pid, port);
    await expect(callGateway(attacked)).rejects.toThrow(refusal(FOREIGN));
    expect(await impostor.heard()).not.toContain(CANARY);

    await callGateway(attacked, trusting);
    expect(await impostor.heard()).toContain(CANARY);
  });

  it("from an impostor that took the port after the gateway was seen to listen there", async () => {
    const [gateway, impostor] = [await actor(), await actor()];
    const port = await gateway.listen();
    const { pid } = gateway;
    // The naive order: look at the listener, connect, send.
    const checked = await withGateway(target(pid, port), async () => "the gateway listens");
    await gateway.close();
    await impostor.listen({ port });
    expect(checked).toBe("the gateway listens");
    await expect(callGateway(target(pid, port))).rejects.toThrow(refusal("the token was not sent"));
    expect(await impostor.heard()).not.toContain(CANARY);

    await callGateway(target(pid, port), trusting);
    expect(await impostor.heard()).toContain(CANARY);
  });

  it.each([
    { when: "before the proof", nth: 1 },
    { when: "after the upgrade and the challenge", nth: 2 },
  ])("from an impostor that takes the port over $when, on a connection that is never made again", async ({ nth }) => {
    const [gateway, impostor] = [await actor(), await actor()];
    const port = await gateway.listen();
    const swap = async () => {
      await gateway.close();
      await impostor.listen({ port });
    };
    await expect(callGateway(target(gateway.pid, port), swappingBefore(nth, swap))).rejects.toThrow(refusal("the token was not sent"));
    expect(await impostor.heard()).toBe("");
    expect(await gateway.heard()).not.toContain(CANARY);
  });

  it("from an impostor that holds the port only between the proofs: the connection that was proved is the one that is used", async () => {
    const [gateway, impostor] = [await actor(), await actor()];
    const port = await gateway.listen();
    let proofs = 0;
    const between: Prover = {
      ...proveLinux,
      async holders(connection, pid) {
        if (++proofs === 2) {
          await impostor.close({ keep: true });
          await gateway.listen({ port });
        }
        const found = await proveLinux.holders(connection, pid);
        if (found.peers[0] === "nobody") proofs--;
        else if (proofs === 1) {
          await gateway.close({ keep: true });
          await impostor.listen({ port });
        }
        return found;
      },
    };
    expect(await callGateway(target(gateway.pid, port), between)).toMatchObject({ bootId: `boot-${gateway.pid}` });
    expect(proofs).toBe(2);
    expect(await impostor.heard()).toBe("");
  });

  it("when the process became another one while the kernel's tables were read", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    let proofs = 0;
    const reused: Prover = {
      async identify(pid) {
        const found = await proveLinux.identify(pid);
        return found !== undefined && proofs === 2 ? { ...found, startTime: found.startTime + 1 } : found;
      },
      async holders(connection, pid) {
        const found = await proveLinux.holders(connection, pid);
        if (found.peers[0] === "expected") proofs++;
        return found;
      },
    };
    await expect(callGateway(target(gateway.pid, port), reused)).rejects.toThrow(refusal("so it is another process"));
    expect(proofs).toBe(2);
    expect(await gateway.heard()).toBe("");
  });

  it("when the gateway dies after the challenge and an impostor takes its port", async () => {
    const [gateway, impostor] = [await actor(), await actor()];
    const port = await gateway.listen();
    const swap = async () => {
      const died = once(gateway.process, "exit");
      gateway.process.kill("SIGKILL");
      await died;
      await impostor.listen({ port });
    };
    const attacked = target(gateway.pid, port);
    await expect(callGateway(attacked, swappingBefore(2, swap))).rejects.toThrow(refusal("does not run any more"));
    expect(await impostor.heard()).toBe("");
  });

  it("from an impostor that shares the port with the gateway", async () => {
    const [gateway, impostor] = [await actor(), await actor()];
    const port = await gateway.listen({ reusePort: true });
    await impostor.listen({ port, reusePort: true });
    const attacked = target(gateway.pid, port);
    // The kernel chooses the listener by the client's port.
    for (let tries = 0; tries < 20; tries++) await expect(callGateway(attacked)).rejects.toThrow(refusal("the token was not sent"));
    expect((await impostor.heard()) + (await gateway.heard())).not.toContain(CANARY);

    while (!(await impostor.heard()).includes(CANARY)) await callGateway(attacked, trusting);
  });

  it("from a proxy that forwards to the real gateway, which a question about the pid would not find", async () => {
    const gateway = await actor();
    const gatewayPort = await gateway.listen();
    const proxy = child(process.execPath, [fixture("handover-proxy.mjs"), `${gatewayPort}`]);
    const port = Number(await firstWord(proxy));
    let read = "";
    proxy.stdout?.on("data", (data: Buffer) => {
      read += data.toString();
    });
    const attacked = { ...target(gateway.pid, port), methods: [{ method: "system.info" }] };
    await expect(callGateway(attacked)).rejects.toThrow(refusal(FOREIGN));

    const fooled = await callGateway(attacked, trusting);
    expect(fooled.results).toMatchObject([{ pid: gateway.pid }]);
    await until(() => read.includes(CANARY));
    expect(read.split(CANARY)).toHaveLength(2);
  });

  it("from a process that the proved one passes the connection to", async () => {
    const passer = child(process.execPath, [fixture("handover-passer.mjs")]);
    const lines = createInterface({ input: passer.stdout ?? process.stdin });
    const received: string[] = [];
    lines.on("line", (line) => received.push(line));
    await until(() => received.length === 1);
    const attacked = target(passer.pid, Number(received[0]));
    await expect(callGateway(attacked)).rejects.toThrow(refusal("is not held by pid"));
    expect(received).toHaveLength(1);

    // One look before the upgrade, as in the naive version.
    let looks = 0;
    const once: Prover = { ...proveLinux, holders: (...args) => (looks++ === 0 ? proveLinux : trusting).holders(...args) };
    await expect(callGateway(attacked, once)).rejects.toMatchObject({ code: "not-running" });
    await until(() => received.length === 2);
    expect(received[1]).toContain(CANARY);
  });

  it("from a process that has the pid and not the start time", async () => {
    const impostor = await actor();
    const port = await impostor.listen();
    const { expected, ...rest } = target(impostor.pid, port);
    const earlier = { pid: impostor.pid, startTime: expected.startTime - 1, stateDir: expected.stateDir };
    const attacked = { ...rest, expected: earlier, lockHolder: () => ({ ...earlier, port }) };
    await expect(callGateway(attacked)).rejects.toThrow(refusal("so it is another process"));
    expect(await impostor.heard()).toBe("");
  });

  it("from a process with another title or another user than expected", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    const { expected, ...rest } = target(gateway.pid, port);
    const titled = { ...rest, expected: { ...expected, title: "openclaw-gateway" } };
    await expect(callGateway(titled)).rejects.toThrow(refusal("does not call itself openclaw-gateway"));
    const owned = { ...rest, expected: { ...expected, uid: 54_321 } };
    await expect(callGateway(owned)).rejects.toThrow(refusal("and not to 54321"));
  });

  it("when the host's lock names nobody, another process, directory or port, or cannot be read", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    const ours = target(gateway.pid, port);
    const { pid, startTime, stateDir } = ours.expected;
    const lock = { pid, startTime, stateDir, port };
    const unreadable = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    const locks: [() => typeof lock | undefined, string][] = [
      [() => undefined, "is held by nobody"],
      [() => ({ ...lock, pid: process.pid }), "names another process"],
      [() => ({ ...lock, startTime: startTime + 1 }), "names another process"],
      [() => ({ ...lock, stateDir: tempDir() }), "is about another directory"],
      [() => ({ ...lock, port: port + 1 }), "names port"],
      [
        () => {
          throw unreadable;
        },
        "could not be looked at: EACCES",
      ],
    ];
    for (const [lockHolder, why] of locks) await expect(callGateway({ ...ours, lockHolder })).rejects.toThrow(refusal(why));
    expect(await gateway.heard()).toBe("");
  });

  it.runIf(process.getuid?.() === 0)("when the process may not be examined", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    const { expected, token, timeoutMs } = target(gateway.pid, port);
    // A directory that the other user can find.
    const known = { ...expected, stateDir: "/", uid: 0 };
    const argv = [
      { port, token, timeoutMs, expected: known },
      { ...known, port },
    ].map((value) => JSON.stringify(value));
    const nobody = child(process.execPath, [fixture("handover-as-nobody.mjs"), ...argv], { uid: 65_534 });
    expect(await firstWord(nobody)).toMatch(/^refused: .*could not be looked at: EACCES.*the token was not sent$/);
    expect(await gateway.heard()).toBe("");
  });

  it("when the kernel's answer has an unforeseen shape", async () => {
    const gateway = await actor();
    const port = await gateway.listen();
    for (const [holders, why] of [
      [{ peers: [], listeners: ["expected"] }, "no process is known"],
      [{ peers: ["other"], listeners: ["expected"] }, "is not held by pid"],
      [{ peers: ["expected", "expected"], listeners: ["expected"] }, "2 sockets could be"],
      [{ peers: ["expected"], listeners: [] }, "nobody is known to listen"],
      [{ peers: ["expected"], listeners: ["expected", "other"] }, "listens on the port"],
    ] as const) {
      await expect(callGateway(target(gateway.pid, port), { ...proveLinux, holders: async () => holders })).rejects.toThrow(refusal(why));
    }
    expect(await gateway.heard()).toBe("");
  });

  it("from a program that says something else than a challenge", async () => {
    const stranger = net.createServer((socket) => void socket.once("data", () => socket.end("HTTP/1.1 503 Starting\r\n\r\n")));
    stranger.listen(0, "127.0.0.1");
    await once(stranger, "listening");
    onTestFinished(() => void stranger.close());
    const address = stranger.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await expect(callGateway(target(process.pid, port))).rejects.toThrow("answered 503 instead of opening a WebSocket");
  });
});

describe.runIf(process.platform === "linux")("the proof by lsof", () => {
  it("lets the gateway pass and no impostor", async () => {
    const [gateway, impostor] = [await actor(), await actor()];
    const port = await gateway.listen();
    expect(await callGateway(target(gateway.pid, port), proveLsof)).toMatchObject({ bootId: `boot-${gateway.pid}` });
    const attacked = target(gateway.pid, await impostor.listen());
    await expect(callGateway(attacked, proveLsof)).rejects.toThrow(refusal("the token was not sent"));
    expect(await impostor.heard()).toBe("");
  });
});
