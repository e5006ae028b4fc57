import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { askFirst } from "../../../rescue-profile/diagnosis/engines/ask-first.ts";
import type { EndpointEngine } from "../../../rescue-profile/diagnosis/engines/engine.ts";
import { askEngine } from "../../../rescue-profile/diagnosis/engines/run.ts";
import { PROMPT } from "./bench.ts";

interface Request {
  readonly url: string;
  readonly key: string | undefined;
  readonly body: Record<string, unknown>;
}

const servers: Server[] = [];
const root = mkdtempSync(join(tmpdir(), "rescue-endpoint-"));
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server that speaks chat completions; `answer` says how. */
async function serve(
  answer: (request: Request, response: ServerResponse, nth: number) => void,
): Promise<{ engine: EndpointEngine; asked: Request[] }> {
  const asked: Request[] = [];
  const server = createServer(async (message: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(Buffer.from(chunk));
    const request = {
      url: `${message.method} ${message.url}`,
      key: message.headers.authorization,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    };
    asked.push(request);
    answer(request, response, asked.length);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { engine: { kind: "endpoint", id: "local", url: `http://127.0.0.1:${port}/v1/`, model: "m", timeoutMs: 10_000 }, asked };
}

const say = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
const completion = (message: unknown, finish = "stop") => ({
  id: "c",
  object: "chat.completion",
  choices: [{ index: 0, message, finish_reason: finish }],
  usage: { total_tokens: 2 },
});
const options = { env: {}, home: root, cwd: root, timeoutMs: 10_000 };
const PLAN = '{"explanation":"x","commands":[]}';

it("is asked for the schema, with the key, once", async () => {
  const keyFile = join(root, "key");
  writeFileSync(keyFile, "sk-local-1\n", { mode: 0o600 });
  const { engine, asked } = await serve((_, response) => say(response, completion({ role: "assistant", content: PLAN })));
  expect(await askEngine({ ...engine, keyFile }, PROMPT, options)).toEqual({ outcome: "answered", text: PLAN });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({
    url: "POST /v1/chat/completions",
    key: "Bearer sk-local-1",
    body: {
      model: "m",
      stream: false,
      messages: [
        { role: "system", content: PROMPT.system },
        { role: "user", content: PROMPT.user },
      ],
      response_format: { type: "json_schema", json_schema: { schema: PROMPT.schema } },
    },
  });
});

it("that refuses the schema is asked once more without it, and no third time", async () => {
  const { engine, asked } = await serve(({ body }, response) =>
    "response_format" in body
      ? say(response, { error: { message: "'response_format.type' must be 'text'" } }, 400)
      : say(response, completion({ content: `<think>hm</think>\n${PLAN}` })),
  );
  expect(await askEngine(engine, PROMPT, options)).toEqual({ outcome: "answered", text: `\n${PLAN}` });
  expect(asked.map(({ body }) => "response_format" in body)).toEqual([true, false]);

  const never = await serve((_, response) => say(response, { error: { message: "context length exceeded" } }, 400));
  expect(await askEngine(never.engine, PROMPT, options)).toEqual({
    outcome: "failed",
    why: "local failed: HTTP 400, context length exceeded",
  });
  expect(never.asked).toHaveLength(2);
});

it.each([
  [
    "a key that is not taken",
    401,
    { error: { message: "Incorrect API key provided: sk-abcdefghijklmnop123456" } },
    "needs-login",
    "local does not take the key: HTTP 401, Incorrect API key provided: ***",
  ],
  ["an unknown model", 404, { error: "model not found" }, "failed", "local failed: HTTP 404, model not found"],
  ["a server that is too busy", 503, {}, "failed", "local failed: HTTP 503"],
  ["a refusal", 200, completion({ content: null, refusal: "I can't do that" }), "refused", "local would not answer: I can't do that"],
  ["a filter", 200, completion({ content: "" }, "content_filter"), "refused", "local would not answer: its filter stopped it"],
  [
    "a refusal in prose",
    200,
    completion({ content: "I'm sorry, but I can't help." }),
    "refused",
    "local would not answer: I'm sorry, but I can't help.",
  ],
  ["another protocol", 200, { response: "ollama" }, "nonsense", "local gave no chat completion"],
  ["nothing", 200, completion({ content: " " }), "nonsense", "local answered with nothing that can be read"],
])("%s is one clear outcome", async (_, status, value, outcome, why) => {
  const { engine } = await serve((_request, response) => say(response, value, status));
  expect(await askEngine(engine, PROMPT, options)).toEqual({ outcome, why });
});

it("is not followed to where it sends us", async () => {
  const other = await serve((_, response) => say(response, completion({ content: PLAN })));
  const { engine } = await serve((_, response) => response.writeHead(307, { location: `${other.engine.url}chat/completions` }).end());
  expect(await askEngine(engine, PROMPT, options)).toEqual({
    outcome: "failed",
    why: "local sends us elsewhere (HTTP 307), which is not followed",
  });
  expect(other.asked).toEqual([]);
});

it("that says 50 MB is heard to one", async () => {
  let sent = 0;
  const { engine } = await serve((_, response) => {
    response.writeHead(200);
    const more = () => {
      while (sent < 50e6 && !response.destroyed) {
        sent += 100_000;
        if (!response.write(Buffer.alloc(100_000, "x"))) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  });
  expect(await askEngine(engine, PROMPT, options)).toEqual({ outcome: "too-long", why: "local said more than 1 MB" });
  expect(sent).toBeLessThan(40e6);
});

it("that never answers, or drips, is left at the deadline, and the next is asked", async () => {
  const silent = await serve(() => undefined);
  const dripping = await serve((_, response) => {
    response.writeHead(200);
    const drip = setInterval(() => (response.destroyed ? clearInterval(drip) : response.write(" ")), 20);
  });
  const good = await serve((_, response) => say(response, completion({ content: PLAN })));
  const engines = [
    { ...silent.engine, id: "silent", timeoutMs: 300 },
    { ...dripping.engine, id: "dripping", timeoutMs: 300 },
    { ...good.engine, id: "good" },
  ];
  const asked = await askFirst(engines, PROMPT, { ...options, totalMs: 20_000 });
  expect(asked.outcomes.map(({ engine, outcome }) => `${engine} ${outcome}`)).toEqual([
    "silent timed-out",
    "dripping timed-out",
    "good answered",
  ]);
  expect(asked.outcomes[0]?.tookMs).toBeLessThan(2_000);
});

it("that is not there says so by its code", async () => {
  const { engine } = await serve(() => undefined);
  servers.pop()?.close();
  expect(await askEngine({ ...engine, url: "http://127.0.0.1:1/v1" }, PROMPT, options)).toEqual({
    outcome: "failed",
    why: "local cannot be reached at 127.0.0.1:1: ECONNREFUSED",
  });
});

it.each([
  ["is read by others", "k", 0o644, "can be read by others (mode 644)"],
  ["is empty", "\n", 0o600, "is empty"],
  ["holds two lines", "a\nb: c", 0o600, "has something else in it than one key"],
])("does not get a key from a file that %s", async (_, content, mode, why) => {
  const keyFile = join(root, `bad-${mode}-${content.length}`);
  writeFileSync(keyFile, content);
  chmodSync(keyFile, mode);
  const { engine, asked } = await serve(() => undefined);
  expect(await askEngine({ ...engine, keyFile }, PROMPT, options)).toEqual({
    outcome: "needs-login",
    why: `the key file ${keyFile} ${why}`,
  });
  expect(asked).toEqual([]);
  rmSync(keyFile);
});

it("does not get a key that is not there", async () => {
  const { engine } = await serve(() => undefined);
  const keyFile = join(root, "none");
  expect(await askEngine({ ...engine, keyFile }, PROMPT, options)).toEqual({
    outcome: "needs-login",
    why: `ENOENT reading the key file ${keyFile}`,
  });
});
