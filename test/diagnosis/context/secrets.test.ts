import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CANARIES, FORMS, plantedConfig } from "./canaries.ts";
import { contextOf, lines, partOf } from "./support.ts";

const RUNS = process.env["RESCUE_FULL"] === "1" ? 3_000 : 40;

/** What of a secret would give it away: itself, and every form of it, however it is broken into lines. */
function shows(text: string, secret: string): string | undefined {
  const flat = text.replaceAll(/\n\| ?/g, "");
  return [
    ...Object.entries(FORMS),
    ["a line of it", (each: string) => each.split("\n").find((line) => line.length >= 16 && !line.startsWith("-----")) ?? each] as const,
  ]
    .map(([name, form]) => ({ name, found: form(secret).trim() }))
    .find(({ found }) => found.length >= 6 && (text.includes(found) || flat.includes(found)))?.name;
}

const reference = (name: string) => `\${${name}}`;

describe("a planted secret", () => {
  const config = { ok: true, value: plantedConfig() } as const;
  const values = CANARIES.map(({ at, value }) => ({ at, value: at.endsWith("baseUrl") ? "url-pass-66" : value }));

  it("of every shape that the host has is not in the configuration that is shown", () => {
    const { text } = contextOf({ config });
    expect(values.filter(({ value }) => shows(text, value) !== undefined).map(({ at }) => at)).toEqual([]);
  });

  it.each(Object.entries(FORMS))("is found again in a log, an argument and the evidence %s", (_, form) => {
    for (const some of [values.slice(0, 20), values.slice(20, 45), values.slice(45)]) {
      const said = some.map(({ value }) => `at 12 ${form(value)} end`);
      const { text } = contextOf(
        {
          config,
          gatewayLog: lines(...said),
          processes: lines(...said.map((line) => `1 0 S node x ${line}`)),
          classification: { cause: "config-invalid", confidence: "certain", evidence: said },
        },
        { maxBytes: 1_000_000 },
      );
      expect(some.filter(({ value }) => shows(text, value) !== undefined).map(({ at, value }) => `${at} ${shows(text, value)}`)).toEqual(
        [],
      );
    }
  });

  it("of many thousand letters is hidden as one, also escaped, and also where the line that it stands in is cut", () => {
    const said = (letters: number) => {
      const long = `${"Ab3+/xyZ".repeat(letters / 8)}=`;
      const log = [`as it is ${long} end`, `escaped ${encodeURIComponent(long)} end`];
      const context = contextOf({ config: { ok: true, value: { token: long } }, gatewayLog: lines(...log) }, { maxBytes: 1_000_000 });
      expect(context.text).not.toMatch(/Ab3|xyZ/);
      return partOf(context, "gateway log");
    };
    expect(said(4_000)).toEqual(["as it is <secret-1> end", "escaped <secret-1> end"]);
    expect(said(20_000)).toEqual(["as it is …", "escaped …"]);
  });

  it("has the same number everywhere, and two secrets have two", () => {
    const value = { a: { token: "first-token" }, b: { password: "other-token" }, c: { apiKey: "first-token" } };
    const context = contextOf({
      config: { ok: true, value },
      gatewayLog: lines("got first-token", "got other-token and first%2Dtoken"),
      processes: lines("7 1 S node --auth first-token"),
    });
    expect(partOf(context, "configuration").join("")).toContain('"token": "<secret-1>"');
    expect(partOf(context, "gateway log")).toEqual(["got <secret-1>", "got <secret-2> and <secret-1>"]);
    expect(partOf(context, "processes")).toEqual(["7 1 S node --auth <secret-1>"]);
    expect(context.secrets.get("<secret-2>")).toBe("other-token");
    expect(JSON.stringify(context)).not.toContain("other-token");
  });

  it.each([
    ["Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"],
    ["POST https://hooks.slack.com/services/T0AAAAAAA/B0BBBBBBB/abcdefghijkl", "abcdefghijkl"],
    ["https://discord.com/api/webhooks/123456/abc-DEF_ghi", "abc-DEF_ghi"],
    ["postgres://me:pa55word@host/db", "pa55word"],
    ["https://sometoken123@github.com/x", "sometoken123"],
    ["node server.js --api-key unquoted9 --port 1", "unquoted9"],
    ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP", "dBjftJeZ4CVP"],
    ["Set-Cookie: sid=abcdefgh; Path=/", "abcdefgh"],
    ['{"botToken":"short99"}', "short99"],
    ['{\\"clientSecret\\":\\"escaped99\\"}', "escaped99"],
    ["digest 8b9f4280d4f998d5de91de345398cbd7", "8b9f4280d4f998d5"],
    ["-----BEGIN RSA PRIVATE KEY-----\\nMIIBOgIBAAJBAK\\nqwe/rty+x\\n-----END RSA PRIVATE KEY-----", "MIIBOgIBAAJBAK"],
    ["-----BEGIN EC PRIVATE KEY-----MHcCAQEEIIrYSSNQ", "MHcCAQEEIIrYSSNQ"],
    ["nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5", "vl029mgpspedva"],
  ])("that only a log has is known by its shape: %s", (line, secret) => {
    expect(contextOf({ gatewayLog: lines(line) }).text).not.toContain(secret);
  });

  it("of a password that is a word of every log hides only where the configuration has it", () => {
    const context = contextOf({
      config: { ok: true, value: { a: { password: "gateway" }, b: { pin: "1234" } } },
      gatewayLog: lines("gateway ready on 1234"),
    });
    expect(partOf(context, "configuration").join("")).not.toContain("gateway");
    expect(partOf(context, "gateway log")).toEqual(["gateway ready on 1234"]);
  });

  it("is known by its beginning where somebody cut the line", () => {
    const context = contextOf({
      config: { ok: true, value: { token: "abcdefghijklmnop" } },
      gatewayLog: lines("with abcdefghijkl…", "and abcdefghij", "not abcdef"),
    });
    expect(partOf(context, "gateway log")).toEqual(["with <secret-1>…", "and <secret-1>", "not abcdef"]);
  });

  it("is hidden when only the caller knows it", () => {
    const context = contextOf({ gatewayLog: lines("opened with our-own-secret") }, { secrets: ["our-own-secret"] });
    expect(partOf(context, "gateway log")).toEqual(["opened with <secret-1>"]);
  });

  it("survives nowhere, whatever it is, wherever it stands, in whatever form", () => {
    const key = fc.constantFrom("token", "password", "botToken", "api_key", "clientSecret", "authorization", "private-key", "cookie");
    const secret = fc
      .oneof(
        fc.string({ minLength: 8, maxLength: 40 }),
        fc.string({ unit: "grapheme", minLength: 8, maxLength: 20 }),
        fc.base64String({ minLength: 8, maxLength: 60 }),
      )
      .filter((value) => value.trim().length >= 8 && value.trim() === value && /[\w-]{3}/.test(value));
    const nothing = contextOf({}).text;
    const noise = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ key, secret, before: noise, after: noise, form: fc.constantFrom(...Object.keys(FORMS)), deep: fc.nat(3) }), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.constantFrom("env", "named"),
        (plants, how) => {
          const value: Record<string, unknown> = {};
          for (const [index, { key: name, secret: hidden, deep }] of plants.entries()) {
            const leaf: unknown = how === "env" ? { env: { [`V${index}`]: hidden } } : { [name]: hidden };
            value[`p${index}`] = Array.from({ length: deep }).reduce<unknown>((inner) => ({ x: [inner] }), leaf);
          }
          const said = plants.map(({ before, after, form, secret: hidden }) => `${before} ${(FORMS[form] ?? String)(hidden)} ${after}`);
          const context = contextOf({
            config: { ok: true, value },
            gatewayLog: lines(...said),
            managerLog: lines(said.join(" ")),
            processes: lines(...said),
          });
          // A reference is no secret, nor is a word that every context has.
          for (const { secret: hidden } of plants)
            if (!/\$\{\w+\}/.test(hidden) && !nothing.includes(hidden))
              expect(shows(context.text, hidden), JSON.stringify(hidden)).toBeUndefined();
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe("what is no secret", () => {
  it("stays: references, switches, limits, paths, versions, names", () => {
    const value = {
      gateway: { port: 18_789, auth: { mode: "token", token: reference("OPENCLAW_GATEWAY_TOKEN") } },
      models: { providers: { x: { apiKey: { source: "env", provider: "default", id: "X_API_KEY" }, maxTokens: 8192 } } },
      channels: { telegram: { tokenFile: "/run/secrets/telegram", enabled: true } },
      env: { shellEnv: { enabled: true } },
      headers: { Authorization: `Bearer ${reference("TOKEN")}` },
      secrets: { providers: { vault: { source: "exec", command: "/usr/local/bin/vault-resolver" } } },
    };
    const context = contextOf({ config: { ok: true, value } });
    expect(JSON.parse(partOf(context, "configuration").join("\n"))).toEqual(value);
  });

  it("stays in a log as well", () => {
    const said = [
      "at tick (file:///h/.openclaw/tmp/plugin-captures/e9fa4c3c-6b8b-47b7-8c84-95f53eb6596b/captures/openclaw-plugin-build-rdKjGU/package-0/node_modules/c4-throw-timer/index.js:8:41)",
      "SQLite integrity_check failed for /h/.openclaw/agents/main/agent/openclaw-agent.sqlite: vtable constructor failed",
      "Refused by OpenClaw 2026.9.6 (eb377ac) installed at /opt/node_modules/openclaw.",
      "No API key found for provider openai",
      `gateway.auth.token: ${reference("MISSING")} is not set`,
    ];
    expect(partOf(contextOf({ gatewayLog: lines(...said) }), "gateway log")).toEqual(said);
  });

  it("is replaced when it says whose machine it is: the home directory by ~, the account's name and people's addresses", () => {
    const said = lines("opened /home/alice/.openclaw/openclaw.json for alice, not /home/alice2", "from +15555550123 and bob@example.com");
    expect(partOf(contextOf({ gatewayLog: said }), "gateway log")).toEqual([
      "opened ~/.openclaw/openclaw.json for <user>, not /home/alice2",
      "from <person> and <person>",
    ]);
    expect(partOf(contextOf({ gatewayLog: lines("root started /root/x") }, { home: "/root", user: "root" }), "gateway log")).toEqual([
      "root started ~/x",
    ]);
  });
});
