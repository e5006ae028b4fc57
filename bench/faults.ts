import { get } from "node:http";

export interface FaultContext {
  readonly port: number;
  /** The gateway's own pid at this moment, from its lock. */
  readonly gatewayPid: number;
}

/** A fault as data: how it is brought about, and what the right answer to it is. */
export interface Fault {
  readonly name: string;
  readonly title: string;
  /** False: it passes by itself, and every repair is a false one. */
  readonly wantsRepair: boolean;
  /** How long it lasts when it passes by itself. */
  readonly lastsMs?: number;
  readonly inject: (context: FaultContext) => Promise<void>;
}

export const FAULTS: readonly Fault[] = [
  {
    name: "kill",
    title: "the gateway is killed (SIGKILL), its locks are left behind",
    wantsRepair: true,
    inject: async ({ gatewayPid }) => void process.kill(gatewayPid, "SIGKILL"),
  },
  {
    name: "freeze",
    title: "the gateway is frozen (SIGSTOP): TCP still connects, nothing answers",
    wantsRepair: true,
    inject: async ({ gatewayPid }) => void process.kill(gatewayPid, "SIGSTOP"),
  },
  {
    name: "stall",
    title: "a plugin keeps the event loop busy for 20 s: it comes back by itself",
    wantsRepair: false,
    lastsMs: 20_000,
    inject: ({ port }) => stall(port, 20_000, false),
  },
];

/** Asks the stall fixture to block the event loop; resolves when it has accepted. */
export function stall(port: number, ms: number, flat: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/rescue-stall?ms=${ms}${flat ? "&flat=1" : ""}`;
    const request = get({ host: "127.0.0.1", port, path, agent: false, timeout: 10_000 }, (response) => {
      response.resume();
      if (response.statusCode === 202) resolve();
      else reject(new Error(`the stall fixture answered ${response.statusCode}`));
    });
    request.on("timeout", () => request.destroy(new Error("the stall fixture did not answer")));
    request.on("error", reject);
  });
}
