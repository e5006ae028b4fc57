import type { ProposalRecord } from "../../../rescue-profile/diagnosis/record.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { type Call, type Command, printJson } from "../command.ts";
import { operator } from "../operator.ts";
import { plainText } from "../render.ts";

export const proposalCommand: Command = {
  name: "proposal",
  summary: "what an AI proposed for an incident: look at it, approve it, reject it",
  usage: "INCIDENT [--profile NAME] [--ask | --approve | --reject] [--json]",
  help: `
With limits.maxTier 3 an AI is asked when the first two tiers did not help (docs/diagnosis.md). What it proposes is judged by the allowlist and
never run as such: an accepted command stands for a step of the watchdog's own repairs.

  --ask        ask now, whatever limits.maxTier says; nothing is carried out
  --approve    have whoever watches carry it out: once, in its own incident, behind the fence
  --reject     it is not carried out

Exit codes: 0 shown, or carried out now; 1 nothing that may be done was proposed; 2 no such incident, or no proposal; 9 refused, with the reason.
`,
  options: { ask: { type: "boolean" }, approve: { type: "boolean" }, reject: { type: "boolean" } },
  words: 1,
  run: async (call) => {
    const [given = ""] = call.positionals;
    const incident = Number(given);
    if (!Number.isInteger(incident) || incident < 1)
      throw new RescueError("usage", "proposal wants an incident's number, as `history` shows it");
    const wishes = (["ask", "approve", "reject"] as const).filter((name) => call.values[name] === true);
    if (wishes.length > 1) throw new RescueError("usage", "proposal wants one of --ask, --approve and --reject, not several");
    const [wish] = wishes;
    const { openWatchdog, request } = await import("../../../rescue-profile/main.ts");
    const { diagnose, keep, proposalOf, readProposal } = await import("../../../rescue-profile/diagnosing.ts");
    const { profile, home, env, packageRoot } = call;
    const dog = await openWatchdog({ profile, home, env, packageRoot, what: "proposal", whatever: true });
    try {
      const record = wish === "ask" ? await diagnose(dog, incident, call.signal) : readProposal(dog.dir, incident);
      if (record === undefined) {
        throw new RescueError("usage", `nobody was asked about incident ${incident}`, {
          fix: `rescue-watchdog proposal ${incident} --ask`,
        });
      }
      if (wish === "approve") {
        if (record.state !== "waiting") throw new RescueError("refused", `it is not waiting for an approval: it is ${record.state}`);
        if (Date.now() > record.untilMs)
          throw new RescueError("refused", "the time to approve it is over", { fix: `proposal ${incident} --ask` });
        const by = operator();
        const answer = await request(dog, "repair", { proposal: proposalOf(record, by) }, by, call.signal);
        if (answer === undefined)
          throw new RescueError("timeout", `whoever watches profile ${profile} did not answer`, { fix: "look with: status" });
        if (answer.startsWith("refused: ")) throw new RescueError("refused", answer.slice("refused: ".length));
        return show(call, keep(dog.dir, { ...record, state: "asked", answer: `${by}: ${answer}` }));
      }
      return show(call, wish === "reject" ? keep(dog.dir, { ...record, state: "rejected", answer: `rejected by ${operator()}` }) : record);
    } finally {
      dog.journal.close();
    }
  },
};

function show(call: Call, record: ProposalRecord): number {
  if (call.json) printJson(call, { ok: record.state !== "none", proposal: record });
  else {
    const line = (text: string) => call.out(`${plainText(text).replaceAll("\n", " ")}\n`);
    line(`incident ${record.incident}: ${record.state}${record.answer === null ? "" : `, ${record.answer}`}`);
    line(record.asked);
    if (record.diagnosis !== null) line(`it says: ${record.diagnosis}`);
    for (const { command, verdict } of record.judged)
      line(verdict.accepted ? `  may be done: ${command}` : `  rejected: ${command}: ${verdict.reason}`);
    if (record.refusal !== null) line(`not as a whole: ${record.refusal}`);
    if (record.actions !== "") line(`steps: ${record.actions}${record.ends === null ? "" : `, ending pid ${record.ends.pid}`}`);
    if (record.human !== null) line(`for you: ${record.human}`);
  }
  return record.state === "none" ? 1 : 0;
}
