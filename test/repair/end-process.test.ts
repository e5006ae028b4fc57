import { describe, expect, it } from "vitest";
import { type EndProcessPorts, endProcess } from "../../rescue-profile/repair/end-process.ts";
import { lives, realPorts, unchanged, victim } from "./harness.ts";

const step = (identity: { pid: number; startTime: number }, termMs: number, killMs = 5_000) =>
  ({ name: "end-process", identity, termMs, killMs }) as const;

describe("ending a real process", () => {
  it("that ends when it is asked sends no second signal", async () => {
    await using target = await victim("ends");
    const ports = realPorts(target.identity);
    const outcome = await endProcess(step(target.identity, 5_000), ports);
    expect(outcome).toEqual({ outcome: "done", detail: `pid ${target.identity.pid} ended on SIGTERM` });
    expect(ports.sent).toEqual(["SIGTERM"]);
    expect(await target.ended).toEqual([null, "SIGTERM"]);
  });

  it("that needs a moment to end is given it", async () => {
    await using target = await victim("slow");
    const ports = realPorts(target.identity);
    expect(await endProcess(step(target.identity, 5_000), ports)).toMatchObject({ outcome: "done" });
    expect(ports.sent).toEqual(["SIGTERM"]);
    expect(await target.ended).toEqual([0, null]);
  });

  it("that ignores SIGTERM is killed when its time is over", async () => {
    await using target = await victim("deaf");
    const ports = realPorts(target.identity);
    const outcome = await endProcess(step(target.identity, 150), ports);
    expect(outcome).toEqual({ outcome: "done", detail: `pid ${target.identity.pid} ended on SIGKILL` });
    expect(ports.sent).toEqual(["SIGTERM", "SIGKILL"]);
    expect(await target.ended).toEqual([null, "SIGKILL"]);
  });

  it("that uses no CPU after SIGTERM is not given the rest of its time, nor asked for an answer once more", async () => {
    const world = frozenWorld();
    expect(await endProcess(step(world.identity, 10_000), world.ports)).toMatchObject({ outcome: "done" });
    expect(world.said).toEqual(["asked at 0", "SIGTERM at 0", "SIGKILL at 500"]);
  });

  it("that uses CPU after SIGTERM, or whose CPU is not known, is given all its time and asked again", async () => {
    for (const cpu of [(atMs: number) => (atMs < 300 ? 5_000 : 5_010), () => undefined]) {
      const world = frozenWorld(cpu);
      expect(await endProcess(step(world.identity, 10_000), world.ports)).toMatchObject({ outcome: "done" });
      expect(world.said).toEqual(["asked at 0", "SIGTERM at 0", "asked at 10000", "SIGKILL at 10000"]);
    }
  });

  it("that is stopped (state T) is killed without being asked", async () => {
    await using target = await victim("deaf");
    target.child.kill("SIGSTOP");
    const ports = realPorts(target.identity);
    expect(await endProcess(step(target.identity, 0), ports)).toMatchObject({ outcome: "done" });
    expect(ports.sent).toEqual(["SIGKILL"]);
  });

  it("that was ended before sends no signal", async () => {
    await using target = await victim("ends");
    target.child.kill("SIGKILL");
    await target.ended;
    const ports = realPorts(target.identity);
    const outcome = await endProcess(step(target.identity, 5_000), ports);
    expect(outcome).toEqual({ outcome: "done", detail: `pid ${target.identity.pid} had ended already` });
    expect(ports.sent).toEqual([]);
  });

  it("that ends between the fence and the signal is done as well", async () => {
    await using target = await victim("ends");
    const ports: EndProcessPorts = {
      ...realPorts(target.identity),
      // What the kernel says of a process that is no more.
      signal: () => {
        throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
      },
    };
    const outcome = await endProcess(step(target.identity, 5_000), ports);
    expect(outcome).toEqual({ outcome: "done", detail: `pid ${target.identity.pid} had ended already` });
  });

  it("that may not be signalled fails loudly", async () => {
    await using target = await victim("ends");
    const denied = Object.assign(new Error("kill EPERM"), { code: "EPERM" });
    const ports: EndProcessPorts = {
      ...realPorts(target.identity),
      signal: () => {
        throw denied;
      },
    };
    await expect(endProcess(step(target.identity, 5_000), ports)).rejects.toThrow("kill EPERM");
    expect(lives(target.identity.pid)).toBe(true);
  });

  it("with the pid of a later process leaves that alone", async () => {
    await using target = await victim("deaf");
    const earlier = { ...target.identity, startTime: target.identity.startTime - 1 };
    const ports = realPorts(earlier);
    expect(await endProcess(step(earlier, 5_000), ports)).toMatchObject({ outcome: "done" });
    expect(ports.sent).toEqual([]);
    expect(lives(target.identity.pid)).toBe(true);
  });

  it("that lost its port to another after SIGTERM is not killed", async () => {
    await using target = await victim("deaf");
    const real = realPorts(target.identity);
    const ports: EndProcessPorts = { ...real, listenerPid: async () => (real.sent.length === 0 ? target.identity.pid : process.pid) };
    const outcome = await endProcess(step(target.identity, 120), ports);
    expect(outcome).toEqual({ outcome: "aborted", detail: `the fence stopped it: the port now belongs to pid ${process.pid}` });
    expect(real.sent).toEqual(["SIGTERM"]);
    expect(lives(target.identity.pid)).toBe(true);
  });

  it("whose pid belongs to another at once is done", async () => {
    const identity = { pid: 70, startTime: 700 };
    const later = { pid: 70, startTime: 701, uid: 1000 };
    const sent: string[] = [];
    const ports: EndProcessPorts = {
      ...unchanged(identity),
      identityOf: () => (sent.length === 0 ? { ...identity, uid: 1000 } : later),
      signal: (_pid, signal) => sent.push(signal),
      sleep: async () => undefined,
      monotonicMs: () => performance.now(),
    };
    expect(await endProcess(step(identity, 1_000), ports)).toEqual({ outcome: "done", detail: "pid 70 ended on SIGTERM" });
    expect(sent).toEqual(["SIGTERM"]);
  });

  it("that survives SIGKILL has failed", async () => {
    await using target = await victim("deaf");
    const sent: string[] = [];
    const ports: EndProcessPorts = { ...realPorts(target.identity), signal: (_pid, signal) => sent.push(signal) };
    const outcome = await endProcess(step(target.identity, 60, 60), ports);
    expect(outcome).toEqual({
      outcome: "failed",
      detail: `pid ${target.identity.pid} is still there after SIGKILL: it waits in the kernel`,
    });
    expect(sent).toEqual(["SIGTERM", "SIGKILL"]);
  });
});

/** A process that ends on SIGKILL only, on a clock of its own. */
function frozenWorld(cpuMs: (atMs: number) => number | undefined = () => 5_000) {
  const identity = { pid: 4242, startTime: 7 };
  const said: string[] = [];
  let atMs = 0;
  let dead = false;
  const ports: EndProcessPorts = {
    ...unchanged(identity),
    identityOf: () => {
      const cpu = cpuMs(atMs);
      return dead ? undefined : { ...identity, uid: 1000, ...(cpu === undefined ? {} : { cpuMs: cpu }) };
    },
    serves: async () => {
      said.push(`asked at ${atMs}`);
      return false;
    },
    signal: (_, signal) => {
      said.push(`${signal} at ${atMs}`);
      dead = signal === "SIGKILL";
    },
    sleep: async (ms) => {
      atMs += ms;
    },
    monotonicMs: () => atMs,
  };
  return { identity, said, ports };
}
