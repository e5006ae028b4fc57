import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { runInstead } from "../../rescue-profile/preflight/run-instead.ts";
import { makeDatabase, runSql } from "../observe/findings-support.ts";
import { child, firstWord, fixture } from "../observe/support.ts";
import { openTerminal } from "../support/terminal.ts";
import { BIN, DISK, homeWith, PROFILE, run, start } from "./support.ts";

const signals = { first: new Promise<never>(() => undefined), heard: () => undefined, passTo: () => undefined, release: () => undefined };

describe("the command's end is ours", () => {
  it("with each exit code from 0 to 255", async () => {
    const codes = Array.from({ length: 256 }, (_, code) => code);
    for (let at = 0; at < codes.length; at += 16) {
      const some = codes.slice(at, at + 16);
      const ends = some.map((code) => runInstead(["/bin/sh", "-c", `exit ${code}`], process.env, signals));
      expect(await Promise.all(ends)).toEqual(some.map((code) => ({ kind: "exited", code })));
    }
  });

  it("through the whole program too, without a word of our own", async () => {
    const { home } = homeWith(1);
    const codes = [0, 1, 2, 42, 75, 126, 127, 128, 130, 143, 255];
    const ends = await Promise.all(codes.map((code) => run(home, [...DISK, "--", "/bin/sh", "-c", `exit ${code}`])));
    expect(ends).toEqual(codes.map((code) => ({ end: code, out: "", err: "" })));
  });

  it("by the signal that ended the command", async () => {
    const { home } = homeWith(1);
    const names = ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "KILL", "PIPE", "ALRM", "ABRT", "SEGV"];
    const ends = await Promise.all(names.map((name) => run(home, [...DISK, "--", "/bin/sh", "-c", `ulimit -c 0; kill -${name} $$`])));
    expect(ends).toEqual(names.map((name) => ({ end: `SIG${name}`, out: "", err: "" })));
  });
});

describe("a signal", () => {
  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"] as const)(
    "%s is passed on, and the command decides",
    async (signal) => {
      const { home } = homeWith(1);
      const { process: started, end } = start(home, [...DISK, "--", process.execPath, fixture("preflight-child.mjs")]);
      expect(await firstWord(started)).toBe("ready");
      const rest = text(started.stdout);
      started.kill(signal);
      expect(await end).toBe(40 + ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT"].indexOf(signal));
      expect(await rest).toBe(`${signal}\n`);
    },
  );

  it.runIf(process.platform === "linux")("of a terminal's Ctrl-C reaches the command once, not a second time through us", async () => {
    const { home } = homeWith(1);
    // Whatever we would pass on of the SIGINT comes before the SIGTERM that the command asks us for.
    const count = `let heard = 0;
      process.on("SIGINT", () => { heard += 1; if (heard === 1) process.kill(process.ppid, "SIGTERM"); });
      process.on("SIGTERM", () => { console.log("SIGINT heard", heard); process.exit(9); });
      setInterval(() => undefined, 1000); console.log("ready");`;
    const words = [
      process.execPath,
      BIN,
      "preflight",
      "--profile",
      PROFILE,
      ...DISK,
      "--",
      process.execPath,
      "-e",
      count.replaceAll(/\n\s*/g, " "),
    ];
    const terminal = openTerminal(words, { cwd: home, env: { HOME: home, PATH: "/usr/bin:/bin" } });
    onTestFinished(terminal.kill);
    await terminal.shows("ready");
    terminal.type("\u0003");
    expect(await terminal.ended).toBe(9);
    expect(terminal.screen()).toContain("SIGINT heard 1");
  });

  it.each(["SIGTERM", "SIGUSR1"] as const)("%s during the checks ends it by that signal, and the command never runs", async (signal) => {
    const gateway = net.createServer();
    await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void gateway.close());
    const address = gateway.address();
    const { home, ran } = homeWith(typeof address === "object" && address !== null ? address.port : 0);
    const asked = new Promise<void>((resolve) => gateway.once("connection", (socket) => resolve(void socket.on("error", () => undefined))));
    const { process: started, end } = start(home, ["--checks", "gateway", "--", "/usr/bin/touch", ran]);
    await asked;
    started.kill(signal);
    expect(await end).toBe(signal);
    expect(existsSync(ran)).toBe(false);
  });
});

describe("the command", () => {
  it("reads our input and writes our output, byte by byte", async () => {
    const { home } = homeWith(1);
    const input = Buffer.from(`a\0b\n${"x".repeat(300_000)}`);
    expect((await run(home, [...DISK, "--", "cat"], { input })).out).toBe(input.toString());
  });

  it("gets its words, directory and environment as they are, and no shell reads them", async () => {
    const { home } = homeWith(1);
    const words = ["$(id)", "a b", "", "; rm -rf x", "*", "--json", "--", "'\"\n"];
    const show = "console.log(JSON.stringify([process.argv.slice(1), process.cwd(), process.env.OPENCLAW_STATE_DIR]))";
    const { end, out } = await run(home, [...DISK, "--", process.execPath, "-e", show, "--", ...words], {
      env: { OPENCLAW_STATE_DIR: "/of/the/unit" },
    });
    expect(end).toBe(0);
    expect(JSON.parse(out)).toEqual([words, home, "/of/the/unit"]);
  });

  it("that is not there ends with 127, one that cannot be executed with 126", async () => {
    const { home } = homeWith(1);
    const file = join(home, "not-executable");
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o644);
    const missing = await run(home, [...DISK, "--", "no-such-program"]);
    expect(missing).toEqual({
      end: 127,
      out: "",
      err: 'PREFLIGHT_FAILED reason=command_not_found command=no-such-program detail="there is no such program"\n',
    });
    expect(await run(home, [...DISK, "--", file])).toMatchObject({ end: 126, out: "", err: expect.stringContaining("EACCES") });
    expect(await run(home, [...DISK, "--", home])).toMatchObject({ end: 126 });
    expect(await run(home, [...DISK, "--", ""])).toMatchObject({ end: 127 });
  });
});

describe("a check that fails", () => {
  it("keeps the command from running, with one line on stderr and 75", async () => {
    const { home, ran } = homeWith(1);
    expect(await run(home, ["--checks", "gateway", "--", "/usr/bin/touch", ran])).toEqual({
      end: 75,
      out: "",
      err: 'PREFLIGHT_FAILED reason=gateway_unreachable port=1 detail="nothing listens on 127.0.0.1:1"\n',
    });
    expect(existsSync(ran)).toBe(false);
  });

  it("is one object on stdout with --json", async () => {
    const { home, ran } = homeWith(1);
    const { end, out, err } = await run(home, [
      "--json",
      "--checks",
      "gateway,pairing,disk",
      "--min-free-mb",
      "999999999",
      "--",
      "/usr/bin/touch",
      ran,
    ]);
    expect({ end, err }).toEqual({ end: 75, err: "" });
    expect(out.trimEnd()).not.toContain("\n");
    expect(JSON.parse(out)).toEqual({
      ok: false,
      reason: "gateway_unreachable",
      port: 1,
      detail: "nothing listens on 127.0.0.1:1",
      also: "pairing_unknown,disk_low",
    });
    expect(existsSync(ran)).toBe(false);
  });

  it.each([
    ["gateway_unknown", "gateway", "seven"],
    ["pairing_unknown", "pairing", 1],
    ["config_unknown", "config", 1],
  ])("is %s when it could not be made", async (reason, check, port) => {
    const { home, ran } = homeWith(port);
    const { end, err } = await run(home, ["--checks", check, "--", "/usr/bin/touch", ran]);
    expect({ end, ran: existsSync(ran) }).toEqual({ end: 75, ran: false });
    expect(err).toMatch(new RegExp(`^PREFLIGHT_FAILED reason=${reason} [^\\n]+\\n$`));
  });

  it("says what is missing of a profile that is not there", async () => {
    const { home, stateDir } = homeWith(1);
    rmSync(stateDir, { recursive: true });
    const { end, err } = await run(home, ["--", "true"]);
    expect(end).toBe(75);
    expect(err).toMatch(
      /^PREFLIGHT_FAILED reason=gateway_unknown detail="the gateway: there is no OpenClaw profile [^\n]+" also="pairing_unknown,config_missing,disk_unknown"\n$/,
    );
  });
});

describe("all four checks", () => {
  it("pass for a gateway that is ready, and each of them still counts", async () => {
    const gateway = child(process.execPath, [fixture("observe-http.mjs"), "health"]);
    const { home, stateDir, ran } = homeWith(Number(await firstWord(gateway)));
    const database = join(stateDir, "state", "openclaw.sqlite");
    makeDatabase(database, 1_795_275_081_707);
    runSql(
      database,
      `CREATE TABLE device_pairing_pending (ts INTEGER, refreshed_at_ms INTEGER);
       CREATE TABLE device_pairing_paired (pending_node_surface_json TEXT);
       CREATE TABLE channel_pairing_requests (created_at TEXT);`,
    );
    const env = { RESCUE_WATCHDOG_OPENCLAW: fixture("preflight-host.mjs") };
    expect(await run(home, ["--", "/usr/bin/touch", ran], { env })).toEqual({ end: 0, out: "", err: "" });
    expect(existsSync(ran)).toBe(true);

    const refused = await run(home, ["--", "true"], { env: { ...env, PREFLIGHT_TEST_ISSUE: 'Invalid input: "x"' } });
    expect(refused.err).toBe('PREFLIGHT_FAILED reason=config_invalid detail="gateway.bind: Invalid input: \\"x\\""\n');

    runSql(database, `INSERT INTO channel_pairing_requests VALUES ('${new Date().toISOString()}')`);
    const { end, err } = await run(home, ["--", "true"], { env });
    expect(end).toBe(75);
    expect(err).toContain("reason=pairing_pending pending=1 ");
  });
});
