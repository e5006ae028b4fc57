/**
 * One Windows command line of many arguments, and back, by the rules of CommandLineToArgvW (shellapi.h), which the C runtime and so
 * node.exe share: 2n backslashes before a quote are n, one more makes the quote literal; anywhere else a backslash is itself. No shell
 * is meant: `&`, `^` and `%` are ordinary characters here. Pure.
 */
export function commandLine(args: readonly string[]): string {
  return args.map(quoted).join(" ");
}

function quoted(argument: string): string {
  // Only space and tab separate; the others are quoted because some runtimes also split there.
  if (argument !== "" && !/[\s"]/.test(argument)) return argument;
  const escaped = argument.replaceAll(/(\\*)"/g, String.raw`$1$1\"`).replace(/(\\+)$/, "$1$1");
  return `"${escaped}"`;
}

/** The arguments of a command line without its program. Two quotes within quotes are one, as since Visual C++ 2008. Pure. */
export function splitCommandLine(line: string): string[] {
  const args: string[] = [];
  let current: string | undefined;
  let inQuotes = false;
  for (const [piece, slashes = "", quote] of line.matchAll(/(\\*)(""|")|[\s\S]/g)) {
    if (quote === undefined) {
      if (!inQuotes && (piece === " " || piece === "\t")) {
        if (current !== undefined) args.push(current);
        current = undefined;
      } else {
        current = (current ?? "") + piece;
      }
      continue;
    }
    current = (current ?? "") + "\\".repeat(slashes.length >> 1);
    const literal = slashes.length % 2 === 1;
    if (literal) current += '"';
    if (quote === '""') {
      // The first was escaped: the second one opens or closes. Else, within quotes, the two are one and the quotes end or go on with them.
      if (literal) inQuotes = !inQuotes;
      else if (inQuotes) current += '"';
    } else if (!literal) {
      inQuotes = !inQuotes;
    }
  }
  if (current !== undefined) args.push(current);
  return args;
}
