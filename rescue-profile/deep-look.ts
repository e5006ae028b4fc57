import { statSync } from "node:fs";
import { join } from "node:path";
import { nativeControl } from "../src/service-installers/select.ts";
import { messageOf, RescueError, systemErrorCode } from "../src/shared/errors.ts";
import { runHost } from "../src/shared/openclaw-cli.ts";
import type { CommandResult } from "../src/shared/run-command.ts";
import { readIfThere, writePlainFile } from "../src/shared/secure-file.ts";
import { fingerprintOf } from "./copies/fingerprint.ts";
import { keepCopy, listCopies } from "./copies/ring.ts";
import type { ConfigFinding, Findings } from "./core/findings.ts";
import type { Observation } from "./core/model.ts";
import { findGatewayHost, type GatewayHost } from "./gateway-host.ts";
import { wallMs } from "./observe/clock.ts";
import { readFindings } from "./observe/findings.ts";
import { parseServed, type Served, takeServed } from "./observe/served.ts";
import type { Target } from "./observe/target.ts";
import type { Watchdog } from "./open-watchdog.ts";

const VALIDATE_MS = 60_000;
const PART_MS = 5_000;
const SERVICE_LINES = 200;

export interface DeepLook {
  /** What lies on disk and in the logs, for a gateway that was just observed. Never rejects for a state of the gateway. */
  findings(target: Target, seen: Observation): Promise<Findings>;
  /** What to know of it once it is down. `acceptLoss`: a person was told of a lost database, and it serves without. */
  remember(findings: Findings, acceptLoss: boolean): void;
}

/** Built once per watcher: it remembers what the host said of a configuration for as long as neither of them changes. */
export function deepLook(dog: Pick<Watchdog, "dir" | "options" | "log">): DeepLook {
  const answers = new Map<string, CommandResult>();
  const asked = new Set<string>();
  let last: { target: Target; seen: Observation } | undefined;

  const validate = async (host: GatewayHost, key: string): Promise<CommandResult> => {
    if (host.cli === undefined) throw new RescueError("not-running", "the openclaw command was not found");
    const answer = await runHost(host.cli, dog.options.profile, ["config", "validate", "--json"], { timeoutMs: VALIDATE_MS });
    if (answer.notStarted === undefined && !answer.timedOut) {
      answers.clear();
      answers.set(key, answer);
    }
    return answer;
  };

  return {
    async findings(target, seen) {
      last = { target, seen };
      const host = await findGatewayHost(dog.options);
      const process = seen.process.ok && seen.process.value.state === "alive" ? seen.process.value : undefined;
      const { fingerprint } = fingerprintOf(target.configPath);
      const { copies } = listCopies(dog.dir);
      const key = `${fingerprint}/${host.version}`;
      const known = answers.get(key);
      const living = process !== undefined;
      // Beside a living gateway the host's CLI is a burden (issues 72929, 101290): once for each change, in the background, and not at all
      // for what it has served with already.
      if (
        living &&
        known === undefined &&
        !asked.has(key) &&
        comparedWith(copies, fingerprint).sinceServed !== "same" &&
        fingerprint !== null &&
        host.cli !== undefined
      ) {
        asked.add(key);
        void validate(host, key).catch((error: unknown) =>
          dog.log({ event: "validation-failed", level: "warn", details: messageOf(error) }),
        );
      }
      const ask = known !== undefined ? async () => known : living || host.cli === undefined ? undefined : () => validate(host, key);
      return readFindings(target, {
        home: dog.options.home,
        serving: living && seen.probes?.startup.ok === true && seen.probes.startup.value.state === "answered",
        ...(process === undefined ? {} : { pid: process.identity.pid }),
        definition: host.definition,
        serviceLines: () => serviceLines(dog),
        served: recallServed(dog.dir),
        wallMs,
        timeoutMs: PART_MS,
        fingerprintOf,
        copies: (print) => comparedWith(copies, print),
        ...(host.version === undefined ? {} : { hostVersion: host.version }),
        ...(ask === undefined ? {} : { validate: ask }),
      });
    },

    remember({ config, databases, plugins }, acceptLoss) {
      if (last === undefined) return;
      const { target, seen } = last;
      try {
        const proof = config.ok ? proofOf(config.value, seen) : undefined;
        const why = proof === undefined ? undefined : keepCopy(dog.dir, target.configPath, proof, wallMs());
        if (why !== undefined) dog.log({ event: "copy-not-kept", level: "warn", details: why });
        const missing = databases.ok && databases.value.some(({ state }) => state === "missing" || state === "empty");
        const lost = !databases.ok || databases.value.length > 0;
        if (!missing && plugins.ok && (acceptLoss || !lost)) rememberServed(dog.dir, takeServed(target, dog.options.home));
      } catch (error) {
        // A full disk, a directory that is not ours: the watching goes on, and says what it could not keep.
        if (!(error instanceof RescueError) && systemErrorCode(error) === undefined) throw error;
        dog.log({ event: "copy-not-kept", level: "warn", details: messageOf(error) });
      }
    },
  };
}

/** How good a copy of what lies there would be: the gateway that serves booted from just this, or the host finds it valid; undefined: neither. */
function proofOf(config: ConfigFinding, seen: Observation): "booted" | "validated" | undefined {
  if (config.state !== "there" || config.validation?.valid === false || !seen.process.ok || seen.process.value.state !== "alive")
    return undefined;
  const { files } = fingerprintOf(config.path);
  const startedWallMs = wallMs() - seen.process.value.ageMs;
  // The time of its inode, because a file that is moved or unpacked keeps its own older time.
  if (files.every((file) => Math.max(statSync(file).mtimeMs, statSync(file).ctimeMs) < startedWallMs)) return "booted";
  return config.sinceServed === "same" || config.validation?.valid === true ? "validated" : undefined;
}

function comparedWith(
  copies: ReturnType<typeof listCopies>["copies"],
  fingerprint: string | null,
): Pick<ConfigFinding, "sinceServed" | "copies" | "booted"> {
  const others = copies.filter((copy) => copy.fingerprint !== fingerprint);
  const [newest] = copies;
  const sinceServed = newest === undefined ? "unknown" : newest.fingerprint === fingerprint ? "same" : "changed";
  const booted = copies.some((copy) => copy.fingerprint === fingerprint && copy.proof === "booted");
  return { sinceServed, copies: others.length, booted };
}

async function serviceLines(dog: Pick<Watchdog, "options">): Promise<readonly string[]> {
  const manager = nativeControl({ profile: dog.options.profile, env: dog.options.env, platform: process.platform });
  return (await manager?.logs(SERVICE_LINES)) ?? [];
}

const servedFile = (dir: string) => join(dir, "served.json");

function recallServed(dir: string): Served | null {
  const text = readIfThere(servedFile(dir));
  return text === undefined ? null : parseServed(text);
}

function rememberServed(dir: string, served: Served): void {
  const text = `${JSON.stringify(served, null, 2)}\n`;
  if (readIfThere(servedFile(dir)) !== text) writePlainFile(servedFile(dir), text);
}
