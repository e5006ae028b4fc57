import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TARGET } from "../../journal/harness.ts";
import { cliIn } from "../../plugin/cli-harness.ts";
import { ALLOWLIST, LOCK, planOf } from "./support.ts";

const BIN = join(import.meta.dirname, "../../../plugin/cli/bin.ts");

function withFile(home: string, text: string | Uint8Array, name = "plan"): string {
  const file = join(home, name);
  writeFileSync(file, text);
  return file;
}

describe("allowlist check", () => {
  it("says of each command why, and ends with 1 when one is rejected", async () => {
    using cli = cliIn();
    const file = withFile(cli.home, `openclaw --profile ${TARGET} gateway restart\nreboot\n\u202ereboot\n`);
    const { code, out, err } = await cli.run("allowlist", "check", file);
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out).toBe(
      [
        `accepted  openclaw --profile ${TARGET} gateway restart`,
        "          restart-gateway, by gateway-restart-profile",
        "rejected  reboot",
        "          no entry allows this program",
        "rejected  \\u{202e}reboot",
        "          it has the character U+202E, and only printable ASCII is allowed",
        "the plan is refused: 2 of its 3 commands are not allowed",
        "",
      ].join("\n"),
    );
  });

  it("ends with 0 when all are accepted", async () => {
    using cli = cliIn();
    const file = withFile(cli.home, `openclaw --profile=${TARGET} doctor --fix\nss -ltnp\n`);
    const { code, out } = await cli.run("allowlist", "check", file, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({
      ok: true,
      refusal: null,
      commands: [
        { command: `openclaw --profile=${TARGET} doctor --fix`, accepted: true, entry: "doctor-fix-profile-is", action: "guarded-doctor" },
        { command: "ss -ltnp", accepted: true, entry: "port-ss", action: "look-at-port" },
      ],
      actions: [
        { action: "guarded-doctor", entry: "doctor-fix-profile-is" },
        { action: "look-at-port", entry: "port-ss" },
      ],
    });
  });

  it("accepts no pid and no lock without a context, and with one just those", async () => {
    using cli = cliIn();
    const file = withFile(cli.home, `kill -9 4242\nrm ${LOCK}\n`);
    const without = JSON.parse((await cli.run("allowlist", "check", file, "--json")).out);
    expect(without.commands.map(({ accepted }: { accepted: boolean }) => accepted)).toEqual([false, false]);
    const context = withFile(cli.home, JSON.stringify({ pid: 4242, staleLocks: [LOCK] }), "context");
    const { code, out } = await cli.run("allowlist", "check", file, "--json", "--context", context);
    expect(code).toBe(0);
    expect(JSON.parse(out).commands).toEqual([
      { command: "kill -9 4242", accepted: true, entry: "kill-9", action: "end-owner", pid: 4242 },
      { command: `rm ${LOCK}`, accepted: true, entry: "lock-rm", action: "quarantine-lock", lock: LOCK },
    ]);
  });

  it("reads a plan in JSON, and says what is wrong with one", async () => {
    using cli = cliIn();
    const good = withFile(cli.home, `\n${planOf(["openclaw", "--profile", TARGET, "gateway", "restart"])}\n`);
    expect((await cli.run("allowlist", "check", good)).code).toBe(0);
    const bad = withFile(cli.home, '{"commands": []}');
    expect(await cli.run("allowlist", "check", bad)).toEqual({ code: 1, out: "the plan is refused: it lacks diagnosis\n", err: "" });
    const whole = withFile(cli.home, "if true\nthen reboot\nfi");
    expect(JSON.parse((await cli.run("allowlist", "check", whole, "--json")).out)).toEqual({
      ok: false,
      refusal: "the statement in line 1 goes over several lines",
      commands: [],
      actions: [],
    });
  });

  it("goes by the port of the profile, where there is one", async () => {
    using cli = cliIn();
    const file = withFile(cli.home, "lsof -i :18790");
    expect((await cli.run("allowlist", "check", file, "--profile", "default")).code).toBe(1);
    mkdirSync(join(cli.home, ".openclaw"));
    writeFileSync(join(cli.home, ".openclaw", "openclaw.json"), '{ "gateway": { "port": 18790 } }');
    expect((await cli.run("allowlist", "check", file, "--profile", "default")).code).toBe(0);
    writeFileSync(join(cli.home, ".openclaw", "openclaw.json"), "broken");
    expect((await cli.run("allowlist", "check", withFile(cli.home, "lsof -i :18789"), "--profile", "default")).code).toBe(0);
  });

  it("keeps a mark of byte order, and rejects it", async () => {
    using cli = cliIn();
    const { code, out } = await cli.run("allowlist", "check", withFile(cli.home, "\ufeffss -ltnp"));
    expect(code).toBe(1);
    expect(out).toContain("U+FEFF");
  });

  it("refuses what is no text, is too large, or is not there, with 4", async () => {
    using cli = cliIn();
    const said = async (file: string) => {
      const { code, err } = await cli.run("allowlist", "check", file);
      expect(code).toBe(4);
      return err;
    };
    expect(await said(withFile(cli.home, Uint8Array.of(0xff)))).toContain("cannot be read as text");
    expect(await said(withFile(cli.home, "#".repeat(1_048_577)))).toContain("has more than 1048576 bytes");
    expect(await said(join(cli.home, "none"))).toContain("ENOENT");
    expect(await said(cli.home)).toContain("EISDIR");
  });

  it("refuses a context that is wrong with 5", async () => {
    using cli = cliIn();
    const file = withFile(cli.home, "ss -ltnp");
    const { code, err } = await cli.run("allowlist", "check", file, "--context", withFile(cli.home, '{"pid":1}', "context"));
    expect(code).toBe(5);
    expect(err).toContain("context: pid is not a process id above 1, or null");
  });

  // biome-ignore format: a table reads by its rows
  const wrong: readonly [string, string[], string][] = [
    ["no word", [], "allowlist wants check or show"],
    ["another word", ["judge"], 'allowlist does not take "judge"'],
    ["no file", ["check"], "check wants a file, or - for standard input"],
    ["two files", ["check", "a", "b"], 'allowlist does not take "b"'],
    ["a file to show", ["show", "a"], "show takes no file and no --context"],
    ["a context to show", ["show", "--context", "a"], "show takes no file and no --context"],
    ["standard input twice", ["check", "-", "--context", "-"], "only one of both can be standard input"],
  ];
  for (const [what, words, sentence] of wrong) {
    it(`with ${what} ends with 2 and what to do`, async () => {
      using cli = cliIn();
      const { code, out, err } = await cli.run("allowlist", ...words);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      expect(err).toContain(`rescue-watchdog: ${sentence}`);
      expect(err).toContain("→ ");
    });
  }

  it("reads standard input without a terminal", async () => {
    using cli = cliIn();
    const { code, out } = await new Promise<{ code: number | null; out: string }>((resolve, reject) => {
      const env = { HOME: cli.home, PATH: "/usr/bin:/bin" };
      const child = execFile(process.execPath, [BIN, "allowlist", "check", "-"], { env }, (error, out) => {
        if (error !== null && typeof error.code !== "number") reject(error);
        else resolve({ code: child.exitCode, out });
      });
      child.stdin?.end("openclaw gateway restart\nreboot\n");
    });
    expect(code).toBe(1);
    expect(out).toContain("accepted  openclaw gateway restart");
    expect(out).toContain("rejected  reboot");
  });
});

describe("allowlist show", () => {
  it("shows every entry and its file", async () => {
    using cli = cliIn();
    const { code, out } = await cli.run("allowlist", "show");
    expect(code).toBe(0);
    expect(out).toContain("config/allowlist.yaml\n");
    expect(out).toContain("  end-owner        kill -9 {pid}  kill-9\n");
    expect(out.trimEnd().split("\n").length).toBe(ALLOWLIST.length + 1);
  });

  it("shows the user's entries, and refuses a file that is not the user's alone with 9", async () => {
    using cli = cliIn();
    mkdirSync(cli.dir, { recursive: true });
    const file = join(cli.dir, "allowlist.yaml");
    writeFileSync(file, 'version: 1\nentries:\n  - { id: mine, does: end-owner, argv: [kill, -INT, "{pid}"], comment: gently }\n', {
      mode: 0o600,
    });
    const { entries } = JSON.parse((await cli.run("allowlist", "show", "--json")).out);
    expect(entries.at(-1)).toEqual({ id: "mine", does: "end-owner", argv: ["kill", "-INT", "{pid}"], comment: "gently", from: file });
    chmodSync(file, 0o644);
    const { code, err } = await cli.run("allowlist", "show");
    expect(code).toBe(9);
    expect(err).toContain(`${file} has the mode 644`);
    expect(err).toContain(`chmod 600 ${file}`);
    chmodSync(file, 0o600);
    writeFileSync(file, "version: 1\nentries: [&a]");
    expect((await cli.run("allowlist", "show")).code).toBe(5);
  });
});
