import { describe, expect, it } from "vitest";
import { webhookRepositories } from "../../../rescue-profile/audit/checks/webhook-repositories.ts";
import { webhookSecret } from "../../../rescue-profile/audit/checks/webhook-secret.ts";
import type { DeclaredFacts, TokenFacts } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import { factsOf, problemsOf } from "../facts.ts";

type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

const LONG = "0123456789abcdef01234567";
const REFERENCE = { source: "env", provider: "default", id: "SECRET" };
const TOKEN: TokenFacts = { mode: "token", length: 48, distinct: 16, placeholder: false, sharedWith: [], sharedWithHooks: false };

const hooks = (values: object, token: Partial<TokenFacts> = {}): Values => ({
  config: { hooks: { enabled: true, ...values } },
  token: { ...TOKEN, ...token },
});
const route = (values: object, entry: object = {}): Values => ({
  config: { plugins: { entries: { webhooks: { ...entry, config: { routes: { zapier: values } } } } } },
});
const channel = (name: string, values: object): Values => ({ config: { channels: { [name]: values } } });
const ROUTE = "plugins.entries.webhooks.config.routes.zapier.secret";
const URL = "https://bot.example/hook";

const secrets: readonly Case[] = [
  ["hooks without a token", hooks({}), ["hooks.token critical"]],
  ["hooks with an empty token", hooks({ token: " " }), ["hooks.token critical"]],
  ["hooks with a short token", hooks({ token: "short" }), ["hooks.token warning"]],
  ["hooks with the gateway's token", hooks({ token: LONG }, { sharedWithHooks: true }), ["hooks.token reuse critical"]],
  [
    "hooks with the gateway's short token",
    hooks({ token: "short" }, { sharedWithHooks: true }),
    ["hooks.token warning", "hooks.token reuse critical"],
  ],
  ["mail without a push token", hooks({ token: LONG, gmail: { account: "a@example.com" } }), ["hooks.gmail.pushToken warning"]],
  [
    "mail with a short push token",
    hooks({ token: LONG, gmail: { account: "a@example.com", pushToken: "x" } }),
    ["hooks.gmail.pushToken warning"],
  ],
  ["a route without a secret", route({ path: "/x" }), [`${ROUTE} warning`]],
  ["a route with a short secret", route({ secret: "short" }), [`${ROUTE} warning`]],
  ["Telegram without a secret", channel("telegram", { webhookUrl: URL }), ["channels.telegram.webhookSecret warning"]],
  ["Zalo with an empty secret", channel("zalo", { webhookUrl: URL, webhookSecret: "" }), ["channels.zalo.webhookSecret warning"]],
  [
    "one account without a secret",
    channel("telegram", { accounts: { a: { webhookUrl: URL }, b: { webhookUrl: URL, webhookSecret: "s" }, c: {} } }),
    ["channels.telegram.accounts.a.webhookSecret warning"],
  ],
  ["no webhooks", { config: {} }, []],
  ["hooks that are off", { config: { hooks: { enabled: false, token: "short" } } }, []],
  ["hooks with a token", hooks({ token: LONG, gmail: { account: "a@example.com", pushToken: LONG } }), []],
  ["hooks with a reference", hooks({ token: REFERENCE }), []],
  ["hooks without mail", hooks({ token: LONG, gmail: { model: "m" } }), []],
  ["a route with a secret", route({ secret: LONG }), []],
  ["a route with a variable", route({ secret: `\${SECRET}` }), []],
  ["a route that is off", route({ enabled: false }), []],
  ["routes of a plugin that is off", route({}, { enabled: false }), []],
  ["Telegram that asks for its messages", channel("telegram", { botToken: "t" }), []],
  ["Telegram with a secret", channel("telegram", { webhookUrl: URL, webhookSecret: "s" }), []],
  ["Telegram that is off", channel("telegram", { enabled: false, webhookUrl: URL }), []],
  ["accounts with their channel's secret", channel("telegram", { webhookSecret: REFERENCE, accounts: { a: { webhookUrl: URL } } }), []],
  ["an account that is off", channel("zalo", { accounts: { a: { enabled: false, webhookUrl: URL } } }), []],
  ["another channel with another secret", channel("synology-chat", { webhookUrl: URL, token: LONG }), []],
];

const repositories = (...each: DeclaredFacts["repositories"][number][]): Values => ({
  declared: { fresh: [], sources: [], backups: [], repositories: each },
});

const declared: readonly Case[] = [
  ["no secret", repositories({ name: "ada/notes", secret: false, why: null }), ["ada/notes warning"]],
  ["an empty file", repositories({ name: "ada/notes", secret: false, why: "it is empty" }), ["ada/notes warning"]],
  ["a file that others may read", repositories({ name: "ada/notes", secret: false, why: "its mode is 644" }), ["ada/notes warning"]],
  [
    "one of two",
    repositories({ name: "ada/notes", secret: true, why: null }, { name: "ada/site", secret: false, why: null }),
    ["ada/site warning"],
  ],
  ["a secret", repositories({ name: "ada/notes", secret: true, why: null }), []],
  ["a secret with a remark", repositories({ name: "ada/notes", secret: true, why: "a link" }), []],
  ["two secrets", repositories({ name: "a/b", secret: true, why: null }, { name: "c/d", secret: true, why: null }), []],
  ["nothing declared", repositories(), []],
];

const GROUP: readonly (readonly [Check, readonly Case[]])[] = [
  [webhookSecret, secrets],
  [webhookRepositories, declared],
];

describe.each(GROUP.map(([check, cases]) => ({ id: check.id, check, cases })))("$id", ({ check, cases }) => {
  it.each(cases)("judges %s, and leaves it to a person", async (_, values, expected) => {
    const problems = await problemsOf(check, values);
    expect(problems.map(({ subject, severity }) => `${subject} ${severity}`)).toEqual(expected);
    expect(problems.filter(({ fix }) => fix !== undefined)).toEqual([]);
  });

  it("says so when it could not look", async () => {
    expect(await check.look(factsOf({}))).toMatchObject({ ok: false });
  });
});

describe("a webhook's secret", () => {
  it("is not called its own while nobody knows the gateway's", async () => {
    expect(await webhookSecret.look(factsOf({ config: { hooks: { enabled: true, token: LONG } } }))).toMatchObject({ ok: false });
    expect(await webhookSecret.look(factsOf({ config: { hooks: { enabled: true, token: "short" } } }))).toMatchObject({ ok: true });
  });

  it("is a thing that only an administrator of the repository can look at", async () => {
    const [problem] = await problemsOf(webhookRepositories, repositories({ name: "ada/notes", secret: false, why: null }));
    expect(problem?.cure.text).toContain("Only somebody with admin rights on ada/notes");
  });
});
