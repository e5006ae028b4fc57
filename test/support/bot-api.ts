import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the server was asked, oldest first; for sendMessage also the number that it gave the message. */
export interface BotCall {
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly atMs: number;
}

export interface Person {
  readonly id: number;
  readonly isBot?: boolean;
  /** The chat, if it is not the private one. */
  readonly group?: number;
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
  messages(chat: number): readonly {
    readonly id: number;
    /** Under a photo: its caption. */
    readonly text: string;
    readonly photo?: Uint8Array;
    readonly document?: Uint8Array;
    readonly buttons?: readonly { readonly text: string; readonly callback_data: string }[];
  }[];
  delete(chat: number, id: number): void;
  /** Somebody writes, or presses a button; the bot hears of it by getUpdates. Returns the update's number. */
  write(from: Person, text: string): number;
  press(from: Person, data: string, message: number): number;
  /** Any update, also one that no Telegram would send, and one that was sent before. */
  update(update: unknown): void;
  /** The next calls of this method end so, one for each. */
  next(method: string, ...troubles: readonly Trouble[]): void;
  /** Ends the server until `up`; the port stays the same. */
  down(): Promise<void>;
  up(): Promise<void>;
}

const SAID_TRUE: ReadonlySet<string> = new Set([
  "answerCallbackQuery",
  "deleteWebhook",
  "setMyCommands",
  "deleteMyCommands",
  "sendChatAction",
  "setMessageReaction",
]);

const epochS = () => Math.floor(Date.now() / 1_000);

/** JSON, or a form with a file, which stands as bytes where the form names it. */
async function bodyOf(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/")) return raw.length === 0 ? {} : JSON.parse(raw.toString());
  const form = await new Response(raw, { headers: { "content-type": type } }).formData();
  const files = new Map<string, Uint8Array>();
  for (const [name, value] of form) if (value instanceof Blob) files.set(name, await value.bytes());
  const words = [...form].filter(([, value]) => typeof value === "string");
  const body = Object.fromEntries(words.map(([name, value]) => [name, files.get(String(value).replace(/^attach:\/\//, "")) ?? value]));
  if (typeof body["reply_markup"] === "string") body["reply_markup"] = JSON.parse(body["reply_markup"]);
  const parsed: ReturnType<JSON["parse"]> = body;
  return parsed;
}

export const tooMany = (seconds: number): Trouble => ({
  status: 429,
  body: { ok: false, error_code: 429, description: `Too Many Requests: retry after ${seconds}`, parameters: { retry_after: seconds } },
});

export async function botApi(token = "123456:test-token"): Promise<BotApi> {
  const calls: BotCall[] = [];
  const chats = new Map<
    number,
    { id: number; text: string; photo?: Uint8Array; document?: Uint8Array; buttons?: { text: string; callback_data: string }[] }[]
  >();
  const updates: Record<string, unknown>[] = [];
  let lastUpdate = 0;
  let pollers = 0;
  let wake: () => void = () => undefined;
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
    const body = await bodyOf(request);
    calls.push({ method, body, atMs: Date.now() });
    if (given !== token) return answer(response, 401, { ok: false, error_code: 401, description: "Unauthorized" });
    const trouble = troubles.get(method)?.shift();
    if (trouble === "drop") return request.socket.destroy();
    if (trouble === "hang") return undefined;
    if (trouble !== undefined) return answer(response, trouble.status, trouble.body);
    const chat = Number(body.chat_id);
    const messages = chats.get(chat) ?? [];
    chats.set(chat, messages);
    const buttons = body.reply_markup?.inline_keyboard?.flat();
    const date = epochS();
    if (method === "getMe") {
      return answer(response, 200, {
        ok: true,
        result: { id: Number(token.split(":")[0]), is_bot: true, first_name: "Rescue", username: "our_bot" },
      });
    }
    if (method === "getUpdates") return poll(body, response);
    if (SAID_TRUE.has(method)) return answer(response, 200, { ok: true, result: true });
    if (method === "sendPhoto" || method === "sendDocument") {
      const what = method === "sendPhoto" ? "photo" : "document";
      if (String(body.caption ?? "").length > 1024) return bad(response, "message caption is too long");
      if (!(body[what] instanceof Uint8Array)) return bad(response, `there is no ${what} in the request`);
      const message = { id: ++lastId, text: String(body.caption), [what]: body[what], ...(buttons === undefined ? {} : { buttons }) };
      messages.push(message);
      return answer(response, 200, { ok: true, result: { message_id: message.id, chat: { id: chat }, date, caption: message.text } });
    }
    if (method === "sendMessage") {
      if (String(body.text).length > 4096) return bad(response, "message is too long");
      const message = { id: ++lastId, text: String(body.text), ...(buttons === undefined ? {} : { buttons }) };
      messages.push(message);
      return answer(response, 200, { ok: true, result: { message_id: message.id, chat: { id: chat }, date, text: message.text } });
    }
    if (method === "editMessageText") {
      const message = messages.find(({ id }) => id === Number(body.message_id));
      if (message === undefined) return bad(response, "message to edit not found");
      if (message.text === body.text && JSON.stringify(message.buttons) === JSON.stringify(buttons))
        return bad(response, "message is not modified");
      message.text = String(body.text);
      if (buttons === undefined) delete message.buttons;
      else message.buttons = buttons;
      return answer(response, 200, { ok: true, result: { message_id: message.id, chat: { id: chat }, date, text: message.text } });
    }
    return answer(response, 404, { ok: false, error_code: 404, description: "Not Found" });
  };
  /** Two at once is what Telegram calls a conflict: the older one is ended. */
  const poll = async (body: Record<string, unknown>, response: ServerResponse) => {
    if (++pollers > 1) {
      pollers--;
      return answer(response, 409, {
        ok: false,
        error_code: 409,
        description: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
      });
    }
    const offset = Number(body["offset"] ?? 0);
    const due = () => updates.filter(({ update_id: id }) => Number(id) >= offset);
    if (due().length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        response.once("close", resolve);
        setTimeout(resolve, Number(body["timeout"] ?? 0) * 1_000).unref();
      });
    }
    pollers--;
    return answer(response, 200, { ok: true, result: due() });
  };
  const push = (update: Record<string, unknown>): number => {
    updates.push({ update_id: ++lastUpdate, ...update });
    wake();
    return lastUpdate;
  };
  const textOf = (chat: number, id: number) => chats.get(chat)?.find((message) => message.id === id)?.text ?? "";
  const personOf = ({ id, isBot = false }: Person) => ({ id, is_bot: isBot, first_name: "Person" });
  const chatOf = ({ id, group }: Person) =>
    group === undefined ? { id, type: "private", first_name: "Person" } : { id: group, type: "group", title: "Group" };
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
    write: (from, text) => {
      const length = /^\/\S+/.exec(text)?.[0].length;
      const entities = length === undefined ? {} : { entities: [{ type: "bot_command", offset: 0, length }] };
      return push({
        message: {
          message_id: ++lastId,
          from: personOf(from),
          chat: chatOf(from),
          date: epochS(),
          text,
          ...entities,
        },
      });
    },
    press: (from, data, message) =>
      push({
        callback_query: {
          id: String(lastUpdate),
          from: personOf(from),
          chat_instance: "1",
          data,
          message: {
            message_id: message,
            chat: chatOf(from),
            date: epochS(),
            text: textOf(chatOf(from).id, message),
          },
        },
      }),
    update: (update) => {
      updates.push(update as Record<string, unknown>);
      wake();
    },
    next: (method, ...list) => void troubles.set(method, [...(troubles.get(method) ?? []), ...list]),
    down,
    up,
    [Symbol.asyncDispose]: down,
  };
}
