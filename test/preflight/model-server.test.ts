import { chmodSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseGpuMemory } from "../../rescue-profile/preflight/gpu.ts";
import { judgeCustom } from "../../rescue-profile/preflight/judge.ts";
import { findInterpreter, lookAtLaunch } from "../../rescue-profile/preflight/launch.ts";
import { judgeGpu, judgeLaunch, judgeModel, judgePort, namedBy } from "../../rescue-profile/preflight/model-judge.ts";
import { type GivenModel, parseModelWishes, parseUnitName, wordsOf } from "../../rescue-profile/preflight/model-wishes.ts";
import { tryPort } from "../../rescue-profile/preflight/port.ts";
import { parseShebang } from "../../rescue-profile/preflight/shebang.ts";
import { partsOf } from "../../rescue-profile/preflight/weights.ts";
import { parseWishes } from "../../rescue-profile/preflight/wishes.ts";
import { tempDir } from "../observe/support.ts";
import { freePort } from "../support/home.ts";
import { script } from "./support.ts";

const blind = { ok: false, why: "EACCES looking" } as const;
const seen = <T>(value: T) => ({ ok: true, value }) as const;
const ENTRY = { kind: "file", path: "/srv/serve.py" } as const;
const never = new AbortController().signal;

const NOTHING: GivenModel = {
  modelPath: undefined,
  entrypoint: undefined,
  module: undefined,
  interpreter: undefined,
  port: undefined,
  host: undefined,
  minFreeGpuMem: undefined,
  custom: [],
  customTimeout: undefined,
};
const given = (more: Partial<GivenModel>) => parseModelWishes({ ...NOTHING, modelPath: "m", entrypoint: "serve.py", ...more }, "/srv");

describe("a check of one's own", () => {
  const ended = { exitCode: 0, signal: null, timedOut: false };

  it("passes with 0 and nothing else", () => {
    expect(judgeCustom("vpn", ended, "fine", 9)).toBeUndefined();
    expect(judgeCustom("vpn", { ...ended, exitCode: 3 }, "down", 9)).toEqual({
      reason: "custom_failed",
      facts: { check: "vpn", exit: 3 },
      detail: "down",
    });
    expect(judgeCustom("vpn", { ...ended, exitCode: null, signal: "SIGSEGV" }, "", 9)).toEqual({
      reason: "custom_failed",
      facts: { check: "vpn", signal: "SIGSEGV" },
      detail: "it said nothing",
    });
  });

  it("that did not start, or not end, is no permission", () => {
    const late = judgeCustom("vpn", { exitCode: null, signal: "SIGKILL", timedOut: true }, "", 9);
    const absent = judgeCustom("vpn", { exitCode: null, signal: null, timedOut: false, notStarted: "ENOENT" }, "", 9);
    expect([late?.reason, absent?.reason]).toEqual(["custom_unknown", "custom_unknown"]);
    expect([late?.detail, absent?.detail]).toEqual(["it did not end within 9 ms, and was killed", "it cannot be started: ENOENT"]);
  });

  const wishes = (custom: readonly string[], more: { checks?: string; customTimeout?: string } = {}) =>
    parseWishes({ checks: more.checks, minFreeMb: undefined, custom, customTimeout: more.customTimeout });

  it("is made beside those that are chosen, and alone as `custom`", () => {
    expect(wishes(["a=/x", "b=/y=z"])).toMatchObject({
      checks: ["gateway", "pairing", "config", "disk"],
      custom: [
        { name: "a", program: "/x" },
        { name: "b", program: "/y=z" },
      ],
      customTimeoutMs: 10_000,
    });
    expect(wishes(["a=/x"], { checks: "disk" })).toMatchObject({ checks: ["disk"], custom: [{ name: "a", program: "/x" }] });
    expect(wishes(["a=/x"], { checks: "custom", customTimeout: "1h" })).toMatchObject({ checks: [], customTimeoutMs: 3_600_000 });
  });

  it.each(["", "a", "=/x", "A=/x", "a b=/x", "-a=/x", "a=x", "a=", "a=./x", "a=~/x", `${"a".repeat(33)}=/x`])(
    "is refused as %j",
    (custom) => {
      expect(() => wishes([custom])).toThrow(/^--custom /);
    },
  );

  it("is never dropped in silence", () => {
    expect(() => wishes([], { checks: "disk,custom" })).toThrow("no --custom says which program");
    expect(() => wishes(["a=/x", "a=/y"])).toThrow("two programs of the name a");
    expect(() => wishes([], { customTimeout: "3s" })).toThrow("there is none");
    expect(() => wishes(["a=/x"], { customTimeout: "2h" })).toThrow("at most 1h");
    expect(() => wishes(["a=/x"], { customTimeout: "5" })).toThrow("must be a duration");
  });
});

describe("the wishes of a model server", () => {
  it("begin relative paths where we are, and look at no port or GPU that was not asked for", () => {
    expect(given({})).toEqual({
      modelPath: "/srv/m",
      entrypoint: ENTRY,
      interpreter: undefined,
      port: undefined,
      host: "127.0.0.1",
      minFreeGpuMib: undefined,
      custom: [],
      customTimeoutMs: 10_000,
    });
    expect(given({ interpreter: "venv/bin/python", port: "8001", host: "::1", minFreeGpuMem: "0" })).toMatchObject({
      interpreter: "/srv/venv/bin/python",
      port: 8001,
      host: "::1",
      minFreeGpuMib: 0,
    });
    expect(given({ entrypoint: undefined, module: "a.b_c" }).entrypoint).toEqual({ kind: "module", name: "a.b_c" });
  });

  it.each<[Partial<GivenModel>, string]>([
    [{ modelPath: undefined }, "wants --model-path"],
    [{ modelPath: "" }, "wants --model-path"],
    [{ entrypoint: undefined }, "wants --entrypoint FILE or --module NAME"],
    [{ entrypoint: "" }, "wants --entrypoint FILE or --module NAME"],
    [{ entrypoint: "-m vllm" }, "--entrypoint wants a file"],
    [{ module: "a" }, "give one"],
    ...["", "-c", "a.", ".a", "a b", "a;b", "1a", "a/b"].map((module): [Partial<GivenModel>, string] => [
      { entrypoint: undefined, module },
      "--module wants the name of a Python module",
    ]),
    ...["", "-I", "py thon", "a;b", "$(id)"].map((interpreter): [Partial<GivenModel>, string] => [
      { interpreter },
      "--interpreter wants a path",
    ]),
    ...["", "0", "65536", "-1", "8e3", "0x50", "80 80", "٣"].map((port): [Partial<GivenModel>, string] => [
      { port },
      "--port wants a number",
    ]),
    ...["", "-h", "a b", "$(id)", "a;b", "h\n"].map((host): [Partial<GivenModel>, string] => [{ port: "1", host }, "--host wants"]),
    [{ host: "::1" }, "there is no --port"],
    ...["", "-1", "1.5", "8GiB", "9999999999"].map((minFreeGpuMem): [Partial<GivenModel>, string] => [
      { minFreeGpuMem },
      "--min-free-gpu-mem wants a whole number of MiB",
    ]),
  ])("are refused as %j", (more, message) => {
    expect(() => given(more)).toThrow(message);
  });

  it("come back as words of a command line that mean the same", () => {
    const wishes = given({ port: "8001", host: "::1", minFreeGpuMem: "9", custom: ["a=/x y"], customTimeout: "2m" });
    expect(wordsOf(wishes, "/usr/bin/python3").join(" ")).toBe(
      "preflight model-server --model-path /srv/m --entrypoint /srv/serve.py --interpreter /usr/bin/python3 --host ::1 --port 8001 " +
        "--min-free-gpu-mem 9 --custom a=/x y --custom-timeout 120s",
    );
  });

  it("take the name of a unit with or without its end, and no other words", () => {
    expect([undefined, "llm", "llm.service", "a:b_c.d-1"].map(parseUnitName)).toEqual(["model-server", "llm", "llm", "a:b_c.d-1"]);
    for (const name of ["", ".service", "a/b", "../a", "a b", "-a", "a@b", "a\nb", "%n", "$HOME", "a".repeat(201)]) {
      expect(() => parseUnitName(name), name).toThrow("--unit wants a name");
    }
  });
});

describe("the first line of a program", () => {
  const parse = (head: string) => parseShebang(Buffer.from(head));

  it.each([
    ["#!/usr/bin/python3\n", { kind: "interpreter", name: "/usr/bin/python3", words: [] }],
    ["#! /usr/bin/python3 -u -X dev \nimport x", { kind: "interpreter", name: "/usr/bin/python3", words: ["-u -X dev"] }],
    ["#!/usr/bin/env python3\n", { kind: "interpreter", name: "python3", words: [] }],
    ["#!/usr/bin/env -S python3 -u\n", { kind: "interpreter", name: "python3", words: ["-u"] }],
    ["#!/bin/sh", { kind: "interpreter", name: "/bin/sh", words: [] }],
    ["#!/usr/bin/python3\r\n", { kind: "interpreter", name: "/usr/bin/python3\r", words: [] }],
    ["#!\n", { kind: "none" }],
    ["import os\n#!/bin/sh\n", { kind: "none" }],
    ["", { kind: "none" }],
  ])("%j", (head, shebang) => {
    expect(parse(head)).toEqual(shebang);
  });

  it.each(["env", "env -i python3", "env A=b python3", "env -S A=b python3", 'env -S "python 3"', "env -S $HOME/python3"])(
    "is not guessed at when it is %s",
    (line) => {
      expect(parse(`#!/usr/bin/${line}\n`)).toMatchObject({ kind: "strange" });
    },
  );

  it("is not looked for in what the kernel starts by itself", () => {
    for (const magic of ["7f454c46", "cffaedfe", "cafebabe"])
      expect(parseShebang(Buffer.from(`${magic}00`, "hex"))).toEqual({ kind: "binary" });
  });
});

describe("interpreter and entrypoint", () => {
  const looked = async (file: string, interpreter?: string, PATH = "/usr/bin:/bin") => {
    const entrypoint = { kind: "file", path: file } as const;
    return judgeLaunch(await lookAtLaunch({ entrypoint, interpreter }, { PATH }, never), entrypoint).map(({ reason }) => reason);
  };

  it("pass when both are there, whoever says who reads it", async () => {
    const directory = tempDir();
    const python = script(directory, "python3", "#!/bin/sh\n");
    const plain = script(directory, "serve.py", "print(1)\n", 0o644);
    expect(await looked(plain, undefined, `relative:${directory}`)).toEqual([]);
    expect(await looked(plain, python)).toEqual([]);
    expect(await looked(script(directory, "serve", `#!${python}\n`, 0o644))).toEqual([]);
    expect(await looked(process.execPath)).toEqual([]);
    const found = await findInterpreter({ entrypoint: { kind: "file", path: plain }, interpreter: undefined }, { PATH: directory });
    expect(found).toEqual(seen({ state: "found", path: python, words: [] }));
  });

  it("fail by their own names", async () => {
    const directory = tempDir();
    const plain = script(directory, "serve.py", "print(1)\n", 0o644);
    expect(await looked(join(directory, "none.py"))).toEqual(["entrypoint_missing"]);
    expect(await looked(join(directory, "none.py"), join(directory, "no-python"))).toEqual(["interpreter_missing", "entrypoint_missing"]);
    expect(await looked(plain, undefined, directory)).toEqual(["interpreter_missing"]);
    expect(await looked(plain, plain)).toEqual(["interpreter_not_executable"]);
    expect(await looked(plain, directory)).toEqual(["interpreter_not_executable"]);
    expect(await looked(script(directory, "crlf", "#!/bin/sh\r\n"))).toEqual(["interpreter_missing"]);
    expect(await looked(script(directory, "serve", "whatever"))).toEqual(["interpreter_unknown"]);
    expect(await looked(script(directory, "strange", "#!/usr/bin/env -i sh\n"))).toEqual(["interpreter_unknown"]);
    expect(await looked(directory)).toEqual(["entrypoint_unknown"]);
    const binary = script(directory, "binary", "\u007fELF", 0o644);
    expect(await looked(binary)).toEqual(["entrypoint_not_executable"]);
    chmodSync(binary, 0o755);
    expect(await looked(binary)).toEqual([]);
  });

  it("notice that the Python of a virtual environment is gone", async () => {
    const directory = tempDir();
    const real = script(directory, "real", "#!/bin/sh\n");
    const python = join(directory, "python");
    symlinkSync(real, python);
    const plain = script(directory, "serve.py", "", 0o644);
    expect(await looked(plain, python)).toEqual([]);
    rmSync(real);
    expect(await looked(plain, python)).toEqual(["interpreter_missing"]);
  });

  it("of a module that no interpreter could be asked about are told by the interpreter alone", async () => {
    const entrypoint = { kind: "module", name: "a" } as const;
    const look = await lookAtLaunch({ entrypoint, interpreter: "/none" }, {}, never);
    expect(judgeLaunch(look, entrypoint)).toMatchObject([{ reason: "interpreter_missing", facts: { interpreter: "/none" } }]);
    const stub = script(tempDir(), "python", "#!/bin/sh\necho 'no such option' >&2; exit 2\n");
    const asked = await lookAtLaunch({ entrypoint, interpreter: stub }, {}, never);
    expect(judgeLaunch(asked, entrypoint)).toMatchObject([
      { reason: "entrypoint_unknown", facts: { module: "a" }, detail: expect.stringContaining("no such option") },
    ]);
  });
});

describe("what a look shows", () => {
  it("is no permission when it could not be taken", () => {
    expect([judgeModel(blind, "/m"), judgePort(blind, "::1", 1, undefined), judgeGpu(blind, 1)].map((failure) => failure?.reason)).toEqual([
      "model_unknown",
      "port_unknown",
      "gpu_unknown",
    ]);
    expect(judgeLaunch({ interpreter: blind, entrypoint: blind }, ENTRY).map(({ reason }) => reason)).toEqual([
      "interpreter_unknown",
      "entrypoint_unknown",
    ]);
  });

  it("names the first file of a model that is not whole, and counts the others", () => {
    const problem = { file: "a.safetensors", what: "is empty" };
    expect(judgeModel(seen({ state: "incomplete", problems: [problem, problem] }), "/m")).toEqual({
      reason: "model_incomplete",
      facts: { path: "/m", file: "a.safetensors", problems: 2 },
      detail: "a.safetensors is empty (and 1 more)",
    });
    expect(judgeModel(seen({ state: "missing" }), "/m")?.reason).toBe("model_missing");
    expect(judgeModel(seen({ state: "complete" }), "/m")).toBeUndefined();
  });

  it("names who has the port, as far as it is known", () => {
    const taken = seen({ state: "taken" } as const);
    const holder = { pid: 123, program: "python3", command: "python3 -m http.server" };
    expect(judgePort(seen({ state: "free" }), "::1", 8001, undefined)).toBeUndefined();
    expect(judgePort(taken, "::1", 8001, holder)).toEqual({
      reason: "port_in_use",
      facts: { port: 8001, listener: "python3 (pid 123)" },
      detail: "listens there already: python3 -m http.server",
    });
    expect(judgePort(taken, "::1", 8001, { pid: 7, program: "", command: "" })?.facts).toEqual({ port: 8001, listener: "pid 7" });
    expect(judgePort(taken, "::1", 8001, undefined)?.facts).toEqual({ port: 8001, listener: "unknown" });
    expect(judgePort(seen({ state: "unusable", code: "EACCES" }), "::1", 80, undefined)).toMatchObject({
      reason: "port_unusable",
      facts: { port: 80, code: "EACCES" },
    });
  });

  it("shows of a foreign command line no secret that follows its option", () => {
    expect(namedBy(["/opt/venv/bin/python3", "-m", "vllm", "--api-key", "abc", "--hf-token", "def", "--port", "1"])).toEqual({
      program: "python3",
      command: "/opt/venv/bin/python3 -m vllm --api-key *** --hf-token *** --port 1",
    });
    expect(namedBy([])).toEqual({ program: "", command: "" });
  });

  it("wants the memory in one GPU, exactly as much as was asked for", () => {
    const gpus = (freeMib: readonly number[], silent = 0) => judgeGpu(seen({ freeMib, silent }), 8_000);
    expect(gpus([8_000])).toBeUndefined();
    expect(gpus([7_999])).toMatchObject({ reason: "gpu_memory_low", facts: { free_mib: 7_999, min_mib: 8_000 } });
    expect(gpus([7_000, 7_000])?.reason).toBe("gpu_memory_low");
    expect(gpus([7_000, 9_000])).toBeUndefined();
    expect(gpus([9_000], 1)).toBeUndefined();
    expect(gpus([7_000], 1)?.reason).toBe("gpu_unknown");
    expect(judgeGpu(seen({ freeMib: [], silent: 1 }), 0)?.reason).toBe("gpu_unknown");
  });

  it("reads a line for each GPU, and guesses at no other answer", () => {
    expect(parseGpuMemory("81079\n24\n")).toEqual(seen({ freeMib: [81_079, 24], silent: 0 }));
    expect(parseGpuMemory("[N/A]\r\n24\r\n")).toEqual(seen({ freeMib: [24], silent: 1 }));
    for (const output of ["", "\n", "81079 MiB\n", "No devices were found\n", "-1\n", "81079, 3\n"])
      expect(parseGpuMemory(output).ok).toBe(false);
  });
});

describe("a port", () => {
  it("that is free stays free, and an address of another machine is not ours", async () => {
    const port = await freePort();
    expect([await tryPort("127.0.0.1", port), await tryPort("127.0.0.1", port)]).toEqual([
      seen({ state: "free" }),
      seen({ state: "free" }),
    ]);
    expect(await tryPort("192.0.2.1", port)).toEqual(seen({ state: "unusable", code: "EADDRNOTAVAIL" }));
  });
});

describe("the parts of a split model", () => {
  it("are as many as its name says, itself among them", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 40 }), fc.nat(), (stem, count, at) => {
        const number = (value: number) => String(value).padStart(5, "0");
        const name = `${stem.replaceAll("\n", "")}-${number((at % count) + 1)}-of-${number(count)}.gguf`;
        const parts = partsOf(name);
        expect(parts).toHaveLength(count);
        expect(parts).toContain(name);
      }),
    );
    expect(["m.gguf", "m-00001-of-00000.gguf", "m-1-of-3.gguf"].map(partsOf)).toEqual([undefined, undefined, undefined]);
  });
});
