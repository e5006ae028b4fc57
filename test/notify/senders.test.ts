import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import type { Alert } from "../../rescue-profile/notify/alert.ts";
import { asJson } from "../../rescue-profile/notify/as-json.ts";
import { execReceiver } from "../../rescue-profile/notify/exec/exec.ts";
import { ntfyReceiver } from "../../rescue-profile/notify/ntfy/ntfy.ts";
import { telegramReceiver } from "../../rescue-profile/notify/telegram/telegram.ts";
import { webhookReceiver } from "../../rescue-profile/notify/webhook/webhook.ts";
import { CATALOGUE } from "../../rescue-profile/notify/words.ts";
import { botApi, tooMany } from "../support/bot-api.ts";

const ALERT: Alert = {
  thread: "incident-3",
  event: "opened",
  profile: "default",
  state: "repairing",
  severity: "critical",
  title: "default: the gateway process is gone",
  lines: ["a log line says *bold* <b>tag</b> [x](y) _z_", "rescue-watchdog incident 3"],
  cause: "process-gone",
  incident: 3,
  since: "2026-11-21T03:04:05.000Z",
};
const words = CATALOGUE.en;

interface Post {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function server(answer: (post: Post) => { status: number; headers?: Record<string, string> }) {
  const posts: Post[] = [];
  const listening: Server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const post = { url: request.url ?? "", headers: request.headers, body };
    posts.push(post);
    const { status, headers } = answer(post);
    response.writeHead(status, headers).end("x".repeat(10_000));
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address() as AddressInfo;
  return {
    root: `http://127.0.0.1:${port}`,
    posts,
    [Symbol.asyncDispose]: async () => {
      listening.closeAllConnections();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}

describe("a webhook", () => {
  const receiver = (url: string, secret: string | null = "s3cret") =>
    webhookReceiver({ name: "webhook:one", url, secret, least: "info", wallMs: () => 1_795_000_000_900 });

  it("gets the alert as JSON, signed together with the time", async () => {
    await using at = await server(() => ({ status: 204 }));
    expect(await receiver(`${at.root}/hook`).send(ALERT, null, "17")).toEqual({ outcome: "sent" });
    const [post] = at.posts;
    expect(JSON.parse(post?.body ?? "")).toEqual({ id: 17, ...ALERT });
    const signature = createHmac("sha256", "s3cret").update(`1795000000.${post?.body}`).digest("hex");
    expect(post?.headers).toMatchObject({
      "content-type": "application/json",
      "x-rescue-id": "17",
      "x-rescue-timestamp": "1795000000",
      "x-rescue-signature": `sha256=${signature}`,
    });
  });

  it("that has no secret is not signed", async () => {
    await using at = await server(() => ({ status: 200 }));
    await receiver(at.root, null).send(ALERT, null, "1");
    expect(at.posts[0]?.headers["x-rescue-signature"]).toBeUndefined();
  });

  for (const [status, headers, sent] of [
    [400, {}, { outcome: "refused", why: "HTTP 400" }],
    [302, { location: "http://elsewhere.invalid/" }, { outcome: "refused", why: "HTTP 302" }],
    [429, { "retry-after": "7" }, { outcome: "later", why: "HTTP 429", afterMs: 7_000 }],
    [503, {}, { outcome: "later", why: "HTTP 503" }],
  ] as const) {
    it(`that answers ${status} is ${sent.outcome === "later" ? "asked again" : "not asked again"}`, async () => {
      await using at = await server(() => ({ status, headers }));
      expect(await receiver(at.root).send(ALERT, null, "1")).toEqual(sent);
    });
  }

  it("that is not there is asked again, and its address is not told", async () => {
    const sent = await receiver("http://127.0.0.1:9/secret-path").send(ALERT, null, "1");
    expect(sent.outcome).toBe("later");
    expect(JSON.stringify(sent)).not.toContain("secret-path");
  });
});

describe("a topic of ntfy", () => {
  it("gets title and text in any alphabet, with the token in a header", async () => {
    await using at = await server(() => ({ status: 200 }));
    const receiver = ntfyReceiver({
      name: "ntfy:one",
      url: `${at.root}/base/my-topic`,
      token: "tk_1",
      least: "info",
      words: CATALOGUE["zh-CN"],
    });
    expect(await receiver.send(ALERT, null, "1")).toEqual({ outcome: "sent" });
    expect(at.posts[0]).toMatchObject({ url: "/base/", headers: { authorization: "Bearer tk_1" } });
    expect(JSON.parse(at.posts[0]?.body ?? "")).toMatchObject({
      topic: "my-topic",
      priority: 5,
      title: expect.stringContaining("正在修复"),
    });
  });
});

describe("a program of the user's", () => {
  const receiver = (code: string) =>
    execReceiver({ name: "exec:one", argv: [process.execPath, "-e", code], least: "info", env: { PATH: process.env["PATH"] } });

  it("gets the alert on its standard input, and nothing of it as arguments", async () => {
    const code = `let t="";process.stdin.on("data",d=>t+=d).on("end",()=>{const a=JSON.parse(t);process.exit(a.id===17&&a.incident===3&&process.argv.length===1?0:5)})`;
    expect(await receiver(code).send(ALERT, null, "17")).toEqual({ outcome: "sent" });
  });

  it("that fails is asked again, and so is one that is not there", async () => {
    expect(await receiver("process.exit(3)").send(ALERT, null, "1")).toEqual({ outcome: "later", why: `${process.execPath}: exit 3` });
    const missing = execReceiver({ name: "exec:two", argv: ["/nonexistent/hook"], least: "info", env: {} });
    expect(await missing.send(ALERT, null, "1")).toEqual({ outcome: "later", why: "/nonexistent/hook: ENOENT" });
  });
});

describe("an alert as JSON", () => {
  it("holds no names of buttons: who has them could press them", () => {
    const text = asJson({ ...ALERT, question: { approve: "rw:a.approve", reject: "rw:a.reject" } }, "7");
    expect(text).not.toContain("rw:");
    expect(JSON.parse(text)).toEqual({ id: 7, ...ALERT });
  });
});

describe("a chat of Telegram", () => {
  const CHAT = 4711;

  it("gets plain text, and the same message changed", async () => {
    await using bot = await botApi();
    const receiver = telegramReceiver({
      name: "telegram:one",
      token: bot.token,
      chat: CHAT,
      apiRoot: bot.root,
      least: "info",
      words,
      isRead: true,
    });
    const sent = await receiver.send(ALERT, null, "1");
    expect(sent).toEqual({ outcome: "sent", remote: "1" });
    expect(bot.calls[0]?.body).not.toHaveProperty("parse_mode");
    expect(bot.messages(CHAT)).toEqual([{ id: 1, text: `🟠 ${ALERT.title} · being repaired\n\n${ALERT.lines.join("\n")}` }]);
    expect(await receiver.send({ ...ALERT, state: "recovered" }, "1", "2")).toEqual({ outcome: "sent", remote: "1" });
    expect(bot.messages(CHAT)).toEqual([{ id: 1, text: expect.stringContaining("🟢") }]);
    // The same once more is no failure.
    expect(await receiver.send({ ...ALERT, state: "recovered" }, "1", "3")).toEqual({ outcome: "sent" });
    bot.delete(CHAT, 1);
    expect(await receiver.send(ALERT, "1", "4")).toEqual({ outcome: "unknown-message" });
  });

  it("gets buttons with a question, only where the bot is read, and only when all of it is shown", async () => {
    await using bot = await botApi();
    const options = { name: "telegram:one", token: bot.token, chat: CHAT, apiRoot: bot.root, least: "info", words } as const;
    const asks = { ...ALERT, question: { approve: "rw:a", reject: "rw:r" } };
    await telegramReceiver({ ...options, isRead: false }).send(asks, null, "1");
    await telegramReceiver({ ...options, isRead: true }).send({ ...asks, lines: ["long ".repeat(2_000), "more"] }, null, "2");
    const sent = await telegramReceiver({ ...options, isRead: true }).send(asks, null, "3");
    const buttons = () => bot.messages(CHAT).map((message) => message.buttons?.map(({ text, callback_data }) => [text, callback_data]));
    const both = [
      ["Approve", "rw:a"],
      ["Reject", "rw:r"],
    ];
    expect(buttons()).toEqual([undefined, undefined, both]);
    await telegramReceiver({ ...options, isRead: true }).send(
      { ...ALERT, state: "recovered" },
      "remote" in sent ? (sent.remote ?? "") : "",
      "4",
    );
    expect(buttons()).toEqual([undefined, undefined, undefined]);
  });

  it("is never sent more than Telegram takes, and never half a character", async () => {
    await using bot = await botApi();
    const receiver = telegramReceiver({
      name: "telegram:one",
      token: bot.token,
      chat: CHAT,
      apiRoot: bot.root,
      least: "info",
      words,
      isRead: true,
    });
    const huge = { ...ALERT, title: "t".repeat(9_000), lines: ["😀".repeat(9_000), "rescue-watchdog incident 3"] };
    expect(await receiver.send(huge, null, "1")).toMatchObject({ outcome: "sent" });
    const [message] = bot.messages(CHAT);
    expect(message?.text).toMatch(/rescue-watchdog incident 3$/);
    expect(message?.text.isWellFormed()).toBe(true);
  });

  it("that is limited, in trouble, gone or not the bot's is asked again, without the token in any word", async () => {
    await using bot = await botApi();
    const receiver = telegramReceiver({
      name: "telegram:one",
      token: bot.token,
      chat: CHAT,
      apiRoot: bot.root,
      least: "info",
      words,
      isRead: true,
    });
    bot.next("sendMessage", tooMany(9), { status: 500, body: { ok: false, error_code: 500, description: "Internal" } }, "drop");
    const answers = [await receiver.send(ALERT, null, "1"), await receiver.send(ALERT, null, "1"), await receiver.send(ALERT, null, "1")];
    await bot.down();
    answers.push(await receiver.send(ALERT, null, "1"));
    await bot.up();
    const stranger = telegramReceiver({
      name: "telegram:two",
      token: "9:wrong",
      chat: CHAT,
      apiRoot: bot.root,
      least: "info",
      words,
      isRead: true,
    });
    answers.push(await stranger.send(ALERT, null, "1"));
    expect(answers.map(({ outcome }) => outcome)).toEqual(["later", "later", "later", "later", "later"]);
    expect(answers[0]).toMatchObject({ afterMs: 9_000 });
    expect(JSON.stringify(answers)).not.toMatch(/test-token|9:wrong/);
  });

  it("that refuses a message is not asked again", async () => {
    await using bot = await botApi();
    const receiver = telegramReceiver({
      name: "telegram:one",
      token: bot.token,
      chat: CHAT,
      apiRoot: bot.root,
      least: "info",
      words,
      isRead: true,
    });
    bot.next("sendMessage", { status: 400, body: { ok: false, error_code: 400, description: "Bad Request: chat not found" } });
    expect(await receiver.send(ALERT, null, "1")).toEqual({ outcome: "refused", why: "Telegram: Bad Request: chat not found" });
  });
});
