import { EXIT_CODES, RescueError } from "../../../src/shared/errors.ts";
import { type Call, type Command, printJson, text } from "../command.ts";

const MODEL_SERVER = "model-server";
/** Which form of the command an option belongs to; the others are for both. */
const OF_GATEWAY = ["checks", "min-free-mb", "profile"] as const;
const OF_MODEL_SERVER = [
  "model-path",
  "entrypoint",
  "module",
  "interpreter",
  "host",
  "port",
  "min-free-gpu-mem",
  "render",
  "unit",
] as const;

export const preflightCommand: Command = {
  name: "preflight",
  summary: "run a command only when the gateway, or a local model server, is ready for it: for crontab lines and unit files",
  usage: [
    "[--profile NAME] [--checks gateway,pairing,config,disk,custom] [--min-free-mb N] [--custom NAME=PROGRAM]… [--json] -- CMD ARGS…",
    "  or:  preflight model-server --model-path PATH --entrypoint FILE|--module NAME [--interpreter PROGRAM] [--host ADDRESS] [--port N]",
    "         [--min-free-gpu-mem MIB] [--custom NAME=PROGRAM]… [--json] [-- CMD ARGS…]",
    "  or:  preflight model-server … --render [--unit NAME] [--json] [-- ARGS…]",
  ].join("\n"),
  help: `
Checks, all at once and each with a deadline, and then becomes CMD in effect: its input, output, directory and environment are ours, signals
(INT, TERM, HUP, USR1, USR2, QUIT) are passed on, and the end is CMD's: the same exit code, or the same signal. No shell is involved.
When a check fails or cannot be made, CMD is not run and one line on standard error says why (docs/preflight.md has every reason):

  PREFLIGHT_FAILED reason=gateway_unreachable port=18789 detail="nothing listens on 127.0.0.1:18789"

  --checks LIST      which of: gateway (/healthz answers 200), pairing (no request waits for approval), config (the host finds it valid;
                     this one takes seconds), disk, custom (those of --custom, which are always made); default: all
  --min-free-mb N    how many million bytes must be free where the state directory is (default 200)
  --custom N=PROGRAM a check of yours by the name N: the absolute path of a program, started without arguments; 0 passes. More than once
  --custom-timeout D how long each of them may take, such as 30s (default 10s); then it is killed, and that is no permission
  --json             the same as one object on standard output, nothing on standard error

model-server looks at what a local model server needs instead. Without a CMD it only answers, as ExecStartPre= wants it:

  --model-path PATH  a directory with config.json and weights, each shard of its index there and whole; or a .gguf file with all its parts
  --entrypoint FILE  what starts the server, or --module NAME for python -m NAME
  --interpreter P    who reads it (default: what its #! line says, python3 for .py and for modules)
  --port N           must be free on --host (default 127.0.0.1)
  --min-free-gpu-mem MIB    one GPU must have that much free, by nvidia-smi; without nvidia-smi the check fails, it is not left out
  --render           checks nothing and prints a systemd unit with this preflight as ExecStartPre=; ARGS are the server's arguments
  --unit NAME        the same, for a unit of that name (default model-server)

Exit codes: 0 to 255 are CMD's own once it runs. Before: ${EXIT_CODES["preflight-failed"]} a check failed or could not be made; 126 CMD cannot be executed; 127 there is
no CMD of that name; 2 the command line is wrong; 4 --render cannot find out the interpreter.
`,
  words: 1,
  options: {
    checks: { type: "string" },
    "min-free-mb": { type: "string" },
    custom: { type: "string", multiple: true },
    "custom-timeout": { type: "string" },
    "model-path": { type: "string" },
    entrypoint: { type: "string" },
    module: { type: "string" },
    interpreter: { type: "string" },
    host: { type: "string" },
    port: { type: "string" },
    "min-free-gpu-mem": { type: "string" },
    render: { type: "boolean" },
    unit: { type: "string" },
  },
  run: async (call) => {
    const [form] = call.positionals;
    if (form === MODEL_SERVER) return modelServer(call);
    if (form !== undefined) {
      throw new RescueError("usage", `preflight does not take ${JSON.stringify(form)}`, { fix: "rescue-watchdog preflight -- CMD ARGS…" });
    }
    refuse(call, OF_MODEL_SERVER, "preflight model-server");
    const { parseWishes, preflight } = await import("../../../rescue-profile/preflight-main.ts");
    const wishes = parseWishes({ checks: text(call, "checks"), minFreeMb: text(call, "min-free-mb"), ...custom(call) });
    if (call.rest.length === 0) {
      throw new RescueError("usage", "preflight wants a command behind --", { fix: "rescue-watchdog preflight -- CMD ARGS…" });
    }
    return preflight({ profile: call.profile, home: call.home, wishes, ...(await running(call)) });
  },
};

async function modelServer(call: Call): Promise<number> {
  refuse(call, OF_GATEWAY, "preflight -- CMD, which looks at the gateway");
  const { parseModelWishes, parseUnitName, preflightModelServer, renderModelServer } = await import(
    "../../../rescue-profile/preflight-main.ts"
  );
  const given = {
    modelPath: text(call, "model-path"),
    entrypoint: text(call, "entrypoint"),
    module: text(call, "module"),
    interpreter: text(call, "interpreter"),
    port: text(call, "port"),
    host: text(call, "host"),
    minFreeGpuMem: text(call, "min-free-gpu-mem"),
    ...custom(call),
  };
  const wishes = parseModelWishes(given, process.cwd());
  const unit = text(call, "unit");
  if (call.values["render"] === true || unit !== undefined) {
    const name = parseUnitName(unit);
    const rendered = await renderModelServer({ env: call.env, wishes, name, args: call.rest, packageRoot: call.packageRoot });
    if (call.json) printJson(call, { ok: true, name: `${name}.service`, unit: rendered });
    else call.out(rendered);
    return 0;
  }
  if (call.rest[0]?.startsWith("-") === true) {
    throw new RescueError("usage", `behind -- stands the whole command that is run, not ${JSON.stringify(call.rest[0])}`, {
      fix: "-- INTERPRETER ENTRYPOINT ARGS…; only with --render it is the server's arguments alone",
    });
  }
  const code = await preflightModelServer({ wishes, ...(await running(call)) });
  if (call.json && code === 0 && call.rest.length === 0) printJson(call, { ok: true });
  return code;
}

/** Throws `usage` for an option that would have no effect here. */
function refuse(call: Call, options: readonly string[], form: string): void {
  const option = options.find((name) => call.values[name] !== undefined);
  if (option !== undefined) throw new RescueError("usage", `--${option} is for ${form}`, { fix: "rescue-watchdog preflight --help" });
}

function custom(call: Call): { readonly custom: readonly string[]; readonly customTimeout: string | undefined } {
  const given = call.values["custom"];
  return { custom: Array.isArray(given) ? given : [], customTimeout: text(call, "custom-timeout") };
}

async function running(call: Call) {
  const { fieldsOf, renderLine } = await import("../../../rescue-profile/preflight-main.ts");
  return {
    env: call.env,
    argv: call.rest,
    failedCode: EXIT_CODES["preflight-failed"],
    tell: (failures: Parameters<typeof fieldsOf>[0]) => {
      const fields = fieldsOf(failures);
      if (call.json) printJson(call, { ok: false, ...fields });
      else call.err(`${renderLine(fields)}\n`);
    },
  };
}
