import { type ParseArgsOptionsConfig, parseArgs, styleText } from "node:util";
import { EXIT_CODES, messageOf, RescueError } from "../../src/shared/errors.ts";
import { validateProfileName } from "../../src/shared/openclaw-home.ts";
import type { Call, Command, Style } from "./command.ts";
import { plainText } from "./render.ts";

const COMMON = {
  profile: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  "no-color": { type: "boolean" },
} as const satisfies ParseArgsOptionsConfig;

/** Loaded when needed, so that `--help` and `preflight`-like calls do not pay for what they do not use. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  watch: async () => (await import("./commands/watch.ts")).watchCommand,
  tick: async () => (await import("./commands/tick.ts")).tickCommand,
  status: async () => (await import("./commands/status.ts")).statusCommand,
  history: async () => (await import("./commands/history.ts")).historyCommand,
  incident: async () => (await import("./commands/incident.ts")).incidentCommand,
  patterns: async () => (await import("./commands/patterns.ts")).patternsCommand,
  alerts: async () => (await import("./commands/alerts.ts")).alertsCommand,
  logs: async () => (await import("./commands/logs.ts")).logsCommand,
  repair: async () => (await import("./commands/repair.ts")).repairCommand,
  proposal: async () => (await import("./commands/proposal.ts")).proposalCommand,
  pause: async () => (await import("./commands/pause.ts")).pauseCommand,
  resume: async () => (await import("./commands/resume.ts")).resumeCommand,
  onboard: async () => (await import("./commands/onboard.ts")).onboardCommand,
  setup: async () => (await import("./commands/setup.ts")).setupCommand,
  uninstall: async () => (await import("./commands/uninstall.ts")).uninstallCommand,
  service: async () => (await import("./commands/service.ts")).serviceCommand,
  selftest: async () => (await import("./commands/selftest.ts")).selftestCommand,
  supervise: async () => (await import("./commands/supervise.ts")).superviseCommand,
  audit: async () => (await import("./commands/audit.ts")).auditCommand,
  allowlist: async () => (await import("./commands/allowlist.ts")).allowlistCommand,
  preflight: async () => (await import("./commands/preflight.ts")).preflightCommand,
};

export interface CliOptions {
  /** What the user typed before the subcommand: `rescue-watchdog` or `openclaw rescue`. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** The profile when `--profile` is not given. */
  readonly defaultProfile: string;
  /** Where this plugin's package is, when that is not where its code runs from (inside the host). */
  readonly packageRoot?: string | undefined;
  readonly signal: AbortSignal;
}

/** Runs one command line. Resolves to the exit code; never throws for a user's mistake. */
export async function runCli(argv: readonly string[], options: CliOptions): Promise<number> {
  const json = split(argv).own.includes("--json");
  try {
    return await dispatch(argv, options);
  } catch (error) {
    const known = error instanceof RescueError ? error : new RescueError("internal", messageOf(error), { cause: error });
    if (json)
      process.stdout.write(
        `${JSON.stringify({ ok: false, error: { code: known.code, message: known.message, fix: known.fix ?? null } })}\n`,
      );
    else process.stderr.write(plainText(`${options.program}: ${known.message}\n${known.fix === undefined ? "" : `  → ${known.fix}\n`}`));
    if (known.code === "internal" && error instanceof Error && options.env["RESCUE_WATCHDOG_DEBUG"] === "1")
      process.stderr.write(`${error.stack}\n`);
    return EXIT_CODES[known.code];
  }
}

async function dispatch(argv: readonly string[], options: CliOptions): Promise<number> {
  const [name, ...args] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(await overview(options.program));
    return 0;
  }
  if (name === "--version") {
    process.stdout.write(`${(await import("../version.ts")).VERSION}\n`);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    throw new RescueError("usage", `there is no command ${JSON.stringify(name)}`, { fix: `${options.program} --help` });
  }
  const command = await load();
  const { own, rest } = command.verbatim === true ? verbatim(args) : split(args);
  const parsed = parse(command, own, options.program);
  if (parsed.values["help"] === true) {
    process.stdout.write(helpOf(command, options.program));
    return 0;
  }
  const profile = parsed.values["profile"];
  return command.run({
    profile: validateProfileName(typeof profile === "string" ? profile : options.defaultProfile),
    json: parsed.values["json"] === true,
    values: parsed.values,
    positionals: parsed.positionals,
    rest,
    env: options.env,
    home: options.home,
    packageRoot: options.packageRoot,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    style: styleFor(parsed.values["no-color"] === true || parsed.values["json"] === true),
    signal: options.signal,
  });
}

/** The few options that are ours; the host has `--json` too. */
function verbatim(args: readonly string[]): { readonly own: readonly string[]; readonly rest: readonly string[] } {
  const at = args.indexOf("--profile");
  const profile = at === -1 ? [] : args.slice(at, at + 2);
  const isOurs = (word: string) => ["--json", "--help", "-h"].includes(word) || word.startsWith("--profile=");
  const rest = args.filter(
    (word, index) => (at === -1 || index < at || index > at + 1) && !["--help", "-h"].includes(word) && !word.startsWith("--profile="),
  );
  return { own: [...profile, ...args.filter(isOurs)], rest };
}

/** What is ours, and what stands behind `--`, which is another program's. */
function split(args: readonly string[]): { readonly own: readonly string[]; readonly rest: readonly string[] } {
  const cut = args.indexOf("--");
  return cut === -1 ? { own: args, rest: [] } : { own: args.slice(0, cut), rest: args.slice(cut + 1) };
}

function parse(command: Command, args: readonly string[], program: string): { values: Call["values"]; positionals: string[] } {
  const fix = `${program} ${command.name} --help`;
  let parsed: { values: Call["values"]; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options: { ...COMMON, ...command.options }, allowPositionals: true, strict: true });
  } catch (error) {
    throw new RescueError("usage", `${command.name}: ${messageOf(error)}`, { fix, cause: error });
  }
  // `pause 2h` must not become a pause without an end.
  const tooMany = parsed.positionals[command.words ?? 0];
  if (tooMany !== undefined) throw new RescueError("usage", `${command.name} does not take ${JSON.stringify(tooMany)}`, { fix });
  return parsed;
}

function styleFor(plain: boolean): Style {
  return (format, text) => (plain ? text : styleText(format, text, { stream: process.stdout }));
}

async function overview(program: string): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const rows = commands.map((command) => `  ${command.name.padEnd(10)} ${command.summary}`);
  return [
    `${program}: brings a dead, hung or refusing OpenClaw gateway back, from outside the process that broke.`,
    "",
    `Usage: ${program} COMMAND [--profile NAME] [--json] …`,
    "",
    ...rows,
    "",
    "Common options",
    "  --profile NAME   the profile of the gateway that is watched (default: the default profile)",
    "  --json           machine-readable output, one object",
    "  --no-color       plain text; colours are only used on a terminal anyway, and NO_COLOR is honoured",
    "  --help           after a command: what it does and how",
    "",
    "Exit codes: 0 fine; 1 looked, and something is wrong;",
    `  ${Object.entries(EXIT_CODES)
      .map(([code, value]) => `${value} ${code}`)
      .join(", ")}`,
    "",
  ].join("\n");
}

function helpOf(command: Command, program: string): string {
  return [`Usage: ${program} ${command.name} ${command.usage}`.trimEnd(), "", command.help.trim(), ""].join("\n");
}
