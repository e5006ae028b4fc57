import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readScript } from "../../../rescue-profile/diagnosis/script.ts";
import { type Choose, choicesFrom, generateJson, generateScript } from "./generate.ts";
import { oracleFor } from "./oracle.ts";
import { whatIsRun } from "./shells.ts";
import { FACTS, judgeJson, judgeScript, WORK } from "./support.ts";

/** `node test/diagnosis/allowlist/fuzz.ts [--count N] [--seed N]…`: many generated inputs, against the oracle and against real shells. */
const ORACLES = [
  { facts: FACTS, oracle: oracleFor("default", FACTS.port) },
  { facts: WORK, oracle: oracleFor("work", WORK.port) },
] as const;

export interface Outcome {
  readonly text: string;
  readonly kind: "script" | "json";
  readonly accepted: boolean;
  /** What the oracle says. */
  readonly allowed: boolean;
  /** Lines that were accepted where bad ones are skipped, and that the oracle does not allow. */
  readonly stray: readonly string[];
}

/** One generated input, judged by both. */
export function tryOne(choose: Choose): Outcome {
  const { facts, oracle } = ORACLES[choose(4) === 3 ? 1 : 0];
  if (choose(5) === 4) {
    const text = generateJson(choose, oracle.lines);
    return { text, kind: "json", accepted: judgeJson(text, facts).accepted, allowed: oracle.allowsJson(text), stray: [] };
  }
  const text = generateScript(choose, oracle.lines);
  const { accepted, judged } = judgeScript(text, facts);
  const stray = judged.flatMap(({ command, verdict }) => (verdict.accepted && !oracle.allowsLine(command) ? [command] : []));
  return { text, kind: "script", accepted, allowed: oracle.allowsScript(text), stray };
}

/** The words that were judged, with `~/` as a shell has it. */
export function judgedWords(text: string): readonly (readonly string[])[] {
  const script = readScript(text);
  if ("refusal" in script) return [];
  return script.commands.map((command) =>
    "refusal" in command ? [] : command.words.map((word) => (word.expands ? word.text.replace(/^~\//, "/home/op/") : word.text)),
  );
}

/** Those of the scripts that a real shell reads in another way than they were judged. */
export function misread(shell: "bash" | "dash", scripts: readonly string[]): readonly string[] {
  const ran = whatIsRun(shell, scripts);
  return scripts.filter((script, at) => JSON.stringify(ran[at]) !== JSON.stringify(judgedWords(script)));
}

/** The seeds that have been run; a false accept's seed would be added and stay. */
export const SEEDS = readFileSync(join(import.meta.dirname, "seeds.txt"), "utf8")
  .split("\n")
  .filter((line) => /^\d+$/.test(line))
  .map(Number);

const SAMPLE = 20_000;

function main(): void {
  const { values } = parseArgs({ options: { count: { type: "string", default: "1000000" }, seed: { type: "string", multiple: true } } });
  const seeds = values.seed === undefined ? SEEDS : values.seed.map(Number);
  const each = Math.ceil(Number(values.count) / seeds.length);
  const sums = { inputs: 0, scripts: 0, plans: 0, accepted: 0, rejected: 0, "false accepts": 0, "false rejects": 0, "stray lines": 0 };
  const sample: string[] = [];
  const startedMs = Date.now();
  for (const seed of seeds) {
    const choose = choicesFrom(seed);
    for (let at = 0; at < each; at += 1) {
      const { text, kind, accepted, allowed, stray } = tryOne(choose);
      sums.inputs += 1;
      sums[kind === "script" ? "scripts" : "plans"] += 1;
      sums[accepted ? "accepted" : "rejected"] += 1;
      if (accepted && kind === "script" && sample.length < SAMPLE && at % 7 === 0) sample.push(text);
      sums["stray lines"] += stray.length;
      for (const line of stray) console.log(`STRAY LINE seed ${seed} input ${at}: ${JSON.stringify(line)} in ${JSON.stringify(text)}`);
      if (accepted === allowed) continue;
      sums[accepted ? "false accepts" : "false rejects"] += 1;
      console.log(`${accepted ? "FALSE ACCEPT" : "false reject"} seed ${seed} input ${at}: ${JSON.stringify(text)}`);
    }
  }
  const seconds = (Date.now() - startedMs) / 1_000;
  const shells = (["bash", "dash"] as const).map((shell) => ({ shell, scripts: sample.length, misread: misread(shell, sample) }));
  for (const { shell, misread } of shells) for (const text of misread) console.log(`MISREAD by ${shell}: ${JSON.stringify(text)}`);
  console.log(
    JSON.stringify({ seeds, ...sums, seconds, shells: shells.map(({ misread, ...rest }) => ({ ...rest, misread: misread.length })) }),
  );
  if (sums["false accepts"] + sums["stray lines"] > 0 || shells.some(({ misread }) => misread.length > 0)) process.exitCode = 1;
}

if (import.meta.main) main();
