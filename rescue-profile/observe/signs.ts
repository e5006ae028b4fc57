import type { Sign, SignName } from "../core/findings.ts";
import type { LogLine } from "./log-line.ts";
import { showable } from "./mask.ts";

interface KnownSign {
  readonly name: SignName;
  readonly pattern: RegExp;
  /** Words that make the same sentence mean something else. */
  readonly unless?: RegExp;
  /** Where the sentence was seen: a fault injected into a real gateway (2026.9.6), the host's source, or an issue of openclaw/openclaw. */
  readonly source: string;
}

/** Sentences that say what is wrong. A sentence is only as good as its source: nothing stands here that nobody saw. */
export const SIGNS: readonly KnownSign[] = [
  {
    name: "address-in-use",
    pattern: /EADDRINUSE|another gateway instance is already listening|Port \d+ is already in use/,
    source: "measured: port held by a foreign HTTP server, and by a silent listener",
  },
  {
    name: "boot-timeout",
    pattern: /did not become ready \(phase=startup, trigger=timeout/,
    source: "measured: a boot with 6.5 % of a core ends itself with 1 after three minutes",
  },
  {
    name: "config-invalid",
    pattern:
      /Invalid config at |existing config is missing gateway\.mode|Missing config\. Run |Refusing to bind gateway to \S+ without auth/,
    source: "measured: truncated, empty, deleted, unknown keys, wrong types",
  },
  {
    name: "config-newer",
    pattern: /is older than the config last written by OpenClaw /,
    source: "measured: lastTouchedVersion of a later year; issue 154630",
  },
  {
    name: "credentials-missing",
    pattern:
      /No route-compatible authentication source is configured for |No API key found for |Authentication failed \(provider returned HTTP 401\)/,
    source: "measured: an agent turn without credentials, and with a key that the provider refuses; host source: model auth",
  },
  {
    name: "database-corrupt",
    pattern: /database disk image is malformed|file is not a database|SQLite integrity_check failed for /,
    source: "measured: state and agent database with damaged pages, with a damaged header",
  },
  {
    name: "database-newer",
    pattern: /database schema\(s\) are newer than this build|uses newer schema version \d+; this build supports/,
    source: "measured: user_version 999",
  },
  {
    name: "disk-full",
    pattern: /\bENOSPC\b|no space left on device|database or disk is full/i,
    source: "measured: disk full before the boot, and filled while it runs; issues 128635, 137560",
  },
  {
    name: "heap-exhausted",
    pattern: /JavaScript heap out of memory|Reached heap limit/,
    source: "measured: a plugin that fills the heap; issues 79178, 115424",
  },
  {
    name: "killed-for-memory",
    pattern:
      /killed by the OOM killer|systemd-oomd killed .{1,20} in this unit|Failed with result 'oom-kill'|Out of memory: Killed process/,
    source: "systemd and kernel, in their own words; issue 82518",
  },
  {
    name: "lock-held",
    pattern:
      /Another gateway \(pid \d+\) already owns this state directory|gateway already running.*lock timeout|another OpenClaw process owns gateway-lifecycle/,
    source: "measured: empty and garbage lock, a lock naming a living process, a second gateway",
  },
  { name: "model-unknown", pattern: /\bUnknown model: \S/, source: "measured: an unknown provider, an unknown model; issue 6203" },
  {
    name: "module-missing",
    pattern: /\bERR_MODULE_NOT_FOUND\b|Cannot find (?:module|package) ['"]/,
    // A plugin that misses a package of its own is the plugin's fault.
    unless: /plugin/i,
    source: "Node, in its own words; issues 27583, 72042, 76907",
  },
  { name: "pairing-required", pattern: /\bpairing required\b/, source: "host source: connect errors" },
  {
    name: "permission-denied",
    pattern: /\bEACCES\b|\bEPERM: operation not permitted/,
    source: "measured: configuration, databases, the whole state directory of another account",
  },
  {
    name: "plugin-failed",
    pattern: /\bplugin failed during \w+: |\bfailed during \w+ from |\bplugin service failed \(/,
    source: "measured: a plugin that throws in register() or cannot be loaded, a service whose start() rejects",
  },
  {
    name: "polling-conflict",
    pattern: /getUpdates conflict|terminated by other getUpdates request/,
    source: "host source: Telegram polling; issues 69304, 56230",
  },
  {
    name: "secret-missing",
    // The host masks its own word "Missing" where it stands behind the name of a token.
    pattern: /\benv var "[A-Z_][A-Z0-9_]*".* - feature using this value will be unavailable/,
    source: "measured: a variable in gateway.auth.token; issues 91554, 90277",
  },
  {
    name: "tls-files-missing",
    pattern: /gateway tls: (?:cert\/key missing|failed to load cert)/,
    source: "measured: TLS without its files; host source",
  },
  {
    name: "uncaught-exception",
    pattern:
      /Unhandled promise rejection: |Uncaught exception|OpenClaw hit an unexpected runtime error|^(?:\S+ )*?Node\.js v\d+\.\d+\.\d+$/,
    source: "measured: a plugin that throws, and one that rejects, in a timer",
  },
];

const THROWN = /^(?:\S+ )*?(?:[A-Z]\w*)?(?:Error|Exception)(?: \[\w+\])?: /;
/** Node prints the error, its stack and its fields before its own version. */
const STACK_LINES = 60;

/** The known sentences in these lines, newest first, each name once. */
export function findSigns(lines: readonly LogLine[]): Sign[] {
  const found = new Map<SignName, Sign>();
  for (const [index, { text, atMs }] of [...lines.entries()].reverse()) {
    for (const { name, pattern, unless } of SIGNS) {
      if (found.has(name) || !pattern.test(text) || unless?.test(text) === true) continue;
      found.set(name, {
        name,
        line: showable(thrownBefore(lines, index) ?? text),
        ...(atMs === undefined ? {} : { atWallMs: atMs }),
      });
    }
  }
  return [...found.values()];
}

/** The error itself says more than the line with Node's version that follows it. */
function thrownBefore(lines: readonly LogLine[], index: number): string | undefined {
  if (!/Node\.js v[\d.]+$/.test(lines[index]?.text ?? "")) return undefined;
  return lines.slice(Math.max(0, index - STACK_LINES), index).findLast(({ text }) => THROWN.test(text))?.text;
}
