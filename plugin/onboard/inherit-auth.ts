import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { SetupContext } from "../../rescue-profile/setup-main.ts";
import type { AuthProfileName } from "../../src/onboard/rescue-config.ts";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";

/**
 * Copies provider credentials into the rescue's own store, with the host's library and by the host's rule: API keys and static tokens unless they say
 * otherwise, never OAuth, whose refresh tokens work in one place only (docs/auth-credential-semantics.md of the host). What the rescue has stays.
 * Names only are returned.
 */
export const copyPortableAuth: SetupContext["inheritAuth"] = async (hostEntry, fromStateDir, toStateDir) => {
  const library = await hostLibrary(hostEntry);
  const source = await profilesOf(library, fromStateDir);
  const own = await profilesOf(library, toStateDir);
  const copied: AuthProfileName[] = [];
  const present: AuthProfileName[] = [];
  const left: { id: string; why: string }[] = [];
  const written = await library.updateAuthProfileStoreWithLock({
    stateDir: toStateDir,
    updater: ({ profiles }) => {
      for (const [id, credential] of Object.entries(source)) {
        if (credential.type === "oauth") left.push({ id, why: "OAuth credentials work in one place only; sign in there" });
        else if (credential.copyToAgents === false) left.push({ id, why: "it is marked as not to be copied" });
        else {
          const name = { id, provider: credential.provider, mode: credential.type };
          (own[id] === undefined ? copied : present).push(name);
          if (own[id] === undefined) profiles[id] = credential;
        }
      }
      return copied.length > 0;
    },
  });
  if (written === null) throw notOpened(toStateDir);
  return { copied, present, left };
};

/** The library says null and writes why to its own log. */
function notOpened(stateDir: string): RescueError {
  return new RescueError("not-readable", `the host's credential store in ${stateDir} could not be opened`, {
    fix: "openclaw models auth list",
  });
}

type Profiles = ReturnType<Library["ensureAuthProfileStore"]>["profiles"];

/**
 * Of a state directory: those that all its agents share, and the main agent's own, which win. Asked through the one call that takes a state
 * directory, which here changes nothing: the library's readers mix in the store of this process's own profile.
 */
async function profilesOf({ updateAuthProfileStoreWithLock }: Library, stateDir: string): Promise<Profiles> {
  const found: Profiles = {};
  for (const agentDir of [undefined, join(stateDir, "agents", "main", "agent")]) {
    const read = await updateAuthProfileStoreWithLock({
      stateDir,
      ...(agentDir === undefined ? {} : { agentDir }),
      updater: ({ profiles }) => {
        Object.assign(found, profiles);
        return false;
      },
    });
    if (read === null) throw notOpened(stateDir);
  }
  return found;
}

type Library = typeof import("openclaw/plugin-sdk/provider-auth");

/** Inside the host it is found by its name; from `rescue-watchdog` alone, beside the host's command. */
async function hostLibrary(hostEntry: string): Promise<Library> {
  try {
    return await import("openclaw/plugin-sdk/provider-auth");
  } catch (error) {
    if (systemErrorCode(error) !== "ERR_MODULE_NOT_FOUND") throw error;
  }
  try {
    const library: Library = createRequire(realpathSync(hostEntry))("openclaw/plugin-sdk/provider-auth");
    return library;
  } catch (error) {
    if (systemErrorCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw new RescueError("usage", "the host's own library for credentials cannot be loaded from here", {
      fix: "openclaw rescue setup --inherit-auth",
      cause: error,
    });
  }
}
