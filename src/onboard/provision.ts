import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ServiceControl } from "../service-installers/installer.ts";
import { messageOf, RescueError, systemErrorCode } from "../shared/errors.ts";
import { asObject, type JsonObject } from "../shared/gateway-config.ts";
import { type HostCli, runHost } from "../shared/openclaw-cli.ts";
import { WATCHDOG_DIR } from "../shared/rescue-home.ts";
import { assertOwnDirectory, createSecret, readIfThere, withLock, writeSecret } from "../shared/secure-file.ts";
import { choosePort, PORT_DISTANCE, portIsFree, readFacts, type SetupFacts } from "./facts.ts";
import { writeMarker } from "./marker.ts";
import { planSetup, type SetupPlan, type SetupStepName } from "./plan.ts";
import { isStrongToken, renderRescueConfig } from "./rescue-config.ts";

export interface SetupWishes {
  readonly profile: string;
  readonly port?: number;
  readonly service: "managed" | "none";
}

/** What setup needs of the world. */
export interface SetupPorts {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cli: HostCli;
  /** The directory of this plugin's package. */
  readonly pluginRoot: string;
  readonly service: (profile: string, stateDir: string) => ServiceControl;
  /** Proves the listener, then uses the token: hello, cron job, health. Throws `refused` when it cannot be proved. */
  readonly prove: (rescue: { primary: string; profile: string; stateDir: string; port: number; token: string }) => Promise<ProofResult>;
  readonly onStep: (step: SetupStepName, state: "begun" | "done" | "skipped", tookMs: number) => void;
}

export interface ProofResult {
  readonly bootId: string;
  readonly version: string;
  readonly cronJob: string;
}

export interface SetupResult {
  readonly plan: SetupPlan;
  readonly proof: ProofResult | null;
  readonly tookMs: Readonly<Partial<Record<SetupStepName, number>>>;
}

const INSTALL_MS = 180_000;
const CLI_MS = 60_000;

/** Reads, chooses the port and says what would be done. Writes nothing. Throws RescueError as `readFacts` does, and for a port that cannot be. */
export async function prepareSetup(
  wishes: SetupWishes,
  ports: Pick<SetupPorts, "home" | "env">,
): Promise<{ facts: SetupFacts; plan: SetupPlan }> {
  const facts = readFacts({ profile: wishes.profile, home: ports.home, env: ports.env });
  assertOwnDirectory(dirname(facts.rescue.stateDir));
  if (facts.rescue.state !== "absent") assertOwnDirectory(facts.rescue.stateDir);
  const port = await portFor(wishes, facts);
  return { facts, plan: planSetup(facts, { port, service: wishes.service }) };
}

/**
 * Makes a rescue profile, or completes one that an earlier run left half made. Idempotent; one at a time (a second one throws `busy`).
 * What this run created is taken back when a later step fails; what cannot be taken back is named in the error with its command.
 */
export async function setup(wishes: SetupWishes, ports: SetupPorts): Promise<SetupResult> {
  const first = await prepareSetup(wishes, ports);
  return withLock(join(first.facts.primary.stateDir, ".rescue-watchdog-setup"), "rescue setup of this profile", async (lost) => {
    // What was read before the lock may be stale.
    const { facts, plan } = await prepareSetup(wishes, ports);
    const undo: Undo = [];
    const tookMs: Partial<Record<SetupStepName, number>> = {};
    let proof: ProofResult | null = null;
    try {
      for (const step of plan.steps) {
        lost.throwIfAborted();
        if (step.done) {
          ports.onStep(step.name, "skipped", 0);
          continue;
        }
        ports.onStep(step.name, "begun", 0);
        const startedMs = performance.now();
        const result = await takeStep(step.name, facts, plan, ports, undo);
        if (result !== null) proof = result;
        tookMs[step.name] = Math.round(performance.now() - startedMs);
        ports.onStep(step.name, "done", tookMs[step.name] ?? 0);
      }
    } catch (error) {
      throw await rolledBack(error, undo);
    }
    return { plan, proof, tookMs };
  });
}

type Undo = { readonly what: string; readonly take: () => Promise<void> }[];

async function takeStep(
  step: SetupStepName,
  facts: SetupFacts,
  plan: SetupPlan,
  ports: SetupPorts,
  undo: Undo,
): Promise<ProofResult | null> {
  const { rescue, primary } = facts;
  switch (step) {
    case "claim-profile":
      await claim(facts, plan);
      undo.push({ what: `rm -r ${rescue.stateDir}`, take: async () => rmSync(rescue.stateDir, { recursive: true, force: true }) });
      return null;
    case "write-config": {
      const before = readIfThere(rescue.configPath);
      await writeConfig(facts, plan, ports.pluginRoot);
      if (before !== undefined) {
        undo.push({ what: `restore ${rescue.configPath}`, take: () => writeSecret(rescue.stateDir, rescue.configPath, before) });
      }
      return null;
    }
    case "primary-plugin":
      if (!primary.pluginEnabled) {
        await hostOrThrow(
          ports.cli,
          primary.profile,
          ["plugins", "install", "--link", "--force", "--accept-capabilities", ports.pluginRoot],
          INSTALL_MS,
        );
      }
      await patchHost(ports.cli, primary.profile, primaryPatch(facts));
      undo.push({
        what: `openclaw config patch (plugins.entries.rescue-watchdog of profile ${primary.profile})`,
        take: () =>
          patchHost(ports.cli, primary.profile, {
            plugins: { entries: { "rescue-watchdog": { config: { watchProfile: primary.watches ?? null } } } },
          }),
      });
      return null;
    case "install-service": {
      const status = await ports.service(rescue.profile, rescue.stateDir).status();
      const before = asObject(asObject(rescue.config)["gateway"])["port"];
      if (status.state !== "not-installed") {
        // The host's installer leaves an installed unit as it is, with its old port.
        if (before !== plan.port) await hostOrThrow(ports.cli, rescue.profile, ["gateway", "install", "--force", "--json"], INSTALL_MS);
        return null;
      }
      // The host's installer may have written the unit before it failed: it is taken back in any case.
      undo.push({
        what: `openclaw --profile ${rescue.profile} gateway uninstall`,
        take: () => hostOrThrow(ports.cli, rescue.profile, ["gateway", "uninstall", "--json"], CLI_MS),
      });
      await hostOrThrow(ports.cli, rescue.profile, ["gateway", "install", "--json"], INSTALL_MS);
      return null;
    }
    case "start-and-prove": {
      await ports.service(rescue.profile, rescue.stateDir).start();
      return ports.prove({
        primary: primary.profile,
        profile: rescue.profile,
        stateDir: rescue.stateDir,
        port: plan.port,
        token: tokenOf(rescue.configPath),
      });
    }
  }
}

async function claim(facts: SetupFacts, plan: SetupPlan): Promise<void> {
  const { rescue, primary } = facts;
  try {
    // Exclusive: whoever else makes it first owns it.
    mkdirSync(rescue.stateDir, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    throw new RescueError("refused", `${rescue.stateDir} appeared while setup was running, and is not ours`, { cause: error });
  }
  await writeMarker(rescue.stateDir, {
    format: 1,
    madeBy: "rescue-watchdog",
    primary: primary.profile,
    primaryStateDir: primary.stateDir,
    port: plan.port,
    createdAt: new Date().toISOString(),
    // Written before it is so: a setup that is killed in between must not leave a plugin that nobody takes out.
    installedPlugin: !primary.pluginEnabled,
  });
}

async function writeConfig(facts: SetupFacts, plan: SetupPlan, pluginRoot: string): Promise<void> {
  const { rescue, primary } = facts;
  const existing = asObject(asObject(asObject(rescue.config)["gateway"])["auth"])["token"];
  const token = isStrongToken(existing) ? existing : randomBytes(32).toString("hex");
  const config = renderRescueConfig(
    { primary: primary.profile, stateDir: rescue.stateDir, port: plan.port, token, pluginRoot },
    rescue.config,
  );
  const text = `${JSON.stringify(config, null, 2)}\n`;
  mkdirSync(join(rescue.stateDir, "workspace"), { recursive: true, mode: 0o700 });
  // Where the primary's plugin keeps what it sees of the rescue: in a place that uninstall knows.
  mkdirSync(join(primary.stateDir, WATCHDOG_DIR), { recursive: true, mode: 0o700 });
  if (rescue.config === undefined) return createSecret(rescue.stateDir, rescue.configPath, text);
  if (readIfThere(rescue.configPath) !== text) await writeSecret(rescue.stateDir, rescue.configPath, text);
}

function tokenOf(configPath: string): string {
  const config: unknown = JSON.parse(readIfThere(configPath) ?? "{}");
  const token = asObject(asObject(asObject(config)["gateway"])["auth"])["token"];
  if (!isStrongToken(token)) throw new RescueError("refused", `${configPath} does not hold the token that setup wrote`);
  return token;
}

/** What the primary's configuration needs: the plugin enabled, allowed where there is a list, and watching the rescue. Never narrows the list. */
export function primaryPatch(facts: SetupFacts): JsonObject {
  const { allow } = facts.primary;
  return {
    plugins: {
      ...(allow === undefined || allow.includes("rescue-watchdog") ? {} : { allow: [...allow, "rescue-watchdog"] }),
      entries: { "rescue-watchdog": { enabled: true, config: { watchProfile: facts.rescue.profile } } },
    },
  };
}

export async function patchHost(cli: HostCli, profile: string, patch: JsonObject): Promise<void> {
  await hostOrThrow(cli, profile, ["config", "patch", "--stdin"], CLI_MS, JSON.stringify(patch));
}

/** Runs the host's CLI; throws `service-control` with the host's own last line when it fails. */
export async function hostOrThrow(
  cli: HostCli,
  profile: string,
  args: readonly string[],
  timeoutMs: number,
  input?: string,
): Promise<void> {
  const result = await runHost(cli, profile, args, { timeoutMs, ...(input === undefined ? {} : { input }) });
  if (result.exitCode === 0) return;
  const words = `${result.stderr}\n${result.stdout}`
    .trim()
    .split("\n")
    .filter((line) => line.trim() !== "");
  const why = result.timedOut ? `no answer within ${timeoutMs / 1000} s` : (words.at(-1) ?? `exit ${result.exitCode}`);
  throw new RescueError("service-control", `openclaw ${args.slice(0, 2).join(" ")} failed for profile ${profile}: ${why.slice(0, 300)}`);
}

async function rolledBack(error: unknown, undo: Undo): Promise<RescueError> {
  const left: string[] = [];
  for (const { what, take } of [...undo].reverse()) {
    try {
      await take();
    } catch (failure) {
      left.push(`${what} (${messageOf(failure)})`);
    }
  }
  const known = error instanceof RescueError ? error : new RescueError("internal", messageOf(error), { cause: error });
  const after = left.length === 0 ? "what this run had made was taken back" : `still there: ${left.join("; ")}`;
  return new RescueError(known.code, `${known.message}; ${after}`, {
    ...(known.fix === undefined ? {} : { fix: known.fix }),
    cause: known,
  });
}

async function portFor(wishes: SetupWishes, facts: SetupFacts): Promise<number> {
  const { rescue, gatewayPorts } = facts;
  const current = asObject(asObject(rescue.config)["gateway"])["port"];
  const kept = typeof current === "number" ? current : rescue.marker?.port;
  if (wishes.port === undefined) return kept ?? choosePort(gatewayPorts);
  const near = gatewayPorts.find((other) => Math.abs(other - (wishes.port ?? 0)) < PORT_DISTANCE);
  if (near !== undefined) {
    throw new RescueError(
      "usage",
      `port ${wishes.port} is less than ${PORT_DISTANCE} from the gateway on ${near}, whose derived ports reach that far`,
    );
  }
  if (wishes.port !== kept && !(await portIsFree(wishes.port))) throw new RescueError("port-foreign", `port ${wishes.port} is in use`);
  return wishes.port;
}
