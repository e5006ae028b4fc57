import { describe, expect, it } from "vitest";
import { Conversation } from "../../rescue-profile/chat/conversation.ts";
import type { Allowed, Sender } from "../../rescue-profile/chat/rights.ts";
import type { TalkPorts } from "../../rescue-profile/chat/talk.ts";
import { CHAT_WORDS } from "../../rescue-profile/chat/words.ts";
import { NOTHING_PROPOSED } from "./support.ts";

const never = new AbortController().signal;
const BOB: Sender = { id: 2, chat: "private", isBot: false };

function opened() {
  const list = { operators: [1, 2], viewers: [], groups: false } as { operators: number[]; viewers: number[] } & Allowed;
  const done: string[] = [];
  const refuse = () => {
    throw new Error("not asked in this test");
  };
  const ports: TalkPorts = {
    words: CHAT_WORDS.en,
    status: refuse,
    repairs: () => [],
    figures: refuse,
    settings: () => [],
    set: refuse,
    request: async (kind) => {
      done.push(kind);
      return kind;
    },
    incident: () => undefined,
    ...NOTHING_PROPOSED,
    answered: (button) => (button === "rw:alert.reject" ? { id: 7, approved: false } : undefined),
    answer: async (id, approved, by) => {
      done.push(`${id} ${approved} ${by}`);
      return approved ? "approved" : "rejected";
    },
    wallMs: () => 1,
    sleep: async () => undefined,
  };
  const conversation = new Conversation({ allowed: () => list, ports, log: () => undefined });
  const all = async (text: string) => {
    const replies = [];
    for await (const reply of conversation.hear(BOB, text, "", never) ?? []) replies.push(reply);
    return replies;
  };
  return { list, done, conversation, all };
}

describe("a conversation", () => {
  it("takes an alert's button from whoever may act, also after a restart, and as an answer of its own", async () => {
    const { list, conversation, done } = opened();
    const texts: string[] = [];
    for (const sender of [BOB, { ...BOB, id: 3 }, { ...BOB, id: 9 }]) {
      list.operators = [2];
      list.viewers = [3];
      const pressing = conversation.press(sender, "rw:alert.reject", never);
      if (pressing === undefined || pressing.politely !== undefined) {
        texts.push("nothing");
        continue;
      }
      expect(pressing.takesPlace).toBe(false);
      for await (const { text } of pressing.answers) texts.push(text);
    }
    expect(texts).toEqual(["rejected", CHAT_WORDS.en.mayNotAct, "nothing"]);
    expect(done).toEqual(["7 false telegram:2"]);
  });

  it("is over for whoever is taken off the list, with his next command and his next press", async () => {
    const { list, done, conversation, all } = opened();
    const [question] = await all("/repair");
    const button = question?.buttons[0]?.[0]?.name ?? "none";
    list.operators = [1];
    expect(conversation.hear(BOB, "/pause", "", never)).toBeUndefined();
    expect(conversation.press(BOB, button, never)).toBeUndefined();
    expect(done).toEqual([]);
  });

  it("answers a flood once, also one of presses", () => {
    const { conversation } = opened();
    const answers = Array.from({ length: 40 }, () => conversation.press(BOB, "rw:forged", never)?.politely);
    expect(answers.filter((said) => said === CHAT_WORDS.en.tooMuch)).toHaveLength(1);
    expect(answers.slice(21)).toEqual(Array.from({ length: 19 }, () => undefined));
  });
});
