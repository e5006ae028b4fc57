import { messageOf, RescueError } from "../src/shared/errors.ts";
import { botReader } from "./alerting.ts";
import type { KeptProposal } from "./core/proposal.ts";
import type { ProposalMode } from "./diagnosing.ts";
import { isJournalTrouble, type RequestPayload } from "./journal/journal.ts";
import type { LogEntry } from "./journal/log.ts";
import { wallMs } from "./observe/clock.ts";
import { sleep, type Watchdog } from "./open-watchdog.ts";

/**
 * What the settings say; unset, a person is asked where there is one who can be asked in a chat, and also where that cannot be known: a machine on which a bot's token cannot be
 * read is no machine on which nobody was to be asked.
 */
export function modeOf(dog: Pick<Watchdog, "settings" | "options">): ProposalMode {
  return dog.settings.diagnosis.mode ?? (botReader(dog) === undefined ? "auto" : "ask");
}

/** What a diagnosis may lead to, by the settings of whoever watches: he may have been given others than those that are written down. */
export interface Rights {
  readonly maxTier: number;
  readonly mode: ProposalMode;
  readonly onRejected: Watchdog["settings"]["diagnosis"]["onRejected"];
  readonly approvalSeconds: number;
}

export function rightsOf(dog: Pick<Watchdog, "settings" | "options">): Rights {
  const { limits, diagnosis } = dog.settings;
  const { onRejected, approvalSeconds } = diagnosis;
  return { maxTier: limits.maxTier, mode: modeOf(dog), onRejected, approvalSeconds };
}

/** The same watchdog with these rights instead of its own. */
export function withRights(dog: Watchdog, { maxTier, ...diagnosis }: Rights): Watchdog {
  const { settings } = dog;
  return {
    ...dog,
    settings: { ...settings, limits: { ...settings.limits, maxTier }, diagnosis: { ...settings.diagnosis, ...diagnosis } },
  };
}

/** Leaves a request for whoever watches; resolves to the answer, undefined when nobody gave one, and then it holds no more. */
export type AskWatcher = (payload: RequestPayload) => Promise<string | undefined>;

/** Rejects what waited for too long. */
export function expireProposals({ journal, log }: Pick<Watchdog, "journal" | "log">): void {
  for (const { incident, answer } of journal.proposals.expire(wallMs())) log({ event: "proposal-answered", incident, details: answer });
}

/** A proposal as it is now: one that waited for too long is rejected. */
export function proposalNow(
  dog: Pick<Watchdog, "journal" | "log">,
  which: (of: Watchdog["journal"]["proposals"]) => KeptProposal | undefined,
): KeptProposal | undefined {
  expireProposals(dog);
  return which(dog.journal.proposals);
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
  expireProposals(dog);
  if (!proposals.settle(proposal.id, "waiting", approved ? "asked" : "rejected", said)) {
    const { state, answer } = proposals.get(proposal.id) ?? proposal;
    const fix =
      state === "shown"
        ? "it can be approved with limits.maxTier 3 and diagnosis.mode ask, while its incident is open"
        : `have it looked at again: rescue-watchdog proposal ${proposal.incident} --ask`;
    throw new RescueError("refused", `it does not wait for an answer: ${state}${answer === null ? "" : `, ${answer}`}`, { fix });
  }
  dog.log({ event: "proposal-answered", incident: proposal.incident, trigger: by, details: said });
  return approved ? handOver(dog, proposal, by, ask) : said;
}

/**
 * What was handed to whoever watches (`asked`): resolves to his words, and then its repair has begun. What he refuses, or does not hear, waits for a person from then on, and so does
 * what could not be asked. Throws as {@link answerProposal}, and what `ask` throws.
 */
export async function handOver(
  { journal, log }: Pick<Watchdog, "journal" | "log">,
  { id, incident, actions, ends }: KeptProposal,
  approvedBy: string | null,
  ask: AskWatcher,
): Promise<string> {
  try {
    return await askedFor(ask, { proposal: { id, incident, actions, ends, approvedBy } });
  } catch (error) {
    journal.proposals.settle(id, "asked", "waiting", messageOf(error));
    log({ event: "proposal-refused", level: "warn", incident, details: messageOf(error) });
    throw error;
  }
}

/** The watcher's words to a request that he fulfils. Throws `refused` with his words, `timeout` when nobody answers, and what `ask` throws. */
export async function askedFor(ask: AskWatcher, payload: RequestPayload): Promise<string> {
  const answer = await ask(payload);
  if (answer === undefined) throw new RescueError("timeout", "nobody who watches has answered", { fix: "look with: status" });
  const refusal = /^refused: (.*)$/s.exec(answer)?.[1];
  if (refusal !== undefined) throw new RescueError("refused", refusal, { fix: "look with: status" });
  return answer;
}

/** What came of a diagnosis, for the log: with every rejection and its reason. */
export function proposalLine({ incident, engine, asked, actions, refusal, judged, state }: KeptProposal): LogEntry {
  return { event: "diagnosis", incident, success: state !== "none", details: { engine, asked, actions, refusal, judged, state } };
}

const EXPIRE_EVERY_MS = 5_000;

/** Rejects what waited for too long, until the signal aborts. */
export async function expiring(dog: Pick<Watchdog, "journal" | "log">, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      expireProposals(dog);
    } catch (error) {
      if (!isJournalTrouble(error)) throw error;
      dog.log({ event: "journal-not-written", level: "error", success: false, details: messageOf(error) });
    }
    await sleep(EXPIRE_EVERY_MS, signal);
  }
}
