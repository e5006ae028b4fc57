import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pluginsAllowlist } from "../../../rescue-profile/audit/checks/plugins-allowlist.ts";
import { pluginsUnknown } from "../../../rescue-profile/audit/checks/plugins-unknown.ts";
import { pluginsWritable } from "../../../rescue-profile/audit/checks/plugins-writable.ts";
import type { PluginFacts } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import { factsOf, problemsOf } from "../facts.ts";

type Known = PluginFacts["known"][number];
type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

const host = (id: string, values: Partial<Known> = {}): Known => ({
  id,
  bundled: true,
  enabled: true,
  configured: false,
  rootDir: `/opt/${id}`,
  ...values,
});
const outside = (id: string, values: Partial<Known> = {}): Known => host(id, { bundled: false, configured: true, ...values });

const NONE: PluginFacts = { known: [], allow: null, deny: [], entries: [], suspects: [], writable: [] };
const plugins = (values: Partial<PluginFacts>): Values => ({ plugins: { ...NONE, ...values } });

const allowlist: readonly Case[] = [
  ["one from outside", plugins({ known: [host("browser"), outside("weather")] }), [" warning allow-plugins"]],
  ["one that nobody configured", plugins({ known: [outside("weather", { configured: false })] }), [" warning -"]],
  ["both kinds", plugins({ known: [outside("a"), outside("b", { configured: false })] }), [" warning -"]],
  ["a name that a shell would read", plugins({ known: [outside("a'; id '")] }), [" warning -"]],
  ["a list", plugins({ known: [outside("weather")], allow: ["weather"] }), []],
  ["the host's own only", plugins({ known: [host("browser"), host("telegram", { configured: true })] }), []],
  ["one from outside that is switched off", plugins({ known: [host("browser"), outside("weather", { enabled: false })] }), []],
  ["none at all", plugins({}), []],
];

const KNOWN = [host("browser"), outside("weather")];
const suspect = (id: string, suspicion: PluginFacts["suspects"][number]["suspicion"]) => ({ id, suspicion, why: "the last words name it" });

const unknown: readonly Case[] = [
  ["an entry of one that is gone", plugins({ known: KNOWN, entries: ["weather", "gone"] }), ["gone warning -"]],
  ["a list with one that is gone", plugins({ known: KNOWN, allow: ["browser", "gone"] }), ["gone warning -"]],
  ["a ban of one that is gone", plugins({ known: KNOWN, deny: ["gone"] }), ["gone note -"]],
  [
    "one that is gone and named twice",
    plugins({ known: KNOWN, entries: ["gone"], allow: ["gone"], deny: ["other"] }),
    ["gone warning -", "other note -"],
  ],
  ["one that the stack names", plugins({ known: KNOWN, suspects: [suspect("weather", "named")] }), ["weather warning -"]],
  ["ours, when it is not there", plugins({ known: KNOWN, allow: ["rescue-watchdog"] }), ["rescue-watchdog warning -"]],
  ["only what is there", plugins({ known: KNOWN, entries: ["weather"], allow: ["browser", "Weather"], deny: ["browser"] }), []],
  ["ours, when it is there", plugins({ known: [outside("rescue-watchdog")], allow: ["rescue-watchdog"] }), []],
  ["one that is only new", plugins({ known: KNOWN, suspects: [suspect("weather", "changed")] }), []],
  ["the only one", plugins({ known: KNOWN, suspects: [suspect("weather", "only"), suspect("other", "none")] }), []],
];

const writable = (...modes: number[]): Values => plugins({ writable: modes.map((mode, index) => ({ path: `/srv/p${index}`, mode })) });

const modes: readonly Case[] = [
  ["a directory for everybody", writable(0o777), ["/srv/p0 warning narrow-mode 755"]],
  ["a file for everybody", writable(0o666), ["/srv/p0 warning narrow-mode 644"]],
  ["one that only others may write", writable(0o602), ["/srv/p0 warning narrow-mode 600"]],
  ["one with a sticky bit", writable(0o1777), ["/srv/p0 warning narrow-mode 1755"]],
  ["one of two", writable(0o775, 0o757), ["/srv/p1 warning narrow-mode 755"]],
  ["one that its group may write", writable(0o775), []],
  ["one that all may read", writable(0o755), []],
  ["one of the owner's", writable(0o700), []],
  ["nothing", writable(), []],
];

async function found(check: Check, values: Values): Promise<readonly string[]> {
  const problems = await problemsOf(check, values);
  return problems.map(
    ({ subject, severity, fix }) =>
      `${subject} ${severity} ${fix?.kind ?? "-"}${fix?.kind === "narrow-mode" ? ` ${fix.mode.toString(8)}` : ""}`,
  );
}

describe("plugins-allowlist", () => {
  it.each(allowlist)("judges %s", async (_, values, expected) => expect(await found(pluginsAllowlist, values)).toEqual(expected));

  it("proposes those from outside that are configured and those of the host that are enabled, and nothing else", async () => {
    const known = [
      outside("weather"),
      host("browser"),
      host("telegram", { configured: true }),
      host("matrix", { enabled: false }),
      outside("old", { enabled: false }),
    ];
    const [problem] = await problemsOf(pluginsAllowlist, plugins({ known }));
    expect(problem?.fix).toEqual({ kind: "allow-plugins", ids: ["browser", "telegram", "weather"] });
    expect(problem?.cure.commands).toEqual([`openclaw config set plugins.allow '["browser","telegram","weather"]' --strict-json`]);
  });

  it("leaves to a person what nobody configured, and names it", async () => {
    const [problem] = await problemsOf(pluginsAllowlist, plugins({ known: [outside("weather"), outside("stray", { configured: false })] }));
    expect(problem?.cure.commands).toEqual([`openclaw config set plugins.allow '["weather"]' --strict-json`]);
    expect(problem?.evidence.at(-1)?.fact).toBe("stray comes from outside the host and is enabled, though nothing configures it");
  });
});

describe("plugins-unknown", () => {
  it.each(unknown)("judges %s", async (_, values, expected) => expect(await found(pluginsUnknown, values)).toEqual(expected));

  it("unsets an entry only by a name that is one step of a path", async () => {
    const [plain, dotted] = await problemsOf(pluginsUnknown, plugins({ entries: ["gone", "a.b"] }));
    expect(plain?.cure.commands).toEqual(["openclaw plugins list", "openclaw config unset plugins.entries.gone"]);
    expect(dotted?.cure.commands).toEqual(["openclaw plugins list"]);
  });
});

describe("plugins-writable", () => {
  it.each(modes)("judges %s", async (_, values, expected) => expect(await found(pluginsWritable, values)).toEqual(expected));

  it.each([
    ["/srv/p", ["chmod go-w /srv/p"]],
    ["/srv/my plugins", ["chmod go-w '/srv/my plugins'"]],
    ["/srv/it's", []],
    ["/srv/a\nb", []],
  ])("prints a path as a shell takes it whole: %j", async (path, commands) => {
    const [problem] = await problemsOf(pluginsWritable, plugins({ writable: [{ path, mode: 0o777 }] }));
    expect(problem?.cure.commands).toEqual(commands);
  });
});

describe("the checks of plugins", () => {
  it.each([pluginsAllowlist, pluginsUnknown, pluginsWritable])("say that they could not look: $id", async (check) => {
    expect(await check.look(factsOf({}))).toEqual({ ok: false, why: "plugins was not given" });
  });

  it("put no name into a command that a shell would read", async () => {
    const text = fc.string({ unit: "binary" });
    await fc.assert(
      fc.asyncProperty(text, text, text, async (a, b, path) => {
        const values = plugins({
          known: [outside(a)],
          entries: [b],
          deny: [b],
          suspects: [suspect(a, "named")],
          writable: [{ path: `/${path}`, mode: 0o777 }],
        });
        for (const check of [pluginsAllowlist, pluginsUnknown, pluginsWritable]) {
          const commands = (await problemsOf(check, values)).flatMap(({ cure }) => cure.commands);
          for (const command of commands) expect(command).toMatch(/^[\w ./@-]+(?:'[^'\p{Cc}]+'[\w -]*)?$/u);
        }
      }),
    );
  });
});
