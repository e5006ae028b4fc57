import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Finding, Fix } from "../../rescue-profile/audit/finding.ts";
import type { Change } from "../../rescue-profile/audit/fixes/forbidden.ts";
import { applyFixes, type FixingPorts, type FixOutcome, type Remedy } from "../../rescue-profile/audit/fixing.ts";
import { reported } from "../../rescue-profile/audit/report.ts";
import type { Reading } from "../../rescue-profile/core/model.ts";
import { seen, unseen } from "../../rescue-profile/observe/reading.ts";
import { NOW_MS } from "./facts.ts";

const fixOf = (path: string): Fix => ({ kind: "narrow-mode", path, mode: 0o600 });

function finding(subject: string, fix?: Fix, severity: Finding["severity"] = "warning"): Finding {
  return {
    id: "config-permissions",
    subject,
    severity,
    title: `${subject} can be read`,
    evidence: [{ fact: "0644", from: subject }],
    cure: { text: "Take it away.", commands: [] },
    ...(fix === undefined ? {} : { fix }),
  };
}

interface Way {
  /** What `apply` does: all of it, half of it and then throws, or nothing. */
  readonly apply: "whole" | "half" | "nothing";
  readonly save: "kept" | "throws";
  readonly undo: "works" | "throws";
  readonly seen: "gone" | "still-there" | "new-finding" | "more-serious" | "unseen" | "config-broken";
}

const GOOD: Way = { apply: "whole", save: "kept", undo: "works", seen: "gone" };
const BEFORE = "before";
const AFTER = "after!";

/** Real files, one for each finding, and a log of everything that is done. */
function world(ways: readonly Way[], options: { readonly change?: Change; readonly logFails?: (text: string) => boolean } = {}) {
  const home = mkdtempSync(join(tmpdir(), "fixing-test-"));
  const paths = ways.map((_, at) => join(home, `${at}.json`));
  for (const path of paths) writeFileSync(path, BEFORE);
  const done: string[] = [];
  let log = "";
  const name = (path: string) => path.slice(home.length + 1);
  const found = paths.map((path) => finding(path, fixOf(path)));

  const remedy = (fix: Fix): Remedy => {
    const path = fix.kind === "narrow-mode" ? fix.path : "";
    const way = ways[paths.indexOf(path)] ?? GOOD;
    let kept: string | undefined;
    return {
      changesConfig: way.seen === "config-broken",
      plan: async () => ({
        what: `change ${name(path)}`,
        files: [{ path, text: AFTER }],
        commands: [`chmod 0600 ${name(path)}`],
        changes: [options.change ?? { kind: "mode", path, from: 0o644, to: 0o600 }],
        undoByHand: `chmod 0644 ${name(path)}`,
      }),
      async save() {
        done.push(`save ${name(path)}`);
        if (way.save === "throws") throw new Error("ENOSPC");
        kept = readFileSync(path, "utf8");
        return `${name(path)}.kept`;
      },
      async apply() {
        done.push(`apply ${name(path)}`);
        if (way.apply !== "nothing") writeFileSync(path, way.apply === "half" ? AFTER.slice(0, 3) : AFTER);
        if (way.apply !== "whole") throw new Error("it broke");
        return "Done.";
      },
      async undo() {
        done.push(`undo ${name(path)}`);
        if (way.undo === "throws" || kept === undefined) throw new Error("read-only");
        writeFileSync(path, kept);
        return "it is what it was";
      },
    };
  };

  const recheck = async (): Promise<Reading<readonly Finding[]>> => {
    const last = done.findLast((what) => what.startsWith("apply"))?.split(" ")[1] ?? "";
    const at = paths.findIndex((path) => name(path) === last);
    const left = found.filter((_, index) => index > at || ways[index]?.seen === "still-there");
    switch (ways[at]?.seen) {
      case "new-finding":
        return seen([...left, finding("another")]);
      case "more-serious":
        return seen([...left, finding("/known", undefined, "critical")]);
      case "unseen":
        return unseen("EACCES");
      default:
        return seen(left);
    }
  };

  const ports: FixingPorts = {
    places: { write: [home], narrow: [home], rotate: [home] },
    remedy,
    recheck,
    configTrouble: async () => "gateway.port is no number",
    async note(text) {
      if (options.logFails?.(text) === true) throw new Error("EROFS");
      log += text;
      done.push(`note ${/\*\*(.+)\*\*/.exec(text)?.[1] ?? "finding"}`);
    },
    nowMs: () => NOW_MS,
  };
  return {
    paths,
    ports,
    done,
    found,
    log: () => log,
    read: () => paths.map((path) => readFileSync(path, "utf8")),
    run: (more: Partial<FixingPorts> & { readonly dryRun?: boolean } = {}): Promise<readonly FixOutcome[]> =>
      applyFixes(
        { findings: [...found, finding("/known")].map(reported), accepted: [] },
        { ...ports, ...more },
        { dryRun: more.dryRun === true },
      ),
    [Symbol.dispose]: () => rmSync(home, { recursive: true }),
  };
}

const states = (outcomes: readonly FixOutcome[]) => outcomes.map(({ state }) => state);

describe("fixing", () => {
  it("keeps a fix after which the finding is gone, and writes down each step before it takes the next", async () => {
    using at = world([GOOD]);
    const outcomes = await at.run();
    expect(states(outcomes)).toEqual(["fixed", "needs-person"]);
    expect(at.read()).toEqual([AFTER]);
    expect(at.done).toEqual([
      "note finding",
      "note decided",
      "save 0.json",
      "note saved",
      "apply 0.json",
      "note applied",
      "note fixed",
      "note finding",
      "note needs-person",
    ]);
    expect(at.log().replaceAll(at.paths[0] ?? "", "PATH")).toContain(
      [
        "## 12:00:00 warning: PATH can be read",
        "",
        "`config-permissions` `PATH`",
        "",
        "- 0644 (`PATH`)",
        "",
        "12:00:00 **decided** change 0.json",
        "",
        "```sh",
        "chmod 0600 0.json",
        "```",
        "",
        "`PATH`:",
        "",
        "```",
        "after!",
        "```",
        "",
        "To undo by hand: chmod 0644 0.json",
        "",
        "12:00:00 **saved** what was there is kept: 0.json.kept; applying now",
        "",
        "12:00:00 **applied** checking again now",
        "",
        "```",
        "Done.",
        "```",
        "",
        "12:00:00 **fixed** change 0.json; the finding is gone. To undo by hand: chmod 0644 0.json",
      ].join("\n"),
    );
  });

  it.each([
    [{ ...GOOD, seen: "still-there" }, "it did not help: PATH can be read; taken back: it is what it was"],
    [{ ...GOOD, seen: "new-finding" }, "it brought something new: another can be read; taken back: it is what it was"],
    [{ ...GOOD, seen: "more-serious" }, "it brought something new: /known can be read; taken back: it is what it was"],
    [{ ...GOOD, seen: "unseen" }, "it cannot be checked whether it helped: EACCES; taken back: it is what it was"],
    [{ ...GOOD, seen: "config-broken" }, "gateway.port is no number; taken back: it is what it was"],
    [{ ...GOOD, apply: "half" }, "it broke; taken back: it is what it was"],
  ] as const)("takes back %j", async (way, said) => {
    using at = world([way]);
    const [outcome] = await at.run();
    expect([outcome?.state, outcome?.said.replaceAll(at.paths[0] ?? "", "PATH")]).toEqual(["undone", said]);
    expect(at.read()).toEqual([BEFORE]);
    expect(at.done.slice(-5, -2)).toEqual(["note undoing", "undo 0.json", "note undone"]);
  });

  it("stops loudly when something could not be taken back, and says where it is kept", async () => {
    using at = world([{ ...GOOD, seen: "still-there", undo: "throws" }, GOOD]);
    const outcomes = await at.run();
    expect(states(outcomes)).toEqual(["undo-failed", "not-reached", "not-reached"]);
    expect(outcomes[0]?.said).toContain(
      "TAKING IT BACK FAILED: read-only. What was there is kept: 0.json.kept. To undo by hand: chmod 0644 0.json",
    );
    expect(at.log()).toContain("TAKING IT BACK FAILED");
  });

  it("changes nothing when what is there could not be kept", async () => {
    using at = world([{ ...GOOD, save: "throws" }, GOOD]);
    expect(states(await at.run())).toEqual(["refused", "fixed", "needs-person"]);
    expect(at.read()).toEqual([BEFORE, AFTER]);
  });

  it("does nothing that the guard forbids", async () => {
    using at = world([GOOD], { change: { kind: "mode", path: "/etc/passwd", from: 0o644, to: 0o600 } });
    const [outcome] = await at.run();
    expect(outcome).toMatchObject({ state: "refused", said: expect.stringContaining("/etc/passwd lies outside") });
    expect(at.done.filter((what) => !what.startsWith("note"))).toEqual([]);
  });

  it("shows in a dry run what it would do, with the text of the files, and touches and writes nothing", async () => {
    using at = world([GOOD]);
    const [outcome] = await at.run({ dryRun: true });
    expect(outcome).toMatchObject({
      state: "would",
      said: "change 0.json",
      plan: { files: [{ text: AFTER }], commands: ["chmod 0600 0.json"] },
    });
    expect([at.done, at.read()]).toEqual([[], [BEFORE]]);
  });

  it("begins nothing more when it was stopped", async () => {
    using at = world([GOOD, GOOD]);
    const stop = new AbortController();
    const remedy = (fix: Fix): Remedy => {
      stop.abort();
      return at.ports.remedy(fix);
    };
    expect(states(await at.run({ remedy, stop: stop.signal }))).toEqual(["fixed", "not-reached", "not-reached"]);
  });

  it("does a fix once that two findings ask for", async () => {
    using at = world([GOOD]);
    const [first] = at.found;
    if (first === undefined) throw new Error("no finding");
    const twice = [first, { ...first, subject: "the same" }].map(reported);
    const outcomes = await applyFixes({ findings: twice, accepted: [] }, at.ports, { dryRun: false });
    expect(outcomes.map(({ state, said }) => [state, said])).toEqual([
      ["fixed", "change 0.json"],
      ["fixed", "the fix of an earlier finding has cured this one too"],
    ]);
    expect(at.done.filter((what) => what.startsWith("apply"))).toHaveLength(1);
  });

  for (const [step, left, state] of [
    ["can be read", BEFORE, "refused"],
    ["decided", BEFORE, "refused"],
    ["saved", BEFORE, "refused"],
    ["applied", BEFORE, "undone"],
    ["**fixed", BEFORE, "undone"],
  ] as const) {
    it(`leaves nothing changed and stops when the log is lost at "${step}"`, async () => {
      let lost = false;
      using at = world([GOOD, GOOD], {
        logFails: (text) => {
          lost ||= text.includes(step);
          return lost;
        },
      });
      const outcomes = await at.run();
      expect(states(outcomes)).toEqual([state, "not-reached", "not-reached"]);
      expect(outcomes[0]?.said).toContain("the evidence log cannot be written: EROFS");
      expect(at.read()).toEqual([left, BEFORE]);
    });
  }

  it("leaves every file as it was, byte for byte, unless its fix was kept or could not be taken back", async () => {
    const way: fc.Arbitrary<Way> = fc.record({
      apply: fc.constantFrom("whole", "whole", "half", "nothing"),
      save: fc.constantFrom("kept", "kept", "throws"),
      undo: fc.constantFrom("works", "works", "works", "throws"),
      seen: fc.constantFrom("gone", "gone", "still-there", "new-finding", "more-serious", "unseen", "config-broken"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(way, { maxLength: 5 }), fc.option(fc.nat(40)), async (ways, lostAt) => {
        let notes = 0;
        using at = world(ways, { logFails: () => lostAt !== null && notes++ >= lostAt });
        const outcomes = await at.run();
        const texts = at.read();
        outcomes.slice(0, ways.length).forEach(({ state }, index) => {
          if (state === "fixed") expect(texts[index]).toBe(AFTER);
          else if (state !== "undo-failed") expect([state, texts[index]]).toEqual([state, BEFORE]);
        });
        const failed = outcomes.findIndex(({ state }) => state === "undo-failed");
        if (failed !== -1)
          expect(
            states(outcomes)
              .slice(failed + 1)
              .every((state) => state === "not-reached"),
          ).toBe(true);
        expect(outcomes).toHaveLength(ways.length + 1);
      }),
    );
  });
});
