import type { ServiceControl } from "../service-installers/installer.ts";
import type { ManagerHere } from "../service-installers/select.ts";
import type { HostCli } from "../shared/openclaw-cli.ts";
import type { SetupStepName } from "./plan.ts";
import type { InheritedAuth } from "./rescue-config.ts";
import type { Greeting, TelegramWish } from "./wishes.ts";

/** What the new gateway said of itself once it was proved. */
export interface ProofResult {
  readonly bootId: string;
  readonly version: string;
  readonly cronJob: string;
}

/** What setup and uninstall need of the world. */
export interface SetupPorts {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cli: HostCli;
  /** The directory of this plugin's package. */
  readonly pluginRoot: string;
  /** The service manager that could keep a new gateway alive. */
  readonly manager: () => Promise<ManagerHere>;
  readonly service: (profile: string, stateDir: string) => ServiceControl;
  /** Removes the watcher of this profile that runs as a service of its own, if there is one. */
  readonly removeWatcher: (profile: string) => Promise<boolean>;
  /** Takes away what `audit --fix` has laid down beside the profile (drop-ins, log rotation); a sentence for each. */
  readonly removeAudits: (profile: string) => Promise<readonly string[]>;
  /** Proves the listener, then uses the token: hello, cron job, health. Throws `refused` when it cannot be proved. */
  readonly prove: (rescue: {
    readonly primary: string;
    readonly profile: string;
    readonly stateDir: string;
    readonly port: number;
    readonly token: string;
    readonly packageRoot: string;
  }) => Promise<ProofResult>;
  /** Copies the portable provider credentials from one state directory's main agent to another's, by the host's own means. */
  readonly inheritAuth: (fromStateDir: string, toStateDir: string) => Promise<Omit<InheritedAuth, "model">>;
  /** A first message to each of those who may use the bot, so that it is known before the first night whether alerts arrive. Never rejects for what Telegram does. */
  readonly greet: (profile: string, telegram: TelegramWish) => Promise<readonly Greeting[]>;
  /** Aborted when the person interrupts. */
  readonly signal: AbortSignal;
  readonly onStep: (step: SetupStepName, state: "begun" | "done" | "skipped", tookMs: number) => void;
}
