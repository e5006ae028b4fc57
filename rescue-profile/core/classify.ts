import { isLost, problemsOf, said, signOf, surroundings, value } from "./evidence.ts";
import type { Classification, ConfigFinding, DatabaseFinding, Findings, PluginFinding, Sign, SignName } from "./findings.ts";
import type { Assessment, Cause } from "./model.ts";
import type { WatchState } from "./state.ts";

/** What is known besides the findings. */
export interface Circumstances {
  /** What lasted, by the condition alone. */
  readonly cause: Cause;
  readonly evidence: readonly string[];
  readonly lastExit?: { readonly code?: number; readonly signal?: string };
  /** Another process holds one of its databases right now. */
  readonly databaseLocked: boolean;
  /** Repairs of the last hour that were necessary for the same reason: it ended by itself, or it was silent. */
  readonly earlier: number;
  /** A person was told that a database is another one, and it served with that. */
  readonly lossTold: boolean;
}

const ENDED: ReadonlySet<Cause> = new Set<Cause>(["process-gone", "start-latched", "start-refused"]);
/** Not its end, but something around it, may explain these. */
const AROUND: ReadonlySet<Cause> = new Set<Cause>(["port-foreign", "blind"]);
const REFUSED = 78;
/** Signals by which a process ends itself. SIGKILL and SIGTERM were somebody else's. */
const OWN_SIGNALS: ReadonlySet<string> = new Set(["SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"]);
/** The only plugin is not blamed before the second restart did not help either. */
const ONLY_SUSPECT_AFTER = 2;

/**
 * Why it is down, from what survives its death. Pure and total. A part that could not be looked at proves nothing.
 *
 * A living process keeps its cause; only after an earlier repair did not last is a plugin blamed for a silence. Of one that ended the first
 * match wins. "Ended again": after a repair of this hour, and by itself: not by a SIGKILL, which says nothing about a plugin or a configuration.
 * | evidence | cause |
 * |---|---|
 * | the state directory is gone · no space · a program of the service is gone | state-missing · disk-full · program-missing |
 * | another process holds a database, and the boot ended by itself | database-locked |
 * | configuration missing, empty, cut off | config-broken |
 * | database newer · damaged · missing, empty or another one: the host then also calls its configuration invalid (measured) | database-newer · database-corrupt · database-lost |
 * | files not ours to read or write | files-locked-out |
 * | written by a newer host | config-newer |
 * | a variable is missing, and the log or the validation says so | secret-missing |
 * | the host's validation: nothing but unknown keys · anything else | config-unknown-keys · config-invalid |
 * | valid, but the log says that the start refused it: changed since it served · not | config-suspect · config-invalid, told |
 * | a lock that names nobody and is held by nobody | lock-dead |
 * | the log: out of memory · too slow to boot · module not found | out-of-memory · boot-starved · program-missing |
 * | it ended again, not by 78: a plugin's path in its last stack, else the plugin that changed, else the only one | plugin-crash |
 * | it ended again, and the configuration was changed since it served | config-suspect |
 * | it ended again | start-failed, when everything could be looked at; else 78 is start-refused, and the rest is started |
 * | otherwise: the first time | what the condition says; 78 with nothing found is started once, for somebody may have mended it |
 */
export function classify(findings: Findings, about: Circumstances): Classification {
  const plain: Classification = { cause: about.cause, confidence: "certain", evidence: about.evidence };
  if (AROUND.has(about.cause)) return surroundings(findings) ?? lockedOut(findings) ?? plain;
  if (!ENDED.has(about.cause)) return blocking(findings, about) ?? plain;
  const found =
    surroundings(findings) ??
    locked(about) ??
    brokenFile(findings, about) ??
    databases(findings, about) ??
    configuration(findings, about) ??
    lock(findings) ??
    words(findings, about) ??
    repeated(findings, about);
  if (found !== undefined) return { ...found, evidence: [...found.evidence, ...about.evidence] };
  // A start is cheap, harmless, and right when somebody has mended it meanwhile.
  return about.cause === "start-refused" ? { ...plain, cause: "process-gone", confidence: "likely" } : plain;
}

function isRefusal({ cause, lastExit }: Circumstances): boolean {
  return cause === "start-refused" || lastExit?.code === REFUSED;
}

/** What `classify` needs besides the findings, of one look. */
export function circumstances(
  { relapses, warned }: Pick<WatchState, "relapses" | "warned">,
  { lastExit, killHarm }: Assessment,
  cause: Cause,
  evidence: readonly string[],
): Circumstances {
  const exit = lastExit === undefined ? {} : { lastExit };
  const kind = ENDED.has(cause) ? "ended" : "silent";
  return {
    cause,
    evidence,
    ...exit,
    databaseLocked: killHarm === "database-locked",
    earlier: relapses.filter((each) => each.kind === kind).length,
    lossTold: warned.some((each) => each.cause === "database-lost" && each.told),
  };
}

/** By its own exit code, or by a signal that a process gets for what it did itself. */
export function endedByItself(lastExit: Circumstances["lastExit"]): boolean {
  return lastExit?.code !== undefined || OWN_SIGNALS.has(lastExit?.signal ?? "");
}

/** What is no configuration at all, whatever the host says of it. */
function brokenFile(findings: Findings, about: Circumstances): Classification | undefined {
  const config = value(findings.config);
  if (config === undefined || !["missing", "empty", "unparsable"].includes(config.state)) return undefined;
  const lost = lostDatabase(findings, about);
  const why = lost !== undefined ? `${lost.path}: ${lost.why}; a start would begin without it` : config.copies === 0 ? NO_COPY : undefined;
  const blocked = why === undefined ? {} : { blocked: why };
  return { cause: "config-broken", confidence: "certain", evidence: [problemsOf(config)], subject: config.path, ...blocked };
}

function configuration(findings: Findings, about: Circumstances): Classification | undefined {
  const config = value(findings.config);
  const foreign = lockedOut(findings);
  const subject = config?.path ?? "openclaw.json";
  // Files that it does not need for its start keep nobody down: only together with its own refusal.
  if (foreign !== undefined && (isRefusal(about) || signOf(findings, "permission-denied") !== undefined)) return foreign;
  if (config === undefined || config.state === "unreadable") return undefined;
  if (config.newer !== undefined && config.sinceServed !== "same") {
    const { writtenBy, host } = config.newer;
    return {
      cause: "config-newer",
      confidence: "certain",
      evidence: [`written by ${writtenBy}; installed is ${host}`],
      subject: writtenBy,
    };
  }
  const secret = freshSign(findings, config, "secret-missing");
  if (config.missingVariables.length > 0 && (secret !== undefined || config.validation?.valid === false)) {
    const names = config.missingVariables.join(", ");
    return { cause: "secret-missing", confidence: "likely", evidence: [`it asks for ${names}`, ...said(secret)], subject: names };
  }
  if (config.validation?.valid !== false) return refusedAtStart(findings, config);
  const evidence = [problemsOf(config)];
  if (config.validation.onlyUnknownKeys !== undefined) return { cause: "config-unknown-keys", confidence: "certain", evidence, subject };
  // What it served with is not the fault: the host, a plugin, or something that it refers to is another one now.
  const why = config.sinceServed === "same" ? SERVED_WITH_IT : config.copies === 0 ? NO_COPY : undefined;
  return { cause: "config-invalid", confidence: "certain", evidence, subject, ...(why === undefined ? {} : { blocked: why }) };
}

const NO_COPY = "no copy of it from a time when the gateway served was kept";
const SERVED_WITH_IT = "it served with just this configuration: the host, a plugin or what it refers to has changed";

/** What the host's validation lets pass and its start does not: no gateway.mode, a bind without auth, missing TLS files (measured). */
function refusedAtStart(findings: Findings, config: ConfigFinding): Classification | undefined {
  const sign = freshSign(findings, config, "config-invalid") ?? freshSign(findings, config, "tls-files-missing");
  if (sign === undefined) return undefined;
  const about = { confidence: "likely" as const, evidence: said(sign), subject: config.path };
  if (!config.booted && config.copies > 0) return { cause: "config-suspect", ...about };
  return { cause: "config-invalid", ...about, blocked: config.booted ? SERVED_WITH_IT : NO_COPY };
}

/** A complaint that is older than the file is about another one: somebody has corrected it since. */
function freshSign(findings: Findings, { changedWallMs }: ConfigFinding, name: SignName): Sign | undefined {
  const sign = signOf(findings, name);
  if (sign?.atWallMs === undefined || changedWallMs === undefined) return sign;
  return sign.atWallMs >= changedWallMs ? sign : undefined;
}

function lockedOut(findings: Findings): Classification | undefined {
  const [first] = value(findings.lockedOut) ?? [];
  if (first === undefined) return undefined;
  return { cause: "files-locked-out", confidence: "certain", evidence: [`${first.path}: ${first.why}`], subject: first.path };
}

function databases(findings: Findings, about: Circumstances): Classification | undefined {
  const all = value(findings.databases) ?? [];
  const say = (cause: Cause, { path, why }: DatabaseFinding): Classification => ({
    cause,
    confidence: "certain",
    evidence: [`${path}: ${why}`],
    subject: path,
  });
  const newer = all.find(({ state }) => state === "newer");
  if (newer !== undefined) return say("database-newer", newer);
  const damaged = all.find(({ state }) => state === "corrupt" || state === "not-a-database");
  if (damaged !== undefined) return say("database-corrupt", damaged);
  const lost = lostDatabase(findings, about);
  return lost === undefined ? undefined : say("database-lost", lost);
}

/** It has served with the other one since a person was told; one that is not there would be made anew by the start. */
function lostDatabase(findings: Findings, { lossTold }: Circumstances): DatabaseFinding | undefined {
  return value(findings.databases)?.find((each) => isLost(each) && !(lossTold && each.state === "replaced"));
}

/** The boot gave up after waiting for it (measured: exit 1 after 5 s); a start beside the holder would too. */
function locked({ databaseLocked, lastExit, evidence }: Circumstances): Classification | undefined {
  if (!databaseLocked || (lastExit?.code ?? 0) === 0) return undefined;
  return { cause: "database-locked", confidence: "certain", evidence };
}

function lock(findings: Findings): Classification | undefined {
  const path = value(findings.deadLock) ?? undefined;
  if (path === undefined) return undefined;
  return { cause: "lock-dead", confidence: "certain", evidence: [`${path} names nobody, and nobody holds it`], subject: path };
}

function words(findings: Findings, { earlier }: Circumstances): Classification | undefined {
  for (const [name, cause] of [
    ["heap-exhausted", "out-of-memory"],
    ["killed-for-memory", "out-of-memory"],
    ["boot-timeout", "boot-starved"],
    ["module-missing", "program-missing"],
  ] as const) {
    const sign = signOf(findings, name);
    // An update that was half applied when it was started may be complete now (issues 27583, 72042).
    if (sign === undefined || (cause === "program-missing" && earlier === 0)) continue;
    const about = cause === "program-missing" ? { subject: sign.line } : {};
    return { cause, confidence: "likely", evidence: said(sign), ...about };
  }
  return undefined;
}

function repeated(findings: Findings, about: Circumstances): Classification | undefined {
  const { earlier, lastExit } = about;
  const refused = isRefusal(about);
  const crashed = !refused && endedByItself(lastExit);
  if (earlier === 0 || !(refused || crashed)) return undefined;
  const plugin = crashed ? suspect(findings, earlier) : undefined;
  if (plugin !== undefined) return { cause: "plugin-crash", confidence: "likely", evidence: [plugin.why], subject: plugin.id };
  const config = value(findings.config);
  if (config?.state === "there" && config.copies > 0 && (config.sinceServed === "changed" || (refused && !config.booted))) {
    const evidence = ["the host finds the configuration valid, but it was changed since the gateway served last"];
    return { cause: "config-suspect", confidence: "likely", evidence, subject: config.path };
  }
  const sign = value(findings.signs)?.[0];
  const seenAll = config?.validation !== undefined && findings.databases.ok && findings.signs.ok;
  if (!seenAll && !refused) return undefined;
  return { cause: seenAll ? "start-failed" : "start-refused", confidence: "guess", evidence: said(sign) };
}

/** A silent gateway whose restart did not last: what blocks it came with it. */
function blocking(findings: Findings, { cause, evidence, earlier }: Circumstances): Classification | undefined {
  if (cause !== "silent-busy" && cause !== "silent-flat" && cause !== "boot-stalled") return undefined;
  const plugin = earlier === 0 ? undefined : suspect(findings, earlier);
  if (plugin === undefined) return undefined;
  return { cause: "plugin-stall", confidence: "guess", evidence: [plugin.why, ...evidence], subject: plugin.id };
}

function suspect(findings: Findings, earlier: number): PluginFinding | undefined {
  const [first] = value(findings.plugins) ?? [];
  if (first === undefined || first.suspicion === "none") return undefined;
  return first.suspicion === "only" && earlier < ONLY_SUSPECT_AFTER ? undefined : first;
}
