import type { Cause } from "./model.ts";

/**
 * What a cause asks for.
 * - `start`: nothing lives, so nothing can be harmed; the service manager starts it.
 * - `kill`: a living process is ended after the fence, then started; this spends the unclean-kill budget.
 * - `mend`: nothing lives; what keeps it from starting is mended, then it is started.
 * - `replace`: mended while it lives, which it cannot see, then ended after the fence, then started.
 * - `carry-out`, `carry-out-kill`: what a proposal chose among the steps of the others, the second one with the end of a living process.
 * - `tell`: a restart would not help or would make it worse, or somebody else's work would be overruled.
 */
export type Remedy = "start" | "kill" | "mend" | "replace" | "carry-out" | "carry-out-kill" | "tell";

/** 1: seconds, changes nothing but processes. 2: changes files, each with an undo. 3: steps of these two, as a diagnosis proposed. Null: a human's. */
export type Tier = 1 | 2 | 3;

interface CauseFacts {
  readonly remedy: Remedy;
  /** For people, in alerts and in `incident`. */
  readonly title: string;
  /** What a human does about it when the watchdog does not. SUBJECT stands for what was found, commands are those of the default profile. */
  readonly advice: string;
}

export const CAUSES = {
  "process-gone": {
    remedy: "start",
    title: "the gateway process is gone",
    advice: "start it: openclaw gateway start; if its service is not installed any more: openclaw gateway install",
  },
  "start-latched": {
    remedy: "start",
    title: "the service manager gave up after too many starts",
    advice: "look at its last log lines, then: openclaw gateway restart",
  },
  "out-of-memory": {
    remedy: "start",
    title: "the gateway ran out of memory",
    advice: "find what grows (openclaw logs), give it more with NODE_OPTIONS=--max-old-space-size, then: openclaw gateway restart",
  },
  "boot-starved": {
    remedy: "start",
    title: "the gateway gave up its own start: the machine is too slow for it",
    advice: "see what else uses the machine, then: openclaw gateway restart",
  },
  "process-frozen": {
    remedy: "kill",
    title: "the gateway process is stopped (state T) and answers nothing",
    advice: "kill -CONT its pid, or kill -KILL it and start it again",
  },
  "silent-flat": {
    remedy: "kill",
    title: "the gateway accepts connections, answers nothing and uses no CPU",
    advice: "kill -KILL its pid and start it again",
  },
  "silent-busy": {
    remedy: "kill",
    title: "the gateway has answered nothing for longer than any healthy stall while using CPU",
    advice: "find the plugin or job that blocks it, kill -KILL its pid and start it again",
  },
  "boot-stalled": {
    remedy: "kill",
    title: "the gateway started to boot and makes no progress",
    advice: "look at its log, then restart it",
  },
  "listener-lost": {
    remedy: "kill",
    title: "the gateway lives but nothing listens on its port any more",
    advice: "restart it: openclaw gateway restart",
  },
  "config-broken": {
    remedy: "mend",
    title: "the gateway's configuration is missing, empty or cut off",
    advice: "put a good openclaw.json in place of SUBJECT, check it with: openclaw config validate, then: openclaw gateway start",
  },
  "config-invalid": {
    remedy: "mend",
    title: "the gateway refuses its configuration",
    advice: "correct what openclaw config validate names in SUBJECT, then: openclaw gateway start",
  },
  "config-unknown-keys": {
    remedy: "mend",
    title: "the gateway's configuration has keys that this version does not know",
    advice: "remove the keys that openclaw config validate names, then: openclaw gateway start",
  },
  "config-suspect": {
    remedy: "mend",
    title: "the gateway does not start with a configuration that was changed since it served last",
    advice: "undo the last change in SUBJECT, then: openclaw gateway start",
  },
  "lock-dead": {
    remedy: "mend",
    title: "a damaged lock file that nobody holds keeps the gateway from starting",
    advice: "move SUBJECT away, then: openclaw gateway start",
  },
  "plugin-crash": {
    remedy: "mend",
    title: "a plugin ends the gateway",
    advice: "openclaw plugins disable SUBJECT, then: openclaw gateway start",
  },
  "plugin-stall": {
    remedy: "replace",
    title: "a plugin blocks the gateway",
    advice: "openclaw plugins disable SUBJECT, kill -KILL the gateway's pid, then: openclaw gateway start",
  },
  "start-failed": {
    remedy: "mend",
    title: "the gateway does not start, and nothing that is known explains it",
    advice: "read its last lines: openclaw logs; then: openclaw doctor",
  },
  "start-refused": {
    remedy: "tell",
    title: "the gateway refuses to start (exit 78), and why could not be looked at",
    advice: "openclaw config validate, then openclaw doctor; a restart does not help",
  },
  "config-newer": {
    remedy: "tell",
    title: "the configuration was written by a newer OpenClaw than the one that is installed",
    advice: "install the version that wrote it (SUBJECT): npm install -g openclaw@SUBJECT, then: openclaw gateway restart",
  },
  "secret-missing": {
    remedy: "tell",
    title: "an environment variable that the configuration asks for is missing",
    advice: "give the gateway's service SUBJECT, for example in ~/.openclaw/.env, then: openclaw gateway restart",
  },
  "database-corrupt": {
    remedy: "tell",
    title: "one of the gateway's databases is damaged",
    advice: "do not run doctor; restore a backup: openclaw backup restore, or have SUBJECT looked at, then: openclaw gateway start",
  },
  "database-lost": {
    remedy: "tell",
    title: "a database of the gateway is not the one it served with: what was in it is lost to it",
    advice:
      "find out where SUBJECT went (a disk not mounted? moved?) and put it back while the gateway is stopped, or: openclaw backup restore",
  },
  "database-newer": {
    remedy: "tell",
    title: "a database was written by a newer OpenClaw than the one that is installed",
    advice: "install the newer version again: npm install -g openclaw@latest, then: openclaw gateway restart; never delete SUBJECT",
  },
  "files-locked-out": {
    remedy: "tell",
    title: "the gateway's account may not read or write its own files",
    advice: 'sudo chown -R "$(id -un)" SUBJECT, then: openclaw gateway start',
  },
  "state-missing": {
    remedy: "tell",
    title: "the gateway's state directory is not there",
    advice: "put SUBJECT back (a disk not mounted? renamed?); a restart now would begin without any state",
  },
  "program-missing": {
    remedy: "tell",
    title: "the program that the gateway's service starts is not complete or not there",
    advice: "missing: SUBJECT; install it again: npm install -g openclaw, then: openclaw gateway install --force",
  },
  "port-foreign": {
    remedy: "tell",
    title: "another program answers on the gateway's port",
    advice: "find it with: ss -ltnp; stop it or change gateway.port",
  },
  "disk-full": {
    remedy: "tell",
    title: "the disk of the gateway's state is full",
    advice: "free space first; a restart now would make the gateway refuse to start",
  },
  "descriptors-exhausted": {
    remedy: "tell",
    title: "the gateway has no file descriptors left",
    advice: "raise the limit or find the leak, then restart it once: openclaw gateway restart",
  },
  "database-locked": {
    remedy: "tell",
    title: "another process holds the gateway's database",
    advice: "wait for it or stop it; killing the gateway would not free the lock",
  },
  "disk-wait": {
    remedy: "tell",
    title: "the gateway waits for the disk",
    advice: "look at the machine's disk; a kill does not end a wait in the kernel",
  },
  "boot-slow": {
    remedy: "tell",
    title: "the gateway has been booting for very long, and still makes progress",
    advice: "look at its log and at the machine's load; ending it would begin the boot anew",
  },
  "drain-stuck": {
    remedy: "tell",
    title: "the gateway has been draining for longer than the host's own budget",
    advice: "look which work it waits for; openclaw gateway stop --force ends it",
  },
  "maintenance-stuck": {
    remedy: "tell",
    title: "an update, doctor or other maintenance of the host has kept the gateway down for long",
    advice: "look at that process and end or finish it",
  },
  blind: {
    remedy: "tell",
    title: "the watchdog cannot look at the gateway",
    advice: "see the evidence; check the permissions of the state directory",
  },
  "config-bad-on-disk": {
    remedy: "tell",
    title: "the configuration on disk would not start the gateway, which still serves with the earlier one",
    advice: "correct SUBJECT before the next restart: openclaw config validate",
  },
  "disk-low": {
    remedy: "tell",
    title: "the disk of the gateway's state is nearly full",
    advice: "free space before it is full: then the gateway fails to write, and would refuse to start",
  },
  "channels-suppressed": {
    remedy: "tell",
    title: "channels stay silent after several unclean boots, although the gateway is healthy",
    advice: "SUBJECT: leave it alone for five minutes, then: openclaw gateway restart",
  },
  "credentials-missing": {
    remedy: "tell",
    title: "a model provider refuses, or has no credentials",
    advice: "openclaw models auth, or: openclaw configure --section model",
  },
  "model-unknown": {
    remedy: "tell",
    title: "the configuration names a model that is not known",
    advice: "openclaw models list, then: openclaw models set PROVIDER/MODEL",
  },
  "pairing-pending": {
    remedy: "tell",
    title: "a client waits for a pairing that only you may approve",
    advice: "look who asks: openclaw devices list; approve only what you know",
  },
  "polling-conflict": {
    remedy: "tell",
    title: "a second program polls with the same bot token",
    advice: "give each gateway a bot of its own; stop the other program",
  },
  "jobs-failing": {
    remedy: "tell",
    title: "scheduled jobs fail again and again",
    advice: "SUBJECT: look at them with openclaw cron list and openclaw cron runs",
  },
  "version-changed": {
    remedy: "tell",
    title: "after the repair the gateway runs as another version",
    advice: "if nobody updated it, look which openclaw its service starts: openclaw gateway status",
  },
  "memory-growing": {
    remedy: "tell",
    title: "the gateway's memory has grown steadily for hours",
    advice:
      "find what grows (a channel, a plugin, a job): openclaw logs; a restart at a quiet time gives it back: openclaw gateway restart",
  },
  "answers-slow": {
    remedy: "tell",
    title: "the gateway serves, but has answered slowly for minutes",
    advice: "see what else uses the machine, and which plugin or job keeps the gateway busy: openclaw logs",
  },
  proposed: {
    remedy: "carry-out",
    title: "what a diagnosis proposed was carried out",
    advice: "see what was proposed, and why: rescue-watchdog proposal",
  },
  "proposed-end": {
    remedy: "carry-out-kill",
    title: "what a diagnosis proposed was carried out, and the gateway's process ended for it",
    advice: "see what was proposed, and why: rescue-watchdog proposal",
  },
  "audit-findings": {
    remedy: "tell",
    title: "the audit found something new",
    advice: "see what to do: openclaw rescue audit",
  },
  "pause-forgotten": {
    remedy: "tell",
    title: "repairs have been paused for a day or longer",
    advice: "whatever breaks stays broken meanwhile; if nobody needs the pause any more: rescue-watchdog resume",
  },
} as const satisfies Record<Cause, CauseFacts>;

/** Does its repair end a living process? */
export function kills(cause: Cause): boolean {
  const { remedy } = CAUSES[cause];
  return remedy === "kill" || remedy === "replace" || remedy === "carry-out-kill";
}

/** Null: told, never repaired. */
export function tierOf(cause: Cause): Tier | null {
  switch (CAUSES[cause].remedy) {
    case "start":
    case "kill":
      return 1;
    case "mend":
    case "replace":
      return 2;
    case "carry-out":
    case "carry-out-kill":
      return 3;
    case "tell":
      return null;
  }
}

export function adviceFor(cause: Cause, subject: string | undefined): string {
  return CAUSES[cause].advice.replaceAll("SUBJECT", () => subject ?? "it");
}

/** The commands in a text for people, as they are typed for this profile. */
export function forProfile(text: string, profile: string): string {
  if (profile === "default") return text;
  const host = text.replaceAll(/\bopenclaw (?=[a-z])/g, `openclaw --profile ${profile} `);
  return host.replaceAll(/\b(rescue-watchdog (?:incident \d+|resume))\b/g, (command) => `${command} --profile ${profile}`);
}
