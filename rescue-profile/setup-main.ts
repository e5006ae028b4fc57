import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { tickArgv } from "../src/onboard/backstop.ts";
import type { SetupPorts } from "../src/onboard/ports.ts";
import { proveAndVerify } from "../src/onboard/verify.ts";
import { installerHere, managerHere, selectControl } from "../src/service-installers/select.ts";
import { removeAuditFiles } from "../src/service-installers/systemd/audit-files.ts";
import { RescueError } from "../src/shared/errors.ts";
import { findHostCli } from "../src/shared/openclaw-cli.ts";
import { gatewayLockDir } from "../src/shared/openclaw-home.ts";
import { OWN_COMMAND } from "../src/shared/rescue-home.ts";
import { readIdentity, readLock } from "./observe/process.ts";

export interface SetupContext {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where this plugin's package is, when that is not where its code runs from. */
  readonly packageRoot: string | undefined;
  readonly signal: AbortSignal;
  /** `SetupPorts.inheritAuth` with the host's own library, which only the SDK's side of the house may load; `hostEntry` is the host's command. */
  readonly inheritAuth: (hostEntry: string, ...directories: Parameters<SetupPorts["inheritAuth"]>) => ReturnType<SetupPorts["inheritAuth"]>;
  readonly onStep: SetupPorts["onStep"];
}

/** The real ports of setup and uninstall. Throws `not-running` without the host's command, `internal` when the package is not built. */
export function setupPorts({ home, env, packageRoot, signal, inheritAuth, onStep }: SetupContext): SetupPorts {
  const elsewhere = env["OPENCLAW_HOME"];
  if (elsewhere !== undefined && elsewhere !== "" && resolve(elsewhere) !== resolve(home)) {
    throw new RescueError("usage", `OPENCLAW_HOME is ${elsewhere}; a rescue is made for the profiles of this account's home, ${home}`, {
      fix: "unset OPENCLAW_HOME",
    });
  }
  const pluginRoot = packageHere(packageRoot);
  const cli = findHostCli({ home, env, entry: process.argv[1] });
  const service = (profile: string, stateDir: string) => selectControl({ profile, stateDir, env, platform: process.platform });
  return {
    home,
    env,
    cli,
    pluginRoot,
    manager: () => managerHere(process.platform, env),
    service,
    removeAudits: async (profile) => (process.platform === "linux" ? removeAuditFiles({ home, env }, profile) : []),
    removeWatcher: async (profile) => (await installerHere({ platform: process.platform, env, home })?.uninstall(profile)) ?? false,
    greet: async (profile, telegram) => (await import("./alerting.ts")).greet(profile, telegram),
    inheritAuth: (from, to) => inheritAuth(cli.command.at(-1) ?? "", from, to),
    signal,
    onStep,
    prove: (rescue) =>
      proveAndVerify(rescue, {
        service: service(rescue.profile, rescue.stateDir),
        lockHolder: () => {
          const lock = readLock(join(gatewayLockDir(rescue.stateDir), "gateway.state.lock"));
          if (!lock.ok) throw new RescueError("refused", `whose the lock of ${rescue.stateDir} is cannot be known: ${lock.why}`);
          return lock.value ?? undefined;
        },
        identityOf: readIdentity,
        tickArgv: tickArgv(rescue.packageRoot, rescue.primary),
        signal,
      }),
  };
}

/** The directory of our package, complete. Throws `internal` when it is not built. */
export function packageHere(packageRoot: string | undefined): string {
  return builtPackage(packageRoot ?? ownPackage());
}

/** The package that this file is in. */
function ownPackage(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, "openclaw.plugin.json"))) {
    const parent = dirname(directory);
    if (parent === directory) throw new RescueError("internal", "the plugin's own package was not found");
    directory = parent;
  }
  return directory;
}

/** Its manifest and `dist/` are what a gateway loads. */
function builtPackage(directory: string): string {
  if (!existsSync(join(directory, OWN_COMMAND))) throw new RescueError("internal", `${directory} is not built`, { fix: "npm run build" });
  return realpathSync(directory);
}
