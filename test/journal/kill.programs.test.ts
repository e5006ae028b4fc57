import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openJournal } from "../../rescue-profile/journal/open.ts";
import { children, nobodyLives, outputOf, rows, scratch } from "./harness.ts";

const LANES = 3;
const KILLS_PER_LANE = 10;

/**
 * Kills a process that commits: `early`, so many milliseconds after it was spawned, when it may just be opening the journal; else so many
 * after its first commit. The numbers that it said are durable.
 */
async function killed(child: ChildProcessByStdio<null, Readable, Readable>, early: boolean, ms: number): Promise<number[]> {
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    output += chunk;
  });
  const errors = text(child.stderr);
  if (!early) await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  await delay(ms);
  child.kill("SIGKILL");
  const [code, signal] = await once(child, "close");
  expect({ code, signal, errors: await errors }).toEqual({ code: null, signal: "SIGKILL", errors: "" });
  // A last line without its end was cut by the kill.
  return output.split("\n").slice(0, -1).map(Number);
}

/** Opens the journal as the next run would, and checks that every decision in it is whole. */
function lastDecision(dir: string): number {
  const { db, setAside } = openJournal(dir, { isAlive: nobodyLives, wallMs: Date.now() });
  expect(setAside).toBeUndefined();
  const one = (sql: string) => Number(db.prepare(sql).get()?.["n"] ?? 0);
  const last = one("SELECT max(id) AS n FROM incidents");
  const found = {
    state: one("SELECT json_extract(state, '$.lastIncident') AS n FROM watch"),
    incidents: one("SELECT count(*) AS n FROM incidents"),
    repairs: one("SELECT count(*) AS n FROM repairs r JOIN incidents i ON i.id = r.incident"),
    tells: one("SELECT count(*) AS n FROM tells t JOIN incidents i ON i.id = t.incident"),
  };
  db.close();
  expect(found).toEqual({ state: last, incidents: last, repairs: last, tells: last });
  return last;
}

describe("a watcher that is killed at any moment", () => {
  it(`loses nothing that it said was durable, and leaves no half decision (${LANES * KILLS_PER_LANE} kills)`, async () => {
    using committers = children("journal-commits.ts");
    const lanes = Array.from({ length: LANES }, async () => {
      using at = scratch();
      let durable = 0;
      for (let kill = 0; kill < KILLS_PER_LANE; kill++) {
        const early = kill % 4 === 0;
        const said = await killed(committers.start(at.dir), early, Math.random() * (early ? 150 : 15));
        const last = lastDecision(at.dir);
        // It went on where the journal was, and the one decision that was not said any more may be there as well.
        expect(said).toEqual(Array.from(said, (_, index) => durable + 1 + index));
        expect(last - Math.max(durable, said.at(-1) ?? 0)).toBeOneOf([0, 1]);
        durable = last;
      }
      return durable;
    });
    for (const durable of await Promise.all(lanes)) expect(durable).toBeGreaterThanOrEqual(KILLS_PER_LANE / 2);
  });
});

describe("processes that fight for the lease", () => {
  it("never both hold it: each fence has one owner, and no decision is made from a state that another has changed", async () => {
    using at = scratch();
    using processes = children("journal-fight.ts");
    const outputs = await Promise.all([1, 2, 3].map(() => outputOf(processes.start(at.dir, "40"))));
    const fighters = outputs.map((output) => JSON.parse(output) as { fences: number[]; committed: number; lost: number });

    const fences = fighters.flatMap((fighter) => fighter.fences);
    expect(new Set(fences).size).toBe(fences.length);
    for (const fighter of fighters) expect(fighter.fences).toEqual(fighter.fences.toSorted((a, b) => a - b));

    const incidents = rows(at.dir, "incidents");
    const committed = fighters.reduce((sum, fighter) => sum + fighter.committed, 0);
    expect(incidents.map(({ id }) => id)).toEqual(Array.from({ length: committed }, (_, index) => index + 1));
    const byFence = incidents.map(({ evidence }) => Number(JSON.parse(String(evidence))[0]));
    expect(byFence).toEqual(byFence.toSorted((a, b) => a - b));
    // Otherwise nobody was ever too slow, and the above proves nothing.
    expect(fighters.reduce((sum, fighter) => sum + fighter.lost, 0)).toBeGreaterThan(0);
  });
});
