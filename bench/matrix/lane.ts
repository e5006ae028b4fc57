import { createHash, randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Box, PROJECT_IN_BOX } from "../../test/lab/box.ts";
import { BYSTANDER, type Config, FIXTURE, installGateway, UNIT_FILE } from "../../test/lab/faulty.ts";
import { packageBox } from "../../test/lab/installed.ts";
import { slow } from "../../test/lab/slow.ts";
import { gatewaysOn, jsonLines, UNIT } from "../../test/lab/watching.ts";
import { type Contender, endContender, OURS } from "./contenders.ts";
import { EYE, type Sight } from "./eye.ts";
import { type MatrixFault, OWN_DISK_MB } from "./faults.ts";
import { type Evidence, judge, type Run, type Said, servedAt, tolds } from "./judge.ts";

/** A box with a gateway, in which one run follows another. */
export interface Lane {
  run(fault: MatrixFault, contender: Contender): Promise<Run>;
  dispose(): Promise<void>;
}

const EVERY_MS = 20;
const SERVES_MS = 180_000;
const SETTLED_MS = 3_000;
/** Who has not told by then has not told in time. */
const TOLD_WINDOW_MS = 60_000;
/** A copy of the configuration is kept a minute after the gateway began to serve: a watchdog has usually been there for longer than a run. */
const REMEMBERS_MS = 150_000;
/** At the third unclean boot in five minutes the host mutes its channels, and a run is not to begin with that. */
const RUNS_OF_A_BOOT = 3;
const STATE = ".openclaw";
const CONFIG = `${STATE}/openclaw.json`;
const MEMORY = ".local/state/rescue-watchdog";

/** How long a run is watched at most, from the injection, ms. */
export function windowOf({ answer, lastsS = 60, windowMs }: MatrixFault, contender: Contender): number {
  if (answer === "nothing") return lastsS * 1000;
  if (contender.name === OURS && windowMs !== undefined) return windowMs;
  return answer === "told" ? Math.min(contender.windowMs, TOLD_WINDOW_MS) : contender.windowMs;
}

export async function openLane(contenders: readonly Contender[], say: (text: string) => void): Promise<Lane> {
  const port = randomInt(40_000, 59_000);
  const fixtures = { [join(import.meta.dirname, "../../test/fixtures")]: `${PROJECT_IN_BOX}/test/fixtures` };
  const { box, dispose } = await packageBox(Object.assign({}, fixtures, ...contenders.map((each) => each.binds ?? {})));
  try {
    await installGateway(box, port, lean);
    const lane = new BoxLane(box, port);
    await lane.prepare(contenders, say);
    return { run: (fault, contender) => lane.run(fault, contender), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What nobody in a box looks at costs a fifth of each boot's CPU (21.3 s with the defaults, 17.1 s so; two boots each), and an hour is not long. */
function lean(config: Config): void {
  config["gateway"] = { ...config["gateway"], controlUi: { enabled: false } };
  config["browser"] = { enabled: false };
  config["update"] = { checkOnStart: false };
  config["telemetry"] = { enabled: false };
  config["discovery"] = { mdns: { mode: "off" } };
  config["plugins"] = { ...config["plugins"], allow: [FIXTURE, BYSTANDER], slots: { memory: "none" } };
}

class BoxLane {
  readonly #box: Box;
  readonly #port: number;
  /** Runs that the gateway, as it is now, may still be the beginning of; and what its files were when it was booted anew. */
  #left = 0;
  #trace = "";

  constructor(box: Box, port: number) {
    this.#box = box;
    this.#port = port;
  }

  /** The eye, and a copy of everything as it is when the gateway has just been installed and been watched for a minute. */
  async prepare(contenders: readonly Contender[], say: (text: string) => void): Promise<void> {
    writeFileSync(this.#at("eye.mjs"), EYE);
    const words = `${this.#port} /home/svc/${CONFIG} /home/svc/eye.jsonl ${EVERY_MS}`;
    await this.#sh(`systemd-run --user --quiet --unit=eye --collect /opt/node/node ~/eye.mjs ${words}`);
    await this.#mustServe();
    const ours = contenders.find(({ log }) => log !== undefined);
    if (ours?.start !== undefined) {
      say("letting the watchdog see the gateway serve for a minute, as it would have");
      await this.#sh(ours.start);
      if (!(await until(() => existsSync(this.#at(`${MEMORY}/default/served.json`)), REMEMBERS_MS))) {
        throw new Error("the watchdog has kept nothing of a gateway that serves");
      }
      await endContender(this.#box);
    }
    await this.#sh(`systemctl --user stop ${UNIT}; mkdir -p .openclaw/workspace; echo mine > .openclaw/workspace/mine.txt; mkdir pristine ${MEMORY} -p; cp -a .openclaw pristine/state
      cp -a .config/systemd/user/${UNIT} pristine/; cp -a ${MEMORY} pristine/ours; cp -a plugins pristine/plugins`);
  }

  async run(fault: MatrixFault, contender: Contender): Promise<Run> {
    const coldStartMs = (await this.#goesOn(contender, fault)) ? null : await this.#reset(contender, fault);
    if (contender.start !== undefined) await this.#sh(contender.start);
    await delay(SETTLED_MS);
    const before = this.#sights().at(-1);
    if (before === undefined) throw new Error("the eye has seen nothing");
    const config = this.#config();
    const slowed = fault.share === undefined ? undefined : slow(() => gatewaysOn(this.#port), fault.share);
    if (fault.root !== undefined) await this.#box.root(fault.root);
    const [line = ""] = (await this.#sh(`date +%s%3N; {\n${fault.script}\n} >&2`)).split("\n");
    const [atMs, establishedMs] = [Number(line), Date.now()];
    const [left, files] = [this.#config(), this.#files(fault)];
    const evidence = (): Evidence => ({
      before,
      atMs,
      establishedMs,
      endedMs: Date.now(),
      sights: this.#sights(),
      said: this.#said(contender),
      config: { before: config, left, end: this.#config() },
      changed: changesBetween(files, this.#files(fault)),
    });
    if (fault.answer === "nothing") await delay(Math.max(0, windowOf(fault, contender) - (Date.now() - atMs)));
    else {
      const isOver = () =>
        fault.answer === "recovers" ? servedAt(evidence()) !== undefined : tolds(evidence()).some(({ cause }) => cause === fault.cause);
      await until(isOver, windowOf(fault, contender));
      if (fault.answer === "told") await delay(SETTLED_MS);
    }
    const run = judge(fault, contender.name, coldStartMs, evidence());
    await slowed?.release();
    await endContender(this.#box);
    const isHarmless =
      fault.answer !== "told" && fault.config === undefined && fault.needs === undefined && contender.prepare === undefined;
    this.#left = isHarmless && run.harm.length === 0 ? this.#left - 1 : 0;
    return run;
  }

  /** The run before has left a gateway that serves and every file as it was: this one begins with it, and with a watchdog that remembers nothing of that. */
  async #goesOn(contender: Contender, fault: MatrixFault): Promise<boolean> {
    if (this.#left <= 0 || fault.needs !== undefined || contender.prepare !== undefined) return false;
    if (this.#sights().at(-1)?.ready !== true || this.#traces() !== this.#trace) return false;
    await this.#sh(`rm -rf ${MEMORY}; cp -a pristine/ours ${MEMORY}`);
    return true;
  }

  /** What a fault or a contender could have left in files, but for the host's own. */
  #traces(): string {
    const dropIns = this.#at(`.config/systemd/user/${UNIT}.d`);
    const mode = readFileSync(this.#at("fault-mode.txt"), "utf8");
    return JSON.stringify([...this.#files({}), this.#config(), existsSync(dropIns) ? readdirSync(dropIns) : [], mode]);
  }

  /** Everything as it was, booted anew. Returns how long the boot took, ms. */
  async #reset(contender: Contender, fault: MatrixFault): Promise<number> {
    await endContender(this.#box);
    const kill = `systemctl --user kill -s KILL ${UNIT} 2>/dev/null; systemctl --user stop ${UNIT} 2>/dev/null; pkill -x sleep; true`;
    await this.#box.run(["sh", "-c", kill], 60_000);
    await this.#box.root(
      "umount -q /home/svc/.openclaw || true; rm -rf /home/svc/.openclaw /home/svc/.openclaw.away; install -d -o svc -g svc -m 700 /home/svc/.openclaw",
    );
    if (fault.needs === "own-disk") {
      await this.#box.root(`mount -t tmpfs -o size=${OWN_DISK_MB}m,uid=1500,gid=1500,mode=700 none /home/svc/.openclaw`);
    }
    await this.#sh(`rm -rf ${UNIT_FILE}.d ${MEMORY} plugins; cp -a pristine/state/. .openclaw/; cp -a pristine/ours ${MEMORY}; cp -a pristine/plugins plugins
      cp -p --remove-destination pristine/${UNIT} .config/systemd/user/; echo good > fault-mode.txt
      systemctl --user daemon-reload; systemctl --user reset-failed ${UNIT} 2>/dev/null || true
      ${contender.prepare ?? ":"}`);
    const startedMs = Number(await this.#sh(`date +%s%3N; systemctl --user start ${UNIT}`));
    const first = () => this.#sights().find(({ atMs, ready }) => ready && atMs > startedMs);
    await until(() => first() !== undefined, SERVES_MS);
    await this.#mustServe();
    this.#left = RUNS_OF_A_BOOT;
    this.#trace = this.#traces();
    return (first()?.atMs ?? Number.NaN) - startedMs;
  }

  async #mustServe(): Promise<void> {
    if (!(await until(() => this.#sights().at(-1)?.ready === true, SERVES_MS)))
      throw new Error("the gateway does not serve before the fault");
  }

  #sh(script: string): Promise<string> {
    return this.#box.output(["sh", "-ec", script.replaceAll("PORT", String(this.#port))], 120_000);
  }

  #at(name: string): string {
    return join(this.#box.home, name);
  }

  #config(): string | null {
    return existsSync(this.#at(CONFIG)) ? readFileSync(this.#at(CONFIG), "utf8") : null;
  }

  /** What is a person's, and what this fault says that nobody may touch: path and digest. */
  #files({ keeps = [] }: Pick<MatrixFault, "keeps">): ReadonlyMap<string, string> {
    const below = ["plugins", `${STATE}/workspace`].flatMap((directory) =>
      existsSync(this.#at(directory))
        ? readdirSync(this.#at(directory), { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map(({ parentPath, name }) => relative(this.#box.home, join(parentPath, name)))
        : [],
    );
    const paths = [...below, `.config/systemd/user/${UNIT}`, ...keeps].filter((path) => existsSync(this.#at(path)));
    return new Map(
      paths.map((path) => [
        path,
        createHash("sha256")
          .update(readFileSync(this.#at(path)))
          .digest("hex"),
      ]),
    );
  }

  #sights(): readonly Sight[] {
    return jsonLines(this.#at("eye.jsonl"));
  }

  #said({ log }: Contender): readonly Said[] {
    if (log === undefined) return [];
    return jsonLines(this.#at(log)).map(({ event, cause, tier, timestamp }) => ({
      event,
      cause,
      tier,
      atMs: Date.parse(timestamp),
    }));
  }
}

function changesBetween(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}

async function until(so: () => boolean, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!so()) {
    if (performance.now() > deadline) return false;
    await delay(200);
  }
  return true;
}
