import { listPids, readProcStat } from "./proc.ts";
import { ticksToMs } from "./proc-time.ts";

/** CPU time so far of all living descendants of a process, in ms. 0 where there is no /proc. */
export function cpuOfDescendants(pid: number): number {
  if (process.platform !== "linux") return 0;
  const children = new Map<number, { pid: number; cpuTicks: number }[]>();
  for (const each of listPids()) {
    const stat = readProcStat(each);
    if (stat === undefined) continue;
    const siblings = children.get(stat.parentPid) ?? [];
    siblings.push(stat);
    children.set(stat.parentPid, siblings);
  }
  let ticks = 0;
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const child of children.get(next) ?? []) {
      ticks += child.cpuTicks;
      open.push(child.pid);
    }
  }
  return ticksToMs(ticks);
}
