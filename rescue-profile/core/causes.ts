import type { Cause } from "./model.ts";

/**
 * What a cause asks for. `start`: nothing lives, so nothing can be harmed; the service manager starts it. `kill`: a living process is
 * ended after the fence, then started; this spends the unclean-kill budget. `tell`: a restart would not help or would make it worse.
 */
export type Remedy = "start" | "kill" | "tell";

interface CauseFacts {
  readonly remedy: Remedy;
  /** For people, in alerts and in `incident`. */
  readonly title: string;
  /** What a human does about it when the watchdog does not. */
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
  "start-refused": {
    remedy: "tell",
    title: "the gateway refuses to start (exit 78): its configuration or state must be mended first",
    advice: "openclaw config validate, then openclaw doctor; a restart does not help",
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
} as const satisfies Record<Cause, CauseFacts>;
