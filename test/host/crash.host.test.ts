import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type StartedHome, startGatewayHome, startSupervised, waitReady } from "../support/gateway.ts";

const BIN = fileURLToPath(new URL("../../plugin/cli/bin.ts", import.meta.url));

describe("the watchdog itself is killed", () => {
  let home: StartedHome;
  beforeAll(async () => {
    home = await startGatewayHome();
    startSupervised(home);
    await waitReady(home.port);
  });
  afterAll(() => home.dispose());

  it("at the moment in which its repair began: the next one takes it up, and repairs nothing twice", { timeout: 300_000 }, async () => {
    const first = watching(home);
    await first.saw("condition");
    const killed = home.gatewayPid();
    process.kill(killed, "SIGKILL");
    await first.saw("repair-started");
    first.child.kill("SIGKILL");
    await once(first.child, "exit");

    const second = watching(home);
    expect(await second.saw("incident-closed")).toMatchObject({ incident: 1, details: { outcome: "recovered" } });
    const told = await json(home, "incident", "1");
    expect(told).toMatchObject({
      incident: { outcome: "recovered", repairs: [{ attempt: 1, outcome: "done", steps: [{ name: "start-service" }] }] },
    });
    expect(home.gatewayPid()).not.toBe(killed);
  });

  it("does not stop people from seeing what happened, nor from pausing and resuming without a watcher", async () => {
    expect(await json(home, "history")).toMatchObject({ ok: true, stats: { total: 1, recovered: 1 } });
    expect(await json(home, "pause", "--for", "2h", "--reason", "test")).toMatchObject({ ok: true });
    expect(await json(home, "status")).toMatchObject({ ok: true, condition: "serving", pause: { reason: "test" } });
    expect(await json(home, "resume")).toMatchObject({ ok: true });
    expect(await json(home, "repair")).toMatchObject({ ok: false, error: { code: "refused" } });
  });
});

interface Line {
  readonly event: string;
  readonly [key: string]: unknown;
}

function watching(home: StartedHome): { child: ChildProcess; saw(event: string): Promise<Line> } {
  const args = [BIN, "watch", "--json", "--set", "verify.holdSeconds=5"];
  const child = spawn(process.execPath, args, { env: home.env, cwd: home.home, stdio: ["ignore", "pipe", "inherit"] });
  home.adopt(child);
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (text) => lines.push(JSON.parse(text) as Line));
  return {
    child,
    saw: async (event) => {
      const deadline = performance.now() + 180_000;
      for (;;) {
        const found = lines.find((line) => line.event === event);
        if (found !== undefined) return found;
        if (performance.now() > deadline) throw new Error(`no ${event}: ${JSON.stringify(lines)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

async function json(home: StartedHome, ...args: string[]): Promise<unknown> {
  const child = spawn(process.execPath, [BIN, ...args, "--json"], { env: home.env, cwd: home.home, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, "close");
  return JSON.parse(text);
}
