import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { SetupPorts } from "../../src/onboard/ports.ts";
import { setup } from "../../src/onboard/provision.ts";
import type { ServiceControl } from "../../src/service-installers/installer.ts";
import { findHostCli } from "../../src/shared/openclaw-cli.ts";

const HOST = fileURLToPath(new URL("../fixtures/onboard-host.mjs", import.meta.url));
export const FIXTURE = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));

type Json = ReturnType<typeof JSON.parse>;

export interface HostCall {
  readonly profile: string;
  readonly args: readonly string[];
  readonly stdin: string;
  /** Variables named OPENCLAW_… that the host saw. */
  readonly redirected: readonly string[];
}

/** A machine's home with a default profile on port 18789, a host CLI that is a small real program, and a service manager that is a file. */
export function machine(config: object | null = { gateway: { port: 18_789 } }) {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "rescue-onboard-")));
  chmodSync(home, 0o700);
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const at = (...parts: readonly string[]) => join(home, ...parts);
  const packageRoot = at("package");
  mkdirSync(packageRoot);
  const profile = (name: string, content: object | string) => {
    mkdirSync(at(name), { mode: 0o700, recursive: true });
    writeFileSync(at(name, "openclaw.json"), typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
  };
  if (config !== null) profile(".openclaw", config);
  const steps: string[] = [];
  const proved: { profile: string; port: number; token: string }[] = [];
  return {
    home,
    at,
    packageRoot,
    profile,
    /** Step and state, in order. */
    steps,
    /** What `prove` was given. */
    proved,
    /** What the host's CLI was told. */
    calls: (): HostCall[] =>
      existsSync(at("host-calls.jsonl"))
        ? readFileSync(at("host-calls.jsonl"), "utf8")
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line))
        : [],
    forget: () => rmSync(at("host-calls.jsonl"), { force: true }),
    json: (...parts: readonly string[]): Json => JSON.parse(readFileSync(at(...parts), "utf8")),
    /** Every file below home with its text, every directory; without what the fake host writes down for itself. */
    files: () => snapshot(home),
    ports: (env: NodeJS.ProcessEnv = {}, more: Partial<SetupPorts> = {}): SetupPorts => {
      const hostEnv = { PATH: process.env["PATH"], RESCUE_WATCHDOG_OPENCLAW: HOST, ...env };
      return {
        home,
        env: hostEnv,
        cli: findHostCli({ home, env: hostEnv, entry: undefined }),
        pluginRoot: packageRoot,
        manager: async () => ({ name: "systemd" }),
        service: (name) => unitControl(at(`unit-${name}`)),
        removeWatcher: async () => false,
        removeAudits: async () => [],
        prove: async (rescue) => {
          proved.push(rescue);
          return { bootId: "b", version: "2026.9.6", cronJob: "j" };
        },
        inheritAuth: async () => ({ copied: [], present: [], left: [] }),
        greet: async () => [],
        signal: new AbortController().signal,
        onStep: (step, state) => void steps.push(`${step} ${state}`),
        ...more,
      };
    },
  };
}

/** A service manager that knows one thing: whether there is a unit. */
function unitControl(unit: string): ServiceControl {
  return {
    manager: "systemd",
    name: unit,
    status: async () => ({ manager: "systemd", state: existsSync(unit) ? "running" : "not-installed" }),
    start: async () => undefined,
    stop: async () => undefined,
    restart: async () => undefined,
  };
}

export function snapshot(directory: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => !name.startsWith("host-"))
      .sort()
      .map((name) => {
        const path = join(directory, name);
        return [name, lstatSync(path).isFile() ? readFileSync(path, "utf8") : "/"];
      }),
  );
}

export const commands = (at: Pick<ReturnType<typeof machine>, "calls">) => at.calls().map(({ args }) => args.slice(0, 2).join(" "));

/** The mark of a rescue that an earlier run began to make for the default profile. */
export const MARK = {
  format: 1 as const,
  madeBy: "rescue-watchdog" as const,
  primary: "default",
  primaryStateDir: "",
  port: 19_789,
  createdAt: "2026-11-21T00:00:00.000Z",
  installedPlugin: true,
};

export const WISHES = { profile: "default", service: "managed" as const };

let made: { readonly home: string; readonly files: Readonly<Record<string, string>> } | undefined;

/** A machine with a rescue gateway that setup has made, once, and some history. */
export async function rescued() {
  const at = machine();
  if (made === undefined) {
    await setup(WISHES, at.ports());
    at.forget();
    made = { home: at.home, files: at.files() };
  } else {
    for (const [name, text] of Object.entries(made.files)) {
      if (text === "/") mkdirSync(at.at(name), { recursive: true, mode: 0o700 });
      else writeFileSync(at.at(name), text.replaceAll(made.home, at.home), { mode: 0o600 });
    }
    writeFileSync(at.at("host-record-default"), at.packageRoot);
  }
  writeFileSync(at.at(".openclaw-rescue", "rescue-watchdog", "journal.sqlite"), "history");
  return at;
}
