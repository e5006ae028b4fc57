import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CommandResult, runCommand } from "../../src/shared/run-command.ts";
import { endProcess, type StartedHome, startGatewayHome, waitReady } from "../support/gateway.ts";
import { OPENCLAW, openclaw } from "../support/home.ts";

const CLONE = fileURLToPath(new URL("../..", import.meta.url));
const BIN = path.join(CLONE, "plugin", "cli", "bin.ts");

/** What a channel does with a sender whom it does not know, by the host's own function for plugins: the code to approve him with. */
const ASK = `import { upsertChannelPairingRequest } from "openclaw/plugin-sdk/conversation-runtime";
  const { code } = await upsertChannelPairingRequest({ channel: "testchat", id: "4711", accountId: "default" });
  console.log("CODE " + code); process.exit(0);`;

describe("preflight before a real gateway", () => {
  let home: StartedHome;
  let gateway: ChildProcess;
  let ran: string;

  beforeAll(async () => {
    home = await startGatewayHome();
    ran = path.join(home.home, "ran");
  });
  afterAll(() => home.dispose());

  /** With a command that leaves a file and ends with 7; what became of both. */
  async function preflight(...words: readonly string[]): Promise<Pick<CommandResult, "exitCode" | "stderr"> & { readonly ran: boolean }> {
    rmSync(ran, { force: true });
    const argv = [process.execPath, BIN, "preflight", ...words, "--", "/bin/sh", "-c", 'touch "$1"; exit 7', "sh", ran];
    const env = { ...home.env, RESCUE_WATCHDOG_OPENCLAW: OPENCLAW };
    const { exitCode, stderr } = await runCommand(argv, { timeoutMs: 90_000, env });
    return { exitCode, stderr, ran: existsSync(ran) };
  }

  const failed = (line: string) => ({ exitCode: 75, ran: false, stderr: expect.stringContaining(`PREFLIGHT_FAILED ${line}`) });
  const passed = { exitCode: 7, ran: true, stderr: "" };

  it("fails while it has not been started", async () => {
    expect(await preflight("--checks", "gateway")).toEqual(failed(`reason=gateway_unreachable port=${home.port} `));
  });

  it("runs the command once it serves, by all four checks, and ends as it does", async () => {
    gateway = spawn(process.execPath, [OPENCLAW, "gateway", "run"], { env: home.env, cwd: home.home, stdio: "ignore" });
    home.adopt(gateway);
    await waitReady(home.port);
    expect(await preflight()).toEqual(passed);
  });

  it("fails while somebody asks to be let in, and passes when that is answered", async () => {
    const asked = await runCommand([process.execPath, "--input-type=module", "-e", ASK], {
      timeoutMs: 60_000,
      env: { ...home.env, PWD: CLONE },
    });
    const code = /^CODE (\w+)$/m.exec(asked.stdout)?.[1];
    if (code === undefined) throw new Error(`the host made no request: ${asked.stdout}${asked.stderr}`);
    expect(await preflight("--checks", "gateway,pairing,disk")).toEqual(failed("reason=pairing_pending pending=1 "));
    await openclaw(["pairing", "approve", "testchat", code], home.env);
    expect(await preflight("--checks", "gateway,pairing,disk")).toEqual(passed);
  });

  it("fails when the host would not accept the configuration, or nobody could read it, though the gateway serves on", async () => {
    const whole = readFileSync(home.configPath, "utf8");
    writeFileSync(home.configPath, JSON.stringify({ ...JSON.parse(whole), gateway: { ...JSON.parse(whole).gateway, bind: 7 } }));
    expect(await preflight("--checks", "gateway,config")).toEqual(failed('reason=config_invalid detail="gateway.bind: '));
    writeFileSync(home.configPath, whole.slice(0, whole.length / 2));
    // Without it the gateway's port is not known either, which goes before.
    expect(await preflight("--checks", "gateway,config")).toEqual(failed("reason=gateway_unknown "));
    expect(await preflight("--checks", "config")).toEqual(failed("reason=config_invalid "));
    writeFileSync(home.configPath, whole);
  });

  it("fails when it was stopped", async () => {
    await endProcess(gateway);
    expect(await preflight("--checks", "gateway,pairing,disk")).toEqual(failed(`reason=gateway_unreachable port=${home.port} `));
  });
});
