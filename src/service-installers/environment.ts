import { hostCommand } from "../shared/openclaw-home.ts";
import type { ManagerFacts, RuntimeDir } from "./environment-facts.ts";

/** One sentence for a person, without a full stop, and what to type. */
export interface ManagerDiagnosis {
  readonly why: string;
  readonly fix: string;
}

interface Case {
  readonly facts: ManagerFacts;
  /** `rescue-watchdog supervise -- …` for the profile that is asked about. */
  readonly supervise: string;
}

/**
 * The first that answers is the reason: each takes for granted what those before it have excluded. Somebody else's runtime directory comes
 * before "root" and "no session", because the remedies of those do not help while the variable leads elsewhere.
 */
const CASES: readonly ((about: Case) => ManagerDiagnosis | undefined)[] = [
  withoutSystemctl,
  inContainer,
  underWsl,
  underAnotherInit,
  underSudo,
  withForeignRuntimeDir,
  asRoot,
  withoutSession,
  withDeadManager,
];

/**
 * Why the account's systemd did not answer on this Linux, and the command that mends it. Pure. To be asked when it did not: a runtime
 * directory that merely is not named in the environment is found by us (`managerEnv`) and is no reason.
 */
export function diagnoseManager(facts: ManagerFacts, profile = "default"): ManagerDiagnosis {
  const about: Case = { facts, supervise: `rescue-watchdog supervise -- ${hostCommand(profile, "gateway run")}` };
  for (const diagnose of CASES) {
    const found = diagnose(about);
    if (found !== undefined) return found;
  }
  const { uid, complaint } = facts;
  return {
    why: `the systemd of user ${nameOf(facts)} does not answer${complaint === "" ? "" : ` (${complaint})`}, for a reason that cannot be seen from here`,
    fix: `systemctl status user@${uid}.service`,
  };
}

/** For an account whose systemd answers: whether it goes on without a session. Null when it does. Pure. */
export function lingerWarning(facts: ManagerFacts): ManagerDiagnosis | null {
  const { linger } = facts;
  if (linger.ok && linger.value) return null;
  const end = facts.ssh ? "with this SSH login if that is the last session" : "with the last session";
  return {
    why: linger.ok
      ? `linger is off for ${nameOf(facts)}, so its services end ${end} and do not begin at boot`
      : `whether linger is on for ${nameOf(facts)} cannot be seen (${linger.why}); without it its services end ${end} and do not begin at boot`,
    fix: asAdmin(facts, `loginctl enable-linger ${nameOf(facts)}`),
  };
}

/** A thin PATH, as cron's on some systems, must not look like a machine without systemd. */
function withoutSystemctl({ facts, supervise }: Case): ManagerDiagnosis | undefined {
  if (facts.systemctl) return undefined;
  if (is(facts.init, "systemd") && !is(facts.container, true)) {
    return {
      why: "systemd runs here, and its systemctl is in no directory of PATH",
      fix: "export PATH=$PATH:/usr/bin:/bin:/run/current-system/sw/bin",
    };
  }
  const where = is(facts.container, true) ? "this container has no systemd (docs/containers.md)" : "this machine has no systemctl";
  return { why: `${where}, so our own supervisor has to keep the gateway alive`, fix: supervise };
}

function inContainer({ facts, supervise }: Case): ManagerDiagnosis | undefined {
  if (!is(facts.container, true) || !lacksSystemd(facts)) return undefined;
  return {
    why: `this container runs without systemd (${initOf(facts)}), so its own command has to keep the gateway alive (docs/containers.md)`,
    fix: supervise,
  };
}

/** WSL 1 calls its kernel `4.4.0-19041-Microsoft`, WSL 2 `…-microsoft-standard-WSL2`. */
function underWsl({ facts }: Case): ManagerDiagnosis | undefined {
  const { kernel, wslSystemd } = facts;
  if (!kernel.ok || !/microsoft/i.test(kernel.value) || !lacksSystemd(facts)) return undefined;
  if (/-Microsoft$/.test(kernel.value)) {
    return { why: "this is WSL 1, which cannot run systemd", fix: "in Windows: wsl --set-version DISTRIBUTION 2 (names: wsl --list)" };
  }
  return is(wslSystemd, true)
    ? { why: "/etc/wsl.conf asks for systemd, and this WSL was started before it did", fix: "in Windows: wsl --shutdown" }
    : {
        why: "this WSL runs without systemd, which it starts only when /etc/wsl.conf says so",
        fix: "put [boot] and below it systemd=true into /etc/wsl.conf, then in Windows: wsl --shutdown",
      };
}

function underAnotherInit({ facts, supervise }: Case): ManagerDiagnosis | undefined {
  if (!lacksSystemd(facts)) return undefined;
  return {
    why: `this machine was not started by systemd (${initOf(facts)}), so our supervisor has to be a service of its own init, run as ${nameOf(facts)}`,
    fix: supervise,
  };
}

/** Only towards root: `sudo -u gateway` is somebody who goes to the right account on purpose. */
function underSudo({ facts }: Case): ManagerDiagnosis | undefined {
  const { sudo, uid } = facts;
  if (uid !== 0 || sudo === null || sudo.name === "root") return undefined;
  const name = quoted(sudo.name);
  const runtimeDir = `/run/user/${sudo.uid ?? `$(id -u ${name})`}`;
  return {
    why: `this runs as root by sudo, and the services belong to the account that called it, ${sudo.name}`,
    fix: `run it without sudo; from a root shell: sudo -H -u ${name} XDG_RUNTIME_DIR=${runtimeDir} COMMAND`,
  };
}

/** `su` without `-l` leaves both variables as they were, and systemd refuses the stranger: "Permission denied" (systemd issue 17901). */
function withForeignRuntimeDir({ facts }: Case): ManagerDiagnosis | undefined {
  const { ownRuntimeDir, busUid, uid } = facts;
  const why = objectionTo(facts);
  if (why === undefined) return undefined;
  const variables = `export XDG_RUNTIME_DIR=${ownRuntimeDir.path}${busUid !== null && busUid !== uid ? "; unset DBUS_SESSION_BUS_ADDRESS" : ""}`;
  if (is(ownRuntimeDir.owner, uid)) return { why, fix: variables };
  return { why, fix: `${asAdmin(facts, `loginctl enable-linger ${nameOf(facts)}`)} && ${variables}` };
}

function objectionTo({ runtimeDir, ownRuntimeDir, busUid, uid }: ManagerFacts): string | undefined {
  const hint = `as after su without -l, and this runs as user ${uid}`;
  if (runtimeDir !== null && runtimeDir.path !== ownRuntimeDir.path) {
    const { path, owner } = runtimeDir;
    if (!owner.ok) return `XDG_RUNTIME_DIR is ${path}, which user ${uid} cannot look at, instead of ${ownRuntimeDir.path}`;
    if (owner.value === null) return `XDG_RUNTIME_DIR is ${path}, where nothing is, instead of ${ownRuntimeDir.path}`;
    if (owner.value !== uid) return `XDG_RUNTIME_DIR is ${path}, which belongs to user ${owner.value}, ${hint}`;
    return `XDG_RUNTIME_DIR is ${path}, where no systemd listens, instead of ${ownRuntimeDir.path}`;
  }
  if (busUid !== null && busUid !== uid) return `DBUS_SESSION_BUS_ADDRESS leads to the bus of user ${busUid}, ${hint}`;
  return undefined;
}

/** Root has a user manager like everybody, which runs only while root is logged in or lingers. */
function asRoot({ facts }: Case): ManagerDiagnosis | undefined {
  if (facts.uid !== 0 || !isMissing(facts.ownRuntimeDir)) return undefined;
  const waits = is(facts.linger, true);
  return {
    why: `root's own user manager does not run, ${waits ? "though linger is on for root" : "since root is not logged in and linger is off for it"}`,
    fix: waits ? "systemctl start user@0.service" : "loginctl enable-linger root",
  };
}

function withoutSession({ facts }: Case): ManagerDiagnosis | undefined {
  if (!isMissing(facts.ownRuntimeDir)) return undefined;
  const name = nameOf(facts);
  if (is(facts.linger, true)) {
    return {
      why: `linger is on for ${name}, and its user manager does not run`,
      fix: asAdmin(facts, `systemctl start user@${facts.uid}.service`),
    };
  }
  const how = facts.ssh
    ? "this SSH login opened no session (su, or sshd without PAM)"
    : "it is not logged in (cron, su, or after its last logout)";
  return {
    why: `no user manager runs for ${name}: ${how}, and without linger it would end with the last session`,
    fix: asAdmin(facts, `loginctl enable-linger ${name}`),
  };
}

function withDeadManager({ facts }: Case): ManagerDiagnosis | undefined {
  const { ownRuntimeDir, uid, complaint } = facts;
  // A start helps against silence; against a refusal of our own bus (SELinux, a sandbox) it would not.
  if (!is(ownRuntimeDir.owner, uid) || /denied|not permitted/i.test(complaint)) return undefined;
  return {
    why: `${ownRuntimeDir.path} is there, and no user manager answers in it${complaint === "" ? "" : ` (${complaint})`}`,
    fix: asAdmin(facts, `systemctl start user@${uid}.service`),
  };
}

/** Either pid 1 has another name, or, where it is hidden, systemctl says so itself. */
function lacksSystemd({ init, complaint }: ManagerFacts): boolean {
  return init.ok ? init.value !== "systemd" : /not been booted with systemd/i.test(complaint);
}

function initOf({ init }: ManagerFacts): string {
  return init.ok ? `pid 1 is ${init.value}` : "as systemctl says";
}

const is = <T>(reading: { readonly ok: true; readonly value: T | null } | { readonly ok: false }, wanted: T) =>
  reading.ok && reading.value === wanted;

const isMissing = ({ owner }: RuntimeDir) => owner.ok && owner.value === null;

/** Numbers are taken by loginctl as names are. */
const nameOf = ({ account, uid }: ManagerFacts) => (account.ok ? quoted(account.value) : String(uid));

const asAdmin = ({ uid }: ManagerFacts, command: string) => (uid === 0 ? command : `sudo ${command}`);

/** For a shell: the account of a domain may be called `DOMAIN\name`. */
const quoted = (name: string) => (/^[\w.@-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`);
