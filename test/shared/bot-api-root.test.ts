import { expect, it } from "vitest";
import { botApiRoot } from "../../src/shared/bot-api-root.ts";

it.each([
  ["http://127.0.0.1:8081", "http://127.0.0.1:8081"],
  ["http://127.0.0.1:8081/", "http://127.0.0.1:8081"],
  [" https://bots.example/api// ", "https://bots.example/api"],
  ["https://host/bot123456:AAA", "https://host"],
  ["https://host/bot123456:AAA/", "https://host"],
])("the address %j of a Bot API server is %j, without a token", (text, root) => {
  expect(botApiRoot(text)).toBe(root);
});
