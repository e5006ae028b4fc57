import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENGINES, hostEngine } from "../../../rescue-profile/diagnosis/engines/catalog.ts";
import type { CommandEngine } from "../../../rescue-profile/diagnosis/engines/engine.ts";
import type { EnginePrompt } from "../../../rescue-profile/diagnosis/prompt.ts";

export type Mode = "good" | "partly bad" | "refusal" | "garbage" | "hang" | "flood" | "exits" | "login" | "fails";

export const PROMPT: EnginePrompt = {
  system: "Rules {model} $(id) `id`",
  user: `${"| a line of the log\n".repeat(3_000)}the end`,
  schema: { type: "object" },
};

export const ALL: readonly CommandEngine[] = [...ENGINES, hostEngine(["openclaw"], "rescue")];

export interface Bench {
  readonly root: string;
  readonly notes: string;
  readonly work: string;
  readonly env: Record<string, string>;
}

/** A PATH with the tool in it, playing `mode`; with a home, a directory to work in, and one for what it was given. */
export function install(tools: Readonly<Record<string, Mode>>): Bench {
  const root = mkdtempSync(join(tmpdir(), "rescue-engines-"));
  const [bin, notes, work, home] = ["bin", "notes", "work", "home"].map((name) => join(root, name));
  if (bin === undefined || notes === undefined || work === undefined || home === undefined) throw new Error("unreachable");
  for (const directory of [bin, notes, work, home]) mkdirSync(directory, { mode: 0o700 });
  const play = new URL("../../fixtures/engines/play.mjs", import.meta.url).href;
  for (const [tool, mode] of Object.entries(tools)) {
    const script = `#!${process.execPath}\nimport(${JSON.stringify(play)}).then(({ play }) => play(${JSON.stringify(tool)}, ${JSON.stringify(mode)}, ${JSON.stringify(notes)}));\n`;
    writeFileSync(join(bin, tool), script);
    chmodSync(join(bin, tool), 0o700);
  }
  return { root, notes, work, env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home, SHELL: "/bin/sh" } };
}

export function noted(bench: Bench, key: string): string {
  return readFileSync(join(bench.notes, key), "utf8");
}
