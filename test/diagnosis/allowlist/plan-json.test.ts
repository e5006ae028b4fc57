import { describe, expect, it } from "vitest";
import { commandsOf, extractPlan, PROPOSAL_SCHEMA, parseProposal } from "../../../rescue-profile/diagnosis/plan-json.ts";
import { planOf } from "./support.ts";

const COMMAND = { argv: ["openclaw", "gateway", "restart"], why: "it hangs" };
const PLAN = { diagnosis: "it hangs", confidence: 0.7, commands: [COMMAND], human: "look at the disk" };
const with_ = (change: object) => JSON.stringify({ ...PLAN, ...change });
const withCommand = (change: object) => with_({ commands: [COMMAND, { ...COMMAND, ...change }] });
const times = (count: number, what: unknown) => Array.from({ length: count }, () => what);

/** As much of JSON Schema as the schema uses; no code of ours. */
function fits(schema: unknown, value: unknown): boolean {
  const rules = new Map<string, unknown>(typeof schema === "object" && schema !== null ? Object.entries(schema) : []);
  const number = (rule: string, or: number) => Number(rules.get(rule) ?? or);
  switch (rules.get("type")) {
    case "string":
      return typeof value === "string" && value.length <= number("maxLength", Number.POSITIVE_INFINITY);
    case "number":
      return typeof value === "number" && value >= number("minimum", 0) && value <= number("maximum", 0);
    case "array":
      return (
        Array.isArray(value) &&
        value.length >= number("minItems", 0) &&
        value.length <= number("maxItems", 0) &&
        value.every((each) => fits(rules.get("items"), each))
      );
    case "object": {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      const properties = new Map<string, unknown>(Object.entries(rules.get("properties") ?? {}));
      const required = rules.get("required");
      if (rules.get("additionalProperties") !== false || !Array.isArray(required)) throw new Error("the schema lets other keys in");
      return (
        required.every((key) => Object.hasOwn(value, key)) &&
        Object.entries(value).every(([key, each]) => properties.has(key) && fits(properties.get(key), each))
      );
    }
    default:
      throw new Error("a type that this does not know");
  }
}

// biome-ignore format: a table reads by its rows
const GOOD: readonly [string, string][] = [
  ["as it is asked for", JSON.stringify(PLAN)],
  ["with its keys in another order", JSON.stringify({ human: "", commands: [{ why: "", argv: ["a"] }], confidence: 1, diagnosis: "" })],
  ["with no command", with_({ commands: [] })],
  ["with 50 commands", with_({ commands: times(50, COMMAND) })],
  ["with 32 words", withCommand({ argv: times(32, "a") })],
  ["with one word", withCommand({ argv: ["a"] })],
  ["with no confidence at all", with_({ confidence: 0 })],
  ["with all confidence", with_({ confidence: 1 })],
  ["with texts of 4000", with_({ diagnosis: "d".repeat(4_000), human: "é".repeat(4_000) })],
  ["with a reason of 500", withCommand({ why: "w".repeat(500) })],
  ["with words as keys in its texts", with_({ diagnosis: '{"argv": 1, "argv": 2}', human: '"a":"b","a":' })],
  ["with the same keys in two commands", with_({ commands: [COMMAND, COMMAND] })],
  ["with blanks", JSON.stringify(PLAN, null, 2)],
];

// biome-ignore format: a table reads by its rows
const BAD: readonly [string, string, string][] = [
  ["a list", "[]", "it is no object"],
  ["null", "null", "it is no object"],
  ["a text", '"x"', "it is no object"],
  ["an unknown key", with_({ x: 1 }), 'it has the unknown key "x"'],
  ["a prototype", JSON.stringify(PLAN).replace("{", '{"__proto__":1,'), 'it has the unknown key "__proto__"'],
  ["a missing diagnosis", with_({ diagnosis: undefined }), "it lacks diagnosis"],
  ["a missing confidence", with_({ confidence: undefined }), "it lacks confidence"],
  ["missing commands", with_({ commands: undefined }), "it lacks commands"],
  ["a missing human", with_({ human: undefined }), "it lacks human"],
  ["a diagnosis that is no text", with_({ diagnosis: 1 }), "diagnosis is not a text of at most 4000 characters"],
  ["a diagnosis of 4001", with_({ diagnosis: "d".repeat(4_001) }), "diagnosis is not a text of at most 4000 characters"],
  ["a human that is no text", with_({ human: null }), "human is not a text of at most 4000 characters"],
  ["a human of 4001", with_({ human: "h".repeat(4_001) }), "human is not a text of at most 4000 characters"],
  ["a confidence as text", with_({ confidence: "0.5" }), "confidence is not a number from 0 to 1"],
  ["a confidence above 1", with_({ confidence: 1.000_001 }), "confidence is not a number from 0 to 1"],
  ["a confidence below 0", with_({ confidence: -0.000_001 }), "confidence is not a number from 0 to 1"],
  ["commands as object", with_({ commands: {} }), "commands is not a list of at most 50"],
  ["51 commands", with_({ commands: times(51, COMMAND) }), "commands is not a list of at most 50"],
  ["a command as text", with_({ commands: [COMMAND, "x"] }), "command 2 is no object"],
  ["a command with an unknown key", withCommand({ cwd: "/" }), 'command 2 has the unknown key "cwd"'],
  ["a command without words", withCommand({ argv: undefined }), "command 2 lacks argv"],
  ["a command without reason", withCommand({ why: undefined }), "command 2 lacks why"],
  ["a reason that is no text", withCommand({ why: 1 }), "why of command 2 is not a text of at most 500 characters"],
  ["a reason of 501", withCommand({ why: "w".repeat(501) }), "why of command 2 is not a text of at most 500 characters"],
  ["words as text", withCommand({ argv: "a" }), "argv of command 2 is not a list of 1 to 32 words"],
  ["no words", withCommand({ argv: [] }), "argv of command 2 is not a list of 1 to 32 words"],
  ["33 words", withCommand({ argv: times(33, "a") }), "argv of command 2 is not a list of 1 to 32 words"],
  ["a number as word", withCommand({ argv: ["a", 1] }), "argv of command 2 is not a list of 1 to 32 words"],
];

describe("a proposal", () => {
  for (const [what, text] of GOOD) {
    it(`${what} is read as it is, and fits the schema`, () => {
      expect(parseProposal(text)).toEqual({ proposal: JSON.parse(text) });
      expect(fits(PROPOSAL_SCHEMA, JSON.parse(text))).toBe(true);
    });
  }

  for (const [what, text, refusal] of BAD) {
    it(`with ${what} is refused, as the schema says`, () => {
      expect(parseProposal(text)).toEqual({ refusal });
      expect(fits(PROPOSAL_SCHEMA, JSON.parse(text))).toBe(false);
    });
  }

  it("is refused where only its text shows what is wrong", () => {
    expect(parseProposal(JSON.stringify(PLAN).slice(1))).toEqual({ refusal: "it is not JSON" });
    expect(parseProposal("")).toEqual({ refusal: "it is not JSON" });
    expect(parseProposal(`${JSON.stringify(PLAN)}${" ".repeat(65_536)}`)).toEqual({
      refusal: expect.stringMatching(/^it has \d+ characters, and 65536 are the most$/),
    });
    const exactly = JSON.stringify(PLAN).padEnd(65_536);
    expect(parseProposal(exactly)).toEqual({ proposal: PLAN });
    expect(parseProposal(`${exactly} `)).toEqual({ refusal: "it has 65537 characters, and 65536 are the most" });
  });

  // biome-ignore format: a table reads by its rows
  const twice: readonly [string, string, string][] = [
    ["in the plan", JSON.stringify(PLAN).replace("{", '{"human":"x",'), "human"],
    ["in a command", JSON.stringify(PLAN).replace('"why"', '"argv":["x"],"why"'), "argv"],
    ["in the last command", withCommand({}).replace(/"why":"it hangs"\}\]/, '"why":"x","why":"y"}]'), "why"],
    ["behind an object", JSON.stringify(PLAN).replace('"human"', '"commands":[],"human"'), "commands"],
    ["behind an empty text", with_({ diagnosis: "" }).replace('"human"', '"confidence":1,"human"'), "confidence"],
    ["behind a brace in a text", with_({ diagnosis: "}" }).replace('"human"', '"confidence":1,"human"'), "confidence"],
    ["behind a quote in a text", with_({ diagnosis: '"' }).replace('"human"', '"confidence":1,"human"'), "confidence"],
    ["once with an escape", JSON.stringify(PLAN).replace("{", '{"\\u0068uman":"x",'), "human"],
    ["with blanks before the colon", JSON.stringify(PLAN).replace("{", '{"human" \n:"x",'), "human"],
  ];
  for (const [where, text, key] of twice) {
    it(`with a key twice ${where} is refused`, () =>
      expect(parseProposal(text)).toEqual({ refusal: `it has the key "${key}" twice in one object` }));
  }

  it("becomes commands for the judge, a bad word with its reason", () => {
    const parsed = parseProposal(planOf(["rm", "~/a"], ["a", "b c"], ["a", "b\n"], ["a".repeat(5_000)]));
    if ("refusal" in parsed) throw new Error(parsed.refusal);
    expect(commandsOf(parsed.proposal)).toEqual([
      {
        shown: "rm ~/a",
        words: [
          { text: "rm", expands: false },
          { text: "~/a", expands: true },
        ],
      },
      {
        shown: 'a "b c"',
        words: [
          { text: "a", expands: false },
          { text: "b c", expands: false },
        ],
      },
      { shown: 'a "b\\n"', refusal: "it has the character U+000A, and only printable ASCII is allowed" },
      { shown: expect.stringMatching(/^a{198} …$/), refusal: "it has a word of 5000 characters, and 4096 are the most" },
    ]);
  });
});

describe("a model's answer", () => {
  const json = JSON.stringify(PLAN, null, 2);
  const proposal = { kind: "proposal", proposal: PLAN };
  const script = (text: string) => ({ kind: "script", text });
  const refused = (reason: string) => ({ kind: "refused", reason });
  const NONE = refused("it has neither a plan in JSON nor a script");

  // biome-ignore format: a table reads by its rows
  const answers: readonly [string, string, object][] = [
    ["of JSON alone", json, proposal],
    ["of JSON with blanks around", `\n  ${json}\n\n`, proposal],
    ["of one fenced plan", `Here it is:\n\n\`\`\`json\n${json}\n\`\`\`\nGood luck.`, proposal],
    ["of one fenced plan, its language in capitals", `\`\`\`JSON\n${json}\n\`\`\``, proposal],
    ["of one fenced plan, indented", `  \`\`\`json\n${json}\n  \`\`\``, proposal],
    ["of one fenced plan with a longer fence", `\`\`\`\`json\n${json}\n\`\`\`\``, proposal],
    ["of one plan fenced with tildes", `~~~json\n${json}\n~~~`, proposal],
    ["of one plan and a block of no language", `\`\`\`\nlog line\n\`\`\`\n\`\`\`json\n${json}\n\`\`\``, proposal],
    ["of one plan and a block of another language", `\`\`\`json\n${json}\n\`\`\`\n\`\`\`yaml\na: b\n\`\`\``, proposal],
    ["of one script", "```sh\nopenclaw gateway restart\n```", script("openclaw gateway restart")],
    ["of one script of bash", "```bash\na\n\nb\n```\n", script("a\n\nb")],
    ["of one script by another name", "``` shell \na\n```", script("a")],
    ["of an empty script", "```sh\n```", script("")],
    ["of a script with CRs, which stay", "```sh\r\na\r\n```\r\n", script("a\r")],
    ["of a script with a fence that does not end it", "```sh\n``\n~~~\n```x\n```", script("``\n~~~\n```x")],
    ["of a script in a longer fence with a shorter one in it", "````sh\n```\na\n````", script("```\na")],
    ["of a script that is closed by a longer fence", "```sh\na\n`````", script("a")],
    ["of nothing", "", NONE],
    ["of prose", "Restart the gateway: openclaw gateway restart", NONE],
    ["of a block of no language", "```\nopenclaw gateway restart\n```", NONE],
    ["of a block of a language that only begins so", "```shell-session\n$ a\n```", NONE],
    ["of a block of python", "```python\nx\n```", NONE],
    ["of two plans", `\`\`\`json\n${json}\n\`\`\`\n\`\`\`json\n${json}\n\`\`\``, refused("it has 2 plans, and it is not known which is meant")],
    ["of two scripts", "```sh\na\n```\n```bash\nb\n```", refused("it has 2 plans, and it is not known which is meant")],
    ["of a plan and a script", `\`\`\`json\n${json}\n\`\`\`\nor\n\`\`\`sh\na\n\`\`\``, refused("it has 2 plans, and it is not known which is meant")],
    ["of three scripts", "```sh\na\n```\n```sh\nb\n```\n```sh\nc\n```", refused("it has 3 plans, and it is not known which is meant")],
    ["of a fence behind text", "Use ```sh\na\n```", refused("a fenced block is not closed")],
    ["of a script that is not closed", "```sh\na", refused("a fenced block is not closed")],
    ["of a script and a block that is not closed", "```sh\na\n```\n```\n", refused("a fenced block is not closed")],
    ["of a block of tildes closed with backquotes", "~~~sh\na\n```", refused("a fenced block is not closed")],
    ["of a plan that is none", '```json\n{"a":1}\n```', refused('it has the unknown key "a"')],
    ["of broken JSON alone", '{"a"', refused("it is not JSON")],
    ["of JSON and prose", `${json}\nok?`, refused("it is not JSON")],
    ["of 262145 characters", "x".repeat(262_145), refused("it has 262145 characters, and 262144 are the most")],
    ["of 262144 characters", "x".repeat(262_144), NONE],
  ];
  for (const [what, answer, expected] of answers) it(`${what} is understood, or not`, () => expect(extractPlan(answer)).toEqual(expected));
});
