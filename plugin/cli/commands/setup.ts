import { formatDuration } from "../../../src/shared/duration.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { type Call, type Command, printJson, text } from "../command.ts";

export const setupCommand: Command = {
  name: "setup",
  summary: "make a rescue gateway for a profile: a second, isolated one that watches it",
  usage: "[--profile NAME] [--port N] [--no-service] [--yes] [--dry-run] [--json]",
  help: `
Prints what it will do, then makes the rescue profile (\`rescue\` for the default profile, NAME-rescue otherwise): its own directory, token and
port, loopback only, this plugin, no model and no channel; installs its service with the host's own installer, proves that the listener is that
service before the token is used, and declares the backstop's cron job. Run again, it completes or mends what is there and keeps the token.

  --port N       the rescue gateway's port; default: the first one from 19789 that is 120 away from every configured gateway and free
  --no-service   make the profile only; start it yourself: rescue-watchdog supervise -- openclaw --profile rescue gateway run
  --yes          do not ask; without a terminal or with --json nothing is asked anyway
  --dry-run      print the plan and change nothing

Exit codes: 0 done; 2 a name or port that cannot be; 3 no such profile; 5 its config is not valid; 8 another setup runs;
9 refused (the rescue profile is not ours, a directory is not safe, the listener could not be proved); 11 the host or the service manager failed.
What a failed run had made is taken back, or named with the command that removes it.
`,
  options: {
    port: { type: "string" },
    "no-service": { type: "boolean" },
    yes: { type: "boolean" },
    "dry-run": { type: "boolean" },
  },
  run: async (call) => {
    const { prepareSetup, setup } = await import("../../../src/onboard/provision.ts");
    const { setupPorts } = await import("../../../rescue-profile/setup-main.ts");
    const port = portOption(call);
    const wishes = {
      profile: call.profile,
      ...(port === undefined ? {} : { port }),
      service: call.values["no-service"] === true ? ("none" as const) : ("managed" as const),
    };
    const { plan } = await prepareSetup(wishes, { home: call.home, env: call.env });
    if (!call.json) {
      call.out(`rescue profile ${plan.rescue} for profile ${plan.primary}, port ${plan.port}\n`);
      for (const step of plan.steps) call.out(`  ${step.done ? call.style("dim", "done ") : "     "} ${step.text}\n`);
    }
    if (call.values["dry-run"] === true) {
      if (call.json) printJson(call, { ok: true, dryRun: true, plan });
      return 0;
    }
    if (!call.json && call.values["yes"] !== true && process.stdin.isTTY && !(await confirmed())) {
      call.out("nothing was changed\n");
      return 0;
    }
    const ports = setupPorts({
      home: call.home,
      env: call.env,
      packageRoot: call.packageRoot,
      signal: call.signal,
      onStep: (step, state, tookMs) => {
        if (!call.json && state !== "begun")
          call.out(`  ${state === "done" ? call.style("green", "✓") : "·"} ${step} ${formatDuration(tookMs)}\n`);
      },
    });
    const result = await setup(wishes, ports);
    if (call.json) printJson(call, { ok: true, ...result });
    else call.out(summary(result.plan.rescue, result.plan.port, result.proof?.cronJob ?? null));
    return 0;
  },
};

function summary(rescue: string, port: number, cronJob: string | null): string {
  const start =
    cronJob === null ? [`  start it: rescue-watchdog supervise -- openclaw --profile ${rescue} gateway run`] : [`  cron job: ${cronJob}`];
  return [
    `profile ${rescue} on port ${port} is ready`,
    ...start,
    `  look:     openclaw --profile ${rescue} rescue status`,
    "  remove:   openclaw rescue uninstall",
    "",
  ].join("\n");
}

function portOption(call: Call): number | undefined {
  const given = text(call, "port");
  if (given === undefined) return undefined;
  const port = Number(given);
  if (!Number.isInteger(port) || port < 1_024 || port > 65_000) {
    throw new RescueError("usage", `--port must be a whole number from 1024 to 65000, not ${JSON.stringify(given)}`);
  }
  return port;
}

async function confirmed(): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("go on? [y/N] ");
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
