import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readSource, type SourceImport, sourceFiles } from "../scripts/source.ts";

/** What a room may load. An entry is a folder or a file; `~` before it allows only `import()`, `type ` only `import type`. */
interface Room {
  readonly may: readonly string[];
  readonly node: boolean;
}

/** Everyone may name the vocabulary's types. */
const VOCABULARY = "type rescue-profile/core/model.ts";
const CORE = "rescue-profile/core";

/** A room inside rescue-profile/: observe, repair, journal, notify and those to come. They know the core and not each other. */
const inner = (room: string): Room => ({ may: [room, CORE, "src/shared", "type src/service-installers"], node: true });

/** The longest name that fits a file decides. The composition roots are the only ones who know everybody (but not plugin/). */
const ROOMS: Readonly<Record<string, Room>> = {
  [CORE]: { may: [CORE], node: false },
  "rescue-profile": {
    may: [CORE, "rescue-profile/config.ts", "src/shared", "type rescue-profile", "type src/service-installers"],
    node: true,
  },
  "rescue-profile/loop.ts": { may: [CORE, "type rescue-profile", "type src/service-installers"], node: false },
  "rescue-profile/loop-ports.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/open-watchdog.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/runner-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/setup-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/service-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/selftest-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/diagnosing.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/diagnosis-context.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/human-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/proposing.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/reporting.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/patterns-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/own-process.ts": { may: ["src/shared", "type rescue-profile"], node: true },
  "rescue-profile/auditing.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/audit-run-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/audit-fixing.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/audit-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/audit-facts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/alerting.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/chatting.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/deep-look.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/gateway-host.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/allowlist-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/preflight-main.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/mend-ports.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/yielding.ts": { may: ["rescue-profile", "src"], node: true },
  "rescue-profile/wake.ts": { may: ["src/shared"], node: true },
  "rescue-profile/status.ts": { may: ["rescue-profile", "src"], node: true },
  ...Object.fromEntries(
    ["observe", "repair", "copies", "journal", "notify", "chat", "audit", "preflight", "diagnosis", "report"]
      .map((name) => `rescue-profile/${name}`)
      .map((room) => [room, inner(room)]),
  ),
  plugin: {
    may: [
      "plugin",
      CORE,
      "rescue-profile/config.ts",
      // The journal's reader. Writing is the composition root's.
      "rescue-profile/journal/open.ts",
      "rescue-profile/journal/read.ts",
      "~rescue-profile/journal/log.ts",
      "~rescue-profile/main.ts",
      "~rescue-profile/diagnosing.ts",
      "~rescue-profile/proposing.ts",
      "~rescue-profile/reporting.ts",
      "~rescue-profile/audit-fixing.ts",
      "~rescue-profile/audit-main.ts",
      "~rescue-profile/allowlist-main.ts",
      "~rescue-profile/patterns-main.ts",
      "~rescue-profile/preflight-main.ts",
      "~rescue-profile/service-main.ts",
      "~rescue-profile/selftest-main.ts",
      "~rescue-profile/setup-main.ts",
      "~rescue-profile/status.ts",
      "type rescue-profile",
      "src/onboard",
      "src/shared",
      "~src/service-installers/external/supervise.ts",
      "src/service-installers/systemd/notify.ts",
    ],
    node: true,
  },
  "src/onboard": { may: ["src/onboard", "src/service-installers", "src/shared", "rescue-profile/config.ts"], node: true },
  "src/service-installers": { may: ["src/service-installers", "src/shared"], node: true },
  "src/shared": { may: ["src/shared"], node: true },
};

/** Each package has one place that knows it, so that it can be replaced or guarded there. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@openclaw/fs-safe": ["src/shared/secure-file.ts"],
  "@sinclair/typebox": ["rescue-profile/config.ts"],
  execa: ["src/shared/run-command.ts"],
  json5: ["src/shared/gateway-config.ts", "rescue-profile/settings.ts"],
  openclaw: ["plugin", "type src/onboard"],
  grammy: ["rescue-profile/notify/telegram/telegram.ts", "rescue-profile/chat/telegram/door.ts", "rescue-profile/chat/telegram/writer.ts"],
  pngjs: ["rescue-profile/chat/picture.ts"],
  pino: ["rescue-profile/journal/log.ts"],
  "proper-lockfile": ["src/shared/secure-file.ts"],
  tar: ["rescue-profile/report/archive.ts"],
  unbash: ["rescue-profile/diagnosis/script.ts"],
  yaml: ["rescue-profile/diagnosis/allowlist-file.ts"],
  "write-file-atomic": ["src/shared/secure-file.ts"],
  ws: ["rescue-profile/observe/websocket.ts", "src/onboard/handover/gateway-call.ts"],
};

const covers = (entry: string, path: string) => path === entry || path.startsWith(`${entry}/`);

function allows(entries: readonly string[], kind: SourceImport["kind"], path: string): boolean {
  return entries.some((entry) => {
    if (entry.startsWith("type ")) return kind === "type" && covers(entry.slice(5), path);
    if (entry.startsWith("~")) return kind !== "value" && covers(entry.slice(1), path);
    return covers(entry, path);
  });
}

/** The first rule that the import breaks, as a sentence, or undefined. */
function objection(file: string, { kind, local, target }: SourceImport): string | undefined {
  const [name = "", room] =
    Object.entries(ROOMS)
      .filter(([name]) => covers(name, file))
      .sort(([a], [b]) => b.length - a.length)[0] ?? [];
  if (room === undefined) return "lies in no room of the table";
  if (target.startsWith("node:")) return room.node ? undefined : `${name} may not use ${target}`;
  if (local) {
    return allows([...room.may, VOCABULARY], kind, target)
      ? undefined
      : `${name} may not ${kind === "type" ? "name types of" : "load"} ${target}`;
  }
  const pack = target.split("/", target.startsWith("@") ? 2 : 1).join("/");
  const importers = PACKAGES[pack];
  if (importers === undefined) return `the package ${pack} is not in the table of packages`;
  return allows(importers, kind, file) ? undefined : `only ${importers.join(", ")} may import ${pack}`;
}

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (file: string) => readSource(file, readFileSync(join(root, file), "utf8"));
const objections = (file: string, text: string) => readSource(file, text).imports.map((each) => objection(file, each));

describe("the architecture", () => {
  it("lets every room import only what the table allows", () => {
    const broken = sourceFiles(root, ["plugin", "rescue-profile", "src"]).flatMap((file) =>
      read(file).imports.flatMap((each) => {
        const why = objection(file, each);
        return why === undefined ? [] : [`${file}:${each.line}: ${why}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  it("has no cast to any, no cast of a cast and no catch that does nothing", () => {
    const found = sourceFiles(root, ["plugin", "rescue-profile", "src", "bench", "test", "scripts"]).flatMap((file) =>
      read(file).blemishes.map(({ what, line }) => `${file}:${line}: ${what}`),
    );
    expect(found).toEqual([]);
  });
});

describe("the rules themselves", () => {
  it("notice every way to load a module", () => {
    const file = "rescue-profile/core/x.ts";
    for (const text of [
      'import { a } from "node:fs";',
      'import "../loop.ts";',
      'export * from "../loop.ts";',
      'export { a } from "../loop.ts";',
      'export const a = () => import("../loop.ts");',
      'import { type A, b } from "../loop.ts";',
      'import type { A } from "../loop.ts";',
      'export type { A } from "../loop.ts";',
      'export type A = import("../loop.ts").A;',
      'import ws from "ws";',
      'import unheardOf from "left-pad";',
    ]) {
      expect(objections(file, text), text).toEqual([expect.any(String)]);
    }
  });

  it("let every room name the types of the vocabulary, and only them", () => {
    const file = "src/shared/x.ts";
    expect(objections(file, 'import type { Verdict } from "../../rescue-profile/core/model.ts";')).toEqual([undefined]);
    expect(objections(file, 'import { model } from "../../rescue-profile/core/model.ts";')).not.toEqual([undefined]);
    expect(objections(file, 'import type { Policy } from "../../rescue-profile/core/policy.ts";')).not.toEqual([undefined]);
  });

  it("let the plugin load the composition root lazily and never with itself", () => {
    const file = "plugin/service/x.ts";
    expect(objections(file, 'const main = await import("../../rescue-profile/main.ts");')).toEqual([undefined]);
    expect(objections(file, 'import { openWatchdog } from "../../rescue-profile/main.ts";')).not.toEqual([undefined]);
    expect(objections(file, 'await import("../../rescue-profile/repair/fence.ts");')).not.toEqual([undefined]);
  });

  it("refuse an import that no rule could judge", () => {
    expect(() => readSource("plugin/x.ts", "await import(name);")).toThrow("plugin/x.ts:1: import() of something else than a literal");
  });

  it("are not fooled by comments and strings", () => {
    expect(objections("rescue-profile/core/x.ts", '// import "node:fs"\nexport const a = `import("node:fs")`;')).toEqual([]);
  });

  it("see a catch without a statement, also behind a comment, and casts that switch the checker off", () => {
    const text =
      "try { a(); } catch { /* later */ }\nb().catch(() => {});\nc = d as unknown as E;\nf = (g as unknown) as H;\ni = j as any;";
    expect(readSource("src/x.ts", text).blemishes).toEqual([
      { what: "empty catch", line: 1 },
      { what: "empty .catch()", line: 2 },
      { what: "double cast", line: 3 },
      { what: "double cast", line: 4 },
      { what: "as any", line: 5 },
    ]);
  });
});
