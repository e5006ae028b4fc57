import { expect, it } from "vitest";
import { maskSecrets, showable } from "../../rescue-profile/observe/mask.ts";

it.each([
  ["Authorization: Bearer abcdefgh12345678", "abcdefgh"],
  ['{"token":"8b9f4280d4f998d5"}', "8b9f4280"],
  ["OPENAI_API_KEY=verysecretvalue next", "verysecret"],
  ["gateway.auth.token: hunter2hunter2", "hunter2"],
  ["key sk-proj-abcdefghijklmnop1234 refused", "abcdefghijkl"],
  ["401 Incorrect API key provided: sk-bad. You can find your API key", "sk-bad"],
  ["https://api.telegram.org/bot123456789:AAExampleExampleExampleExampleExamp/getMe", "AAExample"],
  ["postgres://me:pa55word@host/db", "pa55word"],
  ["digest 8b9f4280d4f998d5de91de345398cbd7ad7af2fc38931df3", "8b9f4280"],
  ["jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP", "dBjftJeZ"],
  ["blob QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wMTIz", "QUJDREVG"],
])("masks the secret in %s", (line, secret) => {
  expect(maskSecrets(line)).not.toContain(secret);
  expect(maskSecrets(line)).toContain("***");
});

it("leaves paths, UUIDs, versions and the names of things alone", () => {
  for (const line of [
    "at tick (file:///h/.openclaw/tmp/plugin-captures/e9fa4c3c-6b8b-47b7-8c84-95f53eb6596b/captures/openclaw-plugin-build-rdKjGU/package-0/node_modules/c4-throw-timer/index.js:8:41)",
    "SQLite integrity_check failed for /h/.openclaw/agents/main/agent/openclaw-agent.sqlite: vtable constructor failed",
    "Refused by OpenClaw 2026.9.6 (eb377ac) installed at /opt/node_modules/openclaw.",
    'gateway: Unrecognized key: "bogusKey"',
    "No API key found for provider openai",
  ]) {
    expect(maskSecrets(line)).toBe(line);
  }
});

it("masks before it shortens, so that no secret is cut in half", () => {
  const line = `${"x ".repeat(140)}Bearer abcdefghijklmnopqrstuvwxyz`;
  expect(showable(line)).not.toContain("abcdef");
  expect(showable(`a\n  b\t${"xy".repeat(200)}`)).toHaveLength(300);
  expect(showable("a\n  b\tc")).toBe("a b c");
});
