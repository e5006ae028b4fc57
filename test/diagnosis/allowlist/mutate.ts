import { type ChildProcess, fork } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { parseSync, Visitor } from "oxc-parser";
import { messageOf } from "../../../src/shared/errors.ts";

/**
 * `node test/diagnosis/allowlist/mutate.ts [--file NAME]…`: breaks the validator in one place after the other, in a copy, and lets the fast tests look for it. By hand
 * only: it takes minutes. A mutant that no test notices survives; those that behave as before in every case are named in `mutants-equivalent.txt`.
 */
const FILES = ["judge", "script", "allowlist", "words", "plan-json"] as const;
const ROOM = "rescue-profile/diagnosis";

export interface Mutant {
  readonly line: number;
  readonly what: string;
  readonly text: string;
}

const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "+": ["-"],
  "-": ["+"],
};
const LOGICAL: Readonly<Record<string, string>> = { "&&": "||", "||": "&&", "??": "&&" };
/** A method by one that is nearly it. */
const METHODS: Readonly<Record<string, string>> = {
  every: "some",
  some: "every",
  startsWith: "endsWith",
  findLastIndex: "findIndex",
  replaceAll: "replace",
};

/** Every mutant of a source file: comparisons, logic, conditions, numbers, truths, early ends, methods, members of lists, anchors of patterns. Messages are left alone. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} does not parse`);
  const mutants: (Mutant & { readonly start: number })[] = [];
  /** Where there are types, which nothing of is left when it runs. */
  const types: [number, number][] = [];
  const change = (start: number, end: number, to: string) => {
    const line = source.slice(0, start).split("\n").length;
    const from = source.slice(start, end);
    mutants.push({ start, line, what: `${oneLine(from)} → ${oneLine(to)}`, text: source.slice(0, start) + to + source.slice(end) });
  };
  const negate = ({ start, end }: { readonly start: number; readonly end: number }) => change(start, end, `!(${source.slice(start, end)})`);
  const binary = (node: { readonly left: Span; readonly right: Span; readonly operator: string }, to: string) => {
    const between = source.slice(node.left.end, node.right.start);
    const at = node.left.end + between.indexOf(node.operator);
    change(at, at + node.operator.length, to);
  };
  new Visitor({
    BinaryExpression(node) {
      for (const to of COMPARISONS[node.operator] ?? []) binary(node, to);
    },
    LogicalExpression(node) {
      const to = LOGICAL[node.operator];
      if (to !== undefined) binary(node, to);
    },
    IfStatement({ test, start, end }) {
      // Another mutant does the same to a plain comparison.
      if (test.type !== "BinaryExpression" || !["===", "!=="].includes(test.operator)) negate(test);
      change(start, end, "{}");
    },
    ConditionalExpression({ test }) {
      if (test.type !== "BinaryExpression" || !["===", "!=="].includes(test.operator)) negate(test);
    },
    UnaryExpression({ operator, argument, start, end }) {
      if (operator === "!") change(start, end, source.slice(argument.start, argument.end));
    },
    Literal(node) {
      if (typeof node.value === "number") for (const to of [node.value + 1, node.value - 1]) change(node.start, node.end, `(${to})`);
      if (typeof node.value === "boolean") change(node.start, node.end, String(!node.value));
      if (!("regex" in node)) return;
      const { pattern, flags } = node.regex;
      for (const to of patterns(pattern)) if (compiles(to, flags)) change(node.start, node.end, `/${to}/${flags}`);
    },
    CallExpression({ callee }) {
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
      const { name } = callee.property;
      const to = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
      if (to !== undefined) change(callee.property.start, callee.property.end, to);
    },
    TSLiteralType: ({ start, end }) => void types.push([start, end]),
    ThrowStatement: ({ start, end }) => change(start, end, "{}"),
    ArrayExpression({ elements }) {
      for (const element of elements) if (element !== null) change(element.start, element.end, "");
    },
    BreakStatement: ({ start, end }) => change(start, end, "{}"),
    ContinueStatement: ({ start, end }) => change(start, end, "{}"),
  }).visit(program);
  const isType = (at: number) => types.some(([start, end]) => at >= start && at < end);
  return mutants.filter(({ start, text }) => !isType(start) && parseSync(file, text).errors.length === 0);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A pattern without its anchors, and with each of its repetitions another. */
function patterns(pattern: string): readonly string[] {
  return [
    ...(pattern.startsWith("^") ? [pattern.slice(1)] : []),
    ...(pattern.endsWith("$") ? [pattern.slice(0, -1)] : []),
    ...[...pattern.matchAll(/(?<=[\])])[*+?]/g)].map(
      ({ index }) => pattern.slice(0, index) + (pattern[index] === "+" ? "*" : "+") + pattern.slice(index + 1),
    ),
  ];
}

function compiles(pattern: string, flags: string): boolean {
  try {
    return pattern !== "" && new RegExp(pattern, flags).source !== "";
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 88)} …` : line;
}

/** Those that may survive, each as `FILE: WHAT` below its reason. */
function equivalents(): ReadonlySet<string> {
  const lines = readFileSync(join(import.meta.dirname, "mutants-equivalent.txt"), "utf8").split("\n");
  return new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));
}

/** In a copy, whose tests are run again and again by one process. It hangs with a mutant that does: then another takes its place. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { file: { type: "string", multiple: true }, serve: { type: "string" } },
  });
  if (values.serve !== undefined) return serve(values.serve);
  const root = join(import.meta.dirname, "../../..");
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "allowlist-mutants-")));
  for (const part of COPIED) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const known = equivalents();
  const sums = { mutants: 0, killed: 0, hung: 0, survived: 0, unexplained: 0 };
  const tests = new Tests(copy);
  const startedMs = Date.now();
  try {
    const before = await tests.run();
    if (before !== "passed") throw new Error(`without a mutant the tests do not pass: ${before}`);
    for (const name of values.file ?? FILES) {
      const path = join(copy, ROOM, `${name}.ts`);
      const source = readFileSync(path, "utf8");
      for (const { line, what, text } of mutantsOf(`${name}.ts`, source)) {
        sums.mutants += 1;
        writeFileSync(path, text);
        const end = await tests.run();
        if (end !== "passed") sums.killed += 1;
        else sums.survived += 1;
        if (end === "hung") sums.hung += 1;
        if (end !== "passed") continue;
        const isKnown = known.has(`${name}: ${what}`);
        if (!isKnown) sums.unexplained += 1;
        console.log(`SURVIVED ${name}: ${what}  (line ${line}${isKnown ? ", behaves as before" : ""})`);
      }
      writeFileSync(path, source);
      console.log(JSON.stringify({ until: name, ...sums, seconds: Math.round((Date.now() - startedMs) / 1_000) }));
    }
  } finally {
    tests.end();
    rmSync(copy, { recursive: true });
  }
  console.log(JSON.stringify({ ...sums, score: Number((sums.killed / sums.mutants).toFixed(4)) }));
}

const COPIED = ["rescue-profile", "src", "config", "package.json", "test/diagnosis/allowlist", "test/observe", "openclaw.plugin.json"];
const HANGS_MS = 10_000;

class Tests {
  readonly #copy: string;
  #process: ChildProcess | undefined;

  constructor(copy: string) {
    this.#copy = copy;
  }

  /** `passed`, `hung`, or what failed. */
  async run(): Promise<string> {
    this.#process ??= fork(import.meta.filename, ["--serve", this.#copy], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      env: { ...process.env, RESCUE_FUZZ: "300" },
    });
    const child = this.#process;
    child.send("run");
    const said: unknown = await new Promise((resolve) => {
      const late = setTimeout(() => resolve("hung"), HANGS_MS);
      child.once("message", (message) => {
        clearTimeout(late);
        resolve(message);
      });
      child.once("exit", () => {
        clearTimeout(late);
        resolve("hung");
      });
    });
    child.removeAllListeners();
    if (said === "hung") this.end();
    return String(said);
  }

  end(): void {
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
  }
}

/** The tests that find most come first. Each is loaded from the copy, and anew with everything of ours every time. */
const TESTS = [
  () => import("./script.test.ts"),
  () => import("./judge.test.ts"),
  () => import("./rewritten.test.ts"),
  () => import("./attacks.test.ts"),
  () => import("./load.test.ts"),
  () => import("./plan-json.test.ts"),
  () => import("./allowed.test.ts"),
  () => import("./fuzz.test.ts"),
] as const;

async function serve(root: string): Promise<void> {
  const [here, copy] = [pathToFileURL(`${join(import.meta.dirname, "../../..")}/`).href, pathToFileURL(`${root}/`).href];
  const stub = pathToFileURL(join(import.meta.dirname, "mutate-tests.ts")).href;
  let turn = 0;
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "vitest") return { url: stub, shortCircuit: true };
      const { url, ...resolved } = next(specifier, context);
      if (url.startsWith(copy)) return { ...resolved, url: `${url}?${turn}` };
      return url.endsWith(".test.ts") ? { ...resolved, url: `${url.replace(here, copy)}?${turn}` } : { ...resolved, url };
    },
  });
  const { runTests } = await import("./mutate-tests.ts");
  process.on("message", async () => {
    turn += 1;
    const failure = await firstFailure(runTests);
    process.send?.(failure === undefined ? "passed" : `failed: ${failure}`);
  });
}

async function firstFailure(runTests: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    for (const load of TESTS) {
      await load();
      const failure = await runTests();
      if (failure !== undefined) return failure;
    }
    return undefined;
  } catch (error) {
    // The mutant breaks while it is loaded.
    return messageOf(error);
  }
}

if (import.meta.main) await main();
