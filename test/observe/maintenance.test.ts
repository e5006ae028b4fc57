import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { coordinatorPath } from "../../rescue-profile/observe/coordinator.ts";
import { readHostCommand } from "../../rescue-profile/observe/host-command.ts";
import { parsePsList, readMaintenance } from "../../rescue-profile/observe/maintenance.ts";
import { child, firstWord, fixture, tempDir } from "./support.ts";

const words = (line: string) => line.split(" ");
const maintenance = (what: string) => ({ kind: "maintenance", what: `openclaw ${what}`, touches: "profile" });

describe("a command line of the host", () => {
  it.each([
    ["node /x/.bin/openclaw doctor --fix --non-interactive", "doctor"],
    ["/x/bin/node --disable-warning=ExperimentalWarning /x/node_modules/openclaw/openclaw.mjs --profile rescue update --yes", "update"],
    ["/x/bin/node /x/node_modules/openclaw/dist/entry.js --log-level debug backup create", "backup"],
    ["/x/bin/openclaw --profile=a triage --json", "triage"],
    ["openclaw --update", "update"],
    ["node /x/openclaw gateway restart --force", "gateway restart"],
    ["node /x/openclaw daemon stop", "daemon stop"],
    ["node /x/openclaw plugins install --link /y", "plugins install"],
    ["node /tmp/openclaw-update-run-handoff-a1/handoff.cjs /tmp/openclaw-update-run-handoff-a1/handoff.json", "update"],
  ])("%s maintains", (line, what) => {
    expect(readHostCommand(words(line))).toEqual(maintenance(what));
  });

  it.each([
    "node /x/openclaw gateway run",
    "/x/node /x/openclaw/dist/index.js gateway --port 18789",
    "node /x/openclaw gateway status",
    "node /x/openclaw --profile doctor status",
    "node /x/openclaw doctor --lint --json",
    "node /x/openclaw update status",
    "node /x/openclaw update --dry-run",
    "node /x/openclaw backup verify /y",
    "node /x/openclaw doctor --help",
    "node /x/openclaw logs",
  ])("%s only reads or serves", (line) => {
    expect(readHostCommand(words(line))).toEqual({ kind: "other" });
  });

  it("is told by its title where the arguments are overwritten, and a gateway's title never is maintenance", () => {
    expect(readHostCommand(["openclaw-doctor"])).toEqual(maintenance("doctor"));
    expect(readHostCommand(["openclaw-status"])).toEqual({ kind: "other" });
    expect(readHostCommand(["openclaw"])).toEqual({ kind: "untold" });
    expect(readHostCommand(["openclaw-gateway"])).toEqual({ kind: "untold" });
    expect(readHostCommand(["openclaw-plugins"])).toEqual({ kind: "untold" });
  });

  it("is also a package manager that replaces the program", () => {
    const replaces = { kind: "maintenance", what: "installing the openclaw package", touches: "program" };
    expect(readHostCommand(["npm install -g openclaw@latest"])).toEqual(replaces);
    expect(readHostCommand(words("node /usr/lib/node_modules/npm/bin/npm-cli.js i --global openclaw"))).toEqual(replaces);
    expect(readHostCommand(words("npm install openclaw"))).toBeUndefined();
  });

  it.each(["vim openclaw.json", "node /x/index.js doctor", "tail -f /tmp/openclaw/openclaw-2026.log", "grep openclaw doctor", ""])(
    "%s is none",
    (line) => expect(readHostCommand(words(line))).toBeUndefined(),
  );
});

describe.runIf(process.platform === "linux")("maintenance of a profile", () => {
  const home = () => {
    const directory = tempDir();
    const stateDir = path.join(directory, ".openclaw");
    mkdirSync(path.join(stateDir, "state"), { recursive: true });
    return { home: directory, stateDir, databasePath: path.join(stateDir, "state", "openclaw.sqlite") };
  };
  /** A program at a path like the host's, with an environment of its own. */
  const host = async (args: readonly string[], env: Record<string, string>) => {
    const started = child(process.execPath, [fixture("observe-host/openclaw.mjs"), ...args], { env });
    await firstWord(started);
    return started.pid;
  };

  it("is a doctor that runs on it, and not one that runs on another", async () => {
    const [ours, other] = [home(), home()];
    const pid = await host(["doctor", "--fix"], { HOME: ours.home });
    expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [{ pid, what: "openclaw doctor" }] } });
    expect(await readMaintenance(other)).toEqual({ ok: true, value: { running: [] } });
  });

  it("is attributed by --profile and by the state dir that the CLI hands to its child", async () => {
    const ours = home();
    const rescue = { ...ours, stateDir: path.join(ours.home, ".openclaw-rescue") };
    const launcher = await host(["--profile", "rescue", "update"], { HOME: ours.home });
    expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [] } });
    expect(await readMaintenance(rescue)).toEqual({ ok: true, value: { running: [{ pid: launcher, what: "openclaw update" }] } });
    const titled = await host(["--title", "openclaw-triage"], { HOME: "/elsewhere", OPENCLAW_STATE_DIR: ours.stateDir });
    expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [{ pid: titled, what: "openclaw triage" }] } });
  });

  it("is never the gateway, whichever title it has and whatever it holds", async () => {
    const ours = home();
    const lock = coordinator(ours.databasePath);
    for (const title of ["openclaw", "openclaw-gateway"]) {
      const gateway = child(process.execPath, [fixture("observe-hold-lock.mjs"), lock, "BEGIN EXCLUSIVE", title], {
        env: { HOME: ours.home },
      });
      await firstWord(gateway);
      expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [] } });
      gateway.kill("SIGKILL");
      await new Promise((resolve) => gateway.once("exit", resolve));
    }
    await host(["gateway", "run"], { HOME: ours.home });
    expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [] } });
  });

  it("is whoever else holds the state dir for itself, by the kernel's word", async () => {
    const ours = home();
    const args = [fixture("observe-hold-lock.mjs"), coordinator(ours.databasePath), "BEGIN EXCLUSIVE", "openclaw-agent"];
    const agent = child(process.execPath, args, { env: { HOME: "/elsewhere" } });
    await firstWord(agent);
    expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [{ pid: agent.pid, what: "openclaw agent" }] } });
  });

  it("counts a launcher and its child once, and nothing when the launcher says that it only reads", async () => {
    const ours = home();
    const pid = await host(["doctor", "--with-child", "openclaw-doctor"], { HOME: ours.home });
    expect(await readMaintenance(ours)).toEqual({ ok: true, value: { running: [{ pid, what: "openclaw doctor" }] } });
    const other = home();
    await host(["doctor", "--lint", "--with-child", "openclaw-doctor"], { HOME: other.home });
    expect(await readMaintenance(other)).toEqual({ ok: true, value: { running: [] } });
  });

  /** The host's own lock file for this database, removed after the test. */
  function coordinator(databasePath: string): string {
    const file = coordinatorPath("gateway-lifecycle", databasePath);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    onTestFinished(() => rmSync(file, { force: true }));
    return file;
  }
});

describe("a process list by ps", () => {
  it("is read for the host's processes, with their ages", () => {
    const text = [
      "    1     0 10-03:04:05 /sbin/launchd",
      "  501   400    01:02 node /x/bin/openclaw doctor --fix",
      "  502   501 01:00:00 openclaw-doctor",
      "",
    ].join("\n");
    expect(parsePsList(text)).toEqual([
      { pid: 501, parentPid: 400, ageMs: 62_000, argv: ["node", "/x/bin/openclaw", "doctor", "--fix"], command: maintenance("doctor") },
      { pid: 502, parentPid: 501, ageMs: 3_600_000, argv: ["openclaw-doctor"], command: maintenance("doctor") },
    ]);
  });
});
