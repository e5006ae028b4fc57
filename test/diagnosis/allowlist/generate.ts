// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the shell that would read them
/** A whole number from 0 to below `most`; 0 is the plainest. From a seed, or from fast-check. */
export type Choose = (most: number) => number;

/** A fast sequence of choices from a seed (mulberry32). */
export function choicesFrom(seed: number): Choose {
  let state = seed >>> 0;
  return (most) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * most);
  };
}

/** The choices as fast-check gives and shrinks them; then 0. */
export function choicesOf(numbers: readonly number[]): Choose {
  let at = 0;
  return (most) => (numbers[at++] ?? 0) % most;
}

const NASTY = [
  ..."\"'`$\\;&|<>(){}[]*?~!#^=%+-_./:,@ \t\n\r\0\v\f\u001b\u007f",
  ..."\u0085\u00a0\u00ad\u0301\u0430\u0435\u043e\u0440\u0441\u0456\u200b\u200d\u200f\u202e\u2028\u2029\u2010\u2013\u2212\u2066\u3000\ufe0f\ufeff\uff0d\uff1b\ufffd",
  "\ud800",
  ..."aAelrt0149",
];

const TOKENS = [
  " && ",
  " || ",
  "; ",
  " | ",
  " |& ",
  " & ",
  "\n",
  "\\\n",
  " > /tmp/x",
  " 2>&1",
  " < x",
  " <<E\nE",
  " <<< x",
  "$(x)",
  "`x`",
  "${x}",
  "$x",
  "$((1))",
  "<(x)",
  ">(x)",
  "$'x'",
  '$"x"',
  "''",
  '""',
  "{a,b}",
  "{1..3}",
  "?(x)",
  "[ab]",
  "~root",
  "~/",
  "../",
  "//",
  "/./",
  "-- ",
  "--",
  "-1",
  " 0",
  " 1",
  "0x",
  "+",
  "sudo ",
  "env ",
  "command ",
  "exec ",
  "eval ",
  "time ",
  "! ",
  "X=1 ",
  "if ",
  "then ",
  "fi",
  "do ",
  "done",
  "{ ",
  "; }",
  "( ",
  " )",
  "f() ",
  "set -e\n",
  "#!/bin/sh\n",
  "# ",
  " # ok",
  "openclaw ",
  "gateway ",
  "stop",
  "kill ",
  "4242",
  "-9 ",
  "rm ",
  "*",
  "--force",
  "--profile ",
  "other",
  "\u202e",
  "$IFS",
  "[[ ",
  " ]]",
  "(( ",
  "))",
  "coproc ",
  "alias x=y\n",
  "export ",
  "!!",
  "!$",
  "function ",
  "case x in ",
  "esac",
  "select ",
  "\\",
  "'",
  '"',
  "=",
  ";;",
  "while ",
  "until ",
];

const BLANKS = [" ", "  ", "\t", " \t ", "   "];
const COMMENTS = ["# restart it", "#", "# \u00e9t\u00e9 \u2014 ok", '# it\'s; "fine" $(x)', "#\ttab"];

/** A script: lines that are allowed, in their spellings, and then, more often than not, mutations and grammar that no line may have. */
export function generateScript(choose: Choose, lines: readonly string[]): string {
  const of = <T>(values: readonly T[]): T => values[choose(values.length)] ?? never();
  const count = 1 + choose(5);
  const made = Array.from({ length: count }, () => spellLine(choose, of(lines)));
  if (choose(6) === 5) made.splice(choose(made.length + 1), 0, of(["", "  ", ...COMMENTS]));
  const script = made.join(choose(12) === 11 ? of(TOKENS) : "\n") + of(["", "\n", "\n\n"]);
  const mutations = [0, 0, 1, 1, 2, 3][choose(6)] ?? 0;
  return Array.from({ length: mutations }).reduce((text: string) => mutate(choose, text), script);
}

/** A plan in JSON with the same lines as argv, mutated by word or as text. */
export function generateJson(choose: Choose, lines: readonly string[]): string {
  const of = <T>(values: readonly T[]): T => values[choose(values.length)] ?? never();
  const commands = Array.from({ length: 1 + choose(4) }, () => {
    const argv = of(lines).split(" ");
    if (choose(3) === 2) {
      const at = choose(argv.length);
      argv[at] = mutate(choose, argv[at] ?? "");
    }
    if (choose(12) === 11) argv.splice(choose(argv.length + 1), choose(2), of(TOKENS));
    return { argv, why: "w" };
  });
  const text = JSON.stringify({ diagnosis: "d", confidence: 0.5, commands, human: "h" });
  return choose(4) === 3 ? mutate(choose, text) : text;
}

function spellLine(choose: Choose, line: string): string {
  const blank = () => BLANKS[choose(8)] ?? " ";
  const words = line.split(" ").map((word) => {
    const way = choose(12);
    if (word.startsWith("~")) return way === 11 ? `'${word}'` : word;
    if (way === 7 || way === 8) return `'${word}'`;
    if (way === 9) return `"${word}"`;
    if (way === 10) return word.replace(/=(.*)$/, "='$1'");
    return way === 11 ? word.replace(/=(.*)$/, '="$1"') : word;
  });
  const before = choose(8) === 7 ? blank() : "";
  const after = choose(8) === 7 ? `${blank()}${COMMENTS[choose(COMMENTS.length)] ?? ""}` : choose(8) === 7 ? blank() : "";
  return `${before}${words.reduce((text, word) => `${text}${blank()}${word}`)}${after}`;
}

/** One change somewhere. */
function mutate(choose: Choose, text: string): string {
  const at = choose(text.length + 1);
  const to = Math.min(text.length, at + 1 + choose(6));
  const one = NASTY[choose(NASTY.length)] ?? never();
  switch (choose(9)) {
    case 0:
      return text.slice(0, at) + one + text.slice(at);
    case 1:
      return text.slice(0, at) + one + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(to);
    case 3:
      return text.slice(0, to) + text.slice(at, to) + text.slice(to);
    case 4:
      return text.slice(0, at) + (TOKENS[choose(TOKENS.length)] ?? never()) + text.slice(at);
    case 5:
      return text.slice(0, at) + text.slice(at, to).toUpperCase() + text.slice(to);
    case 6: {
      const words = text.split(" ");
      const from = choose(words.length);
      return words.toSpliced(choose(words.length), 0, words[from] ?? "").join(" ");
    }
    case 7: {
      const words = text.split(" ");
      return words.toSpliced(choose(words.length), 1).join(" ");
    }
    default:
      return text.slice(0, at) + (text.slice(at, to).normalize("NFKD") + one) + text.slice(to);
  }
}

function never(): never {
  throw new Error("a choice out of its range");
}
