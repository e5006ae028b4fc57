import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { children, outputOf, scratch } from "./harness.ts";

const PROCESSES = 3;
const EVERY_MS = 20;

interface Said {
  readonly dir: string;
  readonly held: boolean;
  readonly setAside: boolean;
}

/** Several processes open the same journals, each at the same moment. */
async function openTogether(dirs: readonly string[]): Promise<Said[]> {
  using processes = children("journal-open.ts");
  const start = String(Date.now() + 300);
  const openers = Array.from({ length: PROCESSES }, () => processes.start(start, String(EVERY_MS), ...dirs));
  const outputs = await Promise.all(openers.map(outputOf));
  return outputs.flatMap((output) => output.trim().split("\n")).map((line) => JSON.parse(line) as Said);
}

describe("processes that open the journal at the same moment", () => {
  it("end up with the same one, and one of them with the lease, whether there was a damaged one or none", async () => {
    using at = scratch();
    const dirs = Array.from({ length: 40 }, (_, index) => join(at.dir, `${index}-${index % 4 === 0 ? "new" : "damaged"}`));
    for (const dir of dirs) {
      mkdirSync(dir);
      if (dir.endsWith("damaged")) writeFileSync(join(dir, "journal.sqlite"), "no database ".repeat(500));
    }
    const said = await openTogether(dirs);
    for (const dir of dirs) {
      const here = said.filter((each) => each.dir === dir);
      const damaged = dir.endsWith("damaged") ? 1 : 0;
      const found = {
        opened: here.length,
        held: here.filter(({ held }) => held).length,
        setAside: here.filter(({ setAside }) => setAside).length,
        kept: readdirSync(dir).filter((name) => /set-aside-.*Z(-\d+)?$/.test(name)).length,
      };
      expect(found, dir).toEqual({ opened: PROCESSES, held: 1, setAside: damaged, kept: damaged });
    }
  });
});
