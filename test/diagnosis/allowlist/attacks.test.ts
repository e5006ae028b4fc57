import { describe, expect, it } from "vitest";
import { ATTACKS } from "./attacks.ts";
import { judgeJson, judgeScript } from "./support.ts";

describe("an attack", () => {
  it("is one of at least 300, each with a name of its own", () => {
    expect(new Set(ATTACKS.map(([name]) => name)).size).toBe(ATTACKS.length);
    expect(new Set(ATTACKS.map(([, text]) => text)).size).toBe(ATTACKS.length);
    expect(ATTACKS.length).toBeGreaterThanOrEqual(300);
  });

  for (const [name, text] of ATTACKS) {
    it(`by ${name} is rejected with a reason`, () => {
      const { accepted, refusal, judged, actions } =
        text.trimStart().startsWith("{") && text.includes('"') ? judgeJson(text) : judgeScript(text);
      expect(accepted).toBe(false);
      expect(actions).toEqual([]);
      expect(refusal).toMatch(/^[ -~]+$/);
      for (const { command, verdict } of judged) {
        expect(command).toMatch(/^[ -~]*…?$/);
        if (!verdict.accepted) expect(verdict.reason).toMatch(/^[ -~]{10,}$/);
      }
    });
  }
});
