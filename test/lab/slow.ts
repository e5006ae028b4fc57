import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { dropIn, type FaultLab, RESTART } from "./faulty.ts";
import { gatewaysOn, type Injury, UNIT } from "./watching.ts";

/** Of one core. Returned by {@link slow}. */
export interface Slowed {
  /** What the processes have really used since they were caught. */
  share(): number;
  /** From now on this share. */
  change(share: number): void;
  release(): Promise<void>;
}

const PERIOD_US = 100_000;
const TICKS_PER_S = 100;
/** Of a core, with which the host still boots. */
const ENOUGH = 0.12;
let count = 0;

/**
 * Gives processes of a box only a share of one core, like `CPUQuota=`. From outside, because a box's systemd has the cpu controller only where
 * the machine gives it to cgroup2; a machine that mounts it as version 1 has it there. `find` is asked again and again, so that a process is
 * caught as soon as it is there. Undefined: this machine has no such controller.
 */
export function slow(find: () => readonly number[], share: number): Slowed | undefined {
  const root = cpuController();
  if (root === undefined) return undefined;
  const group = join(root, `rescuelab-slow-${process.pid}-${count++}`);
  mkdirSync(group);
  writeFileSync(join(group, "cpu.cfs_period_us"), String(PERIOD_US));
  const change = (to: number) => writeFileSync(join(group, "cpu.cfs_quota_us"), String(Math.round(PERIOD_US * to)));
  change(share);
  const caught = new Map<number, { readonly ticks: number; readonly atMs: number }>();
  const used = new Map<number, number>();
  let over = false;
  const catching = (async () => {
    while (!over) {
      for (const pid of find()) {
        const ticks = ticksOf(pid);
        if (ticks === undefined || (!caught.has(pid) && !move(pid, group))) continue;
        const { ticks: before, atMs } = caught.get(pid) ?? { ticks, atMs: performance.now() };
        caught.set(pid, { ticks: before, atMs });
        used.set(pid, (ticks - before) / TICKS_PER_S / Math.max(1, (performance.now() - atMs) / 1000));
      }
      await sleep(20);
    }
  })();
  return {
    share: () => Math.max(0, ...used.values()),
    change,
    async release() {
      over = true;
      await catching;
      for (const pid of readFileSync(join(group, "cgroup.procs"), "utf8").split("\n")) if (pid !== "") move(Number(pid), root);
      rmdirSync(group);
    },
  };
}

function cpuController(): string | undefined {
  return readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, , type, options = ""]) => type === "cgroup" && options.split(",").includes("cpu"))?.[1];
}

/** False: it is gone. */
function move(pid: number, group: string): boolean {
  try {
    writeFileSync(join(group, "cgroup.procs"), String(pid));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}

/** User and system time of all its threads. */
function ticksOf(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ESRCH") return undefined;
    throw error;
  }
}

/**
 * Restarts the gateway with this share of a core until it serves, or for so long at first and then with 12 %: below that the host gives its own
 * boot up (measured). Throws when it did not act: then nothing would be proved.
 */
export async function slowRestart(lab: FaultLab, share: number, forMs = 0): Promise<Injury> {
  const before = gatewaysOn(lab.port);
  const quota = dropIn(`CPUQuota=${Math.round(share * 100)}%`);
  const slowed = slow(() => gatewaysOn(lab.port).filter((pid) => !before.includes(pid)), share);
  const injury = await lab.injure(`${quota}; ${RESTART}`);
  if (forMs > 0) {
    await sleep(forMs);
    slowed?.change(ENOUGH);
    await lab.sh(`systemctl --user set-property --runtime ${UNIT} CPUQuota=${ENOUGH * 100}%`);
  }
  const back = await lab.healthyAgain(injury, 900_000);
  const used = slowed?.share();
  await slowed?.release();
  if (forMs > 0) await lab.sh(`rm -rf "$XDG_RUNTIME_DIR/systemd/user.control/${UNIT}.d"; systemctl --user daemon-reload`);
  const tookS = Math.round((back.atMs - injury.atMs) / 1000);
  console.log(
    `a boot with ${share * 100} % of a core took ${tookS} s${used === undefined ? "" : ` and used ${(used * 100).toFixed(1)} %`}`,
  );
  if (tookS < (forMs > 0 ? 240 : 60)) throw new Error("this machine did not slow it down");
  return injury;
}
