import { join } from "node:path";
import type { SetupPorts } from "../../src/onboard/ports.ts";
import type { AuthProfileName } from "../../src/onboard/rescue-config.ts";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";

/**
 * Copies provider credentials into the rescue's own store, with the host's library and by the host's rule: API keys and static tokens unless they say
 * otherwise, never OAuth, whose refresh tokens work in one place only (docs/auth-credential-semantics.md of the host). What the rescue has stays.
 * Names only are returned.
 */
export const copyPortableAuth: SetupPorts["inheritAuth"] = async (fromStateDir, toStateDir) => {
  const { ensureAuthProfileStore, upsertAuthProfileWithLock } = await hostLibrary();
  const source = ensureAuthProfileStore(agentDir(fromStateDir)).profiles;
  const own = ensureAuthProfileStore(agentDir(toStateDir)).profiles;
  const copied: AuthProfileName[] = [];
  const left: { id: string; why: string }[] = [];
  for (const [id, credential] of Object.entries(source)) {
    const name = { id, provider: credential.provider, mode: credential.type };
    if (credential.type === "oauth") left.push({ id, why: "OAuth credentials work in one place only; sign in there" });
    else if (credential.copyToAgents === false) left.push({ id, why: "it is marked as not to be copied" });
    else if (own[id] !== undefined) left.push({ id, why: "the rescue has one of that name" });
    else {
      await upsertAuthProfileWithLock({ profileId: id, credential, agentDir: agentDir(toStateDir), stateDir: toStateDir });
      copied.push(name);
    }
  }
  return { copied, left };
};

function agentDir(stateDir: string): string {
  return join(stateDir, "agents", "main", "agent");
}

/** Inside the host it is always there; `rescue-watchdog` alone may be installed where it cannot be found. */
async function hostLibrary(): Promise<typeof import("openclaw/plugin-sdk/provider-auth")> {
  try {
    return await import("openclaw/plugin-sdk/provider-auth");
  } catch (error) {
    if (systemErrorCode(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new RescueError("usage", "the host's own library for credentials cannot be loaded from here", {
      fix: "openclaw rescue setup --inherit-auth",
      cause: error,
    });
  }
}
