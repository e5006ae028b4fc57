import { messageOf, RescueError } from "../src/shared/errors.ts";
import { botReader } from "./alerting.ts";
import type { KeptProposal, Proposal } from "./core/proposal.ts";
import type { ProposalMode } from "./diagnosing.ts";
import { isJournalTrouble, type RequestPayload } from "./journal/journal.ts";
import { wallMs } from "./observe/clock.ts";
import { sleep, type Watchdog } from "./open-watchdog.ts";

/** What the settings say; unset, a person is asked where there is one who can be asked in a chat. */
export function modeOf(dog: Pick<Watchdog, "settings" | "options">): ProposalMode {
  return dog.settings.diagnosis.mode ?? (botReader(dog) === undefined ? "auto" : "ask");
}

/** Leaves a request for whoever watches; resolves to the answer, undefined when nobody gave one, and then it holds no more. */
export type AskWatcher = (payload: RequestPayload) => Promise<string | undefined>;

/** A proposal as it is now: one that waited for too long is rejected. */
export function proposalNow(
  { journal }: Pick<Watchdog, "journal">,
  which: (of: Watchdog["journal"]["proposals"]) => KeptProposal | undefined,
) {
  journal.proposals.expire(wallMs());
  return which(journal.proposals);
}

/**
 * A person's answer to a proposal that waits, once, whoever is first. Approved: whoever watches carries it out, or says why not, and then it goes on waiting.
 * Returns the watcher's words. Throws `refused` (it does not wait, or the watcher says so) and `timeout` (nobody watches).
 */
export async function answerProposal(
  dog: Pick<Watchdog, "journal" | "log">,
  proposal: KeptProposal,
  { approved, by }: { readonly approved: boolean; readonly by: string },
  ask: AskWatcher,
): Promise<string> {
  const { proposals } = dog.journal;
  const said = `${approved ? "approved" : "rejected"} by ${by}`;
  proposals.expire(wallMs());
  if (!proposals.settle(proposal.id, "waiting", approved ? "asked" : "rejected", said)) {
    const { state, answer } = proposals.get(proposal.id) ?? proposal;
    const fix = `have it looked at again: rescue-watchdog proposal ${proposal.incident} --ask`;
    throw new RescueError("refused", `it does not wait for an answer: ${state}${answer === null ? "" : `, ${answer}`}`, { fix });
  }
  dog.log({ event: "proposal-answered", incident: proposal.incident, trigger: by, details: said });
  return approved ? handOver(dog, proposal, by, ask) : said;
}

/** What was handed to whoever watches (`asked`): resolves to his words. What he refuses, or does not hear, waits for a person from then on. */
export async function handOver(
  { journal, log }: Pick<Watchdog, "journal" | "log">,
  { id, incident, actions, ends }: KeptProposal,
  approvedBy: string | null,
  ask: AskWatcher,
): Promise<string> {
  const proposal: Proposal = { incident, actions, ends, approvedBy };
  const answer = await ask({ proposal });
  const refusal = answer === undefined ? "nobody who watches has answered" : /^refused: (.*)$/s.exec(answer)?.[1];
  if (answer === undefined || refusal !== undefined) {
    journal.proposals.settle(id, "asked", "waiting", refusal ?? null);
    log({ event: "proposal-refused", level: "warn", incident, details: refusal });
    throw new RescueError(answer === undefined ? "timeout" : "refused", refusal ?? "", { fix: "look with: status" });
  }
  journal.proposals.settle(id, "asked", "asked", `${approvedBy === null ? "" : `approved by ${approvedBy}: `}${answer}`);
  return answer;
}

const EXPIRE_EVERY_MS = 5_000;

/** Rejects what waited for too long, until the signal aborts. */
export async function expiring({ journal, log }: Pick<Watchdog, "journal" | "log">, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      journal.proposals.expire(wallMs());
    } catch (error) {
      if (!isJournalTrouble(error)) throw error;
      log({ event: "journal-not-written", level: "error", success: false, details: messageOf(error) });
    }
    await sleep(EXPIRE_EVERY_MS, signal);
  }
}
