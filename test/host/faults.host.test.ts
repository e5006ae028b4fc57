import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { waitReady } from "../support/gateway.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type FaultyGateway, faultyGateway, type Line } from "./faulty.ts";

/** Every fault against a real gateway under a supervisor: the right cause, the right plan, and what must not be touched. In npm test some of them, in test:full all. */
const FULL = process.env["RESCUE_FULL"] === "1";
/** Parts of names, with commas between them: only these. */
const ONLY = process.env["RESCUE_FAULT"]?.split(",");
const RECOVERED_MS = 420_000;
const TOLD_MS = 180_000;
/** Nothing must happen for so long where nothing should. */
const QUIET_MS = 8_000;

describe("a fault of a real gateway", () => {
  let gateway: FaultyGateway;
  const rows: string[] = [];
  beforeAll(async () => {
    gateway = await faultyGateway();
  });
  afterAll(async () => {
    if (rows.length > 0) console.log(`fault | seen after | plan begins | cause, tier | serving again | repairs\n${rows.join("\n")}`);
    await gateway?.dispose();
  });

  for (const fault of FAULTS) {
    const wanted = ONLY === undefined ? FULL || fault.full !== true : ONLY.some((part) => fault.name.includes(part));
    it.runIf(wanted)(
      `${fault.name}: ${fault.ends}${fault.cause === undefined ? "" : ` as ${fault.cause}`}`,
      { timeout: 720_000 },
      async () => {
        await gateway.fresh({ set: fault.set ?? [], leaked: fault.leaked ?? {} });
        const sinceMs = performance.now();
        const pid = gateway.gatewayPid();
        await fault.inject(gateway);
        const injectedText = textOf(gateway);
        rows.push(await judge(fault, gateway, sinceMs));
        await fault.after?.(gateway);
        if (fault.ends === "left") expect(gateway.gatewayPid()).toBe(pid);
        if (fault.config !== "changed") {
          expect(textOf(gateway), "the configuration's bytes").toBe(fault.config === "restored" ? gateway.pristineText : injectedText);
        }
      },
    );
  }
});

async function judge(fault: Fault, gateway: FaultyGateway, sinceMs: number): Promise<string> {
  const repairs = () => gateway.lines(sinceMs).filter(({ event }) => event === "repair-started");
  const at = (line: Line | undefined) => (line === undefined ? "-" : `${((line.atMs - sinceMs) / 1000).toFixed(1)} s`);
  const first = () =>
    gateway
      .lines(sinceMs)
      .find(
        ({ event, details }) => event === "condition" && !["serving", "alive", "stopped-cleanly", "starting"].includes(details?.condition),
      );
  const row = (line: Line | undefined, end: string) =>
    [fault.name, at(first()), at(line), `${line?.cause ?? "-"}, ${line?.tier ?? "-"}`, end, repairs().length].join(" | ");
  switch (fault.ends) {
    case "recovered": {
      const closed = await gateway.line("a recovery", ({ event }) => event === "incident-closed", RECOVERED_MS, sinceMs);
      expect(closed.details).toMatchObject({ outcome: "recovered" });
      await waitReady(gateway.port);
      const last = repairs().at(-1);
      if (fault.cause !== undefined) expect(last?.cause).toBe(fault.cause);
      if (fault.tier !== undefined) expect(last?.tier).toBe(fault.tier);
      return row(last, at(closed));
    }
    case "told": {
      const told = await gateway.line(
        "a word to a human",
        ({ event, cause }) => event === "needs-a-human" && cause === fault.cause,
        TOLD_MS,
        sinceMs,
      );
      await sleep(QUIET_MS);
      // One start may have been tried before it was known: never more, and never anything that changes files.
      expect(repairs().length).toBeLessThanOrEqual(1);
      expect(repairs().filter(({ tier }) => tier !== 1)).toEqual([]);
      return row(told, "told");
    }
    case "warned": {
      const told = await gateway.line(
        "a warning",
        ({ event, cause }) => (event === "warning" || event === "needs-a-human") && cause === fault.cause,
        RECOVERED_MS,
        sinceMs,
      );
      expect(repairs().filter(({ tier }) => tier !== 1)).toEqual([]);
      return row(told, "told");
    }
    case "left":
      await sleep(QUIET_MS);
      expect(repairs()).toEqual([]);
      return row(undefined, "left");
  }
}

function textOf({ configPath }: FaultyGateway): string {
  try {
    return readFileSync(configPath, "utf8");
  } catch {
    return "(no configuration)";
  }
}
