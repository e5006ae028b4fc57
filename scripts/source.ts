import { readdirSync } from "node:fs";
import { posix } from "node:path";
import { type CatchClause, parseSync, Visitor } from "oxc-parser";

/** `value`: loaded with the file; `lazy`: by a literal `import()`; `type`: erased, so nothing is loaded. */
export type ImportKind = "value" | "lazy" | "type";

export interface SourceImport {
  readonly kind: ImportKind;
  /** A relative import, whose target is a file of the clone ("rescue-profile/core/model.ts"); others stand as written ("ws", "node:fs"). */
  readonly local: boolean;
  readonly target: string;
  readonly line: number;
}

export interface Blemish {
  readonly what: string;
  readonly line: number;
}

export interface Source {
  readonly imports: readonly SourceImport[];
  readonly blemishes: readonly Blemish[];
}

/**
 * Reads one TypeScript or JavaScript file with a real parser.
 *
 * @param file its path from the clone's root, with slashes; relative imports are resolved against it
 * @throws Error when the text does not parse, or imports by something else than a literal (which no rule could judge)
 */
export function readSource(file: string, text: string): Source {
  const { program, module, errors } = parseSync(file, text);
  const lineOf = (offset: number) => text.slice(0, offset).split("\n").length;
  const fail = (offset: number, why: string): never => {
    throw new Error(`${file}:${lineOf(offset)}: ${why}`);
  };
  const first = errors.find(({ severity }) => severity === "Error");
  if (first !== undefined) fail(first.labels[0]?.start ?? 0, first.message);

  const imports: SourceImport[] = [];
  const blemishes: Blemish[] = [];
  const note = (kind: ImportKind, specifier: string, offset: number) => {
    const local = specifier.startsWith(".");
    imports.push({ kind, local, target: local ? posix.join(posix.dirname(file), specifier) : specifier, line: lineOf(offset) });
  };
  for (const { moduleRequest, entries, start } of module.staticImports) {
    note(entries.length > 0 && entries.every((entry) => entry.isType) ? "type" : "value", moduleRequest.value, start);
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, isType, start } of entries) if (moduleRequest) note(isType ? "type" : "value", moduleRequest.value, start);
  }
  new Visitor({
    ImportExpression({ source, start }) {
      if (source.type !== "Literal" || typeof source.value !== "string") fail(start, "import() of something else than a literal");
      else note("lazy", source.value, start);
    },
    TSImportType({ source, start }) {
      note("type", source.value, start);
    },
    CatchClause({ body, start }) {
      if (isEmpty(body)) blemishes.push({ what: "empty catch", line: lineOf(start) });
    },
    CallExpression({ callee, arguments: [handler], start }) {
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier" || callee.property.name !== "catch") return;
      if (handler?.type === "ArrowFunctionExpression" && handler.body.type === "BlockStatement" && isEmpty(handler.body)) {
        blemishes.push({ what: "empty .catch()", line: lineOf(start) });
      }
    },
    TSAsExpression({ expression, typeAnnotation, start }) {
      const inner = expression.type === "ParenthesizedExpression" ? expression.expression : expression;
      if (typeAnnotation.type === "TSAnyKeyword") blemishes.push({ what: "as any", line: lineOf(start) });
      if (inner.type === "TSAsExpression") blemishes.push({ what: "double cast", line: lineOf(start) });
    },
  }).visit(program);
  return { imports, blemishes };
}

function isEmpty(block: CatchClause["body"]): boolean {
  return block.body.every((statement) => statement.type === "EmptyStatement");
}

/** Paths from `root`, with slashes, of the TypeScript and JavaScript files under the given folders. Missing folders have none. */
export function sourceFiles(root: string, folders: readonly string[]): readonly string[] {
  const present = readdirSync(root);
  return folders
    .filter((folder) => present.includes(folder))
    .flatMap((folder) =>
      readdirSync(posix.join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path.replaceAll("\\", "/")}`),
    )
    .filter((path) => /\.[cm]?[jt]s$/.test(path))
    .sort();
}
