import type { NewsKind, Severity } from "../core/event.ts";
import type { Receiver, Sent, Story } from "./alert.ts";
import { compose } from "./compose.ts";
import { type QuietHours, quietUntil } from "./quiet-hours.ts";
import type { Words } from "./words.ts";

interface News {
  readonly id: number;
  readonly kind: NewsKind;
  readonly severity: Severity;
}

/** What a receiver has not heard of one thread, oldest first; see journal/outbox.ts. */
export interface Pending {
  readonly thread: string;
  readonly unheard: readonly News[];
  readonly remote: string | null;
}

/** What the pipeline needs of the journal. Durable when it returns. */
export interface Outbox {
  enlist(receiver: string): void;
  pending(receiver: string, skip: ReadonlySet<string>): Pending | undefined;
  heard(receiver: string, thread: string, upto: number, remote: string | null, wallMs: number): void;
  defer(receiver: string, notBeforeWallMs: number, why: string): void;
  state(receiver: string): { readonly failures: number; readonly notBeforeWallMs: number } | undefined;
}

export interface PipelinePorts {
  readonly outbox: Outbox;
  /** Undefined: the journal does not know this thread any more. */
  readonly story: (thread: string) => Story | undefined;
  readonly profile: string;
  readonly words: Words;
  readonly quietHours: QuietHours | null;
  readonly wallMs: () => number;
  readonly log: (receiver: string, thread: string, sent: Sent) => void;
}

const FIRST_MS = 2_000;
const LONGEST_MS = 300_000;

/** How long to wait after so many failures in a row: 2 s, doubled each time, at most 5 minutes. Pure. */
export function backOffMs(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16));
}

/**
 * Sends one receiver what it has waited for longest, in order. Returns true when there may be more at once. The stages: wait (back-off, quiet hours),
 * sort out what it does not want to hear, compose, send, record. Only the record makes it heard, so that nothing is lost; a crash between sending and
 * recording sends that one message again.
 */
export async function deliverNext(receiver: Receiver, ports: PipelinePorts): Promise<boolean> {
  const { outbox, wallMs } = ports;
  const { name, edits } = receiver;
  if ((outbox.state(name)?.notBeforeWallMs ?? 0) > wallMs()) return false;
  const due = nextDue(receiver, ports);
  if (due === undefined) return false;
  const { thread, remote, news } = due;
  const last = news.at(-1) ?? due.first;
  const heard = (known: string | null) => outbox.heard(name, thread, last.id, known, wallMs());
  const story = ports.story(thread);
  if (story === undefined || !isWanted(due, receiver)) {
    heard(remote);
    return true;
  }
  const alert = compose(thread, last.kind, story, ports.profile, ports.words);
  // A changed message makes no sound: what a person has to do is a message of its own.
  const isLoud = news.some(({ kind, severity }) => LOUD.has(kind) && severity === "critical");
  const send = (known: string | null) => receiver.send(alert, known, String(last.id));
  let sent = await send(edits && !isLoud ? remote : null);
  // Somebody deleted it: what it has become is told anew.
  if (sent.outcome === "unknown-message") sent = await send(null);
  ports.log(name, thread, sent);
  switch (sent.outcome) {
    case "sent":
      heard(sent.remote ?? remote ?? TOLD);
      return true;
    case "refused":
    case "unknown-message":
      heard(remote);
      return true;
    case "later": {
      const failures = outbox.state(name)?.failures ?? 0;
      outbox.defer(name, wallMs() + Math.max(sent.afterMs ?? 0, backOffMs(failures)), sent.why);
      return false;
    }
  }
}

const LOUD: ReadonlySet<NewsKind> = new Set<NewsKind>(["told", "proposed", "answered"]);

/** For receivers that have no names for messages: that they were told of the thread. */
const TOLD = "told";

interface Due {
  readonly thread: string;
  readonly remote: string | null;
  readonly first: News;
  /** What is sent at once: whoever edits hears of a thread as a whole, whoever cannot hears each of its news. Never empty. */
  readonly news: readonly News[];
}

/** The thread that has waited for longest, but for those that may wait until the quiet hours are over. */
function nextDue({ name, edits }: Receiver, { outbox, wallMs, quietHours }: PipelinePorts): Due | undefined {
  for (const skip = new Set<string>(); ; ) {
    const pending = outbox.pending(name, skip);
    const [first] = pending?.unheard ?? [];
    if (pending === undefined || first === undefined) return undefined;
    const { thread, remote, unheard } = pending;
    const mayWait = remote === null && unheard.every(({ severity }) => severity !== "critical");
    if (!mayWait || quietUntil(wallMs(), quietHours) === undefined) return { thread, remote, first, news: edits ? unheard : [first] };
    skip.add(thread);
  }
}

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

function isWanted({ remote, news }: Due, { least, wants }: Receiver): boolean {
  if (wants !== undefined && !news.some(wants)) return false;
  return remote !== null || news.some(({ severity }) => RANK[severity] >= RANK[least]);
}
