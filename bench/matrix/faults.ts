import { CONFIG, RESTART, SMALL_HEAP } from "../../test/lab/faulty.ts";
import { UNIT } from "../../test/lab/watching.ts";

/**
 * A fault as data. Sources: shared/docs/FAILURES.md, "Reproduced on the real gateway"; what the host does in each is in docs/failures.md.
 * Scripts run as the account that the gateway runs as, with PORT for its port; `root` runs before as root.
 */
export interface MatrixFault {
  readonly name: string;
  readonly title: string;
  /** The right answer: it serves again · a person is told, and nothing is done in vain · nothing, it passes or was meant. */
  readonly answer: "recovers" | "told" | "nothing";
  readonly tier?: 1 | 2;
  /** What a person has to be told, by our names. */
  readonly cause?: string;
  readonly root?: string;
  readonly script: string;
  /** Without a fault: for so long nothing may be done about it, seconds. */
  readonly lastsS?: number;
  /** The process goes on living: its end is somebody's doing. */
  readonly lives?: true;
  /** Without a fault: so many starts belong to it. */
  readonly starts?: number;
  /** Without a fault: it does not serve at its end either, because that was somebody's wish. */
  readonly staysDown?: true;
  /** Not what it was, byte for byte. Without it a recovery ends with the bytes from before the fault, and what nobody may mend with those it left. */
  readonly config?: "mended";
  /** Files in the home that have to stay as the fault has left them, besides what is a person's anyway. */
  readonly keeps?: readonly string[];
  /** A share of a core for the gateway that is started during it. */
  readonly share?: number;
  readonly needs?: "own-disk";
  /** Who does not look into the reason meets the same as with that one, and is not asked. */
  readonly like?: string;
  /** Takes so long that it is run once, whatever was asked for. */
  readonly once?: true;
  /** How long our own contender is given. */
  readonly windowMs?: number;
  /** It is felt in other boxes too. */
  readonly alone?: true;
}

const MAIN_PID = `$(systemctl --user show ${UNIT} -p MainPID --value)`;
const STALL = (ms: number, more = "") => `curl -s -o /dev/null "http://127.0.0.1:PORT/rescue-stall?ms=${ms}${more}"`;
/** As busy as a gateway has to be to count as busy, without taking the other boxes' cores. */
const GENTLY = "&share=0.2";
const NODE = "/opt/node/node";
/** Changes the configuration by a line of JavaScript about `c`, then restarts. */
const edited = (js: string): string =>
  `${NODE} -e 'const fs = require("fs"), p = process.env.HOME + "/.openclaw/openclaw.json", c = JSON.parse(fs.readFileSync(p)); ${js}; fs.writeFileSync(p, JSON.stringify(c, null, 2))'; ${RESTART}`;
const whileDown = (script: string): string => `systemctl --user stop ${UNIT}; ${script}; systemctl --user start ${UNIT}`;
const DATABASE = "$HOME/.openclaw/state/openclaw.sqlite";
const HOLDER = `require("http").createServer((q, r) => r.end("hello")).listen(PORT, "127.0.0.1")`;
const SILENT_HOLDER = `require("net").createServer((socket) => socket.resume()).listen(PORT, "127.0.0.1")`;
export const OWN_DISK_MB = 256;

export const MATRIX_FAULTS: readonly MatrixFault[] = [
  { name: "killed", title: "SIGKILL", answer: "recovers", tier: 1, script: `kill -KILL ${MAIN_PID}` },
  {
    name: "frozen",
    title: "SIGSTOP: it lives and answers nothing",
    answer: "recovers",
    tier: 1,
    lives: true,
    script: `kill -STOP ${MAIN_PID}`,
  },
  {
    name: "deadlocked",
    title: "event loop blocked for good, no CPU",
    answer: "recovers",
    tier: 1,
    lives: true,
    script: STALL(3_600_000, "&flat=1"),
  },
  {
    name: "heap",
    title: "heap exhausted once",
    answer: "recovers",
    tier: 1,
    script: `echo heap > fault-mode.txt; ${SMALL_HEAP}; ${RESTART}`,
  },
  {
    name: "config-cut",
    title: "configuration cut off",
    answer: "recovers",
    tier: 2,
    script: `head -c 200 ${CONFIG} > cut; cat cut > ${CONFIG}; ${RESTART}`,
  },
  {
    name: "config-empty",
    title: "configuration empty",
    answer: "recovers",
    tier: 2,
    like: "config-cut",
    script: `: > ${CONFIG}; ${RESTART}`,
  },
  {
    name: "config-deleted",
    title: "configuration deleted",
    answer: "recovers",
    tier: 2,
    like: "config-cut",
    script: `rm ${CONFIG}; ${RESTART}`,
  },
  { name: "config-type", title: "wrong type in the configuration", answer: "recovers", tier: 2, script: edited(`c.gateway.port = "abc"`) },
  {
    name: "config-keys",
    title: "unknown keys in the configuration",
    answer: "recovers",
    tier: 2,
    config: "mended",
    script: edited("c.bogusTop = { a: 1 }; c.gateway.bogusKey = true"),
  },
  {
    name: "mode-lost",
    title: "gateway.mode lost",
    answer: "recovers",
    tier: 2,
    like: "config-type",
    script: edited("delete c.gateway.mode"),
  },
  {
    name: "lan-open",
    title: "bound to the network without auth",
    answer: "recovers",
    tier: 2,
    like: "config-type",
    script: edited(`c.gateway.bind = "lan"; c.gateway.auth = { mode: "none" }`),
  },
  {
    name: "tls-missing",
    title: "TLS files missing",
    answer: "recovers",
    tier: 2,
    script: edited(`c.gateway.tls = { enabled: true, autoGenerate: false, certPath: "/nonexistent/c.pem", keyPath: "/nonexistent/k.pem" }`),
  },
  {
    name: "lock-garbage",
    title: "lock file garbled",
    answer: "recovers",
    tier: 2,
    script: whileDown("echo garbage > ~/.openclaw/tmp/openclaw-1500/gateway.state.lock"),
  },
  {
    name: "plugin-exits",
    title: "a changed plugin ends it after each start",
    answer: "recovers",
    tier: 2,
    config: "mended",
    script: `echo exit > fault-mode.txt; echo '// changed' >> plugins/fault-plugin/index.js; ${RESTART}`,
  },
  {
    name: "plugin-blocks",
    title: "a changed plugin blocks the event loop after each start",
    answer: "recovers",
    tier: 2,
    config: "mended",
    lives: true,
    once: true,
    windowMs: 900_000,
    script: `echo block-gently > fault-mode.txt; echo '// changed' >> plugins/fault-plugin/index.js; ${RESTART}`,
  },
  {
    name: "config-cut-live",
    title: "configuration cut off while it serves",
    answer: "told",
    cause: "config-bad-on-disk",
    script: `head -c 200 ${CONFIG} > cut; cat cut > ${CONFIG}`,
  },
  {
    name: "secret-missing",
    title: "the token names a variable that is missing",
    answer: "told",
    cause: "secret-missing",
    script: edited(`c.gateway.auth.token = String.fromCharCode(36) + "{RESCUE_MISSING_VARIABLE}"`),
  },
  {
    name: "config-newer",
    title: "configuration of a newer version",
    answer: "told",
    cause: "config-newer",
    script: edited(`c.meta = { ...c.meta, lastTouchedVersion: "2099.1.1" }`),
  },
  {
    name: "port-taken",
    title: "another program holds the port",
    answer: "told",
    cause: "port-foreign",
    script: whileDown(`systemd-run --user --quiet --unit=holder --collect ${NODE} -e '${HOLDER}'; sleep 1`),
  },
  {
    name: "port-silent",
    title: "a silent program holds the port",
    answer: "told",
    cause: "port-foreign",
    script: whileDown(`systemd-run --user --quiet --unit=holder --collect ${NODE} -e '${SILENT_HOLDER}'; sleep 1`),
  },
  {
    name: "database-deleted",
    title: "state database deleted while it serves",
    answer: "told",
    cause: "database-lost",
    script: `rm -f ${DATABASE} ${DATABASE}-wal ${DATABASE}-shm`,
  },
  {
    name: "database-damaged",
    title: "state database damaged",
    answer: "told",
    cause: "database-corrupt",
    keeps: [".openclaw/state/openclaw.sqlite"],
    script: whileDown(
      `for n in $(seq 16 400); do printf damaged | dd of=${DATABASE} bs=1 seek=$((n * 512)) conv=notrunc status=none; done; rm -f ${DATABASE}-wal ${DATABASE}-shm`,
    ),
  },
  {
    name: "state-renamed",
    title: "state directory renamed while it runs",
    answer: "told",
    cause: "state-missing",
    script: "mv ~/.openclaw ~/.openclaw.away",
  },
  {
    name: "config-of-root",
    title: "openclaw.json belongs to root",
    answer: "told",
    cause: "files-locked-out",
    root: "chown root:root /home/svc/.openclaw/openclaw.json; chmod 600 /home/svc/.openclaw/openclaw.json",
    script: RESTART,
  },
  {
    name: "disk-full",
    title: "disk full before it starts",
    answer: "told",
    cause: "disk-full",
    needs: "own-disk",
    script: whileDown(`head -c $(df --output=avail -B1 ~/.openclaw | tail -1) /dev/zero > ~/.openclaw/filled || true`),
  },
  { name: "boot-slow", title: "a boot with a quarter of a core", answer: "nothing", lastsS: 150, starts: 1, share: 0.25, script: RESTART },
  { name: "stall-20", title: "busy for 20 s", answer: "nothing", lastsS: 25, script: STALL(20_000, GENTLY) },
  { name: "stall-60", title: "busy for 60 s", answer: "nothing", lastsS: 65, script: STALL(60_000, GENTLY) },
  { name: "stall-175", title: "busy for 175 s", answer: "nothing", lastsS: 180, script: STALL(175_000, GENTLY) },
  { name: "restart", title: "openclaw gateway restart", answer: "nothing", lastsS: 60, starts: 1, script: "openclaw gateway restart" },
  {
    name: "second-gateway",
    title: "a second gateway on the same state",
    answer: "nothing",
    lastsS: 40,
    script: `systemd-run --user --quiet --unit=holder --collect --setenv=PATH="$PATH" openclaw gateway run --port 39999`,
  },
  { name: "stop", title: "systemctl stop", answer: "nothing", lastsS: 60, staysDown: true, script: `systemctl --user stop ${UNIT}` },
  {
    name: "drain",
    title: "a stop that waits for a job",
    answer: "nothing",
    lastsS: 75,
    staysDown: true,
    script: `openclaw cron add --every 1s --name slow --declaration-key slow --command-argv '["/usr/bin/sleep","45"]' --timeout-seconds 100 --no-deliver --json > cron.json
      while ! pgrep -x sleep > /dev/null; do sleep 0.2; done; systemctl --user --no-block stop ${UNIT}`,
  },
  {
    name: "slow-answers",
    title: "every answer takes 1.5 s, for a minute",
    answer: "nothing",
    lastsS: 65,
    script: `systemd-run --user --quiet --unit=holder --collect sh -c 'for n in $(seq 24); do ${STALL(1_500).replaceAll('"', "")}; sleep 1; done'`,
  },
  {
    name: "busy-machine",
    title: "eight programs busy for a minute",
    alone: true,
    answer: "nothing",
    lastsS: 65,
    script: `systemd-run --user --quiet --unit=holder --collect sh -c 'for n in 1 2 3 4 5 6 7 8; do timeout 60 sh -c "while :; do :; done" & done; wait'`,
  },
];
