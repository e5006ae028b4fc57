import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RemedyPorts } from "../../../rescue-profile/audit/fixes/ports.ts";
import { restoreFiles, saveFiles, sha256 } from "../../../rescue-profile/copies/entry.ts";
import { createWhole } from "../../../rescue-profile/copies/whole-file.ts";
import type { OwnFile } from "../../../src/service-installers/systemd/own-file.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import type { CommandResult } from "../../../src/shared/run-command.ts";
import { NOW_MS } from "../facts.ts";

export const CONFIG = `${JSON.stringify({ gateway: { port: 18789, auth: { token: "t" } }, plugins: { entries: { a: {} } } }, null, 2)}\n`;

type Units = NonNullable<RemedyPorts["units"]>;

export interface FakeWorld {
  readonly home: string;
  readonly configPath: string;
  readonly ports: RemedyPorts;
  /** What the host and the service manager were asked. */
  readonly asked: string[];
  /** What `openclaw config set` does to the configuration; default: what it is asked to. */
  hostWrites: (config: Record<string, unknown>) => unknown;
  exitCode: number;
  /** An order of this beginning fails. */
  failing: string | undefined;
  enablement: string;
  text(): string;
  [Symbol.dispose](): void;
}

/** Real files with the real copies, a host and a service manager that only note what they are asked. */
export function fakeWorld(config = CONFIG, options: { readonly units?: boolean; readonly logrotate?: boolean } = {}): FakeWorld {
  const home = mkdtempSync(join(tmpdir(), "fixes-test-"));
  const configPath = join(home, "openclaw.json");
  writeFileSync(configPath, config, { mode: 0o600 });
  const asked: string[] = [];
  const host: RemedyPorts["host"] = async (args) => {
    asked.push(`openclaw ${args.join(" ")}`);
    if (world.exitCode === 0)
      writeFileSync(configPath, `${JSON.stringify(world.hostWrites(JSON.parse(readFileSync(configPath, "utf8"))), null, 2)}\n`);
    return result({ exitCode: world.exitCode, stdout: "Updated plugins.allow. token=abcdefgh", stderr: "" });
  };
  const ports: RemedyPorts = {
    profile: "default",
    folder: join(home, "kept"),
    config: { path: configPath, files: () => [configPath], readSha256: new Map([[configPath, sha256(Buffer.from(config))]]) },
    save: (folder, paths) => saveFiles(folder, paths, NOW_MS),
    restore: restoreFiles,
    async keep(folder, name, value) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      createWhole(join(folder, name), Buffer.from(JSON.stringify(value)), 0o600);
    },
    host,
    units: options.units === false ? undefined : fakeUnits(home, asked, () => world, options.logrotate !== false),
    keepCopy: async () => {
      asked.push("keep a copy");
      return { said: "kept as 00000001", forget: async () => void asked.push("forget the copy") };
    },
    maskSecrets: (text) => text.replace("abcdefgh", "***"),
  };
  const world: FakeWorld = {
    home,
    configPath,
    ports,
    asked,
    hostWrites: (before) => ({ ...before, plugins: { ...Object(before["plugins"]), allow: ["a"] } }),
    exitCode: 0,
    failing: undefined,
    enablement: "disabled",
    text: () => readFileSync(configPath, "utf8"),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  };
  return world;
}

function fakeUnits(home: string, asked: string[], world: () => FakeWorld, logrotate: boolean): Units {
  const file = (name: string, text = "ours"): OwnFile => ({ path: join(home, name), text });
  const read = (path: string) => (ports.there(path) === "nothing" ? undefined : readFileSync(path, "utf8"));
  const ports: Units = {
    async order(words) {
      asked.push(words.join(" "));
      if (world().failing !== undefined && words.join(" ").startsWith(world().failing ?? ""))
        throw new RescueError("service-control", `${words.join(" ")} failed`);
      return "";
    },
    enablement: async () => world().enablement,
    limitDropIn: (unit) => file(`${unit}.conf`),
    there(path) {
      try {
        return readFileSync(path, "utf8").startsWith("ours") ? "ours" : "foreign";
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return "nothing";
        throw error;
      }
    },
    async write({ path, text }) {
      asked.push(`write ${path.slice(home.length + 1)}`);
      writeFileSync(path, text);
    },
    takeBack(files) {
      const before = files.map(({ path }) => [path, read(path)] as const);
      return async () => {
        for (const [path, text] of before) {
          if (text === undefined) rmSync(path, { force: true });
          else writeFileSync(path, text);
        }
      };
    },
    logrotate: logrotate
      ? {
          program: "/usr/sbin/logrotate",
          serviceName: "rescue-watchdog-logrotate-default.service",
          timerName: "rescue-watchdog-logrotate-default.timer",
          files: (rotations) => ({
            config: file("rotate.conf", `ours: ${rotations.map(({ path }) => path).join()}`),
            service: file("rotate.service"),
            timer: file("rotate.timer"),
          }),
          async rehearse() {
            asked.push("rehearse");
            if (world().failing === "rehearse") throw new RescueError("refused", "logrotate would not take it");
            return "considering log";
          },
        }
      : undefined,
  };
  return ports;
}

function result(values: Pick<CommandResult, "exitCode" | "stdout" | "stderr">): CommandResult {
  return { signal: null, timedOut: false, tookMs: 1, truncated: false, ...values };
}
