import { closeSync, openSync, writeFileSync } from "node:fs";
import { basename, resolve, win32 } from "node:path";
import type { CheckResult, ForAPerson, SelftestReport } from "../../../rescue-profile/selftest-main.ts";
import { EXIT_CODES, messageOf, RescueError, systemErrorCode } from "../../../src/shared/errors.ts";
import { profileStateDir } from "../../../src/shared/openclaw-home.ts";
import { VERSION } from "../../version.ts";
import { type Call, type Command, printJson, text } from "../command.ts";
import { plainText } from "../render.ts";
import { confirmed } from "../setting-up.ts";

const COLOURS = { proved: "green", failed: "red", "could not look": "yellow" } as const;

export const selftestCommand: Command = {
  name: "selftest",
  summary: "prove this machine's service manager on a throwaway service, and write a report",
  usage: "service [--profile NAME] [--report FILE] [--yes] [--json]",
  help: `
Installs a small service of its own (selftest-XXXXXX), sees it start, get its arguments, come back after a kill and go away again, and removes
it whatever happens. Of the gateway's service of the profile only the state, the definition and the number of log lines are read: it is
neither stopped nor changed. Takes up to three minutes.

The report (JSON, and the same as text beside it) holds no secret, no environment and no name of your home directory. It also lists what only a
person can look at, with the commands.

  --report FILE   where it is written; default ./rescue-watchdog-selftest-PLATFORM-TIME.json. A file that is there is not replaced
  --yes           do not ask; needed without a terminal, implied by --json

Exit codes: 0 all was proved; 1 something failed, could not be looked at or was left behind, or the answer was no; 2 usage; 9 a service of that
name is there; 11 there is no service manager; 130 interrupted (the service is removed and the report is written all the same).
`,
  words: 1,
  options: { report: { type: "string" }, yes: { type: "boolean" } },
  run: async (call) => {
    const [what] = call.positionals;
    if (what !== "service") {
      throw new RescueError("usage", `selftest takes service, not ${JSON.stringify(what ?? "")}`, {
        fix: "rescue-watchdog selftest --help",
      });
    }
    if (!call.json && call.values["yes"] !== true && !process.stdin.isTTY) {
      throw new RescueError("usage", "selftest installs a throwaway service, and there is no terminal to ask on", {
        fix: "rescue-watchdog selftest service --yes",
      });
    }
    const { openSelftest } = await import("../../../rescue-profile/selftest-main.ts");
    const selftest = await openSelftest({ profile: call.profile, home: call.home, env: call.env, version: VERSION });
    if (!call.json) {
      call.out(`a throwaway service is installed and removed: ${selftest.throwaway}\nif this is killed meanwhile: ${selftest.remove}\n`);
    }
    if (!(await confirmed(call))) return 1;
    const files = reserve(call);
    const results = await selftest.run(call.signal, (result) => call.json || call.out(progress(call, result)));
    const report: SelftestReport = { ...results, forAPerson: forAPerson(process.platform, call.profile, selftest.names) };
    writeFileSync(files.json, `${JSON.stringify(report, null, 2)}\n`);
    writeFileSync(files.text, renderReport(report));
    if (call.json) printJson(call, { ok: report.verdict === "proved", files, ...report });
    else call.out(`\n${report.verdict}\nthe report: ${files.json}\nto read:    ${files.text}\n${leftBehind(report)}`);
    if (report.interrupted) return EXIT_CODES.interrupted;
    return report.verdict === "proved" ? 0 : 1;
  },
};

/** Both files, empty and the account's alone, before anything is installed: a report that cannot be written would be a test for nothing. */
function reserve(call: Call): { readonly json: string; readonly text: string } {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const json = resolve(text(call, "report") ?? `rescue-watchdog-selftest-${process.platform}-${stamp}.json`);
  const files = { json, text: `${json.replace(/\.json$/i, "")}.txt` };
  for (const file of [files.json, files.text]) {
    try {
      closeSync(openSync(file, "wx", 0o600));
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      throw new RescueError("usage", `the report cannot be written: ${messageOf(error)}`, {
        fix: "--report FILE, a new one",
        cause: error,
      });
    }
  }
  return files;
}

function progress(call: Call, { verdict, proves, found, ms }: CheckResult): string {
  const head = `${call.style(COLOURS[verdict], verdict.padEnd(14))} ${proves} (${ms} ms)\n`;
  return verdict === "proved" ? head : `${head}${" ".repeat(15)}${plainText(found)}\n`;
}

function leftBehind(report: SelftestReport): string {
  return report.leftBehind.map(({ what, command }) => plainText(`LEFT BEHIND: ${what}\n  → ${command}\n`)).join("");
}

/** For people. Pure. */
export function renderReport(report: SelftestReport): string {
  const { machine, checks, leftBehind } = report;
  const count = (verdict: CheckResult["verdict"]) => checks.filter((check) => check.verdict === verdict).length;
  return [
    `rescue-watchdog ${report.version}, selftest service: ${report.verdict}${report.interrupted ? " (interrupted)" : ""}`,
    `${count("proved")} proved, ${count("failed")} failed, ${count("could not look")} could not be looked at`,
    "",
    `machine    ${machine.platform} ${machine.release}, ${machine.arch}, node ${machine.node}`,
    `manager    ${report.manager}, profile ${report.profile}, throwaway service ${report.throwaway}`,
    `when       ${report.startedAt}, ${report.tookMs} ms`,
    "",
    ...checks.flatMap((check) => [
      `[${check.verdict}] ${check.id} (${check.ms} ms): ${check.proves}`,
      `    expected  ${check.expected}`,
      `    found     ${check.found}`,
      ...(check.raw ?? "").split("\n").flatMap((line) => (line.trim() === "" ? [] : [`    | ${line}`])),
    ]),
    "",
    leftBehind.length === 0 ? "Nothing was left behind." : "LEFT BEHIND, to be removed by hand:",
    ...leftBehind.flatMap(({ what, command }) => [`  ${what}`, `    ${command}`]),
    "",
    "For a person; this program did none of it. Who has a watcher of his own: `service uninstall` below takes it away, install it again.",
    ...report.forAPerson.flatMap(({ what, commands }, index) => [
      `  ${index + 1}. ${what}`,
      ...commands.map((command) => `       ${command}`),
    ]),
    "",
  ].join("\n");
}

/** What only a person can see: other logins, reboots, other languages, and what would touch the gateway. Pure. */
export function forAPerson(
  platform: NodeJS.Platform,
  profile: string,
  { watcher, gateway }: { watcher: string; gateway: string },
): readonly ForAPerson[] {
  const ours = `rescue-watchdog service install --profile ${profile}`;
  const away = `rescue-watchdog service uninstall --profile ${profile}`;
  const status = `rescue-watchdog status --profile ${profile}`;
  const again = `rescue-watchdog selftest service --profile ${profile} --yes`;
  switch (platform) {
    case "darwin": {
      const print = ["gui", "user"].map((domain) => `launchctl print ${domain}/$(id -u)/${watcher} | grep -E 'state|pid|runs'`);
      return [
        {
          what: "A disabled agent is not started: install names `launchctl enable`; after that it works. The same with user/ for gui/.",
          commands: [ours, away, `launchctl disable gui/$(id -u)/${watcher}`, ours, `launchctl enable gui/$(id -u)/${watcher}`, ours],
        },
        {
          what: "Over SSH, with and without somebody at the screen; after the next login the agent is there once.",
          commands: [again, ...print],
        },
        {
          what: "What is read of the gateway's agent is what macOS says (the environment is in there: do not send it on).",
          commands: [`plutil -p ~/Library/LaunchAgents/${gateway}.plist`, `launchctl print gui/$(id -u)/${gateway}`],
        },
        {
          what: "Switched off in System Settings › General › Login Items: what launchd says; whether each install raises a notice.",
          commands: [`launchctl print-disabled gui/$(id -u) | grep ${watcher}`, ours, away],
        },
        {
          what: "A reboot brings no self-test back.",
          commands: ["sudo shutdown -r now", "launchctl list | grep rescue-watchdog.selftest; ls ~/Library/LaunchAgents | grep selftest"],
        },
      ];
    }
    case "win32": {
      const config = win32.join("%USERPROFILE%", basename(profileStateDir(profile, { home: "/", env: {} })), "openclaw.json");
      const query = `schtasks /Query /TN "${watcher}" /V /FO LIST`;
      return [
        { what: "Sign out and in again: the watchdog's task runs; its last result.", commands: [ours, "shutdown /l", query, away] },
        { what: "On a Windows in another language, with a letter such as ü in the user's name; right after a restart.", commands: [again] },
        { what: "As another user: his tasks are not ours.", commands: [`runas /user:OTHER "cmd /k ${status}"`] },
        {
          what: "A disabled task is not started: install names /ENABLE; after that it works.",
          commands: [ours, `schtasks /Change /TN "${watcher}" /DISABLE`, ours, `schtasks /Change /TN "${watcher}" /ENABLE`, ours, away],
        },
        {
          what: "ENDS YOUR GATEWAY: whether /End reaches it, and what state that leaves (expected 0x41306, stopped on purpose).",
          commands: [status, `schtasks /End /TN "${gateway}"`, status, `schtasks /Run /TN "${gateway}"`],
        },
        {
          what: "ENDS YOUR GATEWAY: taskkill of its pid (status tells it); whether RestartOnFailure brings it back within 4 minutes.",
          commands: [status, "taskkill /F /PID PID", "timeout /t 240", status, "taskkill /F /PID PID"],
        },
        {
          what: "STOPS YOUR GATEWAY: a configuration that is broken on purpose; the last result is 78. Then put the old one back.",
          commands: [
            `copy "${config}" "%TEMP%\\openclaw.json"`,
            `schtasks /End /TN "${gateway}"`,
            `echo {> "${config}"`,
            `schtasks /Run /TN "${gateway}"`,
            `schtasks /Query /TN "${gateway}" /V /FO LIST`,
            status,
            `copy /Y "%TEMP%\\openclaw.json" "${config}"`,
            `schtasks /Run /TN "${gateway}"`,
          ],
        },
        {
          what: "A gateway with an entry in the Startup folder instead of a task: status says startup-folder.",
          commands: [String.raw`dir "%APPDATA%\Microsoft\Windows\Start Menu\Programs\Startup"`, status],
        },
        {
          what: "PowerShell in constrained language mode: every check says that it could not look, none that nothing is installed.",
          commands: ['powershell -Command "$ExecutionContext.SessionState.LanguageMode"', again],
        },
      ];
    }
    default: {
      const show = `systemctl --user show ${watcher} -p ActiveState,MainPID,NRestarts`;
      return [
        {
          what: "A watcher that is frozen is ended by systemd within 60 s, and started again.",
          commands: [ours, show, `systemctl --user kill --kill-whom=main --signal=SIGSTOP ${watcher}`, "sleep 75", show, away],
        },
        {
          what: "It outlives a logout (needs Linger=yes) and comes back after a reboot.",
          commands: [ours, 'loginctl show-user "$USER" -p Linger', show],
        },
        { what: "A reboot brings no self-test back.", commands: ["systemctl --user list-unit-files 'rescue-watchdog-selftest-*'"] },
      ];
    }
  }
}
