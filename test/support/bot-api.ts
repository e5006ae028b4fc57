import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server was asked, oldest first; for sendMessage also the number that it gave the message. */
export interface BotCall {
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

/** An answer instead of the usual one: a status and a body, `drop` (the connection ends without one), or `hang`. */
export type Trouble = { readonly status: number; readonly body: unknown } | "drop" | "hang";

/**
 * Speaks the Bot API as Telegram documents it (core.telegram.org/bots/api), for one bot, with messages that can be edited and deleted. What it cannot show
 * is how Telegram's own servers limit and delay.
 */
export interface BotApi extends AsyncDisposable {
  readonly root: string;
  readonly token: string;
  readonly calls: readonly BotCall[];
  /** The messages as a chat shows them now, oldest first. */
  messages(chat: number): readonly { readonly id: number; readonly text: string }[];
  delete(chat: number, id: number): void;
  /** The next calls of this method end so, one for each. */
  next(method: string, ...troubles: readonly Trouble[]): void;
  /** Ends the server until `up`; the port stays the same. */
  down(): Promise<void>;
  up(): Promise<void>;
}

export const tooMany = (seconds: number): Trouble => ({
  status: 429,
  body: { ok: false, error_code: 429, description: `Too Many Requests: retry after ${seconds}`, parameters: { retry_after: seconds } },
});

export async function botApi(token = "123456:test-token"): Promise<BotApi> {
  const calls: BotCall[] = [];
  const chats = new Map<number, { id: number; text: string }[]>();
  const troubles = new Map<string, Trouble[]>();
  let lastId = 0;
  let server: Server | undefined;
  let port = 0;

  const answer = (response: ServerResponse, status: number, body: unknown) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const bad = (response: ServerResponse, description: string) =>
    answer(response, 400, { ok: false, error_code: 400, description: `Bad Request: ${description}` });

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const [, given, method = ""] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? "") ?? [];
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body = text === "" ? {} : JSON.parse(text);
    calls.push({ method, body, atMs: Date.now() });
    if (given !== token) return answer(response, 401, { ok: false, error_code: 401, description: "Unauthorized" });
    const trouble = troubles.get(method)?.shift();
    if (trouble === "drop") return request.socket.destroy();
    if (trouble === "hang") return undefined;
    if (trouble !== undefined) return answer(response, trouble.status, trouble.body);
    const chat = Number(body.chat_id);
    const messages = chats.get(chat) ?? [];
    chats.set(chat, messages);
    if (method === "sendMessage") {
      if (String(body.text).length > 4096) return bad(response, "message is too long");
      const message = { id: ++lastId, text: String(body.text) };
      messages.push(message);
      return answer(response, 200, { ok: true, result: { message_id: message.id, chat: { id: chat }, date: 1, text: message.text } });
    }
    if (method === "editMessageText") {
      const message = messages.find(({ id }) => id === Number(body.message_id));
      if (message === undefined) return bad(response, "message to edit not found");
      if (message.text === body.text) return bad(response, "message is not modified");
      message.text = String(body.text);
      return answer(response, 200, { ok: true, result: { message_id: message.id, chat: { id: chat }, date: 1, text: message.text } });
    }
    return answer(response, 404, { ok: false, error_code: 404, description: "Not Found" });
  };
  const up = async () => {
    server = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => server?.listen(port, "127.0.0.1", resolve));
    port = (server.address() as AddressInfo).port;
  };
  const down = async () => {
    const ended = server;
    server = undefined;
    ended?.closeAllConnections();
    await new Promise<void>((resolve) => (ended === undefined ? resolve() : ended.close(() => resolve())));
  };
  await up();
  return {
    root: `http://127.0.0.1:${port}`,
    token,
    calls,
    messages: (chat) => chats.get(chat) ?? [],
    delete: (chat, id) => {
      chats.set(
        chat,
        (chats.get(chat) ?? []).filter((message) => message.id !== id),
      );
    },
    next: (method, ...list) => void troubles.set(method, [...(troubles.get(method) ?? []), ...list]),
    down,
    up,
    [Symbol.asyncDispose]: down,
  };
}
