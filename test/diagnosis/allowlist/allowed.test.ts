import { describe, expect, it } from "vitest";
import { oracleFor } from "./oracle.ts";
import { ALLOWLIST, FACTS, judgeJson, judgeScript, LOCK, planOf, WORK } from "./support.ts";

const SITES = [
  { name: "the default profile", facts: FACTS, lines: oracleFor("default", FACTS.port).lines },
  { name: "profile work", facts: WORK, lines: oracleFor("work", WORK.port).lines },
] as const;

/** A stop is allowed only before a start. */
const whole = (line: string) => (line.includes(" stop") ? `${line}\n${line.replace(" stop", " start")}` : line);
const inQuotes = (quote: string) => (word: string) => (word.startsWith("~") ? word : `${quote}${word}${quote}`);

describe.each(SITES)("every allowed line of $name", ({ facts, lines }) => {
  const accepts = (spell: (line: string) => string) => {
    const refused = lines.map(whole).filter((line) => !judgeScript(line.split("\n").map(spell).join("\n"), facts).accepted);
    expect(refused).toEqual([]);
  };

  it("is accepted as it stands", () => accepts((line) => line));
  it("is accepted in single quotes around each word", () => accepts((line) => line.split(" ").map(inQuotes("'")).join(" ")));
  it("is accepted in double quotes around each word", () => accepts((line) => line.split(" ").map(inQuotes('"')).join(" ")));
  it("is accepted with one word in quotes, whichever", () => {
    for (const at of [0, 1, 2, 3, 4, 5])
      accepts((line) =>
        line
          .split(" ")
          .map((word, index) => (index === at ? inQuotes("'")(word) : word))
          .join(" "),
      );
  });
  it("is accepted with quotes around the value of an option", () => {
    accepts((line) => line.replace(/(--\w+=)(\S+)/, "$1'$2'"));
    accepts((line) => line.replace(/(--\w+=)(\S+)/, '$1"$2"'));
  });
  it("is accepted with more blanks, and tabs", () => accepts((line) => `  ${line.replaceAll(" ", " \t  ")}\t `));
  it("is accepted with a comment behind", () => accepts((line) => `${line} # it's "fine"; $(really) — été`));
  it("is accepted with comments and blank lines between", () => accepts((line) => `\n# first\n\t# then\n${line}\n\n#\n`));
  it("is accepted in JSON", () => {
    const refused = lines
      .map(whole)
      .filter((line) => !judgeJson(planOf(...line.split("\n").map((each) => each.split(" "))), facts).accepted);
    expect(refused).toEqual([]);
  });
});

describe("the shipped list", () => {
  it("has no entry that no allowed line uses", () => {
    const used = SITES.flatMap(({ facts, lines }) =>
      lines.map(whole).flatMap((line) => judgeScript(line, facts).actions.map(({ entry }) => entry)),
    );
    expect(ALLOWLIST.map(({ id }) => id).filter((id) => !used.includes(id))).toEqual([]);
  });

  it("accepts a whole plan as the steps that it means", () => {
    const text = [
      "openclaw gateway stop",
      "kill -TERM 4242",
      "kill -9 4242 # it does not hear",
      `rm -f ${LOCK}`,
      "rm -f ~/.openclaw/agents/*/sessions/*.lock",
      "openclaw doctor --fix --non-interactive",
      "openclaw gateway start",
      "ss -ltnp",
    ].join("\n");
    expect(judgeScript(text)).toMatchObject({
      accepted: true,
      refusal: null,
      actions: [
        { action: "stop-gateway", entry: "gateway-stop" },
        { action: "end-owner", entry: "kill-term", pid: 4242 },
        { action: "quarantine-lock", entry: "lock-rm-force", lock: LOCK },
        { action: "quarantine-lock", entry: "locks-rm-force" },
        { action: "guarded-doctor", entry: "doctor-fix-quiet" },
        { action: "start-gateway", entry: "gateway-start" },
        { action: "look-at-port", entry: "port-ss" },
      ],
    });
  });

  it("accepts fifty commands, which are one action when they say one thing", () => {
    const text = Array.from({ length: 50 }, () => "openclaw gateway restart").join("\n");
    expect(judgeScript(text)).toMatchObject({ accepted: true, actions: [{ action: "restart-gateway" }] });
  });
});
