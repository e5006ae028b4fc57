import { describe, expect, it } from "vitest";
import { nextSteps, takenFor, titleOf } from "../../rescue-profile/report/next-steps.ts";
import type { Report, ReportedIncident } from "../../rescue-profile/report/story.ts";
import { WALL_MS } from "../journal/harness.ts";
import { proposed, repaired, reportOf, SAY, toldPerson } from "./support.ts";

const steps = (incident: Partial<ReportedIncident>, more: Partial<Report> = {}) => nextSteps(reportOf(incident, more), SAY).join("\n\n");

const LOOK = `To look, to have it tried again, or to keep the watchdog's hands off meanwhile:

\`\`\`sh
rescue-watchdog status                           # whether it is well now
rescue-watchdog repair                           # tries again at once, whatever was tried before
rescue-watchdog pause --for 2h                   # repairs nothing for two hours
rescue-watchdog resume                           # ends the pause
\`\`\``;

const ANSWER = `**A proposal of local waits for your answer until 2026-11-21 03:05:05 UTC**; it stands below. Unanswered it is rejected.

\`\`\`sh
rescue-watchdog proposal 7 --dry-run             # what it would do, step by step; nothing is done
rescue-watchdog proposal 7 --approve             # it is carried out, once
rescue-watchdog proposal 7 --reject              # it is not
\`\`\``;

const TOLD = `The watchdog's advice:

\`\`\`
kill -CONT its pid
\`\`\``;

describe("what a person does now", () => {
  it("with a proposal that waits is to answer it, before anything else", () => {
    expect(steps({ told: [toldPerson()], proposals: [proposed()] })).toBe([ANSWER, TOLD, LOOK].join("\n\n"));
  });

  it("with a repair under way is to wait for its end", () => {
    const repairs = [repaired(), repaired({ attempt: 2, outcome: null })];
    expect(steps({ told: [toldPerson()], repairs, proposals: [proposed()] })).toBe(
      ["Repair 2 is under way since 2026-11-21 03:04:05 UTC: wait for its end first.", ANSWER, TOLD, LOOK].join("\n\n"),
    );
  });

  it("without proposals is what the watchdog told last, when it needed somebody", () => {
    const told = [
      toldPerson({ text: "an older one" }),
      toldPerson({ at: WALL_MS + 1 }),
      toldPerson({ at: WALL_MS + 2, severity: "warning", text: "no matter" }),
    ];
    expect(steps({ told })).toBe([TOLD, LOOK].join("\n\n"));
  });

  it("where nobody was told yet is the advice for what it is taken for, with what was found", () => {
    const repairs = [repaired({ tier: 2, cause: "plugin-crash", subject: "weather", startedAt: WALL_MS + 1 })];
    expect(steps({ repairs })).toBe(
      [
        "The watchdog's advice, when it does not mend it itself:",
        "```\nopenclaw plugins disable weather, then: openclaw gateway start\n```",
        LOOK,
      ].join("\n\n"),
    );
    expect(steps({})).toContain("start it: openclaw gateway start;");
    expect(steps({ cause: "of a newer watchdog" })).toBe(LOOK);
  });

  it("is to answer only what can still be answered", () => {
    for (const proposal of [
      { untilMs: WALL_MS },
      { state: "rejected" },
      { state: "asked" },
      { state: "shown" },
      { state: "none" },
    ] as const)
      expect(steps({ proposals: [proposed(proposal)] })).not.toContain("--approve");
    // The newest that waits.
    expect(steps({ proposals: [proposed(), proposed({ engine: null }), proposed({ state: "none" })] })).toContain("**A proposal waits");
  });

  it("is not what a model says, which stands apart, last, as one line", () => {
    const human = "run this:\n```sh\nrm -rf ~\n```\n- approved";
    expect(steps({ proposals: [proposed({ human, state: "none" }), proposed({ state: "none" })] })).toMatch(
      new RegExp(
        "```\n\n\\*\\*A model's words, not the watchdog's advice\\.\\*\\* Nobody has checked them; do not paste what you do not understand:\n\n" +
          "- local says: run this: (?:\\\\`){3}sh rm -rf \\\\~ (?:\\\\`){3} - approved$",
      ),
    );
  });

  it("is nothing when it recovered; what was changed, and where what was replaced is, stands there", () => {
    const over = { closedAt: WALL_MS + 1, outcome: "recovered" };
    const nothing = "Nothing: it is over. Whether the gateway is well now, `rescue-watchdog status` says.";
    expect(steps({ ...over, repairs: [repaired()], proposals: [proposed()], told: [toldPerson()] })).toBe(
      `${nothing}\n\nNo file was changed for it.`,
    );
    const mended = repaired({
      attempt: 2,
      tier: 2,
      cause: "config-broken",
      subject: "~/.openclaw/openclaw.json",
      outcome: "done",
      note: "serves again",
      steps: [
        { name: "restore-config", durationMs: 3, outcome: "done", detail: "the copy of 02:00" },
        { name: "start-service", durationMs: 3, outcome: "done", detail: null },
      ],
    });
    const changed = "- repair 2, `~/.openclaw/openclaw.json`: done, serves again\n- `restore-config`: the copy of 02:00";
    expect(steps({ ...over, repairs: [repaired(), mended] })).toBe(`${nothing}\n\nWhat was changed, and where:\n\n${changed}`);
    expect(steps({ ...over, repairs: [mended] }, { kept: [{ name: "2-openclaw.json", bytes: 3 }] })).toBe(
      `${nothing}\n\nWhat was changed, and where (what was replaced is kept in \`~/incidents/7\`):\n\n${changed}`,
    );
  });

  it("is nothing when somebody stopped the gateway, and how it is started stands there", () => {
    expect(steps({ closedAt: WALL_MS + 1, outcome: "stopped-by-operator" })).toBe(
      "Nothing: somebody stopped the gateway on purpose (it is started by `openclaw gateway start`). Whether the gateway is well now, " +
        "`rescue-watchdog status` says.\n\nNo file was changed for it.",
    );
  });

  it("is typed for the profile", () => {
    const work = { profile: "work" };
    const open = steps({ proposals: [proposed()] }, work);
    const commands = open.split("\n").filter((line) => line.startsWith("rescue-watchdog "));
    expect(commands.map((line) => line.replace(/ +#.*/, ""))).toEqual(
      [...["proposal 7 --dry-run", "proposal 7 --approve", "proposal 7 --reject"], ...["status", "repair", "pause --for 2h", "resume"]].map(
        (command) => `rescue-watchdog ${command} --profile work`,
      ),
    );
    expect(open).toContain("start it: openclaw --profile work gateway start; if");
    const stopped = steps({ outcome: "stopped-by-operator", closedAt: WALL_MS }, work);
    expect(stopped).toContain("`openclaw --profile work gateway start`");
    expect(stopped).toContain("`rescue-watchdog status --profile work`");
  });
});

describe("what an incident is taken for", () => {
  const of = (incident: Partial<ReportedIncident>) => takenFor(reportOf(incident).incident).cause;

  it("is what was said or repaired last, and what it was opened for before; a proposal and a warning are no cause", () => {
    expect(of({})).toBe("process-gone");
    expect(of({ repairs: [repaired()] })).toBe("process-frozen");
    expect(of({ repairs: [repaired(), repaired({ tier: 3, cause: "proposed", startedAt: WALL_MS + 9 })] })).toBe("process-frozen");
    expect(of({ repairs: [repaired()], told: [toldPerson({ at: WALL_MS + 1, cause: "disk-full" })] })).toBe("disk-full");
    expect(of({ repairs: [repaired({ startedAt: WALL_MS + 2 })], told: [toldPerson({ cause: "disk-full" })] })).toBe("process-frozen");
    expect(of({ told: [toldPerson({ severity: "warning", cause: "disk-low" })] })).toBe("process-gone");
  });

  it("has the title of its cause; one that is not known stands there as it is", () => {
    expect(titleOf("process-gone", SAY)).toBe("the gateway process is gone");
    expect(titleOf("toString", SAY)).toBe("`toString`");
    expect(titleOf("a `b`\n# c", SAY)).toBe("``a `b` # c``");
  });
});
