import path from "node:path";

/** What a command line of the host is about. */
export type HostCommand =
  /** Owns or rewrites the state, the configuration, the service or (`program`) what every gateway runs. `what` as one would type it. */
  | { readonly kind: "maintenance"; readonly what: string; readonly touches: "profile" | "program" }
  /** A gateway, or a command that only reads. */
  | { readonly kind: "other" }
  /** A child of the CLI shows its title instead of its arguments, and this title does not tell what it does. */
  | { readonly kind: "untold" };

/** Each of these, unless its arguments say that it only reads. */
const MAINTENANCE: ReadonlySet<string> = new Set([
  "backup",
  "configure",
  "doctor",
  "migrate",
  "onboard",
  "reset",
  "setup",
  "triage",
  "uninstall",
  "update",
]);
/** Of these only the named subcommands. */
const SUBCOMMANDS: Readonly<Record<string, readonly string[]>> = {
  daemon: ["install", "restart", "start", "stop", "uninstall"],
  gateway: ["install", "restart", "start", "stop", "uninstall"],
  plugins: ["install", "uninstall", "update"],
};
const READS_ONLY: Readonly<Record<string, readonly string[]>> = {
  backup: ["disable", "enable", "verify"],
  doctor: ["--lint"],
  update: ["--dry-run", "status"],
};
/** Options before the command that take a value. */
const ROOT_OPTIONS_WITH_VALUE: ReadonlySet<string> = new Set(["--container", "--log-level", "--profile"]);
const RUNTIME = /^(?:node|nodejs|bun)[\d.-]*(?:\.exe)?$/;
const SCRIPTS: ReadonlySet<string> = new Set(["openclaw", "openclaw.mjs", "entry.js", "index.js"]);

/**
 * Reads a command line as `/proc/PID/cmdline` or ps shows it, split into arguments. undefined: no process of the host.
 * Seen on 2026.9.6: a CLI call is a launcher (`node …/openclaw doctor --fix`) and a child titled `openclaw`, then
 * `openclaw-doctor`; a gateway is one process titled `openclaw`, then `openclaw-gateway`; a managed update is a detached
 * `node …/openclaw-update-run-handoff-XXXX/handoff.cjs`.
 */
export function readHostCommand(argv: readonly string[]): HostCommand | undefined {
  const [program = ""] = argv;
  if (installsHost(argv)) return { kind: "maintenance", what: "installing the openclaw package", touches: "program" };
  if (argv.length === 1) return byTitle(program);
  if (argv.some((argument) => /[\\/]openclaw-update-run-handoff-[^\\/]*[\\/]handoff\.cjs$/.test(argument))) {
    return maintenance("update");
  }
  if (path.basename(program) === "openclaw") return byArguments(argv.slice(1));
  const script = RUNTIME.test(path.basename(program)) ? argv.findIndex((argument, index) => index > 0 && isEntry(argument)) : -1;
  return script < 0 ? undefined : byArguments(argv.slice(script + 1));
}

function byTitle(title: string): HostCommand | undefined {
  const name = /^openclaw-([a-z-]+)$/.exec(title)?.[1];
  if (title !== "openclaw" && name === undefined) return undefined;
  if (name === undefined || SUBCOMMANDS[name] !== undefined) return { kind: "untold" };
  return MAINTENANCE.has(name) ? maintenance(name) : { kind: "other" };
}

function byArguments(args: readonly string[]): HostCommand {
  if (args.includes("--update")) return maintenance("update");
  const words = args.filter((argument, index) => !argument.startsWith("-") && !ROOT_OPTIONS_WITH_VALUE.has(args[index - 1] ?? ""));
  const [command = "", sub = ""] = words;
  if (args.includes("--help") || args.includes("-h")) return { kind: "other" };
  if (SUBCOMMANDS[command]?.includes(sub) === true) return maintenance(`${command} ${sub}`);
  if (!MAINTENANCE.has(command)) return { kind: "other" };
  const readsOnly = READS_ONLY[command]?.some((mark) => mark === sub || (mark.startsWith("-") && args.includes(mark))) ?? false;
  return readsOnly ? { kind: "other" } : maintenance(command);
}

function maintenance(command: string): HostCommand {
  return { kind: "maintenance", what: `openclaw ${command}`, touches: "profile" };
}

/** `openclaw` on a PATH, or one of the package's own entry files. */
function isEntry(argument: string): boolean {
  const name = path.basename(argument);
  if (!SCRIPTS.has(name) || argument.startsWith("-")) return false;
  return name.startsWith("openclaw") || /[\\/]openclaw[\\/](?:dist[\\/])?(?:entry|index)\.js$/.test(argument);
}

/** A package manager that replaces the program under every gateway's feet; npm shows its arguments as its title. */
function installsHost(argv: readonly string[]): boolean {
  const words = argv.flatMap((argument) => argument.split(" "));
  return (
    words.slice(0, 2).some((word) => /^(?:npm|pnpm|bun|npm-cli\.js)$/.test(path.basename(word))) &&
    words.some((word) => word === "-g" || word === "--global") &&
    words.some((word) => word === "openclaw" || word.startsWith("openclaw@"))
  );
}
