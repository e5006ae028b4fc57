import type { DefinitionReading } from "../installer.ts";

/**
 * `systemctl show UNIT -p FragmentPath,UnitFileState,ExecStart,Environment` → the definition as the manager would run it, drop-ins included. Pure.
 * `ExecStart={ path=/usr/bin/node ; argv[]=/usr/bin/node x.js gateway ; ignore_errors=no ; … }`: argv comes without quotes, so a word with a blank cannot be told from
 * two; the host writes none. `Environment` is quoted like a shell's words.
 */
export function parseDefinition(text: string): DefinitionReading {
  const properties = new Map(
    text.split("\n").map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const fragment = properties.get("FragmentPath") ?? "";
  const state = properties.get("UnitFileState") ?? "";
  const argv = /argv\[\]=(.*?) ; /.exec(properties.get("ExecStart") ?? "")?.[1];
  return {
    path: fragment === "" ? null : fragment,
    argv: argv === undefined ? [] : argv.split(" "),
    environment: parseEnvironment(properties.get("Environment") ?? ""),
    enabled: state === "" ? null : state.startsWith("enabled"),
  };
}

function parseEnvironment(text: string): Record<string, string> {
  const words = text.match(/(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'])+/g) ?? [];
  return Object.fromEntries(
    words.map((word) => {
      const plain = word.replaceAll(
        /"((?:[^"\\]|\\.)*)"|'([^']*)'/g,
        (_, double, single) => single ?? String(double).replaceAll(/\\(.)/g, "$1"),
      );
      return [plain.slice(0, plain.indexOf("=")), plain.slice(plain.indexOf("=") + 1)];
    }),
  );
}
