import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asMarkdown, code, fenced, prose } from "../../rescue-profile/audit/as-markdown.ts";
import { asSarif } from "../../rescue-profile/audit/as-sarif.ts";
import { asText } from "../../rescue-profile/audit/as-text.ts";
import type { Finding, Group } from "../../rescue-profile/audit/finding.ts";
import { type AuditReport, asJson, exitCodeOf, inOrder, reported } from "../../rescue-profile/audit/report.ts";

const STATE_DIR = "/home/ada/.openclaw";
const CHECKS = [
  { id: "gateway-token", question: "Is the token strong?", group: "gateway" },
  { id: "cron-failing", question: "Do the jobs succeed?", group: "cron" },
] as const;

function finding(values: Partial<Finding> = {}): Finding {
  return {
    id: "cron-failing",
    subject: "job-1",
    severity: "critical",
    title: "Eight jobs fail for one reason",
    evidence: [{ fact: "the model is not known", from: "state/openclaw.sqlite cron_jobs" }],
    cure: { text: "Name a model that exists.", commands: ["openclaw cron edit job-1 --model x"] },
    ...values,
  };
}

function report(values: Partial<AuditReport> = {}): AuditReport {
  return { profile: "default", at: "2026-11-27T12:00:00.000Z", findings: [], accepted: [], couldNotLook: [], checked: 2, ...values };
}

const plain = (_: string, text: string) => text;
const fixable = finding({ id: "gateway-token", subject: "", severity: "note", fix: { kind: "keep-config" } });
const FULL = report({
  findings: [finding(), fixable].map(reported),
  accepted: [{ id: "cron-failing", subject: "job-2", reason: "known", expires: "2026-12-31" }],
  couldNotLook: [{ id: "gateway-token", why: "EACCES" }],
});

describe("a report", () => {
  it("has the most serious first, then the groups in their order, then ids and subjects", () => {
    const groups: Readonly<Record<string, Group>> = { a: "cron", b: "gateway" };
    const found = [
      finding({ id: "z" }),
      finding({ id: "a", subject: "2" }),
      finding({ id: "a", subject: "1" }),
      finding({ id: "b", severity: "note" }),
      finding({ id: "b" }),
    ];
    expect(inOrder(found, (id) => groups[id]).map(({ id, subject, severity }) => `${severity} ${id} ${subject}`)).toEqual([
      "critical b job-1",
      "critical a 1",
      "critical a 2",
      "critical z job-1",
      "note b job-1",
    ]);
  });

  it("ends with 0, 1 for findings, and 2 when a check could not look", () => {
    expect(exitCodeOf(report())).toBe(0);
    expect(exitCodeOf(report({ findings: FULL.findings }))).toBe(1);
    expect(exitCodeOf(report({ couldNotLook: FULL.couldNotLook }))).toBe(2);
    expect(exitCodeOf(FULL)).toBe(2);
  });

  it("says in JSON whether a cure is safe, not how it is done", () => {
    const json = asJson(FULL);
    expect(json.ok).toBe(false);
    expect(asJson(report()).ok).toBe(true);
    expect(json.findings.map(({ safe }) => safe)).toEqual([false, true]);
    expect(Object.keys(json.findings[1] ?? {})).toEqual(["id", "subject", "severity", "title", "evidence", "cure", "safe"]);
    expect(JSON.stringify(json)).not.toContain("keep-config");
  });
});

describe("a report as text", () => {
  it("has a block for each severity, and what could not be looked at", () => {
    expect(asText(FULL, plain)).toBe(
      [
        "audit of profile default: 1 critical, 1 note in 2 checks",
        "",
        "critical",
        "  Eight jobs fail for one reason  cron-failing job-1",
        "    the model is not known  state/openclaw.sqlite cron_jobs",
        "    → Name a model that exists.",
        "      openclaw cron edit job-1 --model x",
        "",
        "note",
        "  Eight jobs fail for one reason  gateway-token",
        "    the model is not known  state/openclaw.sqlite cron_jobs",
        "    → Name a model that exists. (--fix)",
        "      openclaw cron edit job-1 --model x",
        "",
        "could not look",
        "  gateway-token: EACCES",
        "",
        "accepted",
        "  cron-failing job-2 until 2026-12-31: known",
        "",
        "--fix can do 1 of 2; --fix --dry-run shows what it would do",
        "",
      ].join("\n"),
    );
    expect(asText(report(), plain)).toBe("audit of profile default: nothing found in 2 checks\n");
  });

  it("lets no control character of others through", () => {
    const text = asText(report({ findings: [reported(finding({ title: "a\x1b[2Jb\r\nc\u202ed\u009b1m" }))] }), plain);
    expect(text).toContain("  a [2Jb c d 1m  ");
  });
});

describe("a report as Markdown", () => {
  it("is a page with the commands in fences", () => {
    const page = asMarkdown(FULL);
    expect(page).toContain(
      "## critical\n\n### Eight jobs fail for one reason\n\n`cron-failing` `job-1`\n\n- the model is not known (`state/openclaw.sqlite cron_jobs`)\n",
    );
    expect(page).toContain("```sh\nopenclaw cron edit job-1 --model x\n```");
    expect(page).toContain("## could not look\n\n- `gateway-token`: EACCES\n");
  });

  it("shows what others wrote as it stands there", () => {
    expect(prose("www.evil.example ada/engine#3")).toBe("www\u200b.evil.example ada/engine\\#\u200b3");
    expect(prose("[x](http://evil) <b>*a*</b> `c` @ada #1\n# h")).toBe(
      "\\[x\\](http\\://evil) \\<b\\>\\*a\\*\\</b\\> \\`c\\` @\u200bada \\#\u200b1 \\# h",
    );
    expect(prose("1. one")).toBe("1\\. one");
    expect(prose("- one")).toBe("\\- one");
    expect(code("a `b`` c\nd")).toBe("```a `b`` c d```");
    expect(code("`")).toBe("`` ` ``");
    expect(fenced("```\nx")).toBe("````\n```\nx\n````");
  });

  it("keeps every code span and fence closed, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("`", "a", "\n", "\x1b", " ", "~") }), (text) => {
        const span = code(text);
        const ticks = /^`+/.exec(span)?.[0] ?? "";
        expect(span.includes("\n")).toBe(false);
        expect(span.slice(ticks.length, -ticks.length).match(/`+/g)?.includes(ticks) ?? false).toBe(false);
        const [first = "", ...lines] = fenced(text).split("\n");
        expect(lines.slice(0, -1).some((line) => line.startsWith(first))).toBe(false);
      }),
    );
  });
});

describe("a report as SARIF", () => {
  const run = (from: AuditReport) => {
    const log = asSarif(from, CHECKS, STATE_DIR);
    expect(Object.keys(log)).toEqual(["$schema", "version", "runs"]);
    expect([log.version, log.runs.length]).toEqual(["2.1.0", 1]);
    const [only] = log.runs;
    if (only === undefined) throw new Error("no run");
    return only;
  };
  const places = (from: string) =>
    run(report({ findings: [reported(finding({ evidence: [{ fact: "f", from }] }))] })).results[0]?.locations.map(
      ({ physicalLocation }) => physicalLocation.artifactLocation,
    );

  it("has a rule for every check, and results that name theirs", () => {
    const { tool, results, invocations } = run(FULL);
    expect(tool.driver.name).toBe("rescue-watchdog");
    expect(tool.driver.rules).toEqual(
      CHECKS.map(({ id, question, group }) => ({ id, shortDescription: { text: question }, properties: { group } })),
    );
    expect(results.map(({ ruleId, level }) => [ruleId, level])).toEqual([
      ["cron-failing", "error"],
      ["gateway-token", "note"],
    ]);
    expect(results.map((result) => Reflect.get(result, "ruleIndex"))).toEqual([1, 0]);
    expect(invocations[0]).toMatchObject({
      executionSuccessful: false,
      toolExecutionNotifications: [{ level: "error", associatedRule: { id: "gateway-token", index: 0 } }],
    });
    expect(run(report()).invocations[0]).toMatchObject({ executionSuccessful: true, toolExecutionNotifications: [] });
  });

  it("knows a finding again by its check and subject alone", () => {
    const print = (values: Partial<Finding>) =>
      run(report({ findings: [reported(finding(values))] })).results[0]?.partialFingerprints["findingIdentity/v1"];
    expect(print({})).toMatch(/^[0-9a-f]{64}$/);
    expect(print({ title: "Another", severity: "note" })).toBe(print({}));
    expect(print({ subject: "job-2" })).not.toBe(print({}));
  });

  it("names files by relative, encoded addresses, and nothing else as a file", () => {
    expect(places("state/openclaw.sqlite cron_jobs")).toEqual([{ uri: "state/openclaw.sqlite", uriBaseId: "STATEDIR" }]);
    expect(places("openclaw.json gateway.bind")).toEqual([{ uri: "openclaw.json", uriBaseId: "STATEDIR" }]);
    expect(places(`${STATE_DIR}/logs/a%b#é.log`)).toEqual([{ uri: "logs/a%25b%23%C3%A9.log", uriBaseId: "STATEDIR" }]);
    expect(places("/var/log/x.log")).toEqual([{ uri: "file:///var/log/x.log" }]);
    for (const from of ["systemctl show openclaw-gateway", "http://127.0.0.1:8000/v1", "the baseline", "gateway.bind", ""])
      expect(places(from)).toEqual([]);
  });

  it("makes no link and no placeholder of what others wrote, and never fails", () => {
    const title = "see [this](http://evil) and {0}\x1b[1m";
    expect(run(report({ findings: [reported(finding({ title }))] })).results[0]?.message.text).toContain(
      "see \\[this\\](http://evil) and {{0}} \\[1m",
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (text, from) => {
        const evidence = [{ fact: text, from: `${from}${text}` }] as const;
        const json = JSON.stringify(run(report({ findings: [reported(finding({ title: text, subject: text, evidence }))] })));
        expect(/\\u00[01]|[\u007f-\u009f]/.test(json)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});
