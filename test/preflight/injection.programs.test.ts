import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCommand } from "../../src/shared/run-command.ts";
import { fixture } from "../observe/support.ts";
import { homeWith, packageIn, script, wholeModel } from "./support.ts";
import { wordsOfUnit } from "./unit-words.ts";

/** What a shell, systemd, `env` or a careless split would act on. Relative, so that it may also be the name of a file. */
const PAYLOADS = [
  "x; touch canary #",
  "$(touch canary)",
  "`touch canary`",
  '" && touch canary "',
  "' | touch canary '",
  "x\ntouch canary",
  "x\nExecStartPre=touch canary",
  "%n $HOME $$ \\x24",
  "--render",
] as const;

async function many(home: string, lines: readonly (readonly string[])[]): Promise<readonly { code: number; said: string }[]> {
  const ran = await runCommand([process.execPath, fixture("preflight-many.ts")], {
    timeoutMs: 60_000,
    env: { HOME: home, PATH: "/usr/bin:/bin", PREFLIGHT_TEST_PACKAGE: packageIn(home) },
    input: JSON.stringify(lines),
  });
  if (ran.exitCode !== 0) throw new Error(ran.stderr);
  return JSON.parse(ran.stdout);
}

/** Whatever has been made where a payload would make it. */
const canaries = (home: string) => readdirSync(home).filter((name) => name.endsWith("canary"));
const MODEL = ["preflight", "model-server"] as const;

describe("a field with a shell's words in it", () => {
  it("is refused as it is, or one line that says what failed; nothing of it is run", async () => {
    const { home, ran } = homeWith();
    const model = wholeModel(join(home, "model"));
    const entry = script(home, "serve.py", "");
    const needed = ["--model-path", model, "--entrypoint", entry];
    const cmd = ["--", "/usr/bin/touch", ran];
    /** Each field, what becomes of it, and a command line in which the payload is its value. */
    const fields: readonly (readonly [string, string, (payload: string) => readonly string[]])[] = [
      ["profile", "usage", (each) => ["preflight", `--profile=${each}`, "--checks", "gateway", ...cmd]],
      ["checks", "usage", (each) => ["preflight", `--checks=${each}`, ...cmd]],
      ["min-free-mb", "usage", (each) => ["preflight", "--checks", "disk", `--min-free-mb=${each}`, ...cmd]],
      ["custom's name", "usage", (each) => ["preflight", "--checks", "custom", `--custom=${each}=/bin/true`, ...cmd]],
      ["custom's program", "usage", (each) => ["preflight", "--checks", "custom", `--custom=a=${each}`, ...cmd]],
      ["custom's path", "custom_unknown", (each) => ["preflight", "--checks", "custom", `--custom=a=/none/${each}`, ...cmd]],
      [
        "custom-timeout",
        "usage",
        (each) => ["preflight", "--checks", "custom", "--custom=a=/bin/true", `--custom-timeout=${each}`, ...cmd],
      ],
      ["port", "usage", (each) => [...MODEL, ...needed, `--port=${each}`, ...cmd]],
      ["host", "usage", (each) => [...MODEL, ...needed, "--port", "1", `--host=${each}`, ...cmd]],
      ["min-free-gpu-mem", "usage", (each) => [...MODEL, ...needed, `--min-free-gpu-mem=${each}`, ...cmd]],
      ["interpreter", "usage", (each) => [...MODEL, ...needed, `--interpreter=${each}`, ...cmd]],
      ["interpreter's path", "interpreter_missing", (each) => [...MODEL, ...needed, `--interpreter=./${each}`, ...cmd]],
      ["module", "usage", (each) => [...MODEL, "--model-path", model, `--module=${each}`, ...cmd]],
      ["entrypoint", "entrypoint_missing", (each) => [...MODEL, "--model-path", model, `--entrypoint=${each}`, ...cmd]],
      ["model-path", "model_missing", (each) => [...MODEL, `--model-path=${each}`, "--entrypoint", entry, ...cmd]],
      ["unit", "usage", (each) => [...MODEL, ...needed, `--unit=${each}`]],
      ["the command's name", "command_not_found", (each) => ["preflight", "--checks", "custom", "--custom=a=/bin/true", "--", each]],
      ["another word", "usage", (each) => ["preflight", each, "--checks", "disk", ...cmd]],
    ];
    const all = fields.flatMap(([name, becomes, line]) => PAYLOADS.map((payload) => ({ name, payload, becomes, line: line(payload) })));
    const results = await many(
      home,
      all.map(({ line }) => line),
    );
    const strange = all.flatMap(({ name, payload, becomes }, index) => {
      const { code, said } = results[index] ?? { code: -1, said: "" };
      const expected =
        becomes === "usage" ? code === 2 : said.startsWith(`PREFLIGHT_FAILED reason=${becomes} `) && said.indexOf("\n") === said.length - 1;
      return expected ? [] : [`${name} ${JSON.stringify(payload)}: ${code} ${said}`];
    });
    expect(results).toHaveLength(fields.length * PAYLOADS.length);
    expect(strange).toEqual([]);
    expect(canaries(home)).toEqual([]);
    expect(existsSync(ran)).toBe(false);
  }, 60_000);

  it("is a file's name like any other where there is such a file", async () => {
    const { home } = homeWith();
    const names = PAYLOADS.filter((payload) => !payload.includes("\n"));
    const lines = names.map((name, index) => {
      const directory = join(home, `d${index}`, name);
      const model = wholeModel(directory);
      const python = join(directory, `python ${name}`);
      symlinkSync("/bin/sh", python);
      return [
        ...["preflight", "model-server", "--model-path", model, "--interpreter", python],
        ...["--entrypoint", script(directory, `serve ${name}`, "exit 3"), "--custom", `a=${script(directory, name, "#!/bin/sh\n")}`],
        ...["--", python, join(directory, `serve ${name}`)],
      ];
    });
    expect(await many(home, lines)).toEqual(lines.map(() => ({ code: 3, said: "" })));
    expect(canaries(home)).toEqual([]);
  }, 60_000);

  it("stays inside its quotes in the unit, or there is none", async () => {
    const { home } = homeWith();
    const entry = script(home, "serve.py", "");
    const python = join(home, "python");
    symlinkSync("/bin/sh", python);
    const lines = PAYLOADS.flatMap((payload) => [
      [...MODEL, `--model-path=${payload}`, "--entrypoint", entry, "--interpreter", python, "--render"],
      [...MODEL, "--model-path=m", `--entrypoint=${payload}`, "--interpreter", python, "--render"],
      [...MODEL, "--model-path=m", `--custom=a=/x/${payload}`, "--entrypoint", entry, "--interpreter", python, "--render"],
      [...MODEL, "--model-path=m", "--entrypoint", entry, "--interpreter", python, "--render", "--", payload],
      [...MODEL, "--model-path=m", "--entrypoint", entry, `--interpreter=./${payload}`, "--render"],
    ]);
    const results = await many(home, lines);
    const plain =
      (await many(home, [[...MODEL, "--model-path=m", "--entrypoint", entry, "--interpreter", python, "--render"]]))[0]?.said ?? "";
    for (const [index, { code, said }] of results.entries()) {
      const payload = PAYLOADS[Math.floor(index / 5)] ?? "";
      if (index % 5 === 4) {
        expect({ payload, code }).toEqual({ payload, code: 4 });
      } else if (payload.includes("\n")) {
        expect({ payload, code }).toEqual({ payload, code: 2 });
        expect(said).toContain("cannot stand in a unit");
      } else {
        expect(said.split("\n")).toHaveLength(plain.split("\n").length);
        const words = [...wordsOfUnit(said, "ExecStartPre"), ...wordsOfUnit(said, "ExecStart")];
        expect(words.some((word) => word.endsWith(payload))).toBe(true);
      }
    }
    expect(canaries(home)).toEqual([]);
  }, 60_000);
});
