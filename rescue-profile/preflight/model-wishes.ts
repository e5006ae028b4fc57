import path from "node:path";
import { RescueError } from "../../src/shared/errors.ts";
import { type CustomWishes, type GivenCustom, parseCustomWishes, wholeNumber } from "./wishes.ts";

/** What is started: a file, or a module that Python finds by its name. */
export type Entrypoint = { readonly kind: "file"; readonly path: string } | { readonly kind: "module"; readonly name: string };

/** What a local model server needs before it is started. Paths are absolute. */
export interface ModelWishes extends CustomWishes {
  readonly modelPath: string;
  readonly entrypoint: Entrypoint;
  /** A path, or a name that is looked up on PATH; undefined: what the entrypoint itself says. */
  readonly interpreter: string | undefined;
  /** undefined: not looked at. */
  readonly port: number | undefined;
  readonly host: string;
  /** MiB; undefined: not looked at. */
  readonly minFreeGpuMib: number | undefined;
}

/** The options as they were typed. */
export interface GivenModel extends GivenCustom {
  readonly modelPath: string | undefined;
  readonly entrypoint: string | undefined;
  readonly module: string | undefined;
  readonly interpreter: string | undefined;
  readonly port: string | undefined;
  readonly host: string | undefined;
  readonly minFreeGpuMem: string | undefined;
}

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_UNIT = "model-server";

/** `cwd`: what relative paths begin at. Throws `usage`. */
export function parseModelWishes(given: GivenModel, cwd: string): ModelWishes {
  const custom = parseCustomWishes(given);
  if (given.modelPath === undefined || given.modelPath === "") {
    throw new RescueError("usage", "preflight model-server wants --model-path", { fix: "--model-path /srv/models/NAME, or a .gguf file" });
  }
  if (given.host !== undefined && given.port === undefined) {
    throw new RescueError("usage", "--host is where --port is looked at, and there is no --port");
  }
  return {
    modelPath: path.resolve(cwd, given.modelPath),
    entrypoint: parseEntrypoint(given, cwd),
    interpreter: given.interpreter === undefined ? undefined : parseInterpreter(given.interpreter, cwd),
    port: given.port === undefined ? undefined : parsePort(given.port),
    host: given.host === undefined ? DEFAULT_HOST : parseHost(given.host),
    minFreeGpuMib: given.minFreeGpuMem === undefined ? undefined : wholeNumber("--min-free-gpu-mem", "MiB", given.minFreeGpuMem),
    ...custom,
  };
}

/** The name of a unit without its `.service`. Throws `usage`. */
export function parseUnitName(text: string | undefined): string {
  const name = (text ?? DEFAULT_UNIT).replace(/\.service$/, "");
  if (!/^[A-Za-z0-9][A-Za-z0-9:_.-]{0,199}$/.test(name)) {
    throw new RescueError("usage", `--unit wants a name of letters, digits and :_.-, not ${JSON.stringify(text)}`);
  }
  return name;
}

/** The same wishes as words of a command line, for a unit. `interpreter`: as it was found. */
export function wordsOf(wishes: ModelWishes, interpreter: string | undefined): readonly string[] {
  const { entrypoint, port, host, minFreeGpuMib, custom, customTimeoutMs } = wishes;
  return [
    "preflight",
    "model-server",
    ...["--model-path", wishes.modelPath],
    ...(entrypoint.kind === "file" ? ["--entrypoint", entrypoint.path] : ["--module", entrypoint.name]),
    ...(interpreter === undefined ? [] : ["--interpreter", interpreter]),
    ...(port === undefined ? [] : ["--host", host, "--port", String(port)]),
    ...(minFreeGpuMib === undefined ? [] : ["--min-free-gpu-mem", String(minFreeGpuMib)]),
    ...custom.flatMap(({ name, program }) => ["--custom", `${name}=${program}`]),
    ...(custom.length === 0 ? [] : ["--custom-timeout", `${customTimeoutMs / 1_000}s`]),
  ];
}

function parseEntrypoint({ entrypoint, module }: GivenModel, cwd: string): Entrypoint {
  if (entrypoint !== undefined && module !== undefined) {
    throw new RescueError("usage", "--entrypoint and --module are two ways to say what is started: give one");
  }
  if (module !== undefined) {
    if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(module)) {
      throw new RescueError("usage", `--module wants the name of a Python module, not ${JSON.stringify(module)}`);
    }
    return { kind: "module", name: module };
  }
  if (entrypoint === undefined || entrypoint === "") {
    throw new RescueError("usage", "preflight model-server wants --entrypoint FILE or --module NAME", {
      fix: "--entrypoint /srv/serve.py, or --module NAME for what is started as python -m NAME",
    });
  }
  if (/^-m\b/.test(entrypoint)) {
    throw new RescueError("usage", `--entrypoint wants a file, not ${JSON.stringify(entrypoint)}`, { fix: "--module NAME" });
  }
  return { kind: "file", path: path.resolve(cwd, entrypoint) };
}

function parseInterpreter(text: string, cwd: string): string {
  if (text.includes("/")) return path.resolve(cwd, text);
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(text)) {
    throw new RescueError("usage", `--interpreter wants a path, or a program's name, not ${JSON.stringify(text)}`);
  }
  return text;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new RescueError("usage", `--port wants a number from 1 to 65535, not ${JSON.stringify(text)}`);
  return port;
}

function parseHost(text: string): string {
  if (!/^[A-Za-z0-9:][A-Za-z0-9.:%_-]{0,252}$/.test(text)) {
    throw new RescueError("usage", `--host wants an address or a name of this machine, not ${JSON.stringify(text)}`);
  }
  return text;
}
