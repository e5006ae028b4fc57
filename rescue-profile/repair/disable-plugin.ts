import { join } from "node:path";
import { RescueError } from "../../src/shared/errors.ts";
import { asObject, readHostConfig } from "../../src/shared/gateway-config.ts";
import { configFiles, putAllBack, settle } from "./config-guard.ts";
import type { KeyChange } from "./key-changes.ts";
import { type Mending, nameMaintenance, type SavedFiles, waitUntilQuiet } from "./mending.ts";
import type { PlannedStep, StepOutcome } from "./plan.ts";

const OURS = "rescue-watchdog";
const QUIET_MS = 20_000;

/**
 * Disables one plugin by the host's own `config set`, which works while the gateway is down, loads no plugin, takes ids that are not
 * installed, writes through an `$include`, and changes one key (measured on 2026.9.6; `plugins disable` takes twice as long and refuses unknown ids).
 */
export async function disablePlugin(step: Extract<PlannedStep, { name: "disable-plugin" }>, ports: Mending): Promise<StepOutcome> {
  const { plugin } = step;
  const undo = `undo: openclaw plugins enable ${plugin}`;
  if (plugin === OURS) return { outcome: "aborted", detail: "the rescue watchdog does not disable itself" };
  // It becomes part of a path in dots, and of a command line.
  if (!/^[A-Za-z0-9][\w-]*$/.test(plugin)) return { outcome: "aborted", detail: "the plugin's id cannot be written as a key" };
  const until = ports.monotonicMs() + step.deadlineMs;
  const running = await waitUntilQuiet(ports, Math.min(QUIET_MS, step.deadlineMs / 2));
  if (running.length > 0) return { outcome: "aborted", detail: `the host is at work: ${nameMaintenance(running)}` };

  const place = join(ports.folder, "config-before-plugin");
  const earlier = ports.saved(place);
  if (earlier === undefined && ports.windUp) {
    return { outcome: "aborted", detail: "nothing had been changed yet, and the repair is not gone on with" };
  }
  if (earlier === undefined && (await ports.serves())) return { outcome: "aborted", detail: "the gateway serves again" };
  if (earlier === undefined && isDisabled(plugin, ports))
    return { outcome: "done", detail: `plugin ${plugin} is disabled already; ${undo}`, idle: true };
  if (earlier === undefined && ports.config().state !== "there") {
    return { outcome: "failed", detail: `the configuration cannot be changed: ${ports.config().why ?? ""}` };
  }
  ports.stillOurs();
  const before = earlier ?? ports.save(place, configFiles(ports));
  if (ports.config().state !== "there") putAllBack(before, ports);
  const said = isDisabled(plugin, ports) || ports.windUp ? "" : await setDisabled(plugin, until - ports.monotonicMs(), ports);

  const putBack = isDisabled(plugin, ports) ? settleAll(plugin, before, ports) : 0;
  if (!isDisabled(plugin, ports)) {
    putAllBack(before, ports);
    return { outcome: "failed", detail: `the host did not disable plugin ${plugin} (${said}); the configuration is as it was` };
  }
  const more = putBack === 0 ? "" : `; ${putBack} other changes of the host were put back`;
  return { outcome: "done", detail: `disabled plugin ${plugin}${more}; ${undo}` };
}

async function setDisabled(plugin: string, timeoutMs: number, ports: Mending): Promise<string> {
  ports.stillOurs();
  const { exitCode, signal, timedOut, notStarted } = await ports.host(["config", "set", `plugins.entries.${plugin}.enabled`, "false"], {
    timeoutMs,
  });
  return notStarted ?? (timedOut ? "no answer in time" : `exit ${exitCode ?? signal}`);
}

/** In the file itself only this key may differ; in an included one, of which only the place is unknown, only an `enabled: false`. */
function settleAll(plugin: string, before: SavedFiles, ports: Mending): number {
  const after = ports.save(join(ports.folder, "config-after-plugin"), [
    ...new Set([...before.files.map(({ path }) => path), ...before.absent, ...configFiles(ports)]),
  ]);
  const key = ["plugins", "entries", plugin, "enabled"].join(".");
  const judge = (file: string, { path, after: value }: KeyChange) => {
    const found = path.join(".");
    const wanted = file === ports.configPath ? found === key : `.${key}`.endsWith(`.${found}`);
    return wanted && value === false ? "wanted" : "no";
  };
  return settle(before, after, judge, ports).putBack.length;
}

/** By the configuration with everything it includes; false also when it cannot be read. */
function isDisabled(plugin: string, ports: Mending): boolean {
  if (ports.config().state !== "there") return false;
  const missing = (file: string) => new RescueError("not-readable", `${file} vanished`);
  const entries = asObject(asObject(readHostConfig(ports.configPath, missing)["plugins"])["entries"]);
  return asObject(entries[plugin])["enabled"] === false;
}
