import type { KeptProposal } from "../../../rescue-profile/core/proposal.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { type Call, type Command, printJson } from "../command.ts";
import { incidentNumber } from "../incident-number.ts";
import { operator } from "../operator.ts";
import { plainText } from "../render.ts";

export const proposalCommand: Command = {
  name: "proposal",
  summary: "what an AI proposed for an incident: look at it, approve it, reject it",
  usage: "INCIDENT [--profile NAME] [--ask | --dry-run | --approve | --reject] [--json]",
  help: `
With limits.maxTier 3 an AI is asked when the first two tiers did not help (docs/diagnosis.md). What it proposes is judged by the allowlist and
never run as such: an accepted command stands for a step of the watchdog's own repairs.

  --ask        ask now, whatever limits.maxTier says; nothing is carried out
  --dry-run    what carrying it out would do, step by step; nothing is carried out
  --approve    have whoever watches carry it out: once, in its own incident, behind the fence
  --reject     it is not carried out

An incident has one that waits for an answer at most; without one the newest is shown.

Exit codes: 0 shown, or carried out now; 1 nothing that may be done was proposed; 2 no such incident, or no proposal; 8 an AI is being asked already;
9 refused, with the reason; 12 nobody who watches has answered.
`,
  options: { ask: { type: "boolean" }, "dry-run": { type: "boolean" }, approve: { type: "boolean" }, reject: { type: "boolean" } },
  words: 1,
  run: async (call) => {
    const incident = incidentNumber(call, "proposal");
    const wishes = (["ask", "dry-run", "approve", "reject"] as const).filter((name) => call.values[name] === true);
    if (wishes.length > 1) throw new RescueError("usage", "proposal wants one of --ask, --dry-run, --approve and --reject, not several");
    const [wish] = wishes;
    const { openWatchdog, request } = await import("../../../rescue-profile/main.ts");
    const { diagnose, storyOf } = await import("../../../rescue-profile/diagnosing.ts");
    const { answerProposal, askedFor, modeOf, proposalLine, proposalNow } = await import("../../../rescue-profile/proposing.ts");
    const { profile, home, env, packageRoot } = call;
    const dog = await openWatchdog({ profile, home, env, packageRoot, what: "proposal", whatever: true });
    try {
      storyOf(dog, incident);
      const by = operator();
      const now = () => proposalNow(dog, (proposals) => proposals.current(incident));
      if (wish === "ask") {
        const mayWait = dog.settings.limits.maxTier >= 3 && modeOf(dog) !== "dry-run";
        const made = await diagnose(dog, incident, { mode: mayWait ? "ask" : "dry-run", by, signal: call.signal });
        dog.log({ ...proposalLine(made), trigger: by });
        return show(call, made);
      }
      const proposal = now();
      if (proposal === undefined) {
        throw new RescueError("usage", `nobody was asked about incident ${incident}`, {
          fix: `rescue-watchdog proposal ${incident} --ask`,
        });
      }
      if (wish === undefined) return show(call, proposal);
      const ask = (payload: Parameters<typeof request>[2]) => request(dog, "repair", payload, by, call.signal);
      if (wish === "dry-run") {
        if (proposal.actions === "") return show(call, proposal);
        const would = await askedFor(ask, { dryRun: true, proposal: { ...proposal, approvedBy: by } });
        return show(call, proposal, would);
      }
      await answerProposal(dog, proposal, { approved: wish === "approve", by }, ask);
      return show(call, now() ?? proposal);
    } finally {
      dog.journal.close();
    }
  },
};

/** `would`: what carrying it out would do now, in the watcher's words. */
function show(call: Call, proposal: KeptProposal, would?: string): number {
  if (call.json) printJson(call, { ok: proposal.state !== "none", proposal, ...(would === undefined ? {} : { would }) });
  else {
    const line = (text: string) => call.out(`${plainText(text).replaceAll("\n", " ")}\n`);
    line(`incident ${proposal.incident}: ${proposal.state}${proposal.answer === null ? "" : `, ${proposal.answer}`}`);
    line(proposal.asked);
    if (proposal.diagnosis !== null) line(`it says: ${proposal.diagnosis}`);
    for (const { command, verdict } of proposal.judged)
      line(verdict.accepted ? `  may be done: ${command}` : `  rejected: ${command}: ${verdict.reason}`);
    if (proposal.refusal !== null) line(`not as a whole: ${proposal.refusal}`);
    if (proposal.actions !== "") line(`steps: ${proposal.actions}${proposal.ends === null ? "" : `, ending pid ${proposal.ends.pid}`}`);
    if (would !== undefined) line(would);
    if (proposal.human !== null) line(`for you: ${proposal.human}`);
  }
  return proposal.state === "none" ? 1 : 0;
}
