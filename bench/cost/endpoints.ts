import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readIdentity } from "../../rescue-profile/observe/process.ts";
import { resolveTarget, type Target } from "../../rescue-profile/observe/target.ts";
import { gatewayLockDir, profileStateDir, stateDatabasePath } from "../../src/shared/openclaw-home.ts";

/** So many profiles as a watcher sees them on disk, and one process that answers for all of them, each on a port of its own. */
export interface Endpoints {
  readonly home: string;
  readonly targets: readonly Target[];
  dispose(): Promise<void>;
}

const SERVER = `
  import { createServer } from "node:http";
  const body = JSON.stringify({ ok: true, status: "live", ready: true, failing: [] });
  const ports = [];
  for (let n = 0; n < Number(process.argv[1]); n++) {
    const server = createServer((_, answer) => answer.setHeader("content-type", "application/json").end(body));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push(server.address().port);
  }
  process.stdout.write(JSON.stringify(ports) + "\\n");`;

export async function openEndpoints(count: number): Promise<Endpoints> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "rescue-bench-")));
  const server = spawn(process.execPath, ["--input-type=module", "-e", SERVER, String(count)], { stdio: ["ignore", "pipe", "inherit"] });
  const dispose = async () => {
    await end(server);
    rmSync(home, { recursive: true, force: true });
  };
  try {
    let text = "";
    for await (const chunk of server.stdout) {
      text += String(chunk);
      if (text.endsWith("\n")) break;
    }
    const ports: readonly number[] = JSON.parse(text);
    const targets: Target[] = [];
    for (const [index, port] of ports.entries()) targets.push(await makeProfile(home, `p${index}`, port, server.pid ?? 0));
    return { home, targets, dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function makeProfile(home: string, profile: string, port: number, pid: number): Promise<Target> {
  const stateDir = profileStateDir(profile, { home, env: {} });
  const lockDir = gatewayLockDir(stateDir);
  const configPath = join(stateDir, "openclaw.json");
  const databasePath = stateDatabasePath(stateDir);
  for (const directory of [lockDir, join(databasePath, "..")]) mkdirSync(directory, { recursive: true });
  writeFileSync(configPath, JSON.stringify({ gateway: { mode: "local", port } }));
  const { startTime } = readIdentity(pid) ?? { startTime: 0 };
  writeFileSync(
    join(lockDir, "gateway.state.lock"),
    JSON.stringify({ pid, startTime, stateDir, configPath, port, role: "gateway", ownerId: profile }),
  );
  const database = new DatabaseSync(databasePath);
  database.exec(`CREATE TABLE gateway_boot_lifecycle (pid INTEGER, started_at_ms INTEGER, completed_at_ms INTEGER, outcome TEXT, reason TEXT);
    INSERT INTO gateway_boot_lifecycle VALUES (${pid}, 1, NULL, NULL, NULL)`);
  database.close();
  return resolveTarget({ profile, home, env: {} });
}

async function end(server: ChildProcess): Promise<void> {
  const ended = once(server, "exit");
  server.kill("SIGKILL");
  await ended;
}
