import { randomInt } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Box, HOME_IN_BOX, PROJECT_IN_BOX, requireLab } from "./box.ts";
import { boxWithGateway, type PackageBox } from "./installed.ts";
import { until } from "./until.ts";
import { jsonLines, PACKAGE, UNIT } from "./watching.ts";

/** The audit of the host's own unit, and of model servers' units, under a real systemd: what it finds, what it mends, and what a watcher is told of it. */
const PORT = randomInt(40_000, 59_000);
const COMMAND = `${PACKAGE}/dist/plugin/cli/bin.js`;
const UNITS = ".config/systemd/user";
const DROP_INS = `${UNITS}/${UNIT}.d`;
const LIMITS = "60-rescue-watchdog-limits.conf";
const STATE = ".local/state/rescue-watchdog/default";
const ROTATION = "rescue-watchdog-logrotate-default";
const LOG = ".openclaw/logs/mine.log";
const SERVICES = ["service-installed", "service-parked", "unit-start-limit", "server-unit"];
/** A box shows the machine's own programs. */
const LOGROTATE = ["/usr/sbin/logrotate", "/usr/local/sbin/logrotate"].find((path) => existsSync(path));
const FULL = process.env["RESCUE_FULL"] === "1";
const whyNot = requireLab();

/** In place of the unit's Node, so that a call of the host's CLI is seen: the audit takes the program of the unit. */
const COUNTING_NODE = '#!/bin/sh\necho "$@" >> ~/calls\nexec /opt/node/node "$@"\n';
const HOSTS_ENTRY = `${PROJECT_IN_BOX}/node_modules/openclaw/dist/index.js`;

const MODEL_UNITS = {
  unlimited: "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nExecStart=/bin/sleep infinity",
  broken: "[Service]\nExecStart=/bin/false",
  // systemd's own limit is five starts in ten seconds: with this pause they never come.
  patient: "[Service]\nRestart=always\nRestartSec=10\nExecStart=/bin/sleep infinity --port 8124",
  crashing: "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=105\n[Service]\nRestart=always\nRestartSec=1ms\nExecStart=/bin/false",
};

interface Answer {
  readonly code: number | null;
  readonly findings: readonly {
    readonly id: string;
    readonly subject: string;
    readonly severity: string;
    readonly title: string;
    readonly safe: boolean;
  }[];
  readonly couldNotLook: readonly unknown[];
  readonly fixes?: readonly { readonly id: string; readonly subject: string; readonly state: string }[];
  readonly log?: string | null;
}

interface Damage {
  readonly harm: () => Promise<unknown>;
  readonly mend: () => Promise<unknown>;
  /** Each as `severity subject`, and whether `--fix` may cure it. */
  readonly expected: readonly string[];
  /** In the first one's title. */
  readonly title?: string;
  /** Only with RESCUE_FULL=1. */
  readonly slow?: boolean;
}

describe.skipIf(whyNot !== undefined)("the audit under a real systemd", () => {
  let box: Box;
  let installed: PackageBox | undefined;
  let [damages, right, wrong, missed] = [0, 0, 0, 0];

  const sh = (script: string, ...args: string[]) => box.output(["sh", "-ec", script, "sh", ...args], 60_000);
  const properties = async (unit: string, ...names: string[]): Promise<Readonly<Record<string, string>>> => {
    const lines = (await box.output(["systemctl", "--user", "show", unit, `--property=${names.join(",")}`])).trim().split("\n");
    return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
  };
  const show = async (unit: string, property: string) => (await properties(unit, property))[property] ?? "";
  const rescue = (...args: string[]) => box.run(["node", COMMAND, ...args, "--json"], 60_000);
  const audit = async (checks: readonly string[], ...args: string[]): Promise<Answer> => {
    const { exitCode, stdout, stderr } = await rescue("audit", "--only", checks.join(","), ...args);
    if (exitCode === null || exitCode > 2) throw new Error(`audit ended with ${exitCode}\n${stdout}\n${stderr}`);
    return { code: exitCode, ...JSON.parse(stdout) };
  };
  const inWords = ({ findings }: Answer) =>
    findings.map(({ severity, subject, safe }) => `${severity} ${subject}`.trim() + (safe ? ", safe" : ""));
  const expectSilence = async () => {
    const answer = await audit(SERVICES);
    wrong += answer.findings.length;
    expect(answer).toMatchObject({ code: 0, findings: [], couldNotLook: [] });
  };

  const damage = (check: string, how: string, { harm, mend, expected, title = "", slow = false }: Damage) => {
    if (slow && !FULL) return;
    damages += 1;
    it(`${check}: ${how}`, async () => {
      let answer: Answer;
      try {
        await harm();
        answer = await audit(SERVICES);
      } finally {
        await mend();
      }
      const strangers = answer.findings.filter(({ id }) => id !== check);
      wrong += strangers.length;
      if (expected.every((each) => inWords(answer).includes(each))) right += 1;
      else missed += 1;
      expect(
        strangers.map(({ id, title: what }) => `${id}: ${what}`),
        "what is not so",
      ).toEqual([]);
      expect(inWords(answer)).toEqual(expected);
      expect(answer.findings[0]?.title).toContain(title);
      expect(answer).toMatchObject({ code: 1, couldNotLook: [] });
    });
  };

  /** As the account itself, and as `systemctl --user edit` does it. */
  const dropIn = (lines: string, name = "20-damage.conf") =>
    sh(`mkdir -p ${DROP_INS}; printf '%s\\n' "$1" > ${DROP_INS}/${name}; systemctl --user daemon-reload`, lines);
  const withoutDropIn = () => sh(`rm -f ${DROP_INS}/??-damage.conf; systemctl --user daemon-reload`);
  const withoutUnit = () => sh(`mv ${UNITS}/${UNIT} kept.service; systemctl --user daemon-reload`);
  const withUnit = () => sh(`rm -f ${UNITS}/${UNIT}; mv kept.service ${UNITS}/${UNIT}; systemctl --user daemon-reload`);
  const settings = (...modelServers: object[]) =>
    sh(
      `umask 077; mkdir -p ${STATE}; printf %s "$1" > ${STATE}/config.json5`,
      JSON.stringify({ audit: { maxLogBytes: 1_048_576, modelServers } }),
    );
  const serverOf = (name: keyof typeof MODEL_UNITS) => ({ url: "http://127.0.0.1:8123/v1", unit: `${name}.service` });
  const validations = async () => (await sh("cat calls")).split("\n").filter((call) => call.includes("config validate")).length;
  const givenUp = async (unit: string) => until(async () => (await show(unit, "SubState")) === "failed");

  /** Starts it until systemd gives up: soon, since each pause costs a second. */
  const latch = (how: string, startLimitBurst = 1): Pick<Damage, "harm" | "mend"> => ({
    harm: async () => {
      await dropIn(["[Unit]", `StartLimitBurst=${startLimitBurst}`, "[Service]", "RestartSec=1s", how].join("\n"));
      await sh(`systemctl --user start --no-block ${UNIT}`);
      await givenUp(UNIT);
    },
    mend: () => sh(`rm -f again ${DROP_INS}/20-damage.conf; systemctl --user daemon-reload; systemctl --user reset-failed ${UNIT}`),
  });

  /** What lies where an audit might write, each file with what is in it. */
  const everything = () =>
    [".config", ".local", ".openclaw/logs"].flatMap((root) =>
      readdirSync(join(box.home, root), { recursive: true, encoding: "utf8" })
        .map((name) => {
          const path = join(box.home, root, name);
          return lstatSync(path).isFile() ? `${root}/${name} ${readFileSync(path, "base64")}` : `${root}/${name}`;
        })
        .sort(),
    );

  beforeAll(async () => {
    installed = await boxWithGateway(PORT);
    ({ box } = installed);
    await until(async () => (await box.run(["curl", "-sf", `http://127.0.0.1:${PORT}/readyz`])).exitCode === 0);
  });
  afterAll(async () => {
    if (right > 0) console.log(`audit under systemd: ${damages} damages · right ${right}, wrong ${wrong}, missed ${missed}`);
    await installed?.dispose();
  });

  it("finds nothing wrong with what the host has installed, and leaves nothing behind", async () => {
    expect(await box.output(["loginctl", "show-user", "svc", "-p", "Linger", "--value"])).toBe("yes\n");
    await expectSilence();
    expect(existsSync(join(box.home, ".local"))).toBe(false);
  });

  describe("of a gateway that runs", () => {
    let pid: string;

    beforeAll(async () => {
      await sh(`printf %s "$1" > node; chmod 755 node; touch calls`, COUNTING_NODE);
      await dropIn(`[Service]\nExecStart=\nExecStart=${HOME_IN_BOX}/node ${HOSTS_ENTRY} gateway --port ${PORT}`, "10-counting.conf");
      const units = Object.entries(MODEL_UNITS).flat();
      await sh(`while [ $# -gt 0 ]; do printf '%s\\n' "$2" > ${UNITS}/$1.service; shift 2; done; systemctl --user daemon-reload`, ...units);
      await sh("systemctl --user start --no-block crashing unlimited broken");
      pid = await show(UNIT, "MainPID");
    });

    damage("service-installed", "it does not start with the machine", {
      harm: () => sh(`systemctl --user --quiet disable ${UNIT}`),
      mend: () => sh(`systemctl --user --quiet enable ${UNIT}`),
      expected: ["warning enabled, safe"],
    });
    damage("service-installed", "it is masked", {
      harm: () => sh(`mv ${UNITS}/${UNIT} kept.service; ln -s /dev/null ${UNITS}/${UNIT}; systemctl --user daemon-reload`),
      mend: withUnit,
      expected: ["warning masked"],
    });
    damage("service-installed", "somebody removed its file while it ran", {
      harm: withoutUnit,
      mend: withUnit,
      expected: ["warning"],
      title: "No service keeps the gateway running",
    });
    damage("service-installed", "a drop-in names a second program, and systemd refuses the unit from its next start on", {
      harm: () => dropIn("[Service]\nExecStart=/bin/true"),
      mend: withoutDropIn,
      expected: ["critical definition"],
    });
    damage("service-installed", "it ends with the session of whoever is logged in", {
      // Without a session logind would end the account's manager at once, as it does when the last one ends.
      harm: () =>
        box.root(`
          systemd-run --quiet --unit=visit -p PAMName=login -p User=svc sleep infinity
          until [ -n "$(loginctl show-user svc -p Sessions --value)" ]; do sleep 0.05; done
          loginctl disable-linger svc`),
      mend: () => box.root("loginctl enable-linger svc; systemctl stop visit"),
      expected: ["warning linger"],
    });

    damage("unit-start-limit", "as many starts as it wants", {
      harm: () => dropIn("[Unit]\nStartLimitBurst=0"),
      mend: withoutDropIn,
      expected: ["warning start-limit, safe"],
    });
    damage("unit-start-limit", "starts are not counted", {
      harm: () => dropIn("[Unit]\nStartLimitIntervalSec=0"),
      mend: withoutDropIn,
      expected: ["warning start-limit, safe"],
    });
    damage("unit-start-limit", "ten starts with their pauses never come within five minutes", {
      harm: () => dropIn("[Service]\nRestartSec=30"),
      mend: withoutDropIn,
      expected: ["warning start-limit, safe"],
    });
    damage("unit-start-limit", "no pause", {
      harm: () => dropIn("[Service]\nRestartSec=0"),
      mend: withoutDropIn,
      expected: ["warning pause, safe"],
    });
    damage("unit-start-limit", "nothing starts it again", {
      harm: () => dropIn("[Service]\nRestart=no"),
      mend: withoutDropIn,
      expected: ["warning restart"],
    });

    it("is silent again when all is mended, and the gateway has run on", async () => {
      await expectSilence();
      expect(await show(UNIT, "MainPID")).toBe(pid);
    });
  });

  describe("of a gateway that is down", () => {
    beforeAll(async () => {
      await sh(`systemctl --user stop ${UNIT}`);
    });

    damage("server-unit", "a model server without a start limit", {
      harm: () => settings(serverOf("unlimited")),
      mend: () => settings(),
      expected: ["warning unlimited.service start-limit, safe"],
    });
    damage("server-unit", "a model server that has failed", {
      harm: () => settings(serverOf("broken")),
      mend: () => settings(),
      expected: ["warning broken.service failed"],
    });
    damage("server-unit", "one that nobody named, found by its port, whose limit cannot trigger", {
      harm: () => settings({ url: "http://127.0.0.1:8124/v1" }),
      mend: () => settings(),
      // Not safe: it may be another program's.
      expected: ["warning patient.service start-limit"],
    });
    damage("server-unit", "one of the system's, which only an administrator may change", {
      harm: async () => {
        await box.root("printf '[Unit]\\nStartLimitBurst=0\\n[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/vllm.service");
        await box.root("systemctl daemon-reload");
        await settings({ url: "http://127.0.0.1:8125", unit: "vllm.service" });
      },
      mend: async () => {
        await settings();
        await box.root("rm /etc/systemd/system/vllm.service; systemctl daemon-reload");
      },
      expected: ["warning vllm.service start-limit"],
    });
    damage("server-unit", "one that crashed more than a hundred times", {
      harm: async () => {
        await settings(serverOf("crashing"));
        await givenUp("crashing");
      },
      mend: async () => {
        await settings();
        await sh("systemctl --user reset-failed crashing");
      },
      expected: ["warning crashing.service failed", "warning crashing.service restarts"],
    });

    damage("service-parked", "the host refuses its configuration", {
      harm: async () => {
        await sh(`cp -p .openclaw/openclaw.json kept.json; sed -i 's/"port": *${PORT}/"port": "many"/' .openclaw/openclaw.json`);
        await sh(`systemctl --user start --no-block ${UNIT}`);
        await givenUp(UNIT);
      },
      mend: () => sh(`mv kept.json .openclaw/openclaw.json; systemctl --user reset-failed ${UNIT}`),
      slow: true,
      expected: ["critical"],
      title: "exit code 78",
    });
    damage("service-parked", "a crash, and the start after it is refused", {
      ...latch("ExecStart=\nExecStart=/bin/sh -c 'test -e again && exit 78; touch again; exit 1'", 5),
      expected: ["critical"],
      title: "exit code 78",
    });
    damage("service-parked", "it crashes at every start", {
      ...latch("ExecStart=\nExecStart=/bin/false"),
      expected: ["critical"],
      title: "gave up",
    });
    damage("service-parked", "its Node is gone", {
      ...latch(`ExecStart=\nExecStart=/opt/node-22/bin/node ${HOSTS_ENTRY} gateway`),
      expected: ["critical"],
      title: "gave up",
    });
    damage("service-parked", "what is to run before it fails", {
      ...latch("ExecStartPre=/bin/false"),
      expected: ["critical"],
      title: "gave up",
    });

    damage("service-installed", "its file is gone", {
      harm: withoutUnit,
      mend: withUnit,
      expected: ["warning"],
      title: "No service keeps the gateway running",
    });

    it("is silent when all is mended: a gateway that a person has stopped is no finding", expectSilence);

    it("has not asked the host whether its configuration is valid: these checks do not need it", async () => {
      expect(await validations()).toBe(0);
    });
  });

  describe("and its fixes", () => {
    const WANTED = [...SERVICES, "log-growth"];
    const CONTENT = "a line that nobody rotates\n".repeat(60_000);
    const filled = () => sh(`mkdir -p -m 700 .openclaw/logs; yes 'a line that nobody rotates' | head -n 60000 > ${LOG}`);
    const rotated = () => gunzipSync(readFileSync(join(box.home, `${LOG}.1.gz`))).toString();
    const states = ({ fixes = [] }: Answer) => fixes.map(({ id, subject, state }) => `${state} ${id} ${subject}`.trim());
    let before: readonly string[];

    it("rotate a log once by ourselves where there is no logrotate", async () => {
      await filled();
      // In the box alone: nothing that is written there reaches the machine.
      const logrotate = async (mode: string) => LOGROTATE !== undefined && (await box.root(`chmod ${mode} ${LOGROTATE}`));
      await logrotate("a-x");
      const answer = await audit(["log-growth"], "--fix").finally(() => logrotate("a+x"));
      expect(states(answer)).toEqual(["fixed log-growth"]);
      expect(answer).toMatchObject({ code: 0, findings: [] });
      expect(statSync(join(box.home, LOG)).size).toBe(0);
      expect(rotated()).toBe(CONTENT);
      expect(await show(`${ROTATION}.timer`, "LoadState")).toBe("not-found");
    });

    it("are taken back when somebody's own drop-in has the last word", async () => {
      await dropIn("[Unit]\nStartLimitBurst=0", "99-damage.conf");
      const config = () => everything().filter((name) => name.startsWith(".config"));
      const was = config();
      const answer = await audit(["unit-start-limit"], "--fix").finally(withoutDropIn);
      expect(states(answer)).toEqual(["undone unit-start-limit start-limit"]);
      expect(answer.code).toBe(1);
      expect(config()).toEqual(was.filter((name) => !name.includes("99-damage.conf")));
      expect(await show(UNIT, "DropInPaths")).toBe(`${HOME_IN_BOX}/${DROP_INS}/10-counting.conf`);
    });

    it("are shown by a dry run, with the text of every file, and nothing is written", async () => {
      await dropIn("[Unit]\nStartLimitBurst=0");
      await sh(`systemctl --user --quiet disable ${UNIT}`);
      await settings(serverOf("unlimited"));
      await filled();
      before = everything();
      const { exitCode, stdout } = await box.run(["node", COMMAND, "audit", "--only", WANTED.join(","), "--fix", "--dry-run"]);
      const wouldDo = stdout.split("\n").filter((line) => line.startsWith("would "));
      expect(wouldDo.map((line) => line.replaceAll(/ +/g, " ").split(": ")[0])).toEqual([
        "would service-installed enabled",
        "would unit-start-limit start-limit",
        "would log-growth",
        "would server-unit unlimited.service start-limit",
      ]);
      const file = ["[Unit]", "StartLimitIntervalSec=300", "StartLimitBurst=10", "", "[Service]", "RestartSec=5"];
      expect(stdout).toContain(`    ${HOME_IN_BOX}/${DROP_INS}/${LIMITS}:\n`);
      expect(stdout).toContain(file.map((line) => `      ${line}\n`).join(""));
      expect(exitCode).toBe(1);
      expect(everything()).toEqual(before);
    });

    it("are made: systemd has the limits, the unit starts by itself, the log is rotated, and every step is written down", async () => {
      const answer = await audit(WANTED, "--fix");
      expect(states(answer)).toEqual([
        "fixed service-installed enabled",
        "fixed unit-start-limit start-limit",
        "fixed log-growth",
        "fixed server-unit unlimited.service start-limit",
      ]);
      expect(answer).toMatchObject({ code: 0, findings: [], couldNotLook: [] });
      const asked = ["StartLimitBurst", "StartLimitIntervalUSec", "RestartUSec", "UnitFileState", "ActiveState"];
      expect(await properties(UNIT, ...asked)).toEqual({
        StartLimitBurst: "10",
        StartLimitIntervalUSec: "5min",
        RestartUSec: "5s",
        UnitFileState: "enabled",
        ActiveState: "inactive",
      });
      expect(await properties("unlimited.service", ...asked)).toEqual({
        StartLimitBurst: "3",
        StartLimitIntervalUSec: "1min",
        RestartUSec: "10s",
        UnitFileState: "static",
        ActiveState: "active",
      });
      expect(statSync(join(box.home, LOG)).size).toBe(0);
      expect(rotated()).toBe(CONTENT);
      const log = join(box.home, STATE, answer.log?.split("/").at(-1) ?? "");
      expect(statSync(log).mode & 0o777).toBe(0o600);
      expect(readFileSync(log, "utf8")).toContain(`**fixed** limit the starts of ${UNIT}`);
      expect(readFileSync(log, "utf8")).toContain(`To undo by hand: remove ${HOME_IN_BOX}/${DROP_INS}/${LIMITS}`);
    });

    it.runIf(LOGROTATE !== undefined)("rotate by a timer where there is logrotate, and the first rotation has been", async () => {
      const timer = await properties(`${ROTATION}.timer`, "UnitFileState", "SubState");
      expect(timer).toEqual({ UnitFileState: "enabled", SubState: "waiting" });
      const service = await properties(`${ROTATION}.service`, "Result", "ExecMainCode", "ExecMainStatus");
      // CLD_EXITED: it has run, and is no unit that never did.
      expect(service).toEqual({ Result: "success", ExecMainCode: "1", ExecMainStatus: "0" });
      expect(readFileSync(join(box.home, ".config/rescue-watchdog/logrotate-default.conf"), "utf8")).toContain(`${HOME_IN_BOX}/${LOG}`);
    });

    it("go with the rescue profile: nothing of ours is left with systemd, and a second time there is nothing to do", async () => {
      const uninstall = async () => JSON.parse((await rescue("uninstall", "--yes")).stdout);
      const { ok, did } = await uninstall();
      expect(ok).toBe(true);
      expect(did).toHaveLength(LOGROTATE === undefined ? 2 : 6);
      const config = (names: readonly string[]) => names.filter((name) => name.startsWith(".config"));
      // A unit that a fix has enabled is a person's, and stays enabled.
      const wants = `${UNITS}/default.target.wants`;
      expect(config(everything())).toEqual([...new Set([...config(before), wants, `${wants}/${UNIT}`])].sort());
      expect(await show(`${ROTATION}.timer`, "LoadState")).toBe("not-found");
      expect(await show(UNIT, "StartLimitBurst")).toBe("0");
      expect(await uninstall()).toMatchObject({ ok: true, did: [] });
    });
  });

  it("tells a watcher once of what is new, and asks the host once about its configuration", async () => {
    const told = () => {
      const journal = new DatabaseSync(join(box.home, STATE, "journal.sqlite"), { readOnly: true });
      try {
        return journal.prepare("SELECT severity, incident, evidence FROM tells WHERE cause = 'audit-findings' ORDER BY id").all();
      } finally {
        journal.close();
      }
    };
    const audits = () => jsonLines(join(box.home, STATE, "logs/watchdog.jsonl")).filter(({ event }) => event === "audit");
    const scheduled = () => box.output(["node", `${PACKAGE}/dist/rescue-profile/audit-run-main.js`, "default"], 120_000);
    expect(told()).toEqual([]);
    // So that the host has not found just this file good already.
    await sh("echo >> .openclaw/openclaw.json");

    await scheduled();
    expect(told()).toMatchObject([{ severity: "warning", incident: null }]);
    const first = String(told()[0]?.["evidence"]);
    expect(first).toContain("warning: The service manager starts a gateway that crashes at once again and again, without end");
    expect(first).toContain("warning: unlimited.service is started again and again without a limit");
    expect(await validations()).toBe(1);

    await scheduled();
    expect(told()).toHaveLength(1);
    expect(await validations()).toBe(1);

    await sh(`systemctl --user --quiet disable ${UNIT}`);
    await scheduled();
    expect(told()).toHaveLength(2);
    expect(JSON.parse(String(told()[1]?.["evidence"]))).toEqual(["warning: The gateway does not start by itself after a reboot"]);
    expect(audits().map(({ success, details }) => [success, details.findings.includes("unit-start-limit start-limit")])).toEqual(
      Array(3).fill([true, true]),
    );
  });
});
