import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { agentLabel, objectionsToAgent, renderAgent } from "../../../src/service-installers/launchd/agent.ts";
import { type PlistDict, type PlistValue, parsePlist, renderPlist } from "../../../src/service-installers/launchd/plist.ts";
import { golden } from "./fake-launchctl.ts";

// Unproven without a Mac: that launchd itself takes these files (`plutil -lint`, then a bootstrap). Elsewhere the second opinions are
// Python's plistlib, which Apple's developers use to read such files, and xmllint, where they are installed.

const NASTY = {
  profile: "work",
  description: `Watches "work" & <others>, it's ]]> --> safe`,
  argv: [
    "/opt/R&D <x>/node",
    "--note",
    "a'b\"c&amp;d",
    "line\nbreak\ttab\rcr",
    "$(id) `id` %n ; rm -rf /",
    "",
    "\u{1F6DF}ünïcode",
    "  spaces  ",
  ],
  environment: { PATH: "/usr/bin:/bin", TOKEN: "</string><key>RunAtLoad</key><false/><string>" },
  workingDirectory: "/Users/mia/R&D <x>",
  logDirectory: "/Users/mia/Library/Logs/rescue 'n' watch",
};
const PLAIN = { ...NASTY, description: "Watches the gateway", argv: ["/opt/homebrew/bin/node", "/opt/w/cli.js", "watch"], environment: {} };
const has = (command: string) => spawnSync(command, ["--version"]).error === undefined;

const entriesOf = (text: string) => Object.fromEntries(parsePlist(text));
/** The dictionary inside of `<plist>`, as a whole document. */
const plist = (inner: string) => `<plist version="1.0"><dict>${inner}</dict></plist>`;

describe("our agent's plist", () => {
  it("is the golden one, byte for byte", async () => {
    await expect(renderAgent(NASTY)).toMatchFileSnapshot("golden/agent-nasty.plist");
    await expect(renderAgent(PLAIN)).toMatchFileSnapshot("golden/agent.plist");
  });

  it("gives back every value as it was, markup, quotes, line breaks and all", () => {
    const agent = entriesOf(renderAgent(NASTY));
    expect(agent).toMatchObject({
      Label: "ai.openclaw.rescue-watchdog.work",
      Comment: NASTY.description,
      ProgramArguments: NASTY.argv,
      EnvironmentVariables: new Map(Object.entries(NASTY.environment)),
      RunAtLoad: true,
      KeepAlive: true,
      Umask: 0o077,
      StandardErrorPath: `${NASTY.logDirectory}/ai.openclaw.rescue-watchdog.work.err.log`,
    });
  });

  it.skipIf(!has("python3"))("reads the same to Python's plistlib", () => {
    for (const spec of [NASTY, PLAIN]) {
      const script = "import json,plistlib,sys; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
      const { stdout, stderr } = spawnSync("python3", ["-c", script], { input: renderAgent(spec), encoding: "utf8" });
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({
        Comment: spec.description,
        ProgramArguments: spec.argv,
        EnvironmentVariables: spec.environment,
        WorkingDirectory: spec.workingDirectory,
        Umask: 63,
        KeepAlive: true,
      });
    }
  });

  it.skipIf(!has("xmllint"))("is valid by the DTD to xmllint, which notices a key without a value", () => {
    const lint = (input: string) => {
      const args = ["--nonet", "--noout", "--dtdvalid", join(import.meta.dirname, "golden", "plist.dtd"), "-"];
      return spawnSync("xmllint", args, { input, encoding: "utf8" });
    };
    // It always complains that it may not fetch Apple's own DTD.
    for (const text of [renderAgent(NASTY), renderAgent(PLAIN)]) expect(lint(text).status).toBe(0);
    expect(lint(renderAgent(PLAIN).replace("<true/>", "")).stderr).toContain("validity error");
  });

  it.skipIf(process.platform !== "darwin")("is valid to plutil", () => {
    expect(spawnSync("plutil", ["-lint", "-"], { input: renderAgent(NASTY) }).status).toBe(0);
  });

  it("takes a profile of 64 characters, and none that would leave the label", () => {
    const long = "a".repeat(64);
    expect(entriesOf(renderAgent({ ...PLAIN, profile: long }))["Label"]).toBe(`ai.openclaw.rescue-watchdog.${long}`);
    for (const profile of ["../x", "a/b", "a b", "ä", "a\n", 'x"', "a".repeat(300)]) {
      expect(() => agentLabel(profile), profile).toThrow(expect.objectContaining({ code: "refused" }));
    }
  });

  it.each([
    ["a NUL", { ...PLAIN, argv: ["/bin/x", "a\u0000b"] }],
    ["an escape", { ...PLAIN, description: "\u001b[31mred" }],
    ["half a character", { ...PLAIN, environment: { A: "\ud83d" } }],
    ["U+FFFF", { ...PLAIN, workingDirectory: "/a\uffff" }],
    ["a relative program", { ...PLAIN, argv: ["node", "x"] }],
    ["no program", { ...PLAIN, argv: [] }],
    ["a relative directory", { ...PLAIN, workingDirectory: "." }],
    ["a relative log directory", { ...PLAIN, logDirectory: "logs" }],
    ["a variable that no shell could have", { ...PLAIN, environment: { "A=B": "x" } }],
  ])("is refused for %s", (_, spec) => {
    expect(() => renderAgent(spec)).toThrow(expect.objectContaining({ code: "refused" }));
  });
});

describe("the validator of our agent", () => {
  const good = renderAgent(PLAIN);
  const label = agentLabel("work");

  it("has nothing against what we render", () => {
    expect(objectionsToAgent(good, label)).toEqual([]);
  });

  it.each([
    ["another program", good.replace("/opt/homebrew/bin/node", "node"), "ProgramArguments has a value"],
    [
      "a key of launchd's that we never write",
      good.replace("<key>Umask", "<key>UserName</key>\n    <string>root</string>\n<key>Umask"),
      "UserName",
    ],
    ["a word where a number belongs", good.replace("<integer>63</integer>", "<string>63</string>"), "Umask has a value"],
    ["KeepAlive as a word", good.replace(/(<key>KeepAlive<\/key>\s*)<true\/>/, "$1<string>true</string>"), "KeepAlive has a value"],
    ["a process type that there is not", good.replace("Interactive", "Important"), "ProcessType has a value"],
    ["another label", good.replace(label, `${label}2`), "its label is not"],
    ["a missing key", good.replace(/<key>RunAtLoad<\/key>\s*<true\/>/, ""), "RunAtLoad is missing"],
    ["a cut file", good.slice(0, -20), "not understood"],
  ])("objects to %s", (_, text, objection) => {
    expect(text).not.toBe(good);
    expect(objectionsToAgent(text, label).join("; ")).toContain(objection);
  });
});

describe("the reader of property lists", () => {
  it("reads what the host's installer writes", () => {
    expect(entriesOf(golden("host-inline.plist"))).toMatchObject({
      Label: "ai.openclaw.work",
      KeepAlive: true,
      ExitTimeOut: 20,
      ProgramArguments: ["/opt/homebrew/bin/node", "/Users/mia/R&D <x>/index.js", "gateway"],
      EnvironmentVariables: new Map([
        ["OPENCLAW_PROFILE", "work"],
        ["NOTE", `it's "quoted" & <ünïcode>`],
      ]),
    });
  });

  it("reads comments, empty elements, numeric entities and numbers that a person may have put there", () => {
    const text = `\uFEFF<?xml version='1.0'?>\r\n<!-- mine --><plist version="1.0"><dict><!-- & < -->
      <key>A</key><string/><key>B</key><array/><key>C</key><dict/><key>D</key><real>1.5e2</real>
      <key>E</key><integer>-7</integer><key>F</key><string>&#x41;&#66;&lt;&#13;</string><key>G</key><true></true></dict></plist>\n`;
    expect(entriesOf(text)).toEqual({ A: "", B: [], C: new Map(), D: 150, E: -7, F: "AB<\r", G: true });
  });

  it.each([
    ["an entity of its own", `<!DOCTYPE plist [<!ENTITY x SYSTEM "file:///etc/passwd">]>${plist("<key>A</key><string>&x;</string>")}`],
    ["an unknown entity", plist("<key>A</key><string>&x;</string>")],
    ["an entity by the name of a method", plist("<key>A</key><string>&constructor;</string>")],
    ["a bare ampersand", plist("<key>A</key><string>a & b</string>")],
    ["an entity beyond Unicode", plist("<key>A</key><string>&#x110000;</string>")],
    ["an entity for a control character", plist("<key>A</key><string>&#0;</string>")],
    ["a control character", plist("<key>A</key><string>\u0007</string>")],
    ["a key twice", plist("<key>A</key><true/><key>A</key><false/>")],
    ["a key without a value", plist("<key>A</key>")],
    ["a value without a key", plist("<true/>")],
    ["an element in a string", plist("<key>A</key><string>a<true/></string>")],
    ["CDATA", plist("<key>A</key><string><![CDATA[x]]></string>")],
    ["a date", plist("<key>A</key><date>2026-01-01T00:00:00Z</date>")],
    ["a fraction as integer", plist("<key>A</key><integer>1.5</integer>")],
    ["an integer that is too large", plist("<key>A</key><integer>99999999999999999999</integer>")],
    ["something after it", `${plist("")}<x/>`],
    ["no dictionary", '<plist version="1.0"><string>x</string></plist>'],
    ["another version", '<plist version="2.0"><dict/></plist>'],
    ["an unclosed element", '<plist version="1.0"><dict>'],
    ["depth without end", plist(`<key>A</key>${"<array>".repeat(50)}`)],
    ["Apple's binary form", "bplist00\u0000"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(() => parsePlist(text)).toThrow(expect.objectContaining({ code: "not-readable" }));
  });

  it("says in which line it stopped", () => {
    expect(() => parsePlist(plist("\n<key>A</key>\n<date>x</date>"))).toThrow("line 3: no value that a job file holds");
  });

  it("gives back whatever was rendered", () => {
    const inner: PlistDict = new Map<string, PlistValue>([["<&>", ["", false, -1, new Map()]]]);
    const root: PlistDict = new Map<string, PlistValue>([
      ["a", inner],
      ["b", "\n x \r"],
    ]);
    expect(parsePlist(renderPlist(root))).toEqual(root);
    expect(() => renderPlist(new Map([["a", 1.5]]))).toThrow(expect.objectContaining({ code: "refused" }));
  });
});
