import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { splitCommandLine } from "../../../src/service-installers/schtasks/argv.ts";
import { objectionsToTask } from "../../../src/service-installers/schtasks/task-schema.ts";
import {
  encodeTask,
  mayBeEndedByScheduler,
  parseTask,
  renderTask,
  type TaskSpec,
} from "../../../src/service-installers/schtasks/task-xml.ts";
import { hostCall } from "./host-module.ts";
import { hostTaskXml } from "./host-task.ts";

// Unproven here: that a real Task Scheduler takes this XML, and what it makes of it when it gives it back. `task-subset.xsd` is a subset of
// Microsoft's schema, written by hand from MS-TSCH.

const SPEC: TaskSpec = {
  description: "Watches the OpenClaw gateway of profile default",
  user: "WERKSTATT\\Jürgen",
  argv: ["C:\\Program Files\\nodejs\\node.exe", "C:\\Users\\Jürgen\\.openclaw-rescue\\watch.mjs", "watch", "--profile", "default"],
  workingDirectory: "C:\\Users\\Jürgen\\.openclaw-rescue",
};
const JAPANESE: TaskSpec = {
  description: "監視 <gateway> & \"rescue\" 'ß'",
  user: "太郎",
  argv: ["\\\\server\\share\\道具\\node.exe", "C:\\データ\\a b\\", 'say "hi"', "R&D", "100%", "^", "", "$(arg)"],
  workingDirectory: "D:\\作業 場所",
};

const directory = mkdtempSync(join(tmpdir(), "task-xml-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hasXmllint = spawnSync("xmllint", ["--version"]).error === undefined;
const validates = (xml: string) => {
  const file = join(directory, "task.xml");
  writeFileSync(file, encodeTask(xml));
  const result = spawnSync("xmllint", ["--noout", "--nonet", "--schema", join(import.meta.dirname, "task-subset.xsd"), file], {
    encoding: "utf8",
  });
  return { ok: result.status === 0, says: result.stderr };
};
const golden = (name: string) => readFileSync(join(import.meta.dirname, "golden", name), "utf8");

/** Changes that make a task wrong, each for one reason. */
const DAMAGE: readonly (readonly [string, string | RegExp, string])[] = [
  ["an unknown setting", "<Hidden>false</Hidden>", "<Hide>false</Hide>"],
  ["a policy that does not exist", "IgnoreNew", "IgnoreOld"],
  ["a flag that is no flag", "<Hidden>false</Hidden>", "<Hidden>no</Hidden>"],
  ["a limit that is no duration", "PT0S", "0s"],
  ["a pause shorter than a minute", "PT1M", "PT30S"],
  ["a pause longer than 31 days", "PT1M", "P32D"],
  ["no restarts at all", "<Count>3</Count>", "<Count>0</Count>"],
  ["more restarts than a byte holds", "<Count>3</Count>", "<Count>256</Count>"],
  ["a restart without a pause", "<Interval>PT1M</Interval>", ""],
  ["a priority out of range", "<Priority>5</Priority>", "<Priority>11</Priority>"],
  ["a setting twice", "<Hidden>false</Hidden>", "<Hidden>false</Hidden><Hidden>false</Hidden>"],
  ["another kind of logon", "InteractiveToken", "Interactive"],
  ["a trigger's elements in another order", /(<Enabled>true<\/Enabled>)\s*(<UserId>[^<]*<\/UserId>)\s*(?=<\/LogonTrigger>)/, "$2$1"],
  ["an empty user", /<UserId>[^<]*<\/UserId>/, "<UserId></UserId>"],
  ["no command", /<Command>[^<]*<\/Command>/, ""],
  ["no action", /<Exec>[\s\S]*<\/Exec>/, ""],
  ["text between elements", "<Settings>", "<Settings>x"],
  ["another namespace", "2004/02/mit/task", "2005/02/mit/task"],
  ["an unknown attribute", 'version="1.2"', 'version="1.2" lang="de"'],
  ["an element that is not closed", "</Settings>", ""],
];

/** xmllint does not follow IDREF. */
const DAMAGE_XMLLINT_MISSES = ["actions for a principal that is not there", 'Context="Author"', 'Context="Nobody"'] as const;

describe("the task's XML", () => {
  it.each([
    ["watchdog.xml", SPEC],
    ["japanese.xml", JAPANESE],
  ])("is that of golden/%s", (name, spec) => {
    expect(renderTask(spec)).toBe(golden(name));
  });

  it("is written in UTF-16LE with its mark, as schtasks /Create /XML wants what it declares", () => {
    const bytes = encodeTask(renderTask(JAPANESE));
    expect([...bytes.subarray(0, 4)]).toEqual([0xff, 0xfe, 0x3c, 0x00]);
    expect(new TextDecoder("utf-16le").decode(bytes)).toBe(golden("japanese.xml"));
  });

  it.skipIf(!hasXmllint)("is valid by the schema subset (SKIPPED when xmllint is not on PATH: apt install libxml2-utils)", () => {
    for (const xml of [renderTask(SPEC), renderTask(JAPANESE), hostTaskXml("C:\\x\\gateway.cmd")]) {
      expect(validates(xml)).toEqual({ ok: true, says: expect.stringContaining("validates") });
    }
  });

  it.skipIf(!hasXmllint)("is refused by the schema subset wherever our own validator refuses it (SKIPPED without xmllint)", () => {
    for (const [what, from, to] of DAMAGE) {
      expect(validates(renderTask(SPEC).replace(from, to)).ok, what).toBe(false);
    }
  });

  it("passes our own validator, and fails it with one change for the worse", () => {
    expect(objectionsToTask(renderTask(SPEC))).toEqual([]);
    expect(objectionsToTask(renderTask(JAPANESE))).toEqual([]);
    expect(objectionsToTask(hostTaskXml("C:\\x\\gateway.cmd"))).toEqual([]);
    for (const [what, from, to] of [...DAMAGE, DAMAGE_XMLLINT_MISSES]) {
      const damaged = renderTask(SPEC).replace(from, to);
      expect(damaged, what).not.toBe(renderTask(SPEC));
      expect(objectionsToTask(damaged), what).not.toEqual([]);
    }
  });

  it("names what is wrong in a sentence", () => {
    expect(objectionsToTask(renderTask(SPEC).replace("PT1M", "PT30S"))).toEqual(['<Interval> may not be "PT30S"']);
    expect(objectionsToTask("<html/>")).toEqual(["the root is <html>, not <Task>"]);
  });

  it("brings arguments of any kind back unchanged, or refuses them", () => {
    const word = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 8 }),
      fc.constantFrom("a b\\", '"', "&amp;", "]]>", "<x>", "\r\n", "%", "^"),
    );
    let carried = 0;
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), fc.string({ unit: "grapheme", maxLength: 20 }), (args, description) => {
        let xml: string;
        try {
          xml = renderTask({ ...SPEC, description, argv: ["C:\\node.exe", ...args] });
        } catch (error) {
          expect(error).toMatchObject({ code: "refused" });
          return;
        }
        carried += 1;
        const back = parseTask(xml);
        expect(splitCommandLine(back.arguments)).toEqual(args);
        expect(back).toMatchObject({ command: "C:\\node.exe", description, startsByItself: true });
      }),
      { numRuns: 1000 },
    );
    expect(carried).toBeGreaterThan(500);
  });
});

describe("what no task can carry", () => {
  it.each([
    ["a variable that the Task Scheduler would expand", { argv: ["C:\\node.exe", "%PATH%"] }, "%PATH%"],
    ["a variable that begins in one argument and ends in another", { argv: ["C:\\node.exe", "5%", "6%"] }, "% 6%"],
    ["a parameter of its own", { argv: ["C:\\node.exe", "$(Arg0)"] }, "$(Arg0)"],
    ["a variable in the directory", { workingDirectory: "C:\\%TEMP%\\x" }, "%TEMP%"],
    ["a batch file, which reads its arguments by other rules", { argv: ["C:\\x\\run.CMD", "a"] }, "batch file"],
    ["a program without its directory", { argv: ["node.exe"] }, "no absolute Windows path"],
    ["no program", { argv: [] }, "no absolute Windows path"],
    ["a quote in the program's name", { argv: ['C:\\a"b.exe'] }, "no absolute Windows path"],
    ["a NUL", { argv: ["C:\\node.exe", "a\0b"] }, "XML cannot carry"],
    ["half a character", { description: "\uD800" }, "XML cannot carry"],
    ["nobody", { user: "" }, "<UserId>"],
  ])("is refused: %s", (_, changed, why) => {
    expect(() => renderTask({ ...SPEC, ...changed })).toThrow(
      expect.objectContaining({ code: "refused", message: expect.stringContaining(why) }),
    );
  });
});

describe("reading a task", () => {
  it("takes the schema's defaults for what Windows leaves out", () => {
    const bare = parseTask(
      hostTaskXml("C:\\x\\gateway.cmd").replace(/<(ExecutionTimeLimit|StopIfGoingOnBatteries|DisallowStartIfOnBatteries)>[^<]*<\/\1>/g, ""),
    );
    expect(bare.settings).toEqual({
      MultipleInstancesPolicy: "IgnoreNew",
      DisallowStartIfOnBatteries: "true",
      StopIfGoingOnBatteries: "true",
      AllowStartOnDemand: "true",
      Enabled: "true",
      ExecutionTimeLimit: "PT72H",
    });
    expect(mayBeEndedByScheduler(bare)).toBe(true);
    expect(mayBeEndedByScheduler(parseTask(hostTaskXml("C:\\x\\gateway.cmd")))).toBe(false);
  });

  it("sees that a trigger is switched off", () => {
    const xml = renderTask(SPEC);
    expect(parseTask(xml).startsByItself).toBe(true);
    expect(
      parseTask(xml.replace("<Enabled>true</Enabled>\n      <UserId>", "<Enabled>false</Enabled>\n      <UserId>")).startsByItself,
    ).toBe(false);
  });

  it("takes a program in quotes as Windows does", () => {
    expect(parseTask(renderTask(SPEC).replace(/<Command>([^<]*)</, '<Command>"$1"<')).command).toBe(SPEC.argv[0]);
  });

  it.each([
    ["two programs", (xml: string) => xml.replace(/(<Exec>[\s\S]*<\/Exec>)/, "$1$1"), "exactly one program"],
    ["a message instead of a program", (xml: string) => xml.replaceAll("Exec>", "ShowMessage>"), "exactly one program"],
    ["an entity of its own", (xml: string) => xml.replace("<Task ", '<!DOCTYPE Task [<!ENTITY x "y">]><Task '), "no element"],
    ["an unknown entity", (xml: string) => xml.replace("<Description>", "<Description>&nbsp;"), "the entity"],
    ["a section of raw text", (xml: string) => xml.replace("<Description>", "<Description><![CDATA[x]]>"), "not understood in line"],
    ["an error page", () => "<html><body>no</body></html>", "it is no task"],
    ["a description twice", (xml: string) => xml.replace(/(<Description>.*<\/Description>)/, "$1$1"), "stands there twice"],
    ["half a file", (xml: string) => xml.slice(0, 700), "not understood in line"],
  ])("refuses %s instead of guessing", (_, damage, why) => {
    expect(() => parseTask(damage(renderTask(SPEC)))).toThrow(
      expect.objectContaining({ code: "service-control", message: expect.stringContaining(why) }),
    );
  });

  it("understands the XML that this host's own installer makes", () => {
    const launchPath = "C:\\Users\\Jürgen & Söhne\\.openclaw\\gateway.cmd";
    const xml = hostCall("schtasks-layout", "buildScheduledTaskXml", {
      taskDescription: 'OpenClaw "Gateway"',
      taskUser: "WERKSTATT\\Jürgen",
      launchPath,
    }).toString();
    expect(objectionsToTask(xml)).toEqual([]);
    expect(parseTask(xml)).toMatchObject({ command: launchPath, description: 'OpenClaw "Gateway"', arguments: "", startsByItself: true });
    expect(mayBeEndedByScheduler(parseTask(xml))).toBe(false);
  });
});
