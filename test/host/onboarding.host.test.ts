import { existsSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BotApi, botApi } from "../support/bot-api.ts";
import { freePort, OPENCLAW } from "../support/home.ts";
import { type FreshHome, filesWith, freshHome, onboardWords } from "../support/onboarding.ts";
import { packageCopy } from "../support/package.ts";
import { ENTER, openTerminal } from "../support/terminal.ts";

/**
 * `openclaw onboard --rescue-watchdog` on the unmodified host, without a network and without a service manager. What a service manager adds is
 * proved in the lab.
 */
let dir: string;
beforeAll(() => {
  dir = packageCopy();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const install = (at: FreshHome) => at.openclaw("plugins", "install", "--link", "--force", "--accept-capabilities", dir);
const rescueToken = (at: FreshHome, rescue = ".openclaw-rescue") => String(at.json(rescue, "openclaw.json").gateway.auth.token);
/** Where a secret may be: the configuration it belongs to, and the host's own copies of that. */
const ALLOWED = /^\.openclaw[^/]*\/(openclaw\.json(\.bak(\.\d+)?|\.last-good)?$|state\/|agents\/)/;

describe("openclaw onboard --rescue-watchdog, without a question", () => {
  let at: FreshHome;
  let words: readonly string[];
  const outputs: string[] = [];
  beforeAll(async () => {
    at = freshHome(dir);
    words = onboardWords(await freePort());
    expect((await install(at)).code).toBe(0);
  });
  afterAll(() => at.dispose());

  it("is listed by the host", async () => {
    for (const command of ["onboard", "setup"]) {
      expect((await at.openclaw(command, "--help")).stdout).toContain("--rescue-watchdog");
    }
  });

  it("fails when there is no service manager, with a sentence and a way, and has made nothing", async () => {
    const { code, json, stdout } = await at.openclaw(...words, "--rescue-watchdog");
    expect(code).toBe(1);
    expect(json.error.message).toMatch(/no service manager .*--skip-daemon.*rescue-watchdog supervise/);
    expect(existsSync(at.path(".openclaw-rescue"))).toBe(false);
    expect(stdout).not.toContain("rescue: claim-profile");
  });

  it("makes the rescue within the step, and its JSON stays the host's", async () => {
    const { code, json, stdout, stderr } = await at.openclaw(...words, "--skip-daemon", "--rescue-watchdog");
    outputs.push(stdout, stderr);
    expect(json, stderr).toMatchObject({ ok: true, authChoice: "rescue-watchdog" });
    expect(code).toBe(0);
    expect(stdout.trimStart().startsWith("{")).toBe(true);
    expect(at.json(".openclaw", "openclaw.json").plugins.entries["rescue-watchdog"]).toEqual({
      enabled: true,
      config: { watchProfile: "rescue" },
    });
    expect(at.json(".openclaw-rescue", "openclaw.json").plugins.entries["rescue-watchdog"].config.watchProfile).toBe("default");
    expect((await at.openclaw("--profile", "rescue", "config", "validate", "--json")).json.valid).toBe(true);
  });

  it("is fulfilled after the onboarding when another --auth-choice was given, and keeps the token", async () => {
    const before = rescueToken(at);
    const { code, json, stdout, stderr } = await at.openclaw(...words, "--skip-daemon", "--auth-choice", "skip", "--rescue-watchdog");
    outputs.push(stdout, stderr);
    expect(json).toMatchObject({ ok: true, authChoice: "skip" });
    expect(stderr).toContain("another --auth-choice");
    expect(stderr).toContain("profile rescue on port");
    expect(code).toBe(0);
    expect(rescueToken(at)).toBe(before);
  });

  // In npm test contract.programs.test.ts has both.
  it.runIf(process.env["RESCUE_FULL"] === "1")("ends with our exit code when that fails, and when the gateway is elsewhere", async () => {
    const none = await at.openclaw(...words, "--auth-choice", "skip", "--rescue-watchdog");
    expect(none.stderr).toContain("no service manager");
    expect(none.code).toBe(11);
    const remote = "onboard --non-interactive --accept-risk --mode remote --remote-url ws://127.0.0.1:9 --json --rescue-watchdog";
    const elsewhere = await at.openclaw(...remote.split(" "));
    expect(elsewhere.stderr).toContain("--mode remote");
    expect(elsewhere.code).toBe(1);
  });

  it("leaves the token in the rescue's own configuration and nowhere else", () => {
    const token = rescueToken(at);
    expect(outputs.join("")).not.toContain(token);
    expect(filesWith(at.home, [token]).filter((file) => !ALLOWED.test(file))).toEqual([]);
  });

  it("is noticed by the rescue when the plugin is uninstalled in the primary, which then repairs nothing", async () => {
    const tick = () => at.watchdog("tick", "--while-enabled", "--for", "1s", "--json");
    expect((await tick()).json.withdrawn).toBeUndefined();
    expect((await at.openclaw("plugins", "uninstall", "rescue-watchdog", "--force")).code).toBe(0);
    expect((await tick()).json).toEqual({ ok: true, watched: false, withdrawn: true });
    expect((await at.watchdog("status", "--json")).json.withdrawn).toBe(true);
  });
});

describe("openclaw onboard --rescue-watchdog, in the host's wizard", () => {
  const BOT = `123456789:${"A".repeat(35)}`;
  let at: FreshHome;
  let bot: BotApi;
  beforeAll(async () => {
    at = freshHome(dir);
    await install(at);
    bot = await botApi(BOT);
    const config = at.json(".openclaw", "openclaw.json");
    config.channels = { telegram: { apiRoot: bot.root } };
    writeFileSync(at.path(".openclaw", "openclaw.json"), JSON.stringify(config));
  });
  afterAll(async () => {
    await at.dispose();
    await bot.down();
  });

  const wizard = async () => {
    const port = String(await freePort());
    const flags = "--accept-risk --skip-channels --skip-skills --skip-search --skip-ui --skip-daemon --skip-hooks --skip-health";
    const argv = [process.execPath, OPENCLAW, "onboard", "--rescue-watchdog", ...flags.split(" "), "--gateway-port", port];
    const terminal = openTerminal(argv, { env: at.env, cwd: at.home });
    await terminal.shows("No thanks");
    terminal.type(ENTER);
    await terminal.shows("QuickStart (recommended)");
    terminal.type(ENTER);
    await terminal.shows("call your first agent?");
    terminal.type(ENTER);
    await terminal.shows("Port of the rescue gateway");
    return terminal;
  };

  it.runIf(process.env["RESCUE_FULL"] === "1")("writes nothing when the person leaves it", async () => {
    const terminal = await wizard();
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(1);
    expect(existsSync(at.path(".openclaw-rescue"))).toBe(false);
  });

  it("asks for port and bot, shows the plan before it writes, and goes on with the host's questions", async () => {
    const terminal = await wizard();
    terminal.type(ENTER);
    await terminal.shows("Telegram bot of the rescue's own");
    terminal.type(`${BOT}${ENTER}`);
    await terminal.shows("Numeric Telegram user ids");
    terminal.type(`12345, 678${ENTER}`);
    await terminal.shows("loopback only, a token of its own");
    await terminal.shows("Set up this rescue gateway now?");
    expect(existsSync(at.path(".openclaw-rescue"))).toBe(false);
    terminal.type(ENTER);
    await terminal.shows("Rescue gateway rescue is ready");
    await terminal.shows("Start now: openclaw gateway run");
    expect(await terminal.ended).toBe(0);
    const rescue = at.json(".openclaw-rescue", "openclaw.json");
    expect(rescue.channels.telegram).toMatchObject({
      botToken: BOT,
      apiRoot: bot.root,
      dmPolicy: "allowlist",
      allowFrom: ["12345", "678"],
    });
    for (const chat of [12_345, 678])
      expect(bot.messages(chat).map(({ text }) => text)).toEqual([expect.stringContaining("This is a test.")]);
    expect(rescue.plugins.allow).toEqual(["rescue-watchdog", "telegram"]);
    expect(at.json(".openclaw", "openclaw.json").plugins.entries["rescue-watchdog"].config).toEqual({ watchProfile: "rescue" });
    expect(terminal.screen()).not.toContain(BOT);
    expect(terminal.screen()).not.toContain(rescue.gateway.auth.token);
    expect((await at.openclaw("--profile", "rescue", "config", "validate", "--json")).json).toMatchObject({ valid: true });
  });
});

describe("rescue-watchdog onboard, where the plugin is not installed yet", () => {
  const LONG = "p".repeat(64);
  let at: FreshHome;
  beforeAll(() => {
    at = freshHome(dir);
  });
  afterAll(() => at.dispose());

  it("is refused by the host alone", async () => {
    const { code, json } = await at.openclaw(...onboardWords(1), "--rescue-watchdog");
    expect([code, json.error.message]).toEqual([1, expect.stringContaining("--rescue-watchdog")]);
  });

  // In npm test the lab has one command for both, and setup.host.test.ts a set-up by itself.
  it.runIf(process.env["RESCUE_FULL"] === "1")("onboards and sets up in one command, also for a profile of 64 letters", async () => {
    const words = [...onboardWords(await freePort()), "--auth-choice", "skip", "--skip-daemon", "--rescue-watchdog"];
    const { code, json, stderr } = await at.watchdog(...words, "--profile", LONG);
    expect(json, stderr).toMatchObject({ ok: true, onboard: { ok: true, authChoice: "skip" }, plan: { primary: LONG } });
    expect(code).toBe(0);
    const { rescue } = json.plan;
    expect(rescue).toHaveLength(64);
    expect(rescue).toMatch(/^p+-[0-9a-f]{8}-rescue$/);
    expect(at.json(`.openclaw-${rescue}`, "openclaw.json").plugins.entries["rescue-watchdog"].config.watchProfile).toBe(LONG);
    expect((await at.openclaw("--profile", rescue, "config", "validate", "--json")).json.valid).toBe(true);
  });

  it("ends with the host's refusal, and begins nothing", async () => {
    const { code, json } = await at.watchdog("onboard", "--non-interactive", "--json", "--auth-choice", "no-such-choice");
    expect([code, json.error.code]).toEqual([11, "service-control"]);
    expect(existsSync(at.path(".openclaw-rescue"))).toBe(false);
  });

  it.runIf(process.env["RESCUE_FULL"] === "1")(
    "copies the portable credentials of profile dev when asked, and tells their names only",
    async () => {
      const key = `sk-${"k".repeat(40)}`;
      await at.watchdog(...onboardWords(await freePort()), "--auth-choice", "skip", "--skip-daemon", "--profile", "dev");
      const paste = ["--profile", "dev", "models", "auth", "paste-api-key", "--provider", "openai", "--profile-id", "openai:test"];
      expect((await at.openclawReads(`${key}\n`, ...paste)).code).toBe(0);
      const { code, json, stdout, stderr } = await at.openclaw(
        "--profile",
        "dev",
        "rescue",
        "setup",
        "--no-service",
        "--inherit-auth",
        "--json",
      );
      expect(json, stderr).toMatchObject({
        ok: true,
        plan: { rescue: "dev-rescue" },
        inherited: { copied: [expect.stringMatching(/^openai/)] },
      });
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(key);
      const listed = await at.openclaw("--profile", "dev-rescue", "models", "auth", "list", "--json");
      expect(listed.json.profiles).toMatchObject([{ id: json.inherited.copied[0], provider: "openai" }]);
      expect(filesWith(at.path(".openclaw-dev-rescue"), [key]).filter((file) => !/^(state|agents)\//.test(file))).toEqual([]);
    },
  );
});
