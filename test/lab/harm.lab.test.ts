import { randomInt } from "node:crypto";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageCopy } from "../support/package.ts";
import { type Box, PROJECT_IN_BOX, requireLab, startBox } from "./box.ts";
import { dropIn, type FaultLab, faultLab, HEADER, RESTART, row } from "./faulty.ts";
import { slow, slowRestart } from "./slow.ts";
import { type Injury, PACKAGE, processesWith, UNIT } from "./watching.ts";

/**
 * What must never cost a repair, with the default settings and a real gateway that was seen to serve. Minutes each, so only in test:full; the one
 * of npm test, the slow boot, runs beside the faults of faults.lab.test.ts. test/harm.test.ts has the same on a clock of its own.
 */
const FULL = process.env["RESCUE_FULL"] === "1";
/** Parts of names, with commas between them: only these. */
const ONLY = process.env["RESCUE_FAULT"]?.split(",");
const PORT = randomInt(40_000, 59_000);
const A_WHILE_MS = 20_000;
const KILL = `kill -KILL $(systemctl --user show ${UNIT} -p MainPID --value)`;
/** Else the manager would have started it before the watcher could be tempted. */
const LONG_PAUSE = dropIn("RestartSec=600");
const whyNot = requireLab();

interface Temptation {
  readonly name: string;
  /** Resolves when it is over. */
  readonly tempt: (lab: FaultLab, box: Box) => Promise<Injury>;
  readonly ends: "serving" | "down";
}

const TEMPTATIONS: readonly Temptation[] = [
  { name: "a slow start of four minutes", tempt: (lab) => slowRestart(lab, 0.03, 160_000), ends: "serving" },
  {
    name: "a busy stall of 175 s",
    tempt: async (lab) => {
      const injury = await lab.injure(`node -e 'fetch("http://127.0.0.1:${PORT}/rescue-stall?ms=175000").then((answer) => answer.text())'`);
      await sleep(178_000);
      return injury;
    },
    ends: "serving",
  },
  {
    name: "a drain that waits for a job",
    tempt: async (lab, box) => {
      const job = `--every 1s --name slow --declaration-key slow --command-argv '["/usr/bin/sleep","45"]' --timeout-seconds 100 --no-deliver --json`;
      await box.output(["sh", "-ec", `openclaw cron add ${job}`], 90_000);
      await lab.until("a running job", async () => (await lab.sh("pgrep -x sleep || true")).trim() !== "");
      const injury = await lab.injure(`systemctl --user --no-block stop ${UNIT}`);
      await lab.until("the end of the drain", async () => (await lab.show("ActiveState")) === "inactive", 400_000);
      console.log(`the drain took ${Math.round((Date.now() - injury.atMs) / 1000)} s`);
      return injury;
    },
    ends: "down",
  },
  {
    name: "an update of the host that runs while it is down",
    tempt: async (lab) => {
      const updater = "mkdir -p fake; echo 'setTimeout(() => {}, 40000)' > fake/openclaw.mjs";
      const run = "systemd-run --user --quiet --unit=updater --collect /opt/node/node /home/svc/fake/openclaw.mjs update";
      const injury = await lab.injure(`${updater}; ${run}; ${LONG_PAUSE}; ${KILL}`);
      await sleep(30_000);
      return injury;
    },
    ends: "down",
  },
  {
    name: "openclaw gateway stop --force",
    tempt: async (lab) => stopped(lab, await lab.injure("openclaw gateway stop --force")),
    ends: "down",
  },
  { name: "systemctl stop", tempt: async (lab) => stopped(lab, await lab.injure(`systemctl --user stop ${UNIT}`)), ends: "down" },
  {
    name: "paused by a person",
    tempt: async (lab) => {
      expect(await lab.watchdog("pause", "--for", "10m")).toMatchObject({ code: 0 });
      return stopped(lab, await lab.injure(`${LONG_PAUSE}; ${KILL}`));
    },
    ends: "down",
  },
  {
    name: "the watcher itself has 1 % of a core for three minutes",
    tempt: async (lab, box) => {
      const inside = (await box.output(["systemctl", "--user", "show", "dog.service", "-p", "MainPID", "--value"])).trim();
      const watchers = processesWith("bin.js\0watch\0").filter((pid) =>
        new RegExp(`^NSpid:.*\\t${inside}$`, "m").test(readFileSync(`/proc/${pid}/status`, "utf8")),
      );
      expect(watchers).toHaveLength(1);
      const injury = await lab.injure("true");
      const slowed = slow(() => watchers, 0.01);
      if (slowed === undefined) throw new Error("this machine cannot slow a process");
      await sleep(90_000);
      await lab.sh(RESTART, 120_000);
      await sleep(90_000);
      console.log(`the watcher used ${(slowed.share() * 100).toFixed(1)} % of a core`);
      await slowed.release();
      return injury;
    },
    ends: "serving",
  },
];

const stopped = async (_lab: FaultLab, injury: Injury): Promise<Injury> => {
  await sleep(A_WHILE_MS);
  return injury;
};

describe.runIf(whyNot === undefined && (FULL || ONLY !== undefined))("no repair is made under a real systemd", () => {
  let box: Box;
  let dir: string;
  let lab: FaultLab;
  const rows: string[] = [];

  beforeAll(async () => {
    dir = packageCopy();
    chmodSync(dir, 0o755);
    box = await startBox({ [dir]: PACKAGE, [join(import.meta.dirname, "../fixtures")]: `${PROJECT_IN_BOX}/test/fixtures` });
    lab = await faultLab(box, PORT);
  }, 400_000);
  afterAll(async () => {
    if (rows.length > 0) console.log([HEADER, ...rows].join("\n"));
    await box?.stop();
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  });

  for (const { name, tempt, ends } of TEMPTATIONS) {
    it.runIf(ONLY === undefined || ONLY.some((part) => name.includes(part)))(`during ${name}`, { timeout: 900_000 }, async () => {
      await lab.fresh();
      await lab.watch();
      const injury = await tempt(lab, box);
      await sleep(5_000);
      const lines = lab.lines(injury);
      const serves = (await lab.sh(`curl -s -m 2 -o /dev/null -w '%{http_code}' http://127.0.0.1:${PORT}/readyz || true`)).trim() === "200";
      rows.push(row(name, lab, injury, undefined));
      expect(lines.filter(({ event }) => event === "repair-started")).toEqual([]);
      expect(serves).toBe(ends === "serving");
    });
  }
});
