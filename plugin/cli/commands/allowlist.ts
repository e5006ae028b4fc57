import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { JudgedPlan } from "../../../rescue-profile/diagnosis/judge.ts";
import { messageOf, RescueError } from "../../../src/shared/errors.ts";
import { type Call, type Command, printJson, text } from "../command.ts";
import { plainText } from "../render.ts";

/** More than any plan or script that is accepted, and no endless pipe. */
const MOST_BYTES = 1_048_576;

export const allowlistCommand: Command = {
  name: "allowlist",
  summary: "judge proposed commands without running anything, or show what is allowed",
  usage: "check FILE|- [--context FILE] [--profile NAME] [--json]\n  or:  allowlist show [--profile NAME] [--json]",
  help: `
check reads a script, or a plan in JSON when it begins with {, from FILE or from standard input (-), and says of every command whether a diagnosis
may propose it, and why not. Nothing is run, here or later: an accepted command becomes the action that its entry names, which the watchdog takes
with its own steps, fence, guard and undo (docs/allowlist.md).

show prints the entries in force: those of the package, your own (allowlist.yaml where the watchdog keeps its state, mode 0600) and the packs that
you have approved there, each with its file.

  --context FILE   what is proven, as JSON: {"pid": 4711, "staleLocks": ["/home/me/.openclaw/…/x.jsonl.lock"], "unit": …, "port": …, "profile": …,
                   "home": …}, each of them optional. Without it there is no process and no stale lock, so that no entry with {pid} or {lock} accepts
  --json           check: {ok, refusal, commands: [{command, accepted, entry, action, reason}], actions}; show: {ok, entries: [{id, does, argv, from}]}

Exit codes: 0 every command is accepted, and so is the plan; 1 not; 2 the command line is wrong; 4 a file cannot be read; 5 an allowlist or the
context is wrong; 9 an allowlist is not yours alone, or a pack is not the one that you approved.
`,
  words: 2,
  options: { context: { type: "string" } },
  run: async (call) => {
    const [form, file] = call.positionals;
    const context = text(call, "context");
    if (form === "show") {
      if (file !== undefined || context !== undefined) throw wrong("show takes no file and no --context");
      return show(call);
    }
    if (form !== "check")
      throw wrong(form === undefined ? "allowlist wants check or show" : `allowlist does not take ${JSON.stringify(form)}`);
    if (file === undefined) throw wrong("check wants a file, or - for standard input");
    if (file === "-" && context === "-") throw wrong("only one of both can be standard input");
    return check(call, file, context);
  },
};

function wrong(what: string): RescueError {
  return new RescueError("usage", what, { fix: "rescue-watchdog allowlist check FILE" });
}

async function show(call: Call): Promise<number> {
  const { allowlistFor, textOf } = await import("../../../rescue-profile/allowlist-main.ts");
  const entries = allowlistFor(call).map(({ id, does, argv, comment, from }) => ({ id, does, argv: argv.map(textOf), comment, from }));
  if (call.json) printJson(call, { ok: true, entries });
  let from = "";
  for (const entry of call.json ? [] : entries) {
    if (entry.from !== from) call.out(`${call.style("dim", plainText(entry.from))}\n`);
    from = entry.from;
    call.out(`  ${entry.does.padEnd(16)} ${plainText(entry.argv.join(" "))}  ${call.style("dim", entry.id)}\n`);
  }
  return 0;
}

async function check(call: Call, file: string, context: string | undefined): Promise<number> {
  const { checkAllowlist } = await import("../../../rescue-profile/allowlist-main.ts");
  const given = context === undefined ? {} : { context: { file: context, text: await readAll(context) } };
  const plan = await checkAllowlist(await readAll(file), { ...call, ...given });
  if (call.json) printJson(call, asJson(plan));
  else call.out(asText(plan, call.style));
  return plan.accepted ? 0 : 1;
}

function asJson({ accepted, refusal, judged, actions }: JudgedPlan) {
  return { ok: accepted, refusal, commands: judged.map(({ command, verdict }) => ({ command, ...verdict })), actions };
}

function asText({ refusal, judged }: JudgedPlan, style: Call["style"]): string {
  const lines = judged.map(({ command, verdict }) =>
    verdict.accepted
      ? `${style("green", "accepted")}  ${plainText(command)}\n          ${verdict.action}, by ${verdict.entry}`
      : `${style("red", "rejected")}  ${plainText(command)}\n          ${plainText(verdict.reason)}`,
  );
  const end = refusal === null ? style("green", "the plan is accepted") : `${style("red", "the plan is refused")}: ${plainText(refusal)}`;
  return `${[...lines, end].join("\n")}\n`;
}

/** UTF-8 as it is: a mark of byte order stays, and is rejected like every other character that is not seen. Throws `not-readable`. */
async function readAll(file: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const input: Readable = file === "-" ? process.stdin : createReadStream(file);
    for await (const chunk of input) {
      const bytes = Buffer.from(chunk);
      length += bytes.length;
      if (length > MOST_BYTES)
        throw new RescueError("not-readable", `${named(file)} has more than ${MOST_BYTES} bytes`, { fix: "give it a smaller one" });
      chunks.push(bytes);
    }
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof RescueError) throw error;
    throw new RescueError("not-readable", `${named(file)} cannot be read as text: ${messageOf(error)}`, {
      fix: "look at it",
      cause: error,
    });
  }
}

function named(file: string): string {
  return file === "-" ? "standard input" : file;
}
