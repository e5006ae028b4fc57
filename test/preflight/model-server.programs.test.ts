import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { readProcStat } from "../../rescue-profile/observe/proc.ts";
import { runCommand } from "../../src/shared/run-command.ts";
import { child, firstWord, tempDir, until } from "../observe/support.ts";
import { freePort } from "../support/home.ts";
import { DISK, homeWith, packageIn, run, script, start, wholeModel } from "./support.ts";
import { wordsOfUnit } from "./unit-words.ts";

const ALONE = ["--checks", "custom"];

/** A home with a model that is whole and a server in a shell's language; the words that name both. */
function server() {
  const { home, ran } = homeWith();
  const model = wholeModel(join(home, "model"));
  const entry = script(home, "serve", '#!/bin/sh\necho serving "$@"\n');
  return { home, ran, model, entry, words: ["model-server", "--model-path", model, "--entrypoint", entry] };
}

/** What nvidia-smi answers to the one question that it is asked; anything else fails, as with the real one. */
function nvidiaSmi(answer: string) {
  const bin = tempDir();
  script(
    bin,
    "nvidia-smi",
    `#!/bin/sh\n[ "$*" = "--query-gpu=memory.free --format=csv,noheader,nounits" ] || { echo 'ERROR: Option is not recognized.'; exit 2; }\n${answer}\n`,
  );
  return { env: { PATH: `${bin}:/usr/bin:/bin` } };
}

describe("a check of one's own", () => {
  it("lets the command run with 0, and else says which, how it ended and its first line without a secret", async () => {
    const { home, ran } = homeWith();
    const good = script(home, "good", "#!/bin/sh\necho said on stdout; echo said on stderr >&2; cat; exit 0\n");
    const bad = script(home, "bad", '#!/bin/sh\necho; echo "  not today: password=hunter2hunter2"; echo more >&2; exit 3\n');
    const [passed, failed, json] = await Promise.all([
      // Neither its words nor the command's input are its own.
      run(home, [...ALONE, "--custom", `good=${good}`, "--", "cat"], { input: Buffer.from("input") }),
      run(home, [
        ...DISK,
        "--custom",
        `bad=${bad}`,
        "--custom",
        `good=${good}`,
        "--custom",
        `none=${home}/none`,
        "--",
        "/usr/bin/touch",
        ran,
      ]),
      run(home, [...ALONE, "--custom", `bad=${bad}`, "--json", "--", "/usr/bin/touch", ran]),
    ]);
    expect(passed).toEqual({ end: 0, out: "input", err: "" });
    expect(failed).toEqual({
      end: 75,
      out: "",
      err: 'PREFLIGHT_FAILED reason=custom_failed check=bad exit=3 detail="not today: password=***" also=custom_unknown\n',
    });
    expect(JSON.parse(json.out)).toEqual({ ok: false, reason: "custom_failed", check: "bad", exit: 3, detail: "not today: password=***" });
    expect(existsSync(ran)).toBe(false);
  });

  it.runIf(process.platform === "linux")("that does not end is killed with what it started, and is no permission", async () => {
    const { home, ran } = homeWith();
    const pids = join(home, "pids");
    const slow = script(home, "slow", `#!/bin/sh\nsetsid sleep 300 & echo $! $$ > ${pids}; wait\n`);
    const late = await run(home, [...ALONE, "--custom", `slow=${slow}`, "--custom-timeout", "1s", "--", "/usr/bin/touch", ran]);
    expect(late).toEqual({
      end: 75,
      out: "",
      err: 'PREFLIGHT_FAILED reason=custom_unknown check=slow detail="it did not end within 1000 ms, and was killed"\n',
    });
    await gone(pids);
    expect(existsSync(ran)).toBe(false);
  });

  it.runIf(process.platform === "linux")("is killed with what it started when a signal ends the preflight meanwhile", async () => {
    const { home, ran } = homeWith();
    const pids = join(home, "pids");
    const slow = script(home, "slow", `#!/bin/sh\nsetsid sleep 300 & echo $! $$ > ${pids}.new; mv ${pids}.new ${pids}; wait\n`);
    const { process: started, end } = start(home, [...ALONE, "--custom", `slow=${slow}`, "--", "/usr/bin/touch", ran]);
    await until(() => existsSync(pids));
    started.kill("SIGTERM");
    expect(await end).toBe("SIGTERM");
    await gone(pids);
    expect(existsSync(ran)).toBe(false);
  });
});

/** Until none of the processes in the file runs any more (an orphan may stay a zombie where nobody reaps). */
async function gone(file: string): Promise<void> {
  const pids = readFileSync(file, "utf8").trim().split(" ").map(Number);
  onTestFinished(() => {
    for (const pid of pids) if (runs(pid)) process.kill(pid, "SIGKILL");
  });
  expect(pids).toHaveLength(2);
  const deadline = performance.now() + 5_000;
  while (pids.some(runs) && performance.now() < deadline) await delay(20);
  expect(pids.filter(runs)).toEqual([]);
}

const runs = (pid: number) => !["Z", undefined].includes(readProcStat(pid)?.stateCode);

describe("preflight model-server", () => {
  it("passes in silence, says so with --json, and runs a command in its place", async () => {
    const { home, words, entry } = server();
    const ready = [...words, "--port", String(await freePort()), "--min-free-gpu-mem", "8000"];
    const gpu = nvidiaSmi("echo 81079; echo 24");
    const [silent, json, ran, failed] = await Promise.all([
      run(home, ready, gpu),
      run(home, [...ready, "--json"], gpu),
      run(home, [...ready, "--json", "--", entry, "a b", "$(id)"], gpu),
      run(home, [...ready, "--", "/bin/sh", "-c", "exit 75"], gpu),
    ]);
    expect(silent).toEqual({ end: 0, out: "", err: "" });
    expect(json).toEqual({ end: 0, out: '{"ok":true}\n', err: "" });
    expect(ran).toEqual({ end: 0, out: "serving a b $(id)\n", err: "" });
    expect(failed).toEqual({ end: 75, out: "", err: "" });
  });

  it("names the file of a model that is not whole, and everything else by its reason", async () => {
    const { home, ran, words, model } = server();
    truncateSync(join(model, "model-00002-of-00002.safetensors"), 60);
    const bad = script(home, "bad", "#!/bin/sh\nexit 1\n");
    const all = [...words, "--interpreter", "/none/python", "--custom", `mine=${bad}`, "--", "/usr/bin/touch", ran];
    expect(await run(home, all)).toEqual({
      end: 75,
      out: "",
      err: 'PREFLIGHT_FAILED reason=interpreter_missing interpreter=/none/python detail="there is no such program" also="model_incomplete,custom_failed"\n',
    });
    expect((await run(home, [...words, "--", "/usr/bin/touch", ran])).err).toMatch(
      /^PREFLIGHT_FAILED reason=model_incomplete path=\S+ file=model-00002-of-00002.safetensors problems=1 detail="model-00002-of-00002.safetensors is cut off: [^\n]+"\n$/,
    );
    expect(existsSync(ran)).toBe(false);
  });

  it("names who has the port, without the secret in its command line", async () => {
    const { home, words } = server();
    const program = "const s = require('net').createServer(); s.listen(0, '127.0.0.1', () => console.log(s.address().port))";
    const listener = child(process.execPath, ["-e", program, "--", "--api-key", "hunter2"]);
    const port = await firstWord(listener);
    const { end, err } = await run(home, [...words, "--port", port]);
    expect(end).toBe(75);
    expect(err).toMatch(
      new RegExp(`^PREFLIGHT_FAILED reason=port_in_use port=${port} listener=("node \\(pid ${listener.pid}\\)"|unknown) `),
    );
    if (process.platform === "linux")
      expect(err).toContain(`listener="node (pid ${listener.pid})" detail="listens there already: ${process.execPath} -e`);
    expect(err).not.toContain("hunter2");
    // An address that overlaps is taken, too.
    expect((await run(home, [...words, "--port", port, "--host", "0.0.0.0"])).err).toContain(`reason=port_in_use port=${port} `);
  });

  it("wants the GPU's memory when it is asked for, and takes no silence for it", async () => {
    const { home, words } = server();
    const asked = [...words, "--min-free-gpu-mem", "8000"];
    const driver = 'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9';
    const [low, none, failed, odd, notAsked] = await Promise.all([
      run(home, asked, nvidiaSmi("echo 7999; echo 24")),
      run(home, asked),
      run(home, asked, nvidiaSmi(driver)),
      run(home, asked, nvidiaSmi("echo '[N/A]'")),
      run(home, words),
    ]);
    expect([low, none, failed, odd].map(({ end }) => end)).toEqual([75, 75, 75, 75]);
    expect(low.err).toBe(
      'PREFLIGHT_FAILED reason=gpu_memory_low free_mib=7999 min_mib=8000 detail="none of the 2 GPUs has that much free"\n',
    );
    expect(none.err).toBe(
      'PREFLIGHT_FAILED reason=gpu_unknown min_mib=8000 detail="nvidia-smi is not on PATH: without it the free memory of a GPU cannot be known"\n',
    );
    expect(failed.err).toContain(
      "reason=gpu_unknown min_mib=8000 detail=\"nvidia-smi ended with 9: NVIDIA-SMI has failed because it couldn't",
    );
    expect(odd.err).toContain('detail="1 of the GPUs do not say what is free"');
    expect(notAsked).toEqual({ end: 0, out: "", err: "" });
  });

  it("finds a module as python -m would, without running anything of it", async (context) => {
    const python = await runCommand(["python3", "-c", "import sys; print(sys.executable)"], { timeoutMs: 10_000 });
    if (python.exitCode !== 0) return context.skip("there is no python3 on this machine");
    const { home, model } = server();
    const mine = join(home, "lib");
    for (const name of ["pack", "pack/inner", "pack/main"]) {
      await runCommand(["mkdir", "-p", join(mine, name)], { timeoutMs: 5_000 });
      writeFileSync(join(mine, name, "__init__.py"), `open(${JSON.stringify(join(home, "canary"))}, "w")\n`);
    }
    writeFileSync(join(mine, "pack", "main", "__main__.py"), "");
    writeFileSync(join(mine, "pack", "inner", "server.py"), "");
    const names = ["pack.inner.server", "pack.main", "pack", "pack.inner.other", "pack.inner.server.deeper", "none.of.it", "http.server"];
    const reasons = names.map(async (name) => {
      const words = ["model-server", "--model-path", model, "--module", name, "--interpreter", python.stdout.trim()];
      const { end, err } = await run(home, words, { env: { PYTHONPATH: mine } });
      return end === 0 && err === "" ? "passes" : err.split(" ").slice(1, 3).join(" ");
    });
    const missing = (name: string) => `reason=entrypoint_missing module=${name}`;
    expect(await Promise.all(reasons)).toEqual(["passes", "passes", ...names.slice(2, 6).map(missing), "passes"]);
    expect(existsSync(join(home, "canary"))).toBe(false);
  });

  it("does not let an option of the other form go by without effect", async () => {
    const { home, words, entry } = server();
    const [gateway, modelServer, args, twice] = await Promise.all([
      run(home, [...words, "--checks", "disk"]),
      run(home, [...DISK, "--port", "1", "--", "true"]),
      run(home, [...words, "--", "--port", "1"]),
      run(home, [...words, "--render", "--", entry, "a"]),
    ]);
    expect([gateway, modelServer, args, twice].map(({ end, out }) => [end, out])).toEqual([2, 2, 2, 2].map((end) => [end, ""]));
    expect(gateway.err).toContain("--checks is for preflight -- CMD, which looks at the gateway");
    expect(modelServer.err).toContain("--port is for preflight model-server");
    expect(args.err).toContain("behind -- stands the whole command");
    expect(twice.err).toContain("only the server's arguments stand behind --");
  });
});

describe("the unit that --render prints", () => {
  /** By `runCli` with a package of the test's own, since a run from the sources has no `dist`. */
  async function render(home: string, words: readonly string[]) {
    const cli = pathToFileURL(join(import.meta.dirname, "..", "..", "plugin", "cli", "run.ts")).href;
    const options = `{ program: "p", env: process.env, home: process.env.HOME, defaultProfile: "default", packageRoot: process.env.PACKAGE, signal: AbortSignal.abort() }`;
    const program = `import { runCli } from ${JSON.stringify(cli)}; process.exitCode = await runCli(process.argv.slice(1), ${options});`;
    return runCommand([process.execPath, "--input-type=module", "-e", program, "--", "preflight", ...words], {
      timeoutMs: 30_000,
      env: { HOME: home, PATH: "/usr/bin:/bin", PACKAGE: packageIn(home) },
    });
  }

  it("holds lines that run: the check passes, then fails with 75 for what is missing, and the server gets its arguments", async () => {
    const { home, words, model } = server();
    const { stdout: unit, stderr } = await render(home, [
      ...words,
      "--port",
      String(await freePort()),
      "--unit",
      "llm",
      "--",
      "--name",
      "a $b %c",
    ]);
    expect(stderr).toBe("");
    const check = wordsOfUnit(unit, "ExecStartPre");
    expect(check.slice(0, 4)).toEqual([
      process.execPath,
      join(home, "package", "dist", "plugin", "cli", "bin.js"),
      "preflight",
      "model-server",
    ]);
    const options = { timeoutMs: 30_000, env: { HOME: home, PATH: "/usr/bin:/bin" } };
    expect(await runCommand(check, options)).toMatchObject({ exitCode: 0, stdout: "", stderr: "" });
    expect(await runCommand(wordsOfUnit(unit, "ExecStart"), options)).toMatchObject({ exitCode: 0, stdout: "serving --name a $b %c\n" });
    rmSync(join(model, "config.json"));
    expect(await runCommand(check, options)).toMatchObject({ exitCode: 75, stderr: expect.stringContaining("reason=model_incomplete") });
  });

  it("is one that systemd accepts, also with names that it would expand", async (context) => {
    const analyze = await runCommand(["systemd-analyze", "--version"], { timeoutMs: 10_000 });
    if (analyze.exitCode !== 0) return context.skip("systemd-analyze is not on this machine");
    const { home, model } = server();
    const entry = script(home, 'serve %n $HOME "quoted" \\back', "#!/bin/sh\n");
    const words = ["model-server", "--model-path", model, "--entrypoint", entry, "--port", "8001", "--min-free-gpu-mem", "8000"];
    const { stdout: unit } = await render(home, [
      ...words,
      "--custom",
      "a=/bin/true",
      "--custom-timeout",
      "2m",
      "--unit",
      "llm",
      "--",
      "%h",
      "$HOME",
    ]);
    const file = join(home, "llm.service");
    writeFileSync(file, unit);
    expect(await runCommand(["systemd-analyze", "verify", file], { timeoutMs: 20_000 })).toMatchObject({ exitCode: 0, stderr: "" });
    // It does look: the same unit with a program that is not there, and one with a line that no unit has.
    writeFileSync(file, unit.replace(/^ExecStart="[^"]+"/m, 'ExecStart="/none/sh"'));
    expect((await runCommand(["systemd-analyze", "verify", file], { timeoutMs: 20_000 })).stderr).toContain("/none/sh");
    writeFileSync(file, unit.replace("RestartSec=10", "RestartSecs=10"));
    expect((await runCommand(["systemd-analyze", "verify", file], { timeoutMs: 20_000 })).stderr).toContain("RestartSecs");
  });

  it("is one object with --json, and needs no model yet, but an interpreter", async () => {
    const { home, entry } = server();
    const { stdout } = await render(home, ["model-server", "--model-path", "/none", "--entrypoint", entry, "--render", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      name: "model-server.service",
      unit: expect.stringContaining('ExecStart="/bin/sh"'),
    });
    const none = await render(home, ["model-server", "--model-path", "/none", "--entrypoint", "/none/serve.py", "--render"]);
    expect(none).toMatchObject({ exitCode: 4, stdout: "", stderr: expect.stringContaining("--interpreter PATH") });
  });
});
