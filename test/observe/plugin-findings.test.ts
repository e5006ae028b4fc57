import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { suspectPlugins } from "../../rescue-profile/observe/plugin-findings.ts";
import { externalPlugins } from "../../rescue-profile/observe/plugins.ts";
import { runSql, said, servedHome } from "./findings-support.ts";
import { tempDir } from "./support.ts";

const WRITTEN_S = 1_795_000_000;

/** A plugin's directory; `name` is its npm name. */
function plugin(id: string, directory = path.join(tempDir(), id), name = id): string {
  mkdirSync(path.join(directory, "lib"), { recursive: true });
  const files = { "openclaw.plugin.json": JSON.stringify({ id }), "package.json": JSON.stringify({ name }), "lib/inner.js": "" };
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(path.join(directory, file), text);
    utimesSync(path.join(directory, file), WRITTEN_S, WRITTEN_S);
  }
  return directory;
}

const ids = (plugins: readonly { readonly id: string }[]) => plugins.map(({ id }) => id);

/** The host's list, as it keeps it in the state database. */
function index(file: string, plugins: readonly object[]): void {
  runSql(file, "CREATE TABLE config_machine_state (state_key TEXT PRIMARY KEY, value_json TEXT, updated_at_ms INTEGER)");
  const value = JSON.stringify({ revision: 1, index: { version: 1, plugins } }).replaceAll("'", "''");
  runSql(file, `INSERT INTO config_machine_state VALUES ('plugins.installedIndex', '${value}', 1)`);
}

describe("plugins from outside the host", () => {
  it("are those of plugins.load.paths and of the host's list, without bundled ones and without this one", async () => {
    const linked = plugin("linked");
    const { home, target } = await servedHome({ plugins: { load: { paths: [linked, "relative", "/nowhere"] } } });
    index(target.databasePath, [
      { pluginId: "a2a", origin: "bundled", rootDir: "/oc/a2a", enabled: true },
      { pluginId: "linked", origin: "config", rootDir: linked, enabled: true, packageName: "@scope/linked" },
      { pluginId: "installed", origin: "global", rootDir: "/x/installed", enabled: true },
      { pluginId: "off", origin: "workspace", rootDir: "/x/off", enabled: false },
      { pluginId: "gone-from-the-paths", origin: "config", rootDir: "/x/gone", enabled: true },
      { pluginId: "rescue-watchdog", origin: "config", rootDir: linked, enabled: true },
    ]);
    const config = { plugins: { load: { paths: [linked] } } };
    expect(externalPlugins(target, config, home)).toEqual([
      { id: "linked", rootDir: linked, packageName: "@scope/linked", newestMs: WRITTEN_S * 1000 },
      { id: "installed", rootDir: "/x/installed", newestMs: 0 },
    ]);
  });

  it("are found by the configuration alone when the state database is damaged, also below a directory of plugins and in extensions", async () => {
    const { home, target } = await servedHome();
    writeFileSync(target.databasePath, "damaged");
    const shelf = tempDir();
    plugin("one", path.join(shelf, "one"));
    plugin("two", path.join(home, "mine", "two"));
    plugin("three", path.join(target.stateDir, "extensions", "three"));
    const config = { plugins: { load: { paths: [shelf, "~/mine"] } } };
    expect(ids(externalPlugins(target, config, home))).toEqual(["one", "two", "three"]);
    expect(ids(externalPlugins(target, undefined, home))).toEqual(["three"]);
  });

  it("are left out when the configuration forbids them, by any of its ways", async () => {
    const { home, target } = await servedHome();
    const paths = [plugin("one"), plugin("two")];
    const with_ = (plugins: object) => ids(externalPlugins(target, { plugins: { load: { paths }, ...plugins } }, home));
    expect(with_({})).toEqual(["one", "two"]);
    expect(with_({ enabled: false })).toEqual([]);
    expect(with_({ deny: ["one"] })).toEqual(["two"]);
    expect(with_({ allow: ["one", "telegram"] })).toEqual(["one"]);
    expect(with_({ allow: [] })).toEqual(["one", "two"]);
    expect(with_({ entries: { two: { enabled: false } } })).toEqual(["one"]);
  });

  it("that the host listed as switched off run again when their entry says so", async () => {
    const { home, target } = await servedHome();
    index(target.databasePath, [{ pluginId: "w", origin: "workspace", rootDir: "/x/w", enabled: false }]);
    expect(externalPlugins(target, {}, home)).toEqual([]);
    expect(ids(externalPlugins(target, { plugins: { entries: { w: { enabled: true } } } }, home))).toEqual(["w"]);
  });
});

describe("suspicion", () => {
  const bad = { id: "the-plugin-id", rootDir: "/p/dir-name", packageName: "@scope/npm-name", newestMs: 5_000 };
  const good = { id: "good", rootDir: "/p/good", packageName: "good", newestMs: 5_000 };
  const remembered = (...plugins: { id: string; newestMs: number }[]) => ({ databases: [], plugins });
  const served = remembered({ id: "the-plugin-id", newestMs: 5_000 }, { id: "good", newestMs: 5_000 });
  const first = (lines: readonly string[], memory: typeof served | null = served) => suspectPlugins([good, bad], said(...lines), memory)[0];
  const captured =
    "file:///h/.openclaw/tmp/plugin-captures/f234aad6-9651-4f92-9548-f2dacdc927ff/captures/openclaw-plugin-build-gpONCf/package-0/node_modules";

  it.each([
    [
      "a stack in the host's copy, called after the directory",
      `    at Timeout.tick [as _onTimeout] (${captured}/dir-name/lib/inner.js:1:57)`,
    ],
    ["a stack in the host's copy, called after the package", `    at go (${captured}/@scope/npm-name/index.js:3:1)`],
    ["the place that Node prints first", `${captured}/dir-name/lib/inner.js:1`],
    ["a stack where it lies", "2026-11-21T15:35:19+0000 vm node[7]:     at async file:///p/dir-name/index.js:8:41"],
    [
      "an unhandled rejection in the log",
      `[openclaw] Unhandled promise rejection: TypeError: x\n    at Timeout.tick (${captured}/dir-name/index.js:8:59)`,
    ],
    [
      "the host, failing to register it",
      "[plugins] plugin failed during register: Error: boom (plugin=the-plugin-id, source=/p/dir-name/index.js)",
    ],
    [
      "the host, failing to load it",
      "[plugins] the-plugin-id failed during load from /p/dir-name/index.js: SyntaxError: Unexpected identifier 'is'",
    ],
    [
      "the host, failing to start its service",
      "plugin service failed (svc, plugin=the-plugin-id, root=/p/dir-name): boom in service start",
    ],
  ])("falls on the plugin that is named by %s", (_, line) => {
    expect(first([line])).toEqual({ id: "the-plugin-id", suspicion: "named", why: expect.stringContaining("name plugin the-plugin-id: ") });
  });

  it("does not fall on what every plugin from outside is told, nor on a mere mention", () => {
    const lines = [
      "[plugins] OpenClaw can't verify where this plugin came from. Review it with 'openclaw plugins inspect the-plugin-id'. (plugin=the-plugin-id, source=/p/dir-name/index.js)",
      "http server listening (16 plugins: anthropic, good, the-plugin-id; 3.7s)",
      `    at tick (${captured}/dir-name-2/index.js:1:1)`,
      "    at tick (file:///p/dir-name-2/index.js:1:1)",
      "[plugins] plugin failed during register: Error: boom (plugin=other, source=/p/other/index.js)",
    ];
    expect(suspectPlugins([good, bad], said(...lines), served).map(({ suspicion }) => suspicion)).toEqual(["none", "none"]);
  });

  it("falls on what is new or was changed since the gateway served, but not before anything was remembered", () => {
    expect(first([], remembered({ id: "good", newestMs: 5_000 }))).toMatchObject({
      id: "the-plugin-id",
      suspicion: "changed",
      why: expect.stringContaining("is new since"),
    });
    expect(first([], remembered({ id: "good", newestMs: 5_000 }, { id: "the-plugin-id", newestMs: 1_000 }))).toMatchObject({
      id: "the-plugin-id",
      suspicion: "changed",
    });
    expect(first([], null)).toMatchObject({ suspicion: "none" });
  });

  it("falls on the only one when nothing else is known, and what is named comes before what changed", () => {
    expect(suspectPlugins([bad], [], null)).toMatchObject([{ id: "the-plugin-id", suspicion: "only" }]);
    const line = "    at go (file:///p/good/index.js:3:1)";
    const both = suspectPlugins([bad, good], said(line), remembered({ id: "good", newestMs: 5_000 }));
    expect(both.map(({ id, suspicion }) => `${id} ${suspicion}`)).toEqual(["good named", "the-plugin-id changed"]);
    expect(suspectPlugins([], said(line), served)).toEqual([]);
  });
});
