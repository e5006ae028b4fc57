import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { parseServed, takeServed } from "../../rescue-profile/observe/served.ts";
import { footprint, servedHome } from "./findings-support.ts";
import { tempDir } from "./support.ts";

it("remembers databases by their first row, plugins by their newest file, and who wrote the configuration", async () => {
  const plugin = path.join(tempDir(), "mine");
  mkdirSync(plugin);
  writeFileSync(path.join(plugin, "openclaw.plugin.json"), '{"id": "mine"}');
  utimesSync(path.join(plugin, "openclaw.plugin.json"), 1000, 2000);
  const { target, home } = await servedHome({
    meta: { lastTouchedVersion: "2026.9.6" },
    plugins: { load: { paths: [plugin] } },
    logging: { file: "/l/oc.log" },
  });
  const before = footprint(target.stateDir);
  const served = takeServed(target, home);
  expect(served).toEqual({
    databases: [
      { path: "state/openclaw.sqlite", createdAtMs: 1_795_275_081_707 },
      { path: "agents/main/agent/openclaw-agent.sqlite", createdAtMs: 1_795_275_321_978 },
    ],
    plugins: [{ id: "mine", newestMs: 2_000_000 }],
    writtenBy: "2026.9.6",
    logFile: "/l/oc.log",
  });
  expect(parseServed(JSON.stringify(served))).toEqual(served);
  expect(footprint(target.stateDir)).toEqual(before);
});

it("takes nothing from what is not its own writing", () => {
  for (const text of ["", "{", "null", "[]", '{"databases": 1, "plugins": []}']) expect(parseServed(text)).toBeNull();
  const odd = '{"databases": [{"path": 1}, null, {"path": "a", "createdAtMs": 2}], "plugins": [{"id": "x"}]}';
  expect(parseServed(odd)).toEqual({ databases: [{ path: "a", createdAtMs: 2 }], plugins: [] });
});
