import type { ProviderPlugin } from "openclaw/plugin-sdk/plugin-entry";

/**
 * What makes `openclaw onboard --rescue-watchdog` call us: the host calls the sign-in methods of providers during onboarding, and the manifest's
 * `providerAuthChoices` gives this one its flag. There is no model behind it.
 */
export function rescueProvider(packageRoot: string | undefined): ProviderPlugin {
  return {
    id: "rescue-watchdog",
    label: "Rescue Watchdog",
    auth: [
      {
        id: "setup",
        label: "Rescue gateway",
        hint: "a second, isolated gateway that repairs this one",
        kind: "custom",
        run: async (context) => (await import("./wizard.ts")).runInWizard(context, packageRoot),
        runNonInteractive: async (context) => (await import("./step.ts")).runNonInteractive(context, packageRoot),
        validateNonInteractive: async (context) => (await import("./step.ts")).canRun(context, packageRoot),
      },
    ],
  };
}
