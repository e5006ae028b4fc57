import { RescueError } from "../src/shared/errors.ts";
import { deniesPlugin, type JsonObject, pluginEntry, readHostConfig } from "../src/shared/gateway-config.ts";
import { profileConfigPath } from "../src/shared/openclaw-home.ts";

/**
 * Whether the profile's own configuration says that this plugin shall keep its hands off: `plugins uninstall` leaves the entry behind with
 * `enabled: false`, and so does a person who switches it off. A configuration that is missing, unreadable or broken says nothing, since that is a fault
 * to rescue from; nor does one without an entry, since a profile may be watched that has no plugin.
 */
export function isWithdrawn(profile: string, home: string): boolean {
  const config = readOrNothing(profileConfigPath(profile, { home, env: {} }));
  return pluginEntry(config)["enabled"] === false || deniesPlugin(config);
}

function readOrNothing(configPath: string): JsonObject {
  try {
    return readHostConfig(configPath, (file) => new RescueError("profile-missing", `${file} does not exist`));
  } catch (error) {
    if (error instanceof RescueError) return {};
    throw error;
  }
}
