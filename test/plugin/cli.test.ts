import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "../../src/shared/errors.ts";
import { cliIn } from "./cli-harness.ts";

const COMMANDS = ["watch", "tick", "status", "history", "incident", "logs", "repair", "pause", "resume", "supervise", "preflight"];
const BIN = join(import.meta.dirname, "../../plugin/cli/bin.ts");

describe("a wrong command line", () => {
  // biome-ignore format: a table reads by its rows
  const wrong: [string, string[], string, string][] = [
    ["an unknown command", ["fix"], 'there is no command "fix"', "rescue-watchdog --help"],
    ["an object's own property as command", ["constructor"], 'there is no command "constructor"', "rescue-watchdog --help"],
    ["an option before the command", ["--json=1", "status"], 'there is no command "--json=1"', "rescue-watchdog --help"],
    ["an unknown option", ["status", "--wat"], "status: Unknown option '--wat'", "rescue-watchdog status --help"],
    ["an option without its value", ["history", "--since"], "history: Option '--since <value>' argument missing", "rescue-watchdog history --help"],
    ["a value for a switch", ["status", "--json=yes"], "status: Option '--json' does not take an argument", "rescue-watchdog status --help"],
    ["a word that a command does not take", ["pause", "2h"], 'pause does not take "2h"', "rescue-watchdog pause --help"],
    ["one word more than it takes", ["incident", "1", "2"], 'incident does not take "2"', "rescue-watchdog incident --help"],
    ["a profile that is no name", ["logs", "--profile", "../../etc"], '"../../etc" is no profile name', "use lower-case letters"],
    ["an empty profile", ["logs", "--profile", ""], '"" is no profile name', "use lower-case letters"],
    ["a duration that is none", ["history", "--since", "soon"], "--since must be a duration", ""],
    ["a pause that is none", ["pause", "--for", "5"], "--for must be a duration", ""],
    ["a limit that is none", ["history", "--limit", "many"], "--limit wants a number", ""],
    ["a limit of nothing", ["history", "--limit", "0"], "--limit wants a number", ""],
    ["an incident that is no number", ["incident", "last"], "incident wants a number", ""],
    ["an incident without its number", ["incident"], "incident wants a number", ""],
    ["an incident that never was", ["incident", "9"], "there is no incident 9", "list them with: history"],
    ["a number of lines that is none", ["logs", "-n", "-1"], "", ""],
    ["an empty number of lines", ["logs", "-n", ""], "-n wants a number of lines", ""],
    ["a tier that there is not", ["repair", "--tier", "3"], "--tier wants 1 (restart) or 2 (deep fix), not 3", "leave it away"],
    ["nothing to run after the checks", ["preflight"], "preflight wants a command behind --", "rescue-watchdog preflight -- CMD ARGS"],
    ["a check that there is not", ["preflight", "--checks", "gateway,moon"], '--checks does not know "moon"', "choose from gateway,pairing,config,disk"],
    ["a space that is no number", ["preflight", "--min-free-mb", "1e3"], "--min-free-mb wants a whole number", ""],
    ["nothing to supervise", ["supervise"], "supervise wants a command behind --", "rescue-watchdog supervise -- openclaw gateway run"],
  ];
  for (const [what, argv, sentence, fix] of wrong) {
    it(`such as ${what} ends with 2, one sentence and what to do`, async () => {
      using cli = cliIn();
      const { code, out, err } = await cli.run(...argv);
      expect(code).toBe(2);
      expect(out).toBe("");
      expect(err).toContain(`rescue-watchdog: ${sentence}`);
      if (fix !== "") expect(err).toContain(`→ ${fix}`);
    });

    it(`such as ${what} is one object with --json`, async () => {
      using cli = cliIn();
      const { code, out, err } = await cli.run(argv[0] ?? "", "--json", ...argv.slice(1));
      expect(code).toBe(2);
      expect(err).toBe("");
      const object = JSON.parse(out);
      expect(object).toEqual({ ok: false, error: { code: "usage", message: expect.any(String), fix: object.error.fix } });
      expect(object.error.message).toContain(sentence);
      expect(out.trimEnd()).not.toContain("\n");
    });
  }

  it("does not print another program's escape sequences", async () => {
    using cli = cliIn();
    const { err } = await cli.run("status", "--\u001b[31mred\u009b2J");
    expect(err).toContain("Unknown option");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(err).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
  });

  it("takes no --json from the command that is to be supervised", async () => {
    using cli = cliIn();
    const { code, out, err } = await cli.run("supervise", "--wat", "--", "openclaw", "--json");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("Unknown option '--wat'");
  });
});

describe("help", () => {
  for (const command of COMMANDS) {
    it(`for ${command} shows how it is used and its exit codes, and needs nothing to exist`, async () => {
      using cli = cliIn();
      const { code, out, err } = await cli.run(command, "--help");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toMatch(new RegExp(`^Usage: rescue-watchdog ${command}\\b`));
      expect(out).toMatch(/^Exit codes: 0 /m);
      expect(out).not.toContain("undefined");
      expect((await cli.run(command, "-h")).out).toBe(out);
    });
  }

  it("lists every command and every exit code", async () => {
    using cli = cliIn();
    const { code, out } = await cli.run("--help");
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(out).toMatch(new RegExp(`^  ${command} +\\S`, "m"));
    for (const [name, value] of Object.entries(EXIT_CODES)) expect(out).toContain(`${value} ${name}`);
    for (const argv of [[], ["help"], ["-h"]]) expect(await cli.run(...argv)).toEqual({ code: 0, out, err: "" });
  });

  it("names only options that exist", async () => {
    using cli = cliIn();
    for (const command of COMMANDS) {
      const { out } = await cli.run(command, "--help");
      for (const [, option = ""] of out.split("\n")[0]?.matchAll(/--([a-z-]+)/g) ?? []) {
        const { err } = await cli.run(command, `--${option}`, "--help", "--wat");
        expect(err, `${command} --${option}`).not.toContain(`Unknown option '--${option}'`);
      }
    }
  });
});

describe("the program itself", () => {
  const run = promisify(execFile);

  it("ends with the exit code of its command", async () => {
    await expect(run(process.execPath, [BIN, "fix"])).rejects.toMatchObject({
      code: 2,
      stdout: "",
      stderr: 'rescue-watchdog: there is no command "fix"\n  → rescue-watchdog --help\n',
    });
  });

  it("knows its version", async () => {
    expect((await run(process.execPath, [BIN, "--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
