import type { SetupFacts } from "./facts.ts";

export type SetupStepName =
  | "claim-profile"
  | "copy-package"
  | "inherit-auth"
  | "write-config"
  | "primary-plugin"
  | "install-service"
  | "start-and-prove";

/** One step of a setup, as data: what it does, and whether there is anything left to do. */
export interface SetupStep {
  readonly name: SetupStepName;
  readonly text: string;
  /** Nothing to do: an earlier run did it. */
  readonly done: boolean;
}

export interface SetupPlan {
  readonly primary: string;
  readonly rescue: string;
  readonly stateDir: string;
  readonly port: number;
  /** `managed`: by the host's own installer. `none`: not asked for, or there is no service manager. */
  readonly service: "managed" | "none";
  readonly steps: readonly SetupStep[];
}

/** What decides about the steps, beside the facts. */
export interface PlanInput {
  readonly port: number;
  readonly service: "managed" | "none";
  /** The package lies inside the primary and goes with it, so the rescue gets its own. */
  readonly copyPackage?: boolean;
  readonly inheritAuth?: boolean;
  readonly telegram?: boolean;
  /** The host's onboarding writes the primary's configuration. */
  readonly inHand?: boolean;
}

/** What a setup would do, in order. Pure; `--dry-run` prints it, and nothing else does more than it says. */
export function planSetup(facts: SetupFacts, input: PlanInput): SetupPlan {
  const { primary, rescue } = facts;
  const steps: (SetupStep | false | undefined)[] = [
    {
      name: "claim-profile",
      text: `make ${rescue.stateDir} (0700) with a mark that it rescues profile ${primary.profile}`,
      done: rescue.state !== "absent",
    },
    input.copyPackage && {
      name: "copy-package",
      text: `copy this plugin into it, so that removing the plugin from profile ${primary.profile} does not disarm it unseen`,
      done: false,
    },
    input.inheritAuth && {
      name: "inherit-auth",
      text: `copy the provider credentials of profile ${primary.profile} that the host calls portable; the rescue's own are kept`,
      done: false,
    },
    {
      name: "write-config",
      text: `write ${rescue.configPath} (0600): port ${input.port}, loopback only, a token of its own${rescue.config === undefined ? `, only this plugin, ${input.inheritAuth ? "the same model" : "no model"}, ${input.telegram ? "a Telegram bot of its own" : "no channel"}` : ", what you added is kept"}`,
      done: false,
    },
    {
      name: "primary-plugin",
      text: `let the plugin in profile ${primary.profile} watch profile ${rescue.profile}${input.inHand ? " (written by this onboarding)" : ""}`,
      done:
        !input.inHand &&
        primary.pluginEnabled &&
        primary.watches === rescue.profile &&
        (primary.allow?.includes("rescue-watchdog") ?? true),
    },
    input.service === "managed" && {
      name: "install-service",
      text: `install the gateway service of profile ${rescue.profile} with the host's own installer`,
      done: false,
    },
    input.service === "managed" && {
      name: "start-and-prove",
      text: `start it, prove that the listener on port ${input.port} is that service, and only then use the token: hello, cron job, health`,
      done: false,
    },
  ];
  return {
    primary: primary.profile,
    rescue: rescue.profile,
    stateDir: rescue.stateDir,
    port: input.port,
    service: input.service,
    steps: steps.filter((step) => typeof step === "object"),
  };
}
