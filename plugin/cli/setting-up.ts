import { readFileSync } from "node:fs";
import { isGatewayPort } from "../../src/onboard/facts.ts";
import type { SetupPorts } from "../../src/onboard/ports.ts";
import type { SetupResult } from "../../src/onboard/provision.ts";
import type { SetupWishes, TelegramWish } from "../../src/onboard/wishes.ts";
import { botApiRoot } from "../../src/shared/bot-api-root.ts";
import { formatDuration } from "../../src/shared/duration.ts";
import { messageOf, RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { hostCommand } from "../../src/shared/openclaw-home.ts";
import { type Call, text } from "./command.ts";
import { plainText } from "./render.ts";

/** The real ports for a command. */
export async function portsFor(call: Call, onStep: SetupPorts["onStep"] = () => undefined): Promise<SetupPorts> {
  const { setupPorts } = await import("../../rescue-profile/setup-main.ts");
  const { copyPortableAuth } = await import("../onboard/inherit-auth.ts");
  const { home, env, packageRoot, signal } = call;
  return setupPorts({ home, env, packageRoot, signal, inheritAuth: copyPortableAuth, onStep });
}

/** Prints the plan, asks `goOn`, and carries it out with a line per step. Null when the person declined. Errors as `setup`. */
export async function setUp(call: Call, wishes: SetupWishes, goOn: () => Promise<boolean>): Promise<SetupResult | null> {
  const { prepareSetup, setup } = await import("../../src/onboard/provision.ts");
  const ports = await portsFor(call, (step, state, tookMs) => {
    if (!call.json && state !== "begun")
      call.out(`  ${state === "done" ? call.style("green", "✓") : "·"} ${step} ${formatDuration(tookMs)}\n`);
  });
  const { plan } = await prepareSetup(wishes, ports);
  if (!call.json) {
    call.out(`rescue profile ${plan.rescue} for profile ${plan.primary}, port ${plan.port}\n`);
    for (const step of plan.steps) call.out(`  ${step.done ? call.style("dim", "done ") : "     "} ${step.text}\n`);
  }
  if (!(await goOn())) return null;
  const result = await setup(wishes, ports);
  if (!call.json) call.out(summary(result));
  return result;
}

/** A question on a terminal; without one, or with --json or --yes, it is answered with yes. */
export async function confirmed(call: Call): Promise<boolean> {
  if (call.json || call.values["yes"] === true || !process.stdin.isTTY) return true;
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("go on? [y/N] ");
  terminal.close();
  if (/^y(es)?$/i.test(answer.trim())) return true;
  call.out("nothing was changed\n");
  return false;
}

export function wishesFrom(call: Call): SetupWishes {
  const port = portOption(call);
  const telegram = telegramOption(call);
  return {
    profile: call.profile,
    service: call.values["no-service"] === true ? "none" : "managed",
    inheritAuth: call.values["inherit-auth"] === true,
    ...(port === undefined ? {} : { port }),
    ...(telegram === undefined ? {} : { telegram }),
  };
}

/** A sentence for each to whom the rescue's bot has written, or could not. */
export function greetings({ greeted, plan }: SetupResult): readonly string[] {
  return (greeted ?? []).map(({ chat, problem }) =>
    problem === null
      ? `telegram:   a test alert went to ${chat}`
      : `telegram:   ${chat} was not reached (${problem}): open the chat with the bot and press Start, then: ${hostCommand(plan.primary, "rescue alerts test")}`,
  );
}

function summary(result: SetupResult): string {
  const { plan, proof, inherited, warning } = result;
  const service =
    proof === null
      ? [`  start it:  rescue-watchdog supervise -- openclaw --profile ${plan.rescue} gateway run`]
      : ["  service:   installed, its listener proved, healthy", `  cron job:  ${proof.cronJob}`];
  const auth =
    inherited === null
      ? []
      : [
          `  copied:    ${inherited.copied.length === 0 ? "no credential" : inherited.copied.join(", ")}`,
          ...(inherited.present.length === 0 ? [] : [`  kept:      ${inherited.present.join(", ")}`]),
          ...inherited.left.map(({ id, why }) => `  not copied: ${id}: ${why}`),
        ];
  return plainText(
    [
      `profile ${plan.rescue} on port ${plan.port} is ready`,
      ...service,
      ...(warning === null ? [] : [`  warning:   ${warning.why}`, `             → ${warning.fix}`]),
      ...auth,
      ...greetings(result).map((line) => `  ${line}`),
      `  look:      openclaw --profile ${plan.rescue} rescue status`,
      `  remove:    ${hostCommand(plan.primary, "rescue uninstall")}`,
      "",
    ].join("\n"),
  );
}

function portOption(call: Call): number | undefined {
  const given = text(call, "port");
  if (given === undefined) return undefined;
  const port = Number(given);
  if (!isGatewayPort(port)) {
    throw new RescueError("usage", `--port must be a whole number from 1024 to 65000, not ${JSON.stringify(given)}`);
  }
  return port;
}

/** The token comes from a file: a command line is seen by every account of the machine. */
function telegramOption(call: Call): TelegramWish | undefined {
  const file = text(call, "telegram-token-file");
  const allow = text(call, "telegram-allow");
  if (file === undefined && allow === undefined) return undefined;
  if (file === undefined || allow === undefined) {
    throw new RescueError("usage", "--telegram-token-file and --telegram-allow belong together", {
      fix: "--telegram-token-file FILE --telegram-allow 123456789",
    });
  }
  const apiRoot = text(call, "telegram-api-root");
  if (apiRoot !== undefined && !/^https?:\/\/\S+$/.test(apiRoot)) {
    throw new RescueError("usage", `--telegram-api-root must be an http address, not ${JSON.stringify(apiRoot)}`);
  }
  const people = allow.split(",").map((id) => id.trim());
  return { botToken: readToken(file), allowFrom: people, ...(apiRoot === undefined ? {} : { apiRoot: botApiRoot(apiRoot) }) };
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw new RescueError("not-readable", `${file}: ${messageOf(error)}`, { cause: error });
  }
}
