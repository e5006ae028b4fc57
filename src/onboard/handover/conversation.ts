import { RescueError } from "../../shared/errors.ts";

/**
 * The gateway's request protocol, without a transport: frames in, frames out. Host: docs/gateway/protocol.
 * Events other than the first challenge are not for us and are dropped.
 */
export class Conversation {
  readonly #send: (text: string) => void;
  readonly #challenge = Promise.withResolvers<void>();
  readonly #waiting = new Map<string, { readonly method: string; readonly answer: PromiseWithResolvers<unknown> }>();
  #challenged = false;
  #ended: Error | undefined;
  #lastId = 0;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  /** The gateway's first word. Await it at once: it rejects with whatever ends the conversation before. */
  challenged(): Promise<void> {
    return this.#challenge.promise;
  }

  /** The answer's payload. Rejects with `busy` when the gateway says that a later try may succeed, otherwise `refused`. */
  request(method: string, params: object): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = String(++this.#lastId);
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { method, answer });
    this.#send(JSON.stringify({ type: "req", id, method, params }));
    return answer.promise;
  }

  receive(text: string): void {
    const frame = parse(text);
    if (!this.#challenged) {
      this.#challenged = field(frame, "event") === "connect.challenge";
      if (this.#challenged) this.#challenge.resolve();
      else this.end(new RescueError("refused", "The port answered with something else than a gateway's challenge"));
      return;
    }
    const id = field(frame, "id");
    if (field(frame, "type") !== "res" || typeof id !== "string") return;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (field(frame, "ok") === true) waiting.answer.resolve(field(frame, "payload"));
    else waiting.answer.reject(refusal(waiting.method, field(frame, "error")));
  }

  /** Nothing more will come. The first reason stays. */
  end(reason: Error): void {
    this.#ended ??= reason;
    if (!this.#challenged) this.#challenge.reject(this.#ended);
    for (const { answer } of this.#waiting.values()) answer.reject(this.#ended);
    this.#waiting.clear();
  }
}

export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Authentication failures carry their own code in `details`, all others only the general one. */
function refusal(method: string, error: unknown): RescueError {
  const code = field(field(error, "details"), "code") ?? field(error, "code") ?? "no code";
  const message = `The gateway refused ${method}: ${String(field(error, "message") ?? "no reason given")} (${String(code)})`;
  if (typeof code === "string" && code.startsWith("AUTH_TOKEN")) {
    return new RescueError("refused", message, { fix: "compare the token that was sent with gateway.auth.token of that profile" });
  }
  return new RescueError(field(error, "retryable") === true ? "busy" : "refused", message);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
