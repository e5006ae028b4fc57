import type { Box } from "../../test/lab/box.ts";
import { UNIT_FILE } from "../../test/lab/faulty.ts";
import { PACKAGE } from "../../test/lab/watching.ts";

/** Somebody who is to bring the gateway back. Everything is a shell script as the gateway's account, in a box with a real systemd. */
export interface Contender {
  readonly name: string;
  readonly title: string;
  /** While the gateway is down, before a run; for what belongs to the unit. */
  readonly prepare?: string;
  /** Once the gateway serves. */
  readonly start?: string;
  /** Directories of this machine that it needs in the box, read-only. */
  readonly binds?: Readonly<Record<string, string>>;
  /** How long a run is given: for what it says of itself, and a boot. */
  readonly windowMs: number;
  /** Only what ends is seen by it, so that it is not asked about what goes on living unharmed. */
  readonly blind?: true;
  /** Where it says what it does, in JSON lines of ours; absent: only what is seen from outside counts. */
  readonly log?: string;
}

/** Two looks, a restart in vain, a doctor and a boot, while other boxes are at work. */
const WINDOW_MS = 300_000;
/** With the PATH of the account's shell: a manager's own does not hold the host's command. */
const AS_SERVICE = `systemd-run --user --quiet --unit=contender --collect --setenv=PATH="$PATH" --property=WorkingDirectory=/home/svc`;

/**
 * What users write into a cron job or a loop: two looks half a minute apart, then a restart by the host's command, and doctor when that did not
 * help. Written by us from such descriptions (openclaw issues 22972, 41804; fork openclaw-self-healing's README): curl, restart, doctor, restart.
 */
const SCRIPT = `
  fails=0
  while :; do
    if curl -sf -m 5 -o /dev/null http://127.0.0.1:PORT/healthz; then fails=0; else fails=$((fails + 1)); fi
    if [ $fails -ge 4 ]; then openclaw doctor --fix --non-interactive; openclaw gateway restart; fails=0
    elif [ $fails -eq 2 ]; then openclaw gateway restart; fi
    sleep 30
  done`;

export const CONTENDERS: readonly Contender[] = [
  {
    name: "none",
    title: "nobody",
    windowMs: 10_000,
    blind: true,
    prepare: `mkdir -p ${UNIT_FILE}.d; printf '[Service]\\nRestart=no\\n' > ${UNIT_FILE}.d/99-bench.conf; systemctl --user daemon-reload`,
  },
  { name: "systemd", title: "the host's own unit (Restart=always, 5 s)", windowMs: 45_000, blind: true },
  {
    name: "script",
    title: "the unit and the usual script (curl every 30 s, restart, doctor)",
    windowMs: WINDOW_MS,
    start: `cat > script.sh <<'END'\n${SCRIPT}\nEND\n${AS_SERVICE} /bin/bash /home/svc/script.sh`,
  },
  {
    name: "rescue-watchdog",
    title: "the unit and rescue-watchdog watch, default settings",
    windowMs: WINDOW_MS,
    start: `${AS_SERVICE} /opt/node/node ${PACKAGE}/dist/plugin/cli/bin.js watch --json`,
    log: ".local/state/rescue-watchdog/default/logs/watchdog.jsonl",
  },
];

export const OURS = "rescue-watchdog";

/** `--contender NAME=COMMAND`: the command runs as a service beside the unit; the directory of its first word is bound into the box. */
export function foreign(text: string): Contender {
  const at = text.indexOf("=");
  const [name, command] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1 || command === "") throw new Error(`--contender ${text}: it needs NAME=COMMAND`);
  const directory = /(\/\S+)\/[^/\s]+/.exec(command)?.[1];
  return {
    name,
    title: command,
    windowMs: WINDOW_MS,
    start: `${AS_SERVICE} /bin/bash -c ${JSON.stringify(command)}`,
    ...(directory === undefined ? {} : { binds: { [directory]: directory } }),
  };
}

/** Ends whatever a contender or a fault has started beside the gateway. */
export async function endContender(box: Box): Promise<void> {
  await box.run(["sh", "-c", "systemctl --user stop contender.service holder.service 2>/dev/null; true"], 60_000);
}
