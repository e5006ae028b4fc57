import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { messageOf, RescueError, systemErrorCode } from "../../../src/shared/errors.ts";
import type { EnginePrompt } from "../prompt.ts";
import { at } from "./answer.ts";
import { ANSWER_BYTES, type EndpointEngine, type EngineOutcome } from "./engine.ts";
import { heard, refusal } from "./heard.ts";
import { said } from "./said.ts";

/** Reasoning that a server leaves in front of the answer. */
const THOUGHT = /^\s*<think>[\s\S]*?<\/think>/;

type Reply = { readonly status: number; readonly body: string } | "too-long";

/**
 * Asks a server that speaks OpenAI's chat completions, once; a second time without `response_format` when it refuses the first with 400 (Ollama's older versions and small servers
 * do not know json_schema). Never follows a redirect: the key and the log are for this address. Never rejects for anything that the server does.
 */
export async function askEndpoint(
  engine: EndpointEngine,
  prompt: EnginePrompt,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<EngineOutcome> {
  const { id } = engine;
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  try {
    const key = engine.keyFile === undefined ? undefined : readKey(engine.keyFile);
    const plain = {
      model: engine.model,
      messages: [
        { role: "system", content: prompt.system },
        { role: "user", content: prompt.user },
      ],
      temperature: 0,
      stream: false,
    };
    const held = { ...plain, response_format: { type: "json_schema", json_schema: { name: "plan", strict: true, schema: prompt.schema } } };
    const first = await post(engine.url, held, key, signal);
    return judged(engine, first !== "too-long" && first.status === 400 ? await post(engine.url, plain, key, signal) : first);
  } catch (error) {
    if (deadline.aborted) return { outcome: "timed-out", why: `${id} gave no answer within ${Math.round(options.timeoutMs / 1000)} s` };
    if (options.signal?.aborted === true) return { outcome: "failed", why: `${id} was stopped` };
    if (error instanceof RescueError) return { outcome: "needs-login", why: error.message };
    const code = systemErrorCode(error);
    // Of an address with several sides each has an error of its own.
    if (code === undefined && !(error instanceof AggregateError)) throw error;
    return { outcome: "failed", why: `${id} cannot be reached at ${new URL(engine.url).host}: ${code ?? messageOf(error)}` };
  }
}

function judged({ id }: EndpointEngine, reply: Reply): EngineOutcome {
  if (reply === "too-long") return { outcome: "too-long", why: `${id} said more than 1 MB` };
  const { status, body } = reply;
  const json = parsed(body);
  const complaint = at(json, "error.message") ?? at(json, "error") ?? at(json, "message");
  const why = typeof complaint === "string" ? `HTTP ${status}, ${said(complaint)}` : `HTTP ${status}`;
  if (status === 401 || status === 403) return { outcome: "needs-login", why: `${id} does not take the key: ${why}` };
  if (status >= 300 && status < 400) return { outcome: "failed", why: `${id} sends us elsewhere (HTTP ${status}), which is not followed` };
  if (status !== 200) return { outcome: "failed", why: `${id} failed: ${why}` };
  const refused = at(json, "choices.0.message.refusal");
  if (typeof refused === "string" && refused !== "") return { outcome: "refused", why: refusal(id, refused) };
  if (at(json, "choices.0.finish_reason") === "content_filter") return { outcome: "refused", why: refusal(id, "its filter stopped it") };
  const text = at(json, "choices.0.message.content");
  if (typeof text !== "string") return { outcome: "nonsense", why: `${id} gave no chat completion` };
  return heard(id, text.replace(THOUGHT, ""));
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

function post(base: string, body: unknown, key: string | undefined, signal: AbortSignal): Promise<Reply> {
  const url = new URL(`${base.replace(/\/+$/, "")}/chat/completions`);
  const content = Buffer.from(JSON.stringify(body));
  const headers = {
    "content-type": "application/json",
    "content-length": content.length,
    accept: "application/json",
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
  };
  return new Promise((resolve, reject) => {
    // No agent: a socket that is kept would outlive the question.
    const options = { method: "POST", headers, signal, agent: false } as const;
    const sent = url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
    sent.on("error", reject);
    sent.on("response", (response) => bodyOf(response).then(resolve, reject));
    sent.end(content);
  });
}

async function bodyOf(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const piece: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += piece.length;
    // Leaving the loop destroys the connection.
    if (bytes > ANSWER_BYTES) return "too-long";
    chunks.push(piece);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") };
}

/** The key of a file that this user alone can read. Throws `not-readable` or `refused` with what to do. */
export function readKey(file: string): string {
  let descriptor: number;
  try {
    // Not blocking, so that a FIFO cannot stop us.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new RescueError("not-readable", `${code} reading the key file ${file}`, {
      fix: `put the key into ${file}, then chmod 600 ${file}`,
      cause: error,
    });
  }
  try {
    const stat = fstatSync(descriptor);
    const refuse = (why: string) =>
      new RescueError("refused", `the key file ${file} ${why}`, { fix: `chmod 600 ${file}, with the key alone in it` });
    if (!stat.isFile()) throw refuse("is no regular file");
    const uid = process.getuid?.();
    if (uid !== undefined && stat.uid !== uid) throw refuse(`belongs to user ${stat.uid}`);
    if (uid !== undefined && (stat.mode & 0o077) !== 0) throw refuse(`can be read by others (mode ${(stat.mode & 0o777).toString(8)})`);
    if (stat.size > 4_096) throw refuse("is too long for a key");
    const key = readFileSync(descriptor, "utf8").trim();
    if (!/^[\x21-\x7e]+$/.test(key)) throw refuse(key === "" ? "is empty" : "has something else in it than one key");
    return key;
  } finally {
    closeSync(descriptor);
  }
}
