import { dirname, join } from "node:path";
import type { ManagerDiagnosis } from "../service-installers/environment.ts";
import { RescueError } from "../shared/errors.ts";
import { asObject, deniesPlugin } from "../shared/gateway-config.ts";
import { assertOwnDirectory, withLock } from "../shared/secure-file.ts";
import { choosePort, PORT_DISTANCE, portIsFree, readFacts, type SetupFacts } from "./facts.ts";
import { rescuePackageRoot } from "./package-copy.ts";
import { planSetup, type SetupPlan, type SetupStepName } from "./plan.ts";
import type { ProofResult, SetupPorts } from "./ports.ts";
import { type PrimaryPatch, primaryPatch } from "./primary.ts";
import type { AuthProfileName } from "./rescue-config.ts";
import { type Made, takeStep } from "./steps.ts";
import { rolledBack, type Undo, withWord } from "./undo.ts";
import { assertOwnBot, type Greeting, type SetupWishes, withApiRoot } from "./wishes.ts";

export interface SetupResult {
  readonly plan: SetupPlan;
  readonly proof: ProofResult | null;
  /** What will one day end the service although it runs now, and what to type against it. */
  readonly warning: ManagerDiagnosis | null;
  /** What became of the first message to those who may use the bot; null when there is none. */
  readonly greeted: readonly Greeting[] | null;
  /** Provider credentials that were copied, by name; null when that was not asked for. */
  readonly inherited: {
    readonly copied: readonly string[];
    readonly present: readonly string[];
    readonly left: readonly { readonly id: string; readonly why: string }[];
  } | null;
  readonly tookMs: Readonly<Partial<Record<SetupStepName, number>>>;
  /** What the host's onboarding has to merge into the primary's configuration; null when that was written here. */
  readonly primaryPatch: PrimaryPatch | null;
}

/** Reads, chooses the port and says what would be done. Writes nothing. Throws RescueError as `readFacts` does, and for a wish that cannot be. */
export async function prepareSetup(
  wishes: SetupWishes,
  ports: Pick<SetupPorts, "home" | "env" | "pluginRoot" | "manager">,
): Promise<{ facts: SetupFacts; plan: SetupPlan; warning: ManagerDiagnosis | undefined }> {
  const facts = readFacts({
    profile: wishes.profile,
    home: ports.home,
    ...(wishes.inHand === undefined ? {} : { inHand: wishes.inHand }),
  });
  assertOwnDirectory(dirname(facts.rescue.stateDir));
  if (facts.rescue.state !== "absent") assertOwnDirectory(facts.rescue.stateDir);
  if (facts.rescue.state === "remnant") {
    throw new RescueError("refused", `${facts.rescue.stateDir} is what is left of a rescue profile that was removed; it was not touched`, {
      fix: `rescue-watchdog uninstall --profile ${facts.primary.profile}, then set up again`,
    });
  }
  assertRescuable(facts.primary);
  if (wishes.telegram !== undefined) assertOwnBot(wishes.telegram, facts.primary, ports.env);
  const warning = wishes.service === "managed" ? await assertManager(facts, ports.manager) : undefined;
  const plan = planSetup(facts, {
    port: await portFor(wishes, facts),
    service: wishes.service,
    copyPackage: rescuePackageRoot(facts, ports.pluginRoot) !== ports.pluginRoot,
    inheritAuth: wishes.inheritAuth === true,
    telegram: wishes.telegram !== undefined,
    inHand: wishes.inHand !== undefined,
  });
  return { facts, plan, warning };
}

/**
 * Makes a rescue profile, or completes one that an earlier run left half made. Idempotent; one at a time (a second one waits a little, then
 * throws `busy`). What this run created is taken back when a later step fails; what cannot be taken back is named in the error with its command.
 */
export async function setup(wished: SetupWishes, ports: SetupPorts): Promise<SetupResult> {
  return withSetupLock(ports.home, async (lost) => {
    const { facts, plan, warning } = await prepareSetup(wished, ports);
    const wishes = withApiRoot(wished, facts.primary.config);
    const undo: Undo = [];
    const tookMs: Partial<Record<SetupStepName, number>> = {};
    let made: Made = { inherited: undefined, proof: null };
    try {
      for (const step of plan.steps) {
        lost.throwIfAborted();
        if (ports.signal.aborted) throw new RescueError("interrupted", "interrupted");
        if (step.done) {
          ports.onStep(step.name, "skipped", 0);
          continue;
        }
        ports.onStep(step.name, "begun", 0);
        const startedMs = performance.now();
        made = await takeStep(step.name, { facts, plan, wishes, ports, undo, made });
        tookMs[step.name] = Math.round(performance.now() - startedMs);
        ports.onStep(step.name, "done", tookMs[step.name] ?? 0);
      }
    } catch (error) {
      // Whoever took the lock over while this process slept has found our work and goes on with it.
      if (lost.aborted) throw withWord(error, "another setup may have taken over, so nothing was taken back; run it again");
      throw await rolledBack(error, undo);
    }
    const { inherited, proof } = made;
    const greeted = wishes.telegram === undefined ? null : await ports.greet(plan.primary, wishes.telegram);
    return {
      plan,
      proof,
      warning: warning ?? null,
      greeted,
      inherited:
        inherited === undefined ? null : { copied: names(inherited.copied), present: names(inherited.present), left: inherited.left },
      tookMs,
      primaryPatch: wishes.inHand === undefined ? null : primaryPatch(facts),
    };
  });
}

function names(profiles: readonly AuthProfileName[]): readonly string[] {
  return profiles.map(({ id }) => id);
}

/** A run that was killed leaves a lock that is stale after ten seconds: the next one waits for that rather than refuse. */
const LOCK_WAIT_MS = 15_000;

/**
 * One setup or uninstall in a home at a time, also of different profiles: the port of one is chosen by what the others have written. The lock lies
 * beside the profiles, which may not be there yet, or not any more.
 */
export function withSetupLock<T>(home: string, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
  return withLock(join(home, ".rescue-watchdog-setup"), "setup or uninstall of a rescue profile", work, LOCK_WAIT_MS);
}

/** What would make a rescue that looks fine and does nothing. */
function assertRescuable({ profile, config }: SetupFacts["primary"]): void {
  const plugins = asObject(config["plugins"]);
  const refuse = (why: string, fix: string) => new RescueError("usage", `profile ${profile} ${why}`, { fix });
  if (deniesPlugin(config)) {
    throw refuse("denies this plugin (plugins.deny), and then its rescue keeps its hands off", "take rescue-watchdog out of plugins.deny");
  }
  if (plugins["enabled"] === false) throw refuse("has plugins switched off (plugins.enabled)", "openclaw config set plugins.enabled true");
  if (asObject(config["gateway"])["mode"] === "remote") {
    throw refuse("uses a gateway on another machine (gateway.mode remote)", "run openclaw rescue setup on that machine");
  }
}

async function assertManager({ rescue }: SetupFacts, here: SetupPorts["manager"]): Promise<ManagerDiagnosis | undefined> {
  const manager = await here();
  if (manager.name !== "none") return manager.warning;
  const mend = manager.fix === undefined ? "" : `${manager.fix}; or `;
  throw new RescueError("service-control", `no service manager can keep the gateway of profile ${rescue.profile} alive: ${manager.why}`, {
    fix: `${mend}make the profile without a service (--no-service; in onboarding --skip-daemon), then keep it alive with: rescue-watchdog supervise -- openclaw --profile ${rescue.profile} gateway run`,
  });
}

/** The wished one, else the one it has while that is far enough from every other gateway, else the first that is. */
async function portFor(wishes: SetupWishes, { rescue, gatewayPorts }: SetupFacts): Promise<number> {
  const current = asObject(asObject(rescue.config)["gateway"])["port"];
  const kept = [current, rescue.marker?.port].find((port): port is number => Number.isInteger(port));
  const near = (port: number) => gatewayPorts.find((other) => Math.abs(other - port) < PORT_DISTANCE);
  if (wishes.port === undefined) return kept !== undefined && near(kept) === undefined ? kept : choosePort(gatewayPorts);
  const neighbour = near(wishes.port);
  if (neighbour !== undefined) {
    throw new RescueError(
      "usage",
      `port ${wishes.port} is less than ${PORT_DISTANCE} from the gateway on ${neighbour}, whose derived ports reach that far`,
    );
  }
  if (wishes.port !== kept && !(await portIsFree(wishes.port))) throw new RescueError("port-foreign", `port ${wishes.port} is in use`);
  return wishes.port;
}
