import { homedir } from "node:os";
import type { OpenClawConfig, ProviderAuthMethodNonInteractiveContext } from "openclaw/plugin-sdk/plugin-entry";
import type { SetupPorts } from "../../src/onboard/ports.ts";
import type { PrimaryPatch } from "../../src/onboard/primary.ts";
import { prepareSetup, type SetupResult, setup } from "../../src/onboard/provision.ts";
import type { SetupWishes } from "../../src/onboard/wishes.ts";
import { formatDuration } from "../../src/shared/duration.ts";
import { messageOf, RescueError } from "../../src/shared/errors.ts";
import { hostCommand, profileOfProcess } from "../../src/shared/openclaw-home.ts";
import { greetings } from "../cli/setting-up.ts";
import { whenOnboardingEnds } from "./ending.ts";
import { copyPortableAuth } from "./inherit-auth.ts";

type Options = Readonly<Record<string, unknown>>;
/** Without a sentence the host calls it a failure of its own. */
type Context = Pick<ProviderAuthMethodNonInteractiveContext, "config" | "opts" | "runtime">;

/**
 * The step inside `openclaw onboard --non-interactive --rescue-watchdog`: no question, defaults. Returns the primary's configuration for the
 * host to write: writing it here would make the host fail ("config changed"). What fails is thrown, which ends the onboarding with exit code 1;
 * returning null would end it with 0 and nothing done.
 */
export async function runNonInteractive(context: Context, packageRoot: string | undefined): Promise<OpenClawConfig> {
  const { config, opts, runtime } = context;
  try {
    const ports = await onboardingPorts(packageRoot, (step, state, tookMs) => {
      if (state === "done") runtime.log(`rescue: ${step} ${formatDuration(tookMs)}`);
    });
    const result = await setup(wishesOf(config, opts), ports);
    runtime.log(closingWords(result).join("\n"));
    // The host would now wait for the new gateway while it holds the lease that this gateway's boot waits for: its own deadlock with any
    // external plugin (docs/host-onboarding.md, 0.3). So we wait instead, after the lease is gone.
    const waits = opts["installDaemon"] === true && opts["skipHealth"] !== true;
    if (waits) opts["skipHealth"] = true;
    whenOnboardingEnds({
      rescue: result.plan.rescue,
      primary: result.plan.primary,
      waitForPort: waits ? primaryPort(config, opts) : undefined,
    });
    return withPatch(config, result.primaryPatch);
  } catch (error) {
    throw sentence(error);
  }
}

/** For `--reset`: whether the step could run, without touching anything. */
export async function canRun(context: Context, packageRoot: string | undefined): Promise<boolean> {
  try {
    await prepareSetup(wishesOf(context.config, context.opts), await onboardingPorts(packageRoot, () => undefined));
    return true;
  } catch (error) {
    context.runtime.error(sentence(error).message);
    return false;
  }
}

/** The real ports, inside the host's onboarding process. */
export async function onboardingPorts(packageRoot: string | undefined, onStep: SetupPorts["onStep"]): Promise<SetupPorts> {
  const { setupPorts } = await import("../../rescue-profile/setup-main.ts");
  const signal = new AbortController().signal;
  return setupPorts({ home: homedir(), env: process.env, packageRoot, signal, inheritAuth: copyPortableAuth, onStep });
}

/** `--skip-daemon` means that the person starts gateways; then the rescue gets no service either. */
export function wishesOf(config: OpenClawConfig, opts: Options): SetupWishes {
  const port = primaryPort(config, opts);
  if (opts["mode"] === "remote") {
    throw new RescueError("usage", "--rescue-watchdog cannot be used with --mode remote: that gateway runs elsewhere", {
      fix: "run openclaw rescue setup on the machine of the gateway",
    });
  }
  return {
    profile: profileOfProcess(process.env, homedir()),
    service: opts["installDaemon"] === false ? "none" : "managed",
    inHand: { config: { ...config }, ...(port === undefined ? {} : { port }) },
  };
}

/** The interactive wizard asks for the port later; `--gateway-port` is known. */
function primaryPort(config: OpenClawConfig, opts: Options): number | undefined {
  const given = opts["gatewayPort"];
  return typeof given === "number" ? given : config.gateway?.port;
}

export function withPatch(config: OpenClawConfig, patch: PrimaryPatch | null): OpenClawConfig {
  if (patch === null) return config;
  const { allow, entries } = patch.plugins;
  const own = config.plugins?.entries?.["rescue-watchdog"];
  const wanted = entries["rescue-watchdog"];
  return {
    ...config,
    plugins: {
      ...config.plugins,
      ...(allow === undefined ? {} : { allow: [...allow] }),
      entries: { ...config.plugins?.entries, "rescue-watchdog": { ...own, ...wanted, config: { ...own?.config, ...wanted.config } } },
    },
  };
}

/** Profile, port, service, job, how to look, how to remove. */
export function closingWords(result: SetupResult): readonly string[] {
  const { plan, proof, warning } = result;
  return [
    `rescue gateway: profile ${plan.rescue}, port ${plan.port}, ${proof === null ? "no service" : `proved, cron job ${proof.cronJob}`}`,
    ...(proof === null ? [`start it: rescue-watchdog supervise -- openclaw --profile ${plan.rescue} gateway run`] : []),
    ...(warning === null ? [] : [`warning: ${warning.why} → ${warning.fix}`]),
    ...greetings(result),
    `look: openclaw --profile ${plan.rescue} rescue status`,
    `remove: ${hostCommand(plan.primary, "rescue uninstall")}`,
  ];
}

/** The host shows the message only. */
export function sentence(error: unknown): Error {
  const fix = error instanceof RescueError && error.fix !== undefined ? ` → ${error.fix}` : "";
  return new Error(`rescue-watchdog: ${messageOf(error)}${fix}`, { cause: error });
}
