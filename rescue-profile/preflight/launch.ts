import { constants } from "node:fs";
import { access, open, stat } from "node:fs/promises";
import path from "node:path";
import { messageOf, systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import type { ModelWishes } from "./model-wishes.ts";
import { parseShebang } from "./shebang.ts";

/** Who reads the entrypoint. */
export type InterpreterLook =
  /** The entrypoint is a program by itself. */
  | { readonly state: "none" }
  /** An absolute path, and what its `#!` line puts between it and the entrypoint. */
  | { readonly state: "found"; readonly path: string; readonly words: readonly string[] }
  | { readonly state: "missing"; readonly name: string }
  | { readonly state: "not-executable"; readonly name: string };

export type EntrypointLook = { readonly state: "there" } | { readonly state: "missing" } | { readonly state: "not-executable" };

export interface LaunchLook {
  /** undefined: only an entrypoint that is there could say who reads it. */
  readonly interpreter: Reading<InterpreterLook> | undefined;
  /** undefined: only an interpreter that is there could find the module. */
  readonly entrypoint: Reading<EntrypointLook> | undefined;
}

type Wanted = Pick<ModelWishes, "entrypoint" | "interpreter">;

/** Python takes a moment to start, from a cold disk some. */
const PYTHON_MS = 8_000;

/** Who would read the entrypoint, and whether both are there. `env`: its PATH counts. The entrypoint is not run. */
export async function lookAtLaunch(wanted: Wanted, env: NodeJS.ProcessEnv, stop: AbortSignal): Promise<LaunchLook> {
  const interpreter = await findInterpreter(wanted, env);
  if (wanted.entrypoint.kind === "file") {
    return { interpreter, entrypoint: await reading(() => lookAtFile(wanted.entrypoint, interpreter)) };
  }
  if (interpreter?.ok !== true || interpreter.value.state !== "found") return { interpreter, entrypoint: undefined };
  return { interpreter, entrypoint: await findModule(interpreter.value.path, wanted.entrypoint.name, env, stop) };
}

/** By `--interpreter`, else by the `#!` line, else python3 for `.py` and modules. undefined: the entrypoint is not there to say. */
export async function findInterpreter(wanted: Wanted, env: NodeJS.ProcessEnv): Promise<Reading<InterpreterLook> | undefined> {
  const { entrypoint, interpreter } = wanted;
  if (interpreter !== undefined) return reading(() => findProgram(interpreter, [], env));
  if (entrypoint.kind === "module") return reading(() => findProgram("python3", [], env));
  try {
    const shebang = parseShebang(await headOf(entrypoint.path));
    switch (shebang.kind) {
      case "interpreter":
        return await reading(() => findProgram(shebang.name, shebang.words, env));
      case "binary":
        return { ok: true, value: { state: "none" } };
      case "none":
        if (/\.pyz?$/.test(entrypoint.path)) return await reading(() => findProgram("python3", [], env));
        return { ok: false, why: `${entrypoint.path} does not say who reads it: name it with --interpreter` };
      case "strange":
        return { ok: false, why: `its first line, ${shebang.line}, is not understood here: name the interpreter with --interpreter` };
    }
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

async function lookAtFile(
  entrypoint: Wanted["entrypoint"],
  interpreter: Reading<InterpreterLook> | undefined,
): Promise<Reading<EntrypointLook>> {
  const file = entrypoint.kind === "file" ? entrypoint.path : "";
  const state = await stateOf(file);
  if (state === "missing") return { ok: true, value: { state } };
  if (!(await stat(file)).isFile()) return { ok: false, why: `${file} is no file` };
  if (interpreter?.ok === true && interpreter.value.state === "none") {
    return { ok: true, value: { state: state === "executable" ? "there" : "not-executable" } };
  }
  await access(file, constants.R_OK);
  return { ok: true, value: { state: "there" } };
}

/** A path, or a name on PATH; relative entries there are left out, since a unit has another directory. */
async function findProgram(name: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<Reading<InterpreterLook>> {
  const directories = (env["PATH"] ?? "").split(path.delimiter).filter((directory) => path.isAbsolute(directory));
  const candidates = name.includes("/") ? [name] : directories.map((directory) => path.join(directory, name));
  let found: "missing" | "not-executable" = "missing";
  for (const candidate of candidates) {
    const state = await stateOf(candidate);
    if (state === "executable") return { ok: true, value: { state: "found", path: candidate, words } };
    if (state === "not-executable") found = state;
  }
  return { ok: true, value: { state: found, name } };
}

async function stateOf(file: string): Promise<"missing" | "not-executable" | "executable"> {
  try {
    if (!(await stat(file)).isFile()) return "not-executable";
    await access(file, constants.X_OK);
    return "executable";
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return "missing";
    // stat(2) was allowed when access(2) is what failed.
    if (systemErrorCode(error) === "EACCES" && error instanceof Error && "syscall" in error && error.syscall === "access") {
      return "not-executable";
    }
    throw error;
  }
}

/**
 * What `-m` would do, up to the point of running anything of the module: each package in turn is asked for where its parts lie. Only `site`
 * and what it loads for editable installations runs.
 */
const FIND_MODULE = `
import sys
def find(name, path):
    for finder in sys.meta_path:
        spec = finder.find_spec(name, path) if hasattr(finder, "find_spec") else None
        if spec is not None:
            return spec
parts = sys.argv[1].split(".")
path = None
for at in range(1, len(parts) + 1):
    spec = find(".".join(parts[:at]), path)
    if spec is None:
        print("missing")
        sys.exit()
    path = spec.submodule_search_locations
    if path is None and at < len(parts):
        print("missing")
        sys.exit()
print("there" if path is None or find(sys.argv[1] + ".__main__", path) else "missing")
`;

async function findModule(python: string, name: string, env: NodeJS.ProcessEnv, stop: AbortSignal): Promise<Reading<EntrypointLook>> {
  const { runCommand } = await import("../../src/shared/run-command.ts");
  const asked = await runCommand([python, "-c", FIND_MODULE, name], { timeoutMs: PYTHON_MS, env, stop });
  const answer = asked.stdout.trim();
  if (asked.exitCode === 0 && (answer === "there" || answer === "missing")) return { ok: true, value: { state: answer } };
  if (asked.timedOut) return { ok: false, why: `${python} did not say within ${PYTHON_MS} ms whether it finds ${name}` };
  return { ok: false, why: `${python} cannot say whether it finds ${name}: ${asked.stderr.trim().split("\n").at(-1) ?? asked.notStarted}` };
}

async function reading<T>(look: () => Promise<Reading<T>>): Promise<Reading<T>> {
  try {
    return await look();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return { ok: false, why: messageOf(error) };
  }
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
