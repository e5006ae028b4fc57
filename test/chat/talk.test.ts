import { describe, expect, it } from "vitest";
import { Buttons, type Deed } from "../../rescue-profile/chat/buttons.ts";
import { type ChatCommand, parseCommand } from "../../rescue-profile/chat/commands.ts";
import { Flood, may, roleOf } from "../../rescue-profile/chat/rights.ts";
import { type Reply, type Speaker, type TalkPorts, talk } from "../../rescue-profile/chat/talk.ts";
import { CHAT_WORDS } from "../../rescue-profile/chat/words.ts";
import { RescueError } from "../../src/shared/errors.ts";
import { NOTHING_PROPOSED } from "./support.ts";

const ANA: Speaker = { id: 1, role: "operator", name: "telegram:1" };
const VIC: Speaker = { id: 2, role: "viewer", name: "telegram:2" };
const never = new AbortController().signal;

function world(more: Partial<TalkPorts> = {}) {
  const done: string[] = [];
  let wall = 1_795_000_000_000;
  const ports: TalkPorts = {
    words: CHAT_WORDS.en,
    status: async () => [
      {
        profile: "default",
        condition: "serving",
        verdict: "up",
        evidence: ["/healthz answers 200"],
        pid: 7,
        uptimeMs: 60_000,
        rssBytes: 7e8,
        lastLookAgoMs: 1_000,
        pause: null,
        lastIncident: null,
        nextRepairInMs: 0,
      },
    ],
    repairs: () => ["03:04 process-gone, a restart: done"],
    figures: () => ({
      total: 4,
      recovered: 3,
      meanMs: 12_000,
      worstMs: 60_000,
      byTier: { 1: 3 },
      byCause: { "process-gone": 3, "config-broken": 1 },
      bars: [
        { recovered: 3, other: 0 },
        { recovered: 0, other: 1 },
      ],
    }),
    settings: () => [
      { key: "limits.repairsPerHour", value: "3", safe: true },
      { key: "alerts.language", value: "en", safe: false },
    ],
    set: async (key, value, by) => {
      done.push(`${by} set ${key} ${value}`);
      return "3";
    },
    request: async (kind, payload, by) => {
      done.push(`${by} ${kind} ${JSON.stringify(payload)}`);
      return `${kind} it is`;
    },
    incident: () => undefined,
    ...NOTHING_PROPOSED,
    wallMs: () => wall,
    sleep: async (ms) => {
      wall += ms;
    },
    ...more,
  };
  const buttons = new Buttons();
  const ask = async (deed: Deed, speaker: Speaker = ANA) => {
    const replies: Reply[] = [];
    for await (const reply of talk(deed, speaker, buttons, ports, never)) replies.push(reply);
    return replies;
  };
  return {
    done,
    buttons,
    ask,
    write: (text: string, speaker: Speaker = ANA) =>
      ask({ command: parseCommand(text, "our_bot") ?? { name: "help" }, confirmed: false }, speaker),
    press: (reply: Reply | undefined, label: string, speaker: Speaker = ANA) => {
      const name = reply?.buttons.flat().find((button) => button.label === label)?.name ?? "none";
      return buttons.press(name, speaker.id, wall);
    },
    pass: (ms: number) => {
      wall += ms;
    },
    now: () => wall,
  };
}

describe("a talk", () => {
  it.each(["zh-CN", "zh-TW"] as const)("speaks %s, all but the core's own words", async (language) => {
    const the = world({ words: CHAT_WORDS[language] });
    for (const command of ["/status", "/repair", "/history", "/help", "/config limits.repairsPerHour 2"]) {
      const [reply] = await the.write(command);
      const said = [reply?.text ?? "", ...(reply?.buttons.flat().map(({ label }) => label) ?? [])].join("\n");
      expect(said, command).toMatch(command.startsWith("/config") ? /确认|確認/ : /[\u4e00-\u9fff]/);
      expect(said, command).not.toMatch(/Repair|Pause|logs\b(?! –)|recovered|incident|nobody|of the/);
    }
  });

  it("shows how it is, with buttons for whoever may press them", async () => {
    const the = world();
    const [reply] = await the.write("/status");
    expect(reply?.text).toContain("🟢 default: serving\n/healthz answers 200\npid 7, up 1 min");
    expect(reply?.buttons.map((row) => row.map(({ label }) => label))).toEqual([
      ["Repair now", "Pause"],
      ["View logs", "Stats"],
    ]);
    const [seen] = await the.write("/status", VIC);
    expect(seen?.buttons.flat().map(({ label }) => label)).toEqual(["View logs", "Stats"]);
  });

  it("repairs only when it was confirmed, and follows it to its end in one message", async () => {
    const texts = ["repairing", "repairing", "recovered"];
    const the = world({ incident: () => ({ text: texts[0] ?? "", over: texts.shift() === "recovered" }) });
    const [question] = await the.write("/repair");
    expect(the.done).toEqual([]);
    const pressed = the.press(question, "Repair now");
    expect(pressed).toEqual({ deed: { command: { name: "repair" }, confirmed: true } });
    if (!("deed" in pressed)) return;
    expect((await the.ask(pressed.deed)).map(({ text }) => text)).toEqual(["Looking…", "repair it is", "repairing", "recovered"]);
    expect(the.done).toEqual(["telegram:1 repair {}"]);
  });

  it("lets viewers look and not act, also by an operator's button", async () => {
    const the = world();
    for (const text of ["/repair", "/pause 2h", "/resume", "/config limits.repairsPerHour 9"]) {
      expect(await the.write(text, VIC)).toEqual([{ text: expect.stringContaining("not act"), buttons: [] }]);
    }
    const [question] = await the.write("/repair");
    expect(the.press(question, "Repair now", VIC)).toEqual({ why: "foreign" });
    expect(the.done).toEqual([]);
  });

  it("shows what is proposed, and has it approved or rejected by whoever may act, once", async () => {
    const answers: string[] = [];
    const the = world({
      proposal: (incident) => (incident === 9 ? undefined : { id: 5, incident: 3, text: "✔ openclaw doctor --fix", waits: true }),
      answer: async (id, approved, by) => {
        answers.push(`${by} ${approved} ${id}`);
        return "approved by telegram:1: repair 4 begins";
      },
      incident: () => ({ text: "recovered", over: true }),
    });
    expect((await the.write("/proposal 9"))[0]?.text).toBe("Nothing was proposed.");
    const [seen] = await the.write("/proposal", VIC);
    expect(seen).toEqual({ text: "✔ openclaw doctor --fix", buttons: [] });
    const [question] = await the.write("/proposal 3");
    expect(question?.buttons.flat().map(({ label }) => label)).toEqual(["Approve", "Reject"]);
    const approved = the.press(question, "Approve");
    if (!("deed" in approved)) throw new Error("not pressed");
    expect((await the.ask(approved.deed, VIC))[0]?.text).toContain("not act");
    expect((await the.ask(approved.deed)).map(({ text }) => text)).toEqual(["approved by telegram:1: repair 4 begins", "recovered"]);
    expect(the.press(question, "Approve")).toEqual({ why: "used" });
    const rejected = the.press(question, "Reject");
    if (!("deed" in rejected)) throw new Error("not pressed");
    expect(await the.ask(rejected.deed)).toHaveLength(1);
    expect(answers).toEqual(["telegram:1 true 5", "telegram:1 false 5"]);
  });

  it("has no buttons for what does not wait any more, and says why an answer does not count", async () => {
    const the = world({
      proposal: () => ({ id: 5, incident: 3, text: "rejected", waits: false }),
      answer: async () => {
        throw new RescueError("refused", "it does not wait for an answer: rejected, nobody answered in time", { fix: "ask again" });
      },
    });
    expect((await the.write("/proposal"))[0]?.buttons).toEqual([]);
    const late = { command: { name: "answer", proposal: 5, approved: true }, confirmed: true } as const;
    expect((await the.ask(late)).map(({ text }) => text)).toEqual([
      "it does not wait for an answer: rejected, nobody answered in time\n→ ask again",
    ]);
  });

  it("has no buttons for what is too long to be shown as a whole, and says where it stands", async () => {
    const the = world({ proposal: () => ({ id: 5, incident: 3, text: "✔ openclaw doctor --fix\n".repeat(200), waits: true }) });
    const [long] = await the.write("/proposal");
    expect(long?.buttons).toEqual([]);
    expect(long?.text.length).toBeLessThanOrEqual(4_000);
    expect(long?.text).toMatch(/…\nThis is too long to be answered here\. All of it: rescue-watchdog proposal 3$/);
  });

  it("changes a safe setting when it was confirmed, and no other", async () => {
    const the = world();
    expect((await the.write("/config"))[0]?.text).toBe("limits.repairsPerHour = 3\n🔒 alerts.language = en");
    expect((await the.write("/config alerts.language fr"))[0]?.text).toContain("not changed from a chat");
    expect((await the.write("/config limits.nothing 1"))[0]?.text).toContain("no setting");
    const [question] = await the.write("/config limits.repairsPerHour 2");
    expect(question?.text).toBe("limits.repairsPerHour: 3 → 2?");
    const pressed = the.press(question, "Change it");
    if ("deed" in pressed) await the.ask(pressed.deed);
    expect(the.done).toEqual(["telegram:1 set limits.repairsPerHour 2"]);
  });

  it("answers with the sentence of what failed", async () => {
    const the = world({
      request: async () => {
        throw new RescueError("busy", "the journal is locked", { fix: "try again" });
      },
    });
    expect(await the.write("/pause 2h")).toEqual([{ text: "the journal is locked\n→ try again", buttons: [] }]);
  });

  it("draws the figures, and says when there are none", async () => {
    const the = world();
    expect((await the.write("/history 30d"))[0]?.text).toBe(
      "30 days: 3 of 4 recovered (75 %)\nmean 12.0 s, worst 1 min 0 s\ntier 1: 3\n\n▇▇▇▇▇▇▇▇▇▇▇▇ 3 process-gone\n▇▇▇▇ 1 config-broken",
    );
    const none = world({ figures: () => ({ total: 0, recovered: 0, meanMs: null, worstMs: null, byTier: {}, byCause: {}, bars: [] }) });
    expect((await none.write("/history 24h"))[0]?.text).toBe("24 hours: no incident.");
  });
});

describe("a button", () => {
  it("works once, for its person, for a while, and only if we made it", () => {
    const the = world();
    const deed: Deed = { command: { name: "repair" }, confirmed: true };
    const name = the.buttons.issue(deed, 1, the.now());
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(64);
    expect(the.buttons.press(name, 2, the.now())).toEqual({ why: "foreign" });
    expect(the.buttons.press(name, 1, the.now())).toEqual({ deed });
    expect(the.buttons.press(name, 1, the.now())).toEqual({ why: "used" });
    const late = the.buttons.issue(deed, 1, the.now());
    expect(the.buttons.press(late, 1, the.now() + 121_000)).toEqual({ why: "expired" });
    expect(the.buttons.press("rw:forged", 1, the.now())).toEqual({ why: "unknown" });
    expect(new Buttons().press(late, 1, the.now())).toEqual({ why: "unknown" });
  });

  it("is forgotten when there are too many", () => {
    const the = world();
    const first = the.buttons.issue({ command: { name: "status" }, confirmed: false }, 1, the.now());
    for (let n = 0; n < 1_000; n++) the.buttons.issue({ command: { name: "status" }, confirmed: false }, 1, the.now());
    expect(the.buttons.press(first, 1, the.now())).toEqual({ why: "unknown" });
  });
});

describe("rights", () => {
  const allowed = { operators: [1], viewers: [2], groups: false };
  it("are by number, in private, and for people", () => {
    const role = (id: number, more = {}) => roleOf({ id, chat: "private", isBot: false, ...more }, allowed);
    expect([role(1), role(2), role(3), role(1, { chat: "group" }), role(1, { isBot: true })]).toEqual([
      "operator",
      "viewer",
      undefined,
      undefined,
      undefined,
    ]);
    expect(roleOf({ id: 1, chat: "group", isBot: false }, { ...allowed, groups: true })).toBe("operator");
    const acts = (["repair", "pause", "resume", "set"] as ChatCommand["name"][]).map((name) => may("viewer", { name } as ChatCommand));
    expect(acts).toEqual([false, false, false, false]);
  });

  it("a flood gets one answer, and is over after a minute", () => {
    const flood = new Flood();
    const answers = Array.from({ length: 50 }, (_, n) => flood.ask(1, n));
    expect(answers.filter((answer) => answer === "ok")).toHaveLength(20);
    expect(answers.filter((answer) => answer === "first")).toHaveLength(1);
    expect(flood.ask(2, 50)).toBe("ok");
    expect(flood.ask(1, 61_000)).toBe("ok");
  });
});
