import type { ChatCommand } from "./commands.ts";

/** Numeric ids, as the settings name them. */
export interface Allowed {
  readonly operators: readonly number[];
  readonly viewers: readonly number[];
  readonly groups: boolean;
}

export interface Sender {
  readonly id: number;
  /** Only `private` chats are answered, unless groups are allowed. */
  readonly chat: "private" | "group";
  /** An account that is a program: two bots must not talk each other into a loop. */
  readonly isBot: boolean;
}

export type Role = "operator" | "viewer";

/** Undefined: gets no answer at all. Pure. */
export function roleOf({ id, chat, isBot }: Sender, { operators, viewers, groups }: Allowed): Role | undefined {
  if (isBot || (chat === "group" && !groups)) return undefined;
  if (operators.includes(id)) return "operator";
  return viewers.includes(id) ? "viewer" : undefined;
}

const ACTS: ReadonlySet<ChatCommand["name"]> = new Set<ChatCommand["name"]>(["repair", "pause", "resume", "set", "answer"]);

/** Viewers may look, operators may act. */
export function may(role: Role, command: ChatCommand): boolean {
  return role === "operator" || !ACTS.has(command.name);
}

/** So many commands of one sender in so long a time; what is more gets one answer and then none. */
const MOST = 20;
const WITHIN_MS = 60_000;

/** Flood control, for one process. */
export class Flood {
  readonly #times = new Map<number, number[]>();

  /** `first`: it is one too many, and the first that is. */
  ask(sender: number, nowMs: number): "ok" | "first" | "more" {
    const times = (this.#times.get(sender) ?? []).filter((at) => nowMs - at < WITHIN_MS);
    times.push(nowMs);
    // What is kept of a flood is not to grow with it.
    this.#times.set(sender, times.slice(-(MOST + 2)));
    if (times.length <= MOST) return "ok";
    return times.length === MOST + 1 ? "first" : "more";
  }
}
