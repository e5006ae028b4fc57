import { describe, expect, it } from "vitest";
import { Conversation } from "../../rescue-profile/chat/conversation.ts";
import type { Allowed, Sender } from "../../rescue-profile/chat/rights.ts";
import type { TalkPorts } from "../../rescue-profile/chat/talk.ts";
import { CHAT_WORDS } from "../../rescue-profile/chat/words.ts";

const never = new AbortController().signal;
const BOB: Sender = { id: 2, chat: "private", isBot: false };

function opened() {
  const list = { operators: [1, 2], viewers: [], groups: false } as { operators: number[] } & Allowed;
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
