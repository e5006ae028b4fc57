import type { AnswerFormat } from "./engine.ts";

/** What a program's output says. `nothing`: it is not in the program's format, or has no answer in it. */
export type Answer =
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "trouble"; readonly said: string }
  | { readonly is: "refused"; readonly said: string }
  | { readonly is: "nothing" };

/** Pure, and never throws: a model, or what sits between, may say anything. */
export function readAnswer(format: AnswerFormat, stdout: string): Answer {
  if (format.format === "text") return stdout.trim() === "" ? { is: "nothing" } : { is: "text", text: stdout };
  const records = format.format === "json" ? wholeJson(stdout) : stdout.split("\n").flatMap(oneJson);
  const textOf = (record: unknown) => {
    const text = at(record, format.path);
    return typeof text === "string" && text.trim() !== "" ? [text] : [];
  };
  const refusal = format.refused === undefined ? undefined : records.find((record) => has(record, format.refused ?? {}));
  if (refusal !== undefined) return { is: "refused", said: textOf(refusal)[0] ?? "" };
  const failure = format.failed === undefined ? undefined : records.findLast((record) => has(record, format.failed ?? {}));
  if (failure !== undefined) return { is: "trouble", said: troubleOf([failure], format.trouble) ?? textOf(failure)[0] ?? "" };
  const texts = records.filter((record) => has(record, format.where)).flatMap(textOf);
  const text = format.take === "all" ? texts.join("") : texts.at(-1);
  if (text !== undefined && text !== "") return { is: "text", text };
  const said = troubleOf(records, format.trouble);
  return said === undefined ? { is: "nothing" } : { is: "trouble", said };
}

/** The last one: what came before it was tried again. */
function troubleOf(records: readonly unknown[], paths: readonly string[]): string | undefined {
  return records.flatMap((record) => paths.map((path) => at(record, path)).filter((said) => typeof said === "string")).at(-1);
}

function wholeJson(text: string): readonly unknown[] {
  // Warnings may stand in front of it.
  const start = text.search(/^[[{]/m);
  const [value] = start === -1 ? [] : oneJson(text.slice(start));
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

function oneJson(text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [];
  }
}

function has(record: unknown, values: Readonly<Record<string, string | boolean>>): boolean {
  return Object.entries(values).every(([path, value]) => at(record, path) === value);
}

/** `a.0.b`; own keys only. */
export function at(record: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (inner, key) => (typeof inner === "object" && inner !== null && Object.hasOwn(inner, key) ? Reflect.get(inner, key) : undefined),
      record,
    );
}

/** What models say instead of an answer, at its beginning. Only where there is neither JSON nor a fence, so that a plan that quotes such words is a plan. */
const REFUSES =
  /^\W*(?:(?:i['’]?m )?sorry\b|i (?:can(?:no|['’])t|am (?:unable|not able)|won['’]t|will not|must decline|decline)|i['’]m (?:unable|not able|afraid)|unfortunately,? i can|as an ai\b|(?:i )?apologi[sz]e)/i;

/** Is it an answer at all? Undefined: yes, as far as can be seen without reading it. */
export function objectionTo(text: string): "refused" | "nonsense" | undefined {
  if (!/[{`]/.test(text) && REFUSES.test(text)) return "refused";
  const odd = text.match(/\ufffd|(?![\n\r\t])\p{Cc}/gu)?.length ?? 0;
  return !/\p{L}{2}/u.test(text) || odd > text.length / 20 ? "nonsense" : undefined;
}
