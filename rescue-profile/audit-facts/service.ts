import { readManagerFacts } from "../../src/service-installers/environment-facts.ts";
import { managerHere, nativeControl } from "../../src/service-installers/select.ts";
import { readUnit } from "../../src/service-installers/systemd/unit-limits.ts";
import type { ServiceFacts } from "../audit/facts.ts";
import type { Reading } from "../core/model.ts";
import { seen } from "../observe/reading.ts";

/** The gateway's service, as its manager has it; null where there is no manager. Throws RescueError `service-control` when one cannot be asked. */
export async function readService(profile: string, env: NodeJS.ProcessEnv): Promise<Reading<ServiceFacts | null>> {
  const here = await managerHere(process.platform, env);
  const control = here.name === "none" ? undefined : nativeControl({ profile, env, platform: process.platform });
  if (control === undefined) return seen(null);
  const [reading, definition] = [await control.status(), await control.readDefinition()];
  const systemd = here.name === "systemd";
  const linger = systemd ? readManagerFacts(env).linger : undefined;
  const unit = systemd && reading.state !== "not-installed" ? await readUnit(control.name, "user", env) : undefined;
  // Its file is gone while it runs: it runs to its end, and nothing is left to start it by.
  const lost = systemd && definition?.path === null;
  return seen({
    manager: control.manager,
    name: control.name,
    reading: lost ? { ...reading, state: "not-installed" } : reading,
    enabled: definition?.enabled ?? null,
    linger: linger?.ok === true ? linger.value : null,
    ...(unit === undefined ? {} : { unit }),
  });
}
