import type { SetupFacts } from "./facts.ts";

export type SetupStepName = "claim-profile" | "write-config" | "primary-plugin" | "install-service" | "start-and-prove";

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

/** What a setup would do, in order. Pure; `--dry-run` prints it, and nothing else does more than it says. */
export function planSetup(facts: SetupFacts, wishes: { port: number; service: "managed" | "none" }): SetupPlan {
  const { primary, rescue } = facts;
  const steps: SetupStep[] = [
    {
      name: "claim-profile",
      text: `make ${rescue.stateDir} (0700) with a mark that it rescues profile ${primary.profile}`,
      done: rescue.state !== "absent",
    },
    {
      name: "write-config",
      text: `write ${rescue.configPath} (0600): port ${wishes.port}, loopback only, a token of its own, only this plugin, no model, no channel`,
      done: false,
    },
    {
      name: "primary-plugin",
      text: `let the plugin in profile ${primary.profile} watch profile ${rescue.profile}`,
      done: primary.pluginEnabled && primary.watches === rescue.profile && (primary.allow?.includes("rescue-watchdog") ?? true),
    },
  ];
  if (wishes.service === "managed") {
    steps.push(
      {
        name: "install-service",
        text: `install the gateway service of profile ${rescue.profile} with the host's own installer`,
        done: false,
      },
      {
        name: "start-and-prove",
        text: `start it, prove that the listener on port ${wishes.port} is that service, and only then use the token: hello, cron job, health`,
        done: false,
      },
    );
  }
  return { primary: primary.profile, rescue: rescue.profile, stateDir: rescue.stateDir, port: wishes.port, service: wishes.service, steps };
}
