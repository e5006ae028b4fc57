import { describe, expect, it } from "vitest";
import { objectionTo, readAnswer } from "../../../rescue-profile/diagnosis/engines/answer.ts";
import { ENGINES } from "../../../rescue-profile/diagnosis/engines/catalog.ts";
import { said, says } from "../../../rescue-profile/diagnosis/engines/said.ts";

const formatOf = (id: string) => {
  const engine = ENGINES.find((each) => each.id === id);
  if (engine === undefined) throw new Error(`no engine ${id}`);
  return engine.answer;
};

describe("reading an answer", () => {
  it("takes the last message of several, or all pieces of one, as the tool has it", () => {
    const message = (text: string) => JSON.stringify({ type: "item.completed", item: { type: "agent_message", text } });
    expect(readAnswer(formatOf("codex"), `${message("first")}\nnot json\n${message("second")}\n`)).toEqual({ is: "text", text: "second" });
    const piece = (text: string) => JSON.stringify({ type: "text", part: { text } });
    expect(readAnswer(formatOf("opencode"), `${piece("a")}\n${piece("b")}\n`)).toEqual({ is: "text", text: "ab" });
  });

  it("finds JSON behind the warnings that stand in front of it", () => {
    expect(readAnswer(formatOf("gemini"), 'Warning: x\n{\n "response": "yes"\n}\n')).toEqual({ is: "text", text: "yes" });
  });

  it("takes no failure's words for an answer", () => {
    const failed = JSON.stringify({ type: "result", is_error: true, result: "Not logged in · Please run /login" });
    expect(readAnswer(formatOf("claude"), failed)).toEqual({ is: "trouble", said: "Not logged in · Please run /login" });
  });

  it.each([["", "[1,2", "null", '{"response":7}', '{"response":""}', '{"__proto__":{"response":"x"}}', "[]", "7"]])(
    "sees nothing in %j",
    (...texts) => {
      for (const text of texts) expect(readAnswer(formatOf("gemini"), text), text).toEqual({ is: "nothing" });
    },
  );

  it("takes text as it is", () => {
    expect(readAnswer({ format: "text" }, "openclaw gateway start\n")).toEqual({ is: "text", text: "openclaw gateway start\n" });
    expect(readAnswer({ format: "text" }, " \n")).toEqual({ is: "nothing" });
  });
});

describe("an objection to an answer", () => {
  it.each([
    "I can't help with that.",
    "I’m sorry, but no.",
    "As an AI language model",
    "I am unable to do this",
    "Unfortunately, I cannot",
  ])("is a refusal: %s", (text) => {
    expect(objectionTo(text)).toBe("refused");
  });

  it.each(["", "  \n", "{{{[[[", "\ufffd\ufffd\ufffd ab", "ab\u0000\u0001\u0002"])("is nonsense: %j", (text) => {
    expect(objectionTo(text)).toBe("nonsense");
  });

  it.each([
    '{"explanation":"I cannot say","commands":[]}',
    "openclaw gateway start",
    "```sh\nopenclaw gateway start\n```",
    "Sorry state: {}",
  ])("is none to %s", (text) => {
    expect(objectionTo(text)).toBeUndefined();
  });
});

it("says what a program said in one line, without secrets and escape sequences", () => {
  expect(said("\u001b[31mbad\u001b[0m\nkey sk-proj-abcdefghijklmnop1234 \u202e")).toBe("bad key ***");
  expect(said("word ".repeat(200))).toHaveLength(200);
});

it("knows a number only by itself", () => {
  expect(says("HTTP 401 from it", ["401"])).toBe(true);
  expect(says("pid 14012", ["401"])).toBe(false);
  expect(says("Not Logged In", ["not logged in"])).toBe(true);
});
