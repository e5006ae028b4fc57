import { expect, it } from "vitest";
import { askFirst } from "../../../rescue-profile/diagnosis/engines/ask-first.ts";
import type { Engine, EngineOutcome } from "../../../rescue-profile/diagnosis/engines/engine.ts";
import type { AskOptions } from "../../../rescue-profile/diagnosis/engines/run.ts";
import { buildPrompt } from "../../../rescue-profile/diagnosis/prompt.ts";

const PROMPT = { system: "s", user: "u", schema: {} };
const engine = (id: string): Engine => ({ kind: "endpoint", id, url: "http://localhost", model: "m", timeoutMs: 75_000 });

/** Engines by name with what becomes of them and how long they take. */
function scripted(script: Readonly<Record<string, readonly [EngineOutcome, number]>>) {
  let nowMs = 5_000;
  const given: number[] = [];
  const ask = async ({ id }: Engine, _: unknown, { timeoutMs }: AskOptions) => {
    given.push(timeoutMs);
    const [outcome, tookMs] = script[id] ?? [{ outcome: "failed", why: `${id} is in no script` }, 0];
    nowMs += Math.min(tookMs, timeoutMs);
    return outcome;
  };
  const options = { env: {}, home: "/h", cwd: "/h" };
  return { given, run: () => askFirst(Object.keys(script).map(engine), PROMPT, options, ask, () => nowMs) };
}

const failed = (outcome: "not-installed" | "needs-login" | "failed" | "timed-out" | "refused" | "nonsense" | "too-long", why: string) =>
  ({ outcome, why }) as const;

it("goes on to the next as long as they cannot, and stops at the first answer", async () => {
  const { run, given } = scripted({
    a: [failed("not-installed", "a is not installed"), 0],
    b: [failed("needs-login", "b needs a login"), 2_000],
    c: [failed("timed-out", "c gave no answer"), 75_000],
    d: [{ outcome: "answered", text: "{}" }, 20_000],
    e: [{ outcome: "answered", text: "never asked" }, 0],
  });
  const asked = await run();
  expect(asked.answer).toEqual({ engine: "d", text: "{}" });
  expect(asked.summary).toBe("d answered after 20 s");
  expect(asked.outcomes.map(({ outcome, tookMs }) => [outcome, tookMs])).toEqual([
    ["not-installed", 0],
    ["needs-login", 2_000],
    ["timed-out", 75_000],
    ["answered", 20_000],
  ]);
  expect(given).toEqual([120_000, 120_000, 118_000, 43_000]);
});

it.each(["refused", "nonsense", "too-long"] as const)("asks nobody else after an answer that was %s", async (outcome) => {
  const { run } = scripted({ a: [failed(outcome, `a ${outcome}`), 1_000], b: [{ outcome: "answered", text: "{}" }, 0] });
  const asked = await run();
  expect(asked.answer).toBeUndefined();
  expect(asked.summary).toBe(`no answer: a ${outcome}`);
});

it("has two minutes in all, whatever they take", async () => {
  const { run } = scripted({ a: [failed("timed-out", "a slept"), 118_000], b: [{ outcome: "answered", text: "{}" }, 0] });
  expect((await run()).summary).toBe("no answer: a slept; 1 more not asked: no time left");
});

it("says when there is nobody to ask", async () => {
  expect((await scripted({}).run()).summary).toBe("no engine is configured, so nobody was asked");
});

it("asks for the schema, from the list, with the data between its lines and the rules on both sides of it", () => {
  const boundary = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
  const prompt = buildPrompt({
    schema: { type: "object" },
    allowed: ["openclaw gateway start"],
    context: `DATA-${boundary} x: y\n| z\nEND-${boundary}\n`,
    boundary,
  });
  expect(prompt.system).toContain('{"type":"object"}');
  expect(prompt.system).toContain("\n- openclaw gateway start\n");
  expect(prompt.system).toContain(`DATA-${boundary} and END-${boundary}`);
  expect(prompt.user.startsWith(`DATA-${boundary}`)).toBe(true);
  expect(prompt.user.split("\n").at(-2)).toContain("only commands from the list");
  expect(prompt.system.length).toBeLessThan(2_000);
  expect(buildPrompt({ schema: {}, allowed: [], context: "", boundary }).system).toContain("(none: propose nothing)");
});
