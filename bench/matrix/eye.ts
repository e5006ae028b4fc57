/** What the bench sees of a box, on the machine's wall clock. A line for each change. */
export interface Sight {
  readonly atMs: number;
  /** `/readyz` answers 200. */
  readonly ready: boolean;
  /** Processes that are this gateway. */
  readonly pids: readonly number[];
  /** A doctor of the host is running. */
  readonly doctor: boolean;
  /** Changes whenever the configuration's file is written; null: there is none. */
  readonly config: string | null;
}

/**
 * A program of its own, in the box, so that nobody who is measured is asked: argv is PORT CONFIG FILE EVERY_MS. While the gateway does not serve it
 * probes every so many ms, else every fifth time, and as often looks at the processes: when it goes down is known from those, and a gateway that is asked fifty times
 * a second has less to give to others. It writes a line when what it sees is not what it saw. A probe waits 500 ms, without holding up the others.
 */
export const EYE = `
  import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
  import { Agent, get } from "node:http";
  const [port, config, file, everyMs] = process.argv.slice(2);
  const words = ["gateway", "--port", port, ""].join("\\0");
  const commandOf = (pid) => {
    try { return readFileSync("/proc/" + pid + "/cmdline", "latin1"); } catch { return ""; }
  };
  const parentOf = (pid) => {
    try { const stat = readFileSync("/proc/" + pid + "/stat", "latin1"); return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]); } catch { return 0; }
  };
  const stampOf = () => {
    try { const { mtimeNs, size, ino } = statSync(config, { bigint: true }); return [mtimeNs, size, ino].join("-"); } catch { return null; }
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let ready = false;
  let probing = false;
  const probe = () => {
    if (probing) return;
    probing = true;
    const over = (answer) => { ready = answer; probing = false; };
    const request = get({ host: "127.0.0.1", port, path: "/readyz", agent, timeout: 500 }, (answer) => {
      answer.resume();
      over(answer.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => over(false));
  };
  let last = "";
  const known = new Set();
  let pids = [];
  let doctor = false;
  const lookAtProcesses = () => {
    const commands = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).map((pid) => [Number(pid), commandOf(pid)]);
    // It gives itself the name openclaw-gateway, and so does the host's own "gateway restart": only who was seen with the port is one.
    for (const [pid, command] of commands) {
      const named = command.includes(words) || (last === "" && command.startsWith("openclaw-gateway"));
      // What a gateway forks has its words too, until it becomes another program.
      if (named && !known.has(pid) && !known.has(parentOf(pid))) known.add(pid);
    }
    pids = commands.filter(([pid]) => known.has(pid)).map(([pid]) => pid);
    doctor = commands.some(([, command]) => /openclaw[^\\0]*\\0(.*\\0)?doctor\\0/.test(command) || command.startsWith("openclaw-doctor"));
  };
  for (let n = 0; ; n++) {
    if (!ready || n % 5 === 0) probe();
    if (n % 5 === 0) lookAtProcesses();
    const seen = JSON.stringify({ ready, pids, doctor, config: stampOf() });
    if (seen !== last) appendFileSync(file, JSON.stringify({ atMs: Date.now(), ...JSON.parse(seen) }) + "\\n");
    last = seen;
    await new Promise((resolve) => setTimeout(resolve, Number(everyMs)));
  }`;
