import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onboardWords } from "../support/onboarding.ts";
import { type Box, PROJECT_IN_BOX } from "./box.ts";
import { type Injury, UNIT, type Watched, watched } from "./watching.ts";

/** Seconds matter here, not milliseconds. */
const EYE_MS = 200;
export const UNIT_FILE = `~/.config/systemd/user/${UNIT}`;
export const CONFIG = "~/.openclaw/openclaw.json";
export const FIXTURE = "rescue-fault-fixture";
/** A plugin that nothing speaks against, so that a repair has somebody to wrong. */
export const BYSTANDER = "rescue-stall-fixture";
export const RESTART = `systemctl --user restart ${UNIT}`;

export type Config = Record<string, Record<string, unknown>>;

/** A watched gateway unit that has the two fixtures among its plugins, and can be harmed as its account and as root. */
export interface FaultLab extends Watched {
  readonly port: number;
  root(script: string): Promise<string>;
  config(): Config;
  /** The configuration's bytes before anything was done to it. */
  readonly pristine: string;
  edit(change: (config: Config) => void): void;
  /** SHA-256, owner and mode of files, as root sees them: what a repair may not change. */
  seal(): Promise<string>;
  /** Moves the state directory onto a disk of its own, and starts the gateway there. */
  onOwnDisk(megabytes: number): Promise<void>;
  /** All of the account's files and units as they were, and a gateway that serves; boots it anew only when something was changed. */
  fresh(): Promise<void>;
}

/** Onboards in a box, with the fixtures as plugins, and installs the unit, which starts. `adjust`: the configuration before that. */
export async function installGateway(
  box: Box,
  port: number,
  adjust: (config: Config) => void = () => undefined,
): Promise<{ readonly config: () => Config; readonly edit: FaultLab["edit"] }> {
  const configFile = join(box.home, ".openclaw/openclaw.json");
  const read = (): Config => JSON.parse(readFileSync(configFile, "utf8"));
  const edit = (change: (config: Config) => void): void => {
    const config = read();
    change(config);
    writeFileSync(configFile, JSON.stringify(config, null, 2));
  };
  await box.output(["openclaw", ...onboardWords(port), "--auth-choice", "skip", "--skip-daemon"], 90_000);
  await box.output(["sh", "-ec", `echo good > fault-mode.txt; ${PLUGINS}`]);
  edit((config) => {
    const entries = { [FIXTURE]: { enabled: true }, [BYSTANDER]: { enabled: true } };
    config["plugins"] = {
      ...config["plugins"],
      entries,
      load: { paths: ["fault-plugin", "stall-plugin"].map((name) => `/home/svc/plugins/${name}`) },
    };
    adjust(config);
  });
  await box.output(["openclaw", "gateway", "install", "--json"], 90_000);
  return { config: read, edit };
}

/** The same, seen from outside. */
export async function faultLab(box: Box, port: number): Promise<FaultLab> {
  const { config, edit } = await installGateway(box, port);
  const lab = await watched(box, port, EYE_MS);
  const pristine = readFileSync(join(box.home, ".openclaw/openclaw.json"), "utf8");

  return {
    ...lab,
    port,
    pristine,
    edit,
    config,
    root: (script) => box.root(script),
    seal: () =>
      box.root(`cd /home/svc; for f in .openclaw/openclaw.json .openclaw/state/openclaw.sqlite .config/systemd/user/${UNIT}; do
        test ! -e $f || stat -c '%n %U %a' $f; done; sha256sum .openclaw/openclaw.json .config/systemd/user/${UNIT} 2>&1
        ls .config/systemd/user/${UNIT}.d 2>/dev/null || true`),
    async onOwnDisk(megabytes) {
      await lab.sh(`systemctl --user stop ${UNIT}`, 60_000);
      await box.root(`cd /home/svc; mkdir -p /run/moved; cp -a .openclaw/. /run/moved/
        mount -t tmpfs -o size=${megabytes}m,uid=1500,gid=1500,mode=700 none .openclaw; cp -a /run/moved/. .openclaw/; rm -rf /run/moved`);
      await lab.mend();
    },
    async fresh() {
      await lab.unwatch();
      // A test that failed may have left it.
      await box.run(["systemctl", "--user", "stop", "oomd.service"]);
      const untouched = [
        `cmp -s kept/openclaw.json ${CONFIG}`,
        "grep -qx good fault-mode.txt",
        `test ! -d ${UNIT_FILE}.d`,
        "! mountpoint -q ~/.openclaw",
        `systemctl --user -q is-active ${UNIT}`,
      ];
      const restored = `systemctl --user stop ${UNIT}; echo good > fault-mode.txt; ${PLUGINS}`;
      await lab.sh(`if ! { ${untouched.join(" && ")}; }; then ${restored}; fi`, 60_000);
      await box.root("umount -q /home/svc/.openclaw || true; chown -R svc:svc /home/svc/.openclaw || true");
      await lab.mend();
    },
  };
}

/** As the account: the fixtures as they are in the project. */
export const PLUGINS = `rm -rf plugins; mkdir plugins; cp -r ${PROJECT_IN_BOX}/test/fixtures/fault-plugin ${PROJECT_IN_BOX}/test/fixtures/stall-plugin plugins/`;

/** Lines of a drop-in, as the account: the host refuses one that belongs to somebody else. */
export function dropIn(...lines: readonly string[]): string {
  const text = ["[Service]", ...lines].join("\n");
  return `mkdir -p ${UNIT_FILE}.d; cat > ${UNIT_FILE}.d/99-test.conf <<'END'\n${text}\nEND\nsystemctl --user daemon-reload`;
}

/** `seen after | plan begins | cause, tier | serving again | repairs`, all times from the injury. */
export function row(name: string, lab: Watched, injury: Injury, serving: number | undefined): string {
  const lines = lab.lines(injury);
  const repairs = lines.filter(({ event }) => event === "repair-started");
  const told = lines.filter(({ event }) => event === "needs-a-human" || event === "warning");
  const after = (atMs: number | undefined) => (atMs === undefined ? "-" : `${((atMs - injury.atMs) / 1000).toFixed(1)} s`);
  const bad = lines.find(({ event, details }) => event === "condition" && !GOOD.has(details?.condition));
  const causes = repairs.map(({ cause, tier }) => `${cause}, ${tier}`).concat(told.map(({ cause }) => `${cause}, told`));
  return [name, after(bad?.atMs), after(repairs.at(-1)?.atMs), causes.join(" → "), after(serving), repairs.length].join(" | ");
}
export const HEADER = "fault | seen after | plan begins | cause, tier | serving again | repairs";
const GOOD: ReadonlySet<unknown> = new Set(["serving", "alive", "starting", "stopped-cleanly", "draining"]);

/** In the command line, where the host itself has such an option: it outdoes NODE_OPTIONS. */
export const SMALL_HEAP = `sed -i 's/ --max-old-space-size=[0-9]*//; s#^\\(ExecStart=[^ ]*\\)#\\1 --max-old-space-size=700#' ${UNIT_FILE}; systemctl --user daemon-reload`;
