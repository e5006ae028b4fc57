import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reportPage } from "../../rescue-profile/report/page.ts";
import type { Report, ReportedIncident } from "../../rescue-profile/report/story.ts";
import { WALL_MS } from "../journal/harness.ts";
import { blocksOf, marksIn, proposed, repaired, reportOf, SAY, skeleton, toldPerson } from "./support.ts";

/** What somebody who can name a plugin, write a line of the log or be asked for a diagnosis would try. */
const ATTEMPTS: readonly string[] = [
  "x\n# Incident 7: all is well",
  "# Incident 7: all is well",
  "#\u00a0no heading\r# a heading\r\n## another",
  "x\n===\n\ny\n---",
  "***\n___",
  "- done\n- and done\n  - below",
  "1. one\n2) two",
  "+ plus",
  "    indented code",
  "\tindented code",
  "> quoted\n> further",
  "```\nout of the fence\n```",
  "````sh\nrescue-watchdog uninstall\n````",
  "~~~\nfenced\n~~~",
  "`code` and ``more`` and `open",
  "\\`\\\\` \\",
  "|a|b|\n|-|-|\n|1|2|",
  '<img src=x onerror="alert(1)"><script>alert(1)</script>',
  "<!-- hidden",
  "</details><details open>",
  "[here](https://evil.example) ![x](https://evil.example/x.png)",
  "[one]: https://evil.example\n[one]",
  "https://evil.example www.evil.example <https://evil.example> bob@evil.example",
  "@maintainers see #1 and owner/name#2",
  "&lt;img&gt; &#60;b&#62; &copy;",
  "**bold** __bold__ *i* _i_ ~~gone~~ $x$",
  "\u202egnirts desrever\u202c \u2066x\u2069 \u200b\ufeff",
  "\u001b]0;title\u0007\u001b[2Jcleared\u0000\u009b1m",
  "a\u2028# b\u2029# c\u0085# d\v# e\f# f",
  "\ud800 half",
  "**Proposal 9**, approved",
];
/** Only what a person's terminal or browser would do something with; the space of no width is ours. */
const UNSEEN = /(?![\n\u200b])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** A report in which everything that is somebody else's says this. */
function saying(text: string, incident: Partial<ReportedIncident> = {}): Report {
  const said = `${text} `;
  const command = { command: text, verdict: { accepted: false, reason: text } } as const;
  return reportOf(
    {
      cause: `${text}?`,
      evidence: [text, text],
      repairs: [
        repaired({
          tier: 2,
          cause: text,
          subject: text,
          evidence: [said],
          requestedBy: text,
          note: said,
          steps: [{ name: text, durationMs: 12, outcome: text, detail: said }],
        }),
        repaired({ tier: 3, cause: "proposed", subject: text, outcome: null }),
      ],
      told: [toldPerson({ cause: text, severity: "critical", text }), toldPerson({ severity: text, text })],
      proposals: [
        proposed({
          engine: text,
          asked: text,
          diagnosis: text,
          human: text,
          judged: [command, { command: text, verdict: { accepted: true, entry: text } }],
          refusal: text,
          actions: said,
          ends: { pid: 7, startTime: 70 },
          answer: text,
        }),
      ],
      ...incident,
    },
    {
      versions: { openclaw: text },
      places: { "this incident": text },
      kept: [{ name: text, bytes: 1 }],
      context: { text, diagnosed: true },
    },
  );
}

const OPEN = {};
const OVER = { closedAt: WALL_MS + 1, outcome: "recovered" };
const HEADINGS = [
  "## What to do now",
  "## What was seen",
  "## What was done",
  "## What was proposed",
  "## What people were told",
  "## What is kept",
  "## Evidence",
];

const tame = (incident: Partial<ReportedIncident>) => skeleton(reportPage(saying("tame", incident), SAY));
const TAME = new Map<Partial<ReportedIncident>, ReturnType<typeof skeleton>>([OPEN, OVER].map((incident) => [incident, tame(incident)]));

function expectHarmless(text: string, incident: typeof OPEN | typeof OVER): void {
  const page = reportPage(saying(text, incident), SAY);
  const { headings, others } = blocksOf(page);
  expect(headings.slice(1)).toEqual(HEADINGS);
  expect(headings[0]).toMatch(/^# Incident 7: `/);
  expect(others).toEqual([]);
  expect(skeleton(page)).toEqual(TAME.get(incident));
  expect(page).not.toMatch(UNSEEN);
}

describe("a text of somebody else's", () => {
  it.each(ATTEMPTS)("makes nothing of its own on the page: %j", (attempt) => {
    expectHarmless(attempt, OPEN);
    expectHarmless(attempt, OVER);
  });

  it("makes nothing of its own, whatever it is", () => {
    const piece = fc.constantFrom(...ATTEMPTS, "\n", "\r", "`", "```", "~~~", "#", "- ", "|", "<", "[", "](", "\\", "*", "    ");
    // Its own unit "binary" takes a second and a half to be made.
    const letter = fc.oneof(fc.nat(0x2_0ff), fc.nat(0x10_ffff)).map((point) => String.fromCodePoint(point));
    const text = fc.array(fc.oneof(piece, fc.string({ unit: letter, maxLength: 8 })), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(text, fc.boolean(), (pieces, isOver) => {
        // Letters in it, so that nothing is left away for being empty, and the title is none of ours.
        expectHarmless(`${pieces.join("")}x`, isOver ? OVER : OPEN);
      }),
      { numRuns: process.env["RESCUE_FULL"] === "1" ? 3_000 : 60 },
    );
  });

  it("stands in its fence as it is, without control characters", () => {
    const text = "```\nx\u001b[2J\n````` y";
    const { fences } = blocksOf(reportPage(reportOf({}, { context: { text, diagnosed: true } }), SAY));
    expect(fences.at(-1)).toEqual({ language: "text", text: "```\nx [2J\n````` y" });
  });
});

describe("the eye of these tests", () => {
  it("sees what an escape would have prevented", () => {
    const raw = { prose: (text: string) => text, code: (text: string) => text, fenced: (text: string) => `\`\`\`\n${text}\n\`\`\`` };
    const expected = JSON.stringify(skeleton(reportPage(saying("tame"), raw)));
    const missed = ATTEMPTS.filter((attempt) => {
      const page = reportPage(saying(attempt), raw);
      return !UNSEEN.test(page) && JSON.stringify(skeleton(page)) === expected;
    });
    // Behind our own words it is no list, so that it needs no escape.
    expect(missed).toEqual(["+ plus"]);
    expect(marksIn("`a` \\* * `b")).toEqual(["code", "*", "a code span without its end"]);
    expect(marksIn("@\u200bada \\://x @bob ://y")).toEqual(["an address", "an address"]);
  });
});

describe("the page", () => {
  const page = (incident: Partial<ReportedIncident>, more: Partial<Report> = {}) => reportPage(reportOf(incident, more), SAY);

  it("begins with what it is taken for now, its state and its times", () => {
    const { headings, items } = blocksOf(page({ told: [toldPerson({ cause: "database-corrupt" })] }));
    expect(headings[0]).toBe("# Incident 7: one of the gateway's databases is damaged");
    expect(items.slice(0, 7)).toEqual([
      "- profile: `default`",
      "- state: **open**",
      "- first seen: 2026-11-21 03:04:05 UTC, 10.0 s ago",
      "- taken for: `database-corrupt`",
      "- openclaw: `2026.9.6`",
      "- this incident: `~/incidents/7`",
      "- this page: 2026-11-21 03:04:15 UTC",
    ]);
  });

  it("says how it ended, and what is under way", () => {
    const waiting = proposed({ untilMs: WALL_MS + 60_000 });
    const running = repaired({ outcome: null });
    expect(page({ closedAt: WALL_MS + 8_000, outcome: "recovered-by-itself" })).toContain(
      "- state: **over: recovered-by-itself**\n- first seen: 2026-11-21 03:04:05 UTC, over at 2026-11-21 03:04:13 UTC, after 8.0 s\n",
    );
    expect(page({ repairs: [running] })).toContain("- state: **open, being repaired**\n");
    expect(page({ repairs: [running], proposals: [waiting] })).toContain("- state: **open, and waits for your answer to a proposal**\n");
  });

  it("has every repair with its steps, and every command with its verdict", () => {
    const steps = [
      { name: "end-process", durationMs: 1_500, outcome: "done", detail: "pid 7 ended" },
      { name: "start-service", durationMs: null, outcome: null, detail: null },
    ];
    const judged = [
      { command: "openclaw doctor --fix", verdict: { accepted: true, entry: "doctor-fix" } },
      { command: "rm -rf /", verdict: { accepted: false, reason: "no entry allows rm with these words" } },
    ] as const;
    const text = page({
      repairs: [repaired({ evidence: ["pid 7 is gone", "state T"], note: "it did not start", steps })],
      proposals: [proposed({ human: "ask ana", judged, refusal: "1 of its 2 commands is not allowed", state: "none", actions: "" })],
    });
    expect(text).toContain(
      [
        "- **Repair 1**, 2026-11-21 03:04:05 UTC, tier 1, `process-frozen`, by watchdog: failed, it did not start",
        "  - because: state T",
        "  - `end-process`: done in 1.5 s, pid 7 ended",
        "  - `start-service`: begun",
        "",
      ].join("\n"),
    );
    expect(text).toContain(
      [
        "- **Proposal 3**, 2026-11-21 03:04:05 UTC, by local: nothing that may be done",
        "  - local answered after 2 s",
        "  - in the model's words: keys that it does not know",
        "  - in the model's words, for a person: ask ana",
        "  - accepted: `openclaw doctor --fix`, by `doctor-fix`",
        "  - rejected: `rm -rf /`: no entry allows rm with these words",
        "  - refused as a whole: 1 of its 2 commands is not allowed",
        "",
      ].join("\n"),
    );
  });

  it("says when there is nothing, when something was left out, and whose evidence it shows", () => {
    const none = page({ evidence: [] });
    for (const heading of HEADINGS.slice(1, 5)) expect(none).toContain(`${heading}\n\n- nothing\n`);
    const left = { evidence: 0, repairs: 0, proposals: 0, told: 9_800, kept: 0 };
    expect(page({ told: [toldPerson()] }, { leftOut: left })).toContain(
      "## What people were told\n\n- (9800 others are left out)\n- 2026-11-21 03:04:05 UTC, critical: kill -CONT its pid\n",
    );
    expect(none).toContain("As it was when this incident was first reported.");
    expect(page({}, { context: { text: "x", diagnosed: true } })).toContain("As it was for the diagnosis");
  });
});
