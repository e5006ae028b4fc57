import { Buttons, type Deed } from "./buttons.ts";
import { parseCommand } from "./commands.ts";
import { type Allowed, Flood, roleOf, type Sender } from "./rights.ts";
import { type Reply, type Speaker, type TalkPorts, talk } from "./talk.ts";

export type ChatLog = (event: "chat-opened" | "chat-closed" | "chat-stranger" | "chat-command" | "chat-trouble", details: unknown) => void;

export interface ConversationOptions {
  /** Asked each time: who is taken off a list has no say from then on. Throws where it cannot be known, and then nobody has one. */
  readonly allowed: () => Allowed;
  readonly ports: TalkPorts;
  /** Nobody who is not on the list is answered; they are counted. */
  readonly log: ChatLog;
}

/** What a pressed button comes to: one polite sentence, or answers; `takesPlace`: they stand where the button stood. */
export type Pressing =
  | { readonly politely: string }
  | { readonly politely?: undefined; readonly answers: AsyncGenerator<Reply>; readonly takesPlace: boolean };

/** Who may speak, what was meant, and what is answered: the same behind every door. Lives as long as the process, whose buttons and counts it keeps. */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #buttons = new Buttons();
  readonly #flood = new Flood();
  readonly #strangers = new Map<number, number>();

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Undefined: nothing is to be answered. */
  hear(sender: Sender, text: string, botName: string, signal: AbortSignal): AsyncGenerator<Reply> | undefined {
    const speaker = this.#speaker(sender);
    if (speaker === undefined) return undefined;
    const command = parseCommand(text, botName);
    if (command === undefined) return undefined;
    const allowance = this.#flood.ask(speaker.id, this.#options.ports.wallMs());
    if (allowance === "first") return oneAnswer(this.#options.ports.words.tooMuch);
    return allowance === "ok" ? this.#answer({ command, confirmed: false }, speaker, signal) : undefined;
  }

  /** Undefined: nothing is to be answered. */
  press(sender: Sender, name: string, signal: AbortSignal): Pressing | undefined {
    const speaker = this.#speaker(sender);
    if (speaker === undefined) return undefined;
    const { words, wallMs } = this.#options.ports;
    const nowMs = wallMs();
    const allowance = this.#flood.ask(speaker.id, nowMs);
    if (allowance === "more") return undefined;
    if (allowance === "first") return { politely: words.tooMuch };
    const answered = this.#options.ports.answered(name);
    if (answered !== undefined) {
      const { id, approved } = answered;
      const command = { name: "answer", proposal: id, approved } as const;
      return { answers: this.#answer({ command, confirmed: true }, speaker, signal), takesPlace: false };
    }
    const pressed = this.#buttons.press(name, speaker.id, nowMs);
    if ("why" in pressed) return { politely: words.pressed[pressed.why] };
    return { answers: this.#answer(pressed.deed, speaker, signal), takesPlace: pressed.deed.confirmed };
  }

  #answer(deed: Deed, speaker: Speaker, signal: AbortSignal): AsyncGenerator<Reply> {
    const { ports, log } = this.#options;
    log("chat-command", { by: speaker.name, command: deed.command.name, confirmed: deed.confirmed });
    return talk(deed, speaker, this.#buttons, ports, signal);
  }

  #speaker(sender: Sender): Speaker | undefined {
    const role = roleOf(sender, this.#options.allowed());
    if (role !== undefined) return { id: sender.id, role, name: `telegram:${sender.id}` };
    const count = (this.#strangers.get(sender.id) ?? 0) + 1;
    this.#strangers.set(sender.id, count);
    if (count === 1 || count % 100 === 0) this.#options.log("chat-stranger", { id: sender.id, messages: count });
    return undefined;
  }
}

/** What needs no more than one sentence, as answers. */
export async function* oneAnswer(text: string): AsyncGenerator<Reply> {
  yield { text, buttons: [] };
}
