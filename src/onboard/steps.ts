import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { RescueError, systemErrorCode } from "../shared/errors.ts";
import { asObject, pluginEntry } from "../shared/gateway-config.ts";
import { hostCommand } from "../shared/openclaw-home.ts";
import { WATCHDOG_DIR } from "../shared/rescue-home.ts";
import { createSecret, readIfThere, writeSecret } from "../shared/secure-file.ts";
import type { SetupFacts } from "./facts.ts";
import { writeMarker } from "./marker.ts";
import { copyPackage, rescuePackageRoot } from "./package-copy.ts";
import type { SetupPlan, SetupStepName } from "./plan.ts";
import type { ProofResult, SetupPorts } from "./ports.ts";
import { hostOrThrow, installPlugin, loadsPlugin, patchHost, primaryPatch, uninstallPlugin } from "./primary.ts";
import { type InheritedAuth, isStrongToken, renderRescueConfig } from "./rescue-config.ts";
import type { Undo } from "./undo.ts";
import type { SetupWishes } from "./wishes.ts";

/** What earlier steps of this run learned that later ones need. */
export interface Made {
  readonly inherited: InheritedAuth | undefined;
  readonly proof: ProofResult | null;
}

export interface StepInput {
  readonly facts: SetupFacts;
  readonly plan: SetupPlan;
  readonly wishes: SetupWishes;
  readonly ports: SetupPorts;
  readonly undo: Undo;
  readonly made: Made;
}

const INSTALL_MS = 180_000;
const CLI_MS = 60_000;

/** Takes one step and notes how it is taken back. Every step can be taken again after any other end than its own. */
export async function takeStep(step: SetupStepName, input: StepInput): Promise<Made> {
  const { facts, plan, ports, undo, made } = input;
  const { rescue, primary } = facts;
  switch (step) {
    case "claim-profile":
      await claim(input);
      return made;
    case "copy-package":
      copyPackage(rescue.stateDir, ports.pluginRoot);
      return made;
    case "inherit-auth": {
      const result = await ports.inheritAuth(primary.stateDir, rescue.stateDir);
      if (rescue.state !== "absent" && result.copied.length > 0) {
        undo.push({ what: `${result.copied.map(({ id }) => id).join(", ")} in: openclaw --profile ${rescue.profile} models auth list` });
      }
      return { ...made, inherited: { ...result, model: asObject(asObject(primary.config["agents"])["defaults"])["model"] } };
    }
    case "write-config": {
      const before = readIfThere(rescue.configPath);
      undo.push({
        what: before === undefined ? `rm ${rescue.configPath}` : `restore ${rescue.configPath}`,
        take: async () => {
          if (before === undefined) rmSync(rescue.configPath, { force: true });
          else if (readIfThere(rescue.configPath) !== before) await writeSecret(rescue.stateDir, rescue.configPath, before);
        },
      });
      await writeConfig(input);
      return made;
    }
    case "primary-plugin":
      if (input.wishes.inHand === undefined) await enterPrimary(input);
      return made;
    case "install-service":
      await installService(input);
      return made;
    case "start-and-prove": {
      await ports.service(rescue.profile, rescue.stateDir).start();
      const proof = await ports.prove({
        primary: primary.profile,
        profile: rescue.profile,
        stateDir: rescue.stateDir,
        port: plan.port,
        token: tokenOf(rescue.configPath),
        packageRoot: rescuePackageRoot(facts, ports.pluginRoot),
      });
      return { ...made, proof };
    }
  }
}

async function claim({ facts, plan, ports, undo }: StepInput): Promise<void> {
  const { rescue, primary } = facts;
  if (rescue.state === "absent") makeOwnDirectory(rescue.stateDir);
  // Noted before the mark is set: a directory without one would be taken for somebody else's.
  undo.push({ what: `rm -r ${rescue.stateDir}`, take: async () => rmSync(rescue.stateDir, { recursive: true, force: true }) });
  await writeMarker(rescue.stateDir, {
    format: 1,
    madeBy: "rescue-watchdog",
    primary: primary.profile,
    primaryStateDir: primary.stateDir,
    port: plan.port,
    createdAt: new Date().toISOString(),
    // Written before it is so: a setup that is killed in between must not leave a plugin that nobody takes out.
    installedPlugin: !loadsPlugin(facts, ports.pluginRoot),
  });
}

/** Exclusive: whoever else makes it first owns it. */
function makeOwnDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
    throw new RescueError("refused", `${directory} appeared while setup was running, and is not ours`, { cause: error });
  }
}

async function writeConfig({ facts, plan, wishes, ports, undo, made }: StepInput): Promise<void> {
  const { rescue, primary } = facts;
  const existing = asObject(asObject(asObject(rescue.config)["gateway"])["auth"])["token"];
  const token = isStrongToken(existing) ? existing : randomBytes(32).toString("hex");
  const config = renderRescueConfig(
    {
      primary: primary.profile,
      stateDir: rescue.stateDir,
      port: plan.port,
      token,
      pluginRoot: rescuePackageRoot(facts, ports.pluginRoot),
      isOurPackage,
      telegram: wishes.telegram,
      inherited: made.inherited,
    },
    rescue.config,
  );
  mkdirSync(join(rescue.stateDir, "workspace"), { recursive: true, mode: 0o700 });
  // Where the primary's plugin keeps what it sees of the rescue: in a place that uninstall knows.
  const seen = join(primary.stateDir, WATCHDOG_DIR);
  if (mkdirSync(seen, { recursive: true, mode: 0o700 }) !== undefined) {
    undo.push({ what: `rmdir ${seen}`, take: async () => rmSync(seen, { recursive: true, force: true }) });
  }
  // A file that says the same already keeps its comments and includes.
  if (isDeepStrictEqual(config, rescue.config)) return;
  const text = `${JSON.stringify(config, null, 2)}\n`;
  if (rescue.config === undefined) await createSecret(rescue.stateDir, rescue.configPath, text);
  else await writeSecret(rescue.stateDir, rescue.configPath, text);
}

/** A load path of an earlier setup: this plugin at another place, or a place that is gone. */
function isOurPackage(directory: string): boolean {
  const manifest = readIfThere(join(directory, "openclaw.plugin.json"));
  return manifest === undefined ? !existsSync(directory) : manifest.includes('"id": "rescue-watchdog"');
}

async function enterPrimary({ facts, ports, undo }: StepInput): Promise<void> {
  const { primary } = facts;
  if (!loadsPlugin(facts, ports.pluginRoot)) {
    // The host's installer may have changed the configuration before it failed: what it did is taken back in any case.
    undo.push({
      what: hostCommand(primary.profile, "plugins uninstall rescue-watchdog --force"),
      take: async () => {
        if (hasPlugin(primary.configPath)) await uninstallPlugin(ports.cli, primary.profile);
      },
    });
    await installPlugin(ports.cli, primary.profile, ports.pluginRoot);
  } else {
    const before = pluginEntry(primary.config);
    const entry = {
      enabled: before["enabled"] ?? null,
      config: before["config"] === undefined ? null : { watchProfile: primary.watches ?? null },
    };
    undo.push({
      what: hostCommand(primary.profile, "config patch --stdin (plugins.entries.rescue-watchdog)"),
      take: () =>
        patchHost(ports.cli, primary.profile, {
          plugins: {
            ...(primary.allow === undefined ? {} : { allow: primary.allow }),
            entries: { "rescue-watchdog": Object.keys(before).length === 0 ? null : entry },
          },
        }),
    });
  }
  await patchHost(ports.cli, primary.profile, primaryPatch(facts));
}

/** As it is now: the installer may have failed before it wrote anything. */
function hasPlugin(configPath: string): boolean {
  return (readIfThere(configPath) ?? "").includes("rescue-watchdog");
}

async function installService({ facts, plan, ports, undo }: StepInput): Promise<void> {
  const { rescue } = facts;
  const status = await ports.service(rescue.profile, rescue.stateDir).status();
  const before = asObject(asObject(rescue.config)["gateway"])["port"];
  if (status.state !== "not-installed") {
    // The host's installer leaves an installed unit as it is, with its old port.
    if (before === plan.port) return;
    const install = () => hostOrThrow(ports.cli, rescue.profile, ["gateway", "install", "--force", "--json"], INSTALL_MS);
    // First in the list, so that it is taken back last: after the configuration has its old port again.
    undo.unshift({ what: hostCommand(rescue.profile, "gateway install --force"), take: install });
    await install();
    return;
  }
  // The host's installer may have written the unit before it failed: it is taken back in any case.
  undo.push({
    what: hostCommand(rescue.profile, "gateway uninstall"),
    take: () => hostOrThrow(ports.cli, rescue.profile, ["gateway", "uninstall", "--json"], CLI_MS),
  });
  await hostOrThrow(ports.cli, rescue.profile, ["gateway", "install", "--json"], INSTALL_MS);
}

function tokenOf(configPath: string): string {
  const config: unknown = JSON.parse(readIfThere(configPath) ?? "{}");
  const token = asObject(asObject(asObject(config)["gateway"])["auth"])["token"];
  if (!isStrongToken(token)) throw new RescueError("refused", `${configPath} does not hold the token that setup wrote`);
  return token;
}
