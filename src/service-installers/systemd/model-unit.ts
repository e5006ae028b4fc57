import { RescueError } from "../../shared/errors.ts";
import { line, word } from "./units.ts";

export interface ModelUnitSpec {
  /** Without `.service`. */
  readonly name: string;
  readonly description: string;
  /** What must end with 0 before each start; `argv[0]` absolute. */
  readonly check: readonly string[];
  /** The server; `argv[0]` absolute. */
  readonly start: readonly string[];
  /** How long the check may take. */
  readonly checkSeconds: number;
}

/** systemd's own limit for a start, of which the check is a part. */
const START_SECONDS = 90;

/**
 * The unit of a local model server, for an account's own manager. Three starts in a minute and then no more: a port or a GPU that the dead
 * server has not given back yet is free at the next one, a model that is not whole stays so. No `RestartPreventExitStatus=`: it is about
 * the main process, and that of a failed check has not run. No `After=`: an account's manager knows no network target. Pure; throws `usage`
 * for what no quoting carries.
 */
export function renderModelUnit(spec: ModelUnitSpec): string {
  const unit = `${spec.name}.service`;
  return [
    "# By rescue-watchdog preflight model-server --render. Keep it as",
    `#   ~/.config/systemd/user/${line(unit)}`,
    `# then: systemctl --user daemon-reload && systemctl --user enable --now ${line(unit)}`,
    "[Unit]",
    `Description=${line(spec.description)}`,
    "StartLimitIntervalSec=60",
    "StartLimitBurst=3",
    "",
    "[Service]",
    "Type=exec",
    `ExecStartPre=${command(spec.check)}`,
    `ExecStart=${command(spec.start)}`,
    "Restart=on-failure",
    "RestartSec=10",
    ...(spec.checkSeconds > START_SECONDS ? [`TimeoutStartSec=${spec.checkSeconds}`] : []),
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** systemd looks for the program under the first word as it stands, with its specifiers but without undoing `$$` (252, measured). */
function command(argv: readonly string[]): string {
  const [program = ""] = argv;
  if (program.includes("$")) {
    throw new RescueError("usage", `${JSON.stringify(program)} cannot be started by a unit: its path has a $`, {
      fix: "a link without one",
    });
  }
  return argv.map(word).join(" ");
}
