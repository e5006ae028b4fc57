import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parsePolicy, toPolicy } from "../../rescue-profile/config.ts";
import { runScenario } from "./scenario.ts";

const dir = new URL("../scenarios/", import.meta.url);
const policy = toPolicy(parsePolicy({}));

describe("decisions with the default policy, as transcripts in test/scenarios", () => {
  for (const name of readdirSync(dir).filter((file) => file.endsWith(".txt"))) {
    it(name.replace(/\.txt$/, "").replaceAll("-", " "), () => {
      const file = new URL(name, dir);
      const text = readFileSync(file, "utf8");
      const produced = runScenario(text, policy);
      if (process.env["UPDATE_SCENARIOS"] === "1") writeFileSync(file, produced);
      else expect(produced).toBe(text);
    });
  }
});
