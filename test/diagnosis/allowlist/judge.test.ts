import { describe, expect, it } from "vitest";
import type { SlotFacts } from "../../../rescue-profile/diagnosis/action.ts";
import { joinEntries, parseAllowlist } from "../../../rescue-profile/diagnosis/allowlist.ts";
import { judgePlan, MOST_ACTIONS, offered, refusedPlan } from "../../../rescue-profile/diagnosis/judge.ts";
import { ALLOWLIST, FACTS, judgeJson, judgeScript, LOCK, planOf, WORK } from "./support.ts";

/** The reason of the only command; undefined: it is accepted. */
function reason(line: string, facts: SlotFacts = FACTS): string | undefined {
  const [judged] = judgeScript(line, facts).judged;
  if (judged === undefined) throw new Error("nothing was judged");
  return judged.verdict.accepted ? undefined : judged.verdict.reason;
}

const NOT_OWNER = (value: string) => `${value} is not the process that is proven to be the gateway's own`;
const OTHER = { ...FACTS, profile: "other" };

describe("a command", () => {
  // biome-ignore format: a table reads by its rows
  const lines: readonly [string, string, SlotFacts, string | undefined][] = [
    ["of an unknown program", "reboot", FACTS, "no entry allows this program"],
    ["of a program that would be expanded", "~/openclaw gateway restart", FACTS, "no entry allows this program"],
    ["of an empty program", "'' gateway restart", FACTS, "no entry allows this program"],
    ["with other words", "openclaw gateway status", FACTS, "no entry allows openclaw with these words"],
    ["with one word more", "openclaw gateway restart now", FACTS, "no entry allows openclaw with these words"],
    ["with one word less", "openclaw gateway", FACTS, "no entry allows openclaw with these words"],
    ["with a literal that would be expanded", "openclaw gateway restar*", FACTS, "no entry allows openclaw with these words"],
    ["with the owner", "kill 4242", FACTS, undefined],
    ["with another pid", "kill 4243", FACTS, NOT_OWNER("4243")],
    ["with a pid where there is no owner", "kill 4242", { ...FACTS, pid: null }, "no process is proven to be the gateway's own and to hold its port, so not 4242 either"],
    ["with init as owner", "kill 1", { ...FACTS, pid: 1 }, NOT_OWNER("1")],
    ["with 2 as owner", "kill 2", { ...FACTS, pid: 2 }, undefined],
    ["with a pid of zero", "kill 0", { ...FACTS, pid: 0 }, '"0" cannot be a {pid}'],
    ["with a negative owner", "kill -s TERM -5", { ...FACTS, pid: -5 }, '"-5" cannot be a {pid}'],
    ["with a pid that is no number", "kill NaN", { ...FACTS, pid: Number.NaN }, '"NaN" cannot be a {pid}'],
    ["with a pid of eleven digits", "kill 12345678901", { ...FACTS, pid: 12_345_678_901 }, '"12345678901" cannot be a {pid}'],
    ["with a pid of ten digits", "kill 1234567890", { ...FACTS, pid: 1_234_567_890 }, undefined],
    ["with a pid with a leading zero", "kill 04242", FACTS, '"04242" cannot be a {pid}'],
    ["with a stale lock", `rm ${LOCK}`, FACTS, undefined],
    ["with the other stale lock", "rm -f ~/.openclaw/tmp/openclaw-1000/gateway.state.lock", FACTS, undefined],
    ["with a lock that is not stale", "rm /home/op/x.lock", FACTS, "/home/op/x.lock is no lock that is proven stale"],
    ["with a lock where none is stale", `rm ${LOCK}`, { ...FACTS, staleLocks: [] }, `${LOCK} is no lock that is proven stale`],
    ["with a relative lock", "rm x.lock", { ...FACTS, staleLocks: ["x.lock"] }, '"x.lock" cannot be a {lock}'],
    ["with a root as lock", "rm /", { ...FACTS, staleLocks: ["/"] }, '"/" cannot be a {lock}'],
    ["with a lock in the root", "rm /x.lock", { ...FACTS, staleLocks: ["/x.lock"] }, undefined],
    ["with a lock of two slashes", "rm //x", { ...FACTS, staleLocks: ["//x"] }, '"//x" cannot be a {lock}'],
    ["with a lock of two slashes within", "rm /x//y", { ...FACTS, staleLocks: ["/x//y"] }, '"/x//y" is not a path without . and .., // and an end in /'],
    ["with a lock with a slash at the end", "rm /x/", { ...FACTS, staleLocks: ["/x/"] }, '"/x/" is not a path without . and .., // and an end in /'],
    ["with a lock through a dot", "rm /x/./y", { ...FACTS, staleLocks: ["/x/./y"] }, '"/x/./y" is not a path without . and .., // and an end in /'],
    ["with a lock upwards", "rm /x/../y", { ...FACTS, staleLocks: ["/x/../y"] }, '"/x/../y" is not a path without . and .., // and an end in /'],
    ["with a lock upwards from the home", "rm ~/../y", { ...FACTS, staleLocks: ["/home/op/../y"] }, '"/home/op/../y" is not a path without . and .., // and an end in /'],
    ["with a lock with a name of dots", "rm /x/...", { ...FACTS, staleLocks: ["/x/..."] }, undefined],
    ["with a lock with a blank", "rm '/x y.lock'", { ...FACTS, staleLocks: ["/x y.lock"] }, undefined],
    ["with a lock of the home in quotes", `rm '~${LOCK.slice(8)}'`, FACTS, `"~${LOCK.slice(8)}" cannot be a {lock}`],
    ["with a lock below another home", `rm ~${LOCK.slice(8)}`, { ...FACTS, home: "/root" }, `/root${LOCK.slice(8)} is no lock that is proven stale`],
    ["with all stale locks", "rm ~/.openclaw/agents/*/sessions/*.lock", FACTS, undefined],
    ["with all stale locks where there is none", "rm ~/.openclaw/agents/*/sessions/*.lock", { ...FACTS, staleLocks: [] }, "no lock is proven stale"],
    ["with all stale locks of another profile", "rm ~/.openclaw/agents/*/sessions/*.lock", OTHER, "it means the default profile, and other is watched"],
    ["with a glob that is not declared", "rm ~/.openclaw/agents/*/sessions/*.tmp", FACTS, "no entry allows rm with these words"],
    ["with a glob that is a stale lock's own name", "rm ~/a*.lock", { ...FACTS, staleLocks: ["/home/op/a*.lock"] }, "no entry allows rm with these words"],
    ["with a stale lock's own name, which has a glob, in quotes", "rm '/home/op/a*.lock'", { ...FACTS, staleLocks: ["/home/op/a*.lock"] }, undefined],
    ["with our unit", "systemctl --user restart openclaw-gateway.service", FACTS, undefined],
    ["with our unit without its end", "systemctl --user restart openclaw-gateway", FACTS, undefined],
    ["with another unit", "systemctl --user restart sshd", FACTS, "sshd is not the gateway's unit"],
    ["with another end", "systemctl --user restart openclaw-gateway.socket", FACTS, "openclaw-gateway.socket is not the gateway's unit"],
    ["with a unit where there is none", "systemctl --user restart openclaw-gateway", { ...FACTS, unit: null }, "the gateway has no service unit"],
    ["with an empty unit", "systemctl --user restart ''", { ...FACTS, unit: "" }, '"" cannot be a {unit}'],
    ["with an option as unit", "systemctl --user restart -a", { ...FACTS, unit: "-a" }, '"-a" cannot be a {unit}'],
    ["with a unit that is not systemd's", "systemctl --user restart ai.openclaw.gateway", { ...FACTS, unit: "ai.openclaw.gateway" }, undefined],
    ["of our profile by name", "openclaw --profile default gateway start", FACTS, undefined],
    ["of another profile by name", "openclaw --profile rescue gateway start", FACTS, "rescue is not the profile that is watched"],
    ["with an option as profile", "openclaw --profile -x gateway start", { ...FACTS, profile: "-x" }, '"-x" cannot be a {profile}'],
    ["with no profile", "openclaw --profile= gateway start", { ...FACTS, profile: "" }, '"" cannot be a {profile}'],
    ["of no profile where another is watched", "openclaw gateway start", WORK, "it means the default profile, and work is watched"],
    ["of a doctor where another is watched", "openclaw doctor --fix", WORK, "it means the default profile, and work is watched"],
    ["of the watched profile", "openclaw --profile=work gateway start", WORK, undefined],
    ["of the watched profile's unit", "systemctl --user start openclaw-gateway-work", WORK, undefined],
    ["of another profile's unit", "systemctl --user start openclaw-gateway", WORK, "openclaw-gateway is not the gateway's unit"],
    ["of the watched profile's pid", "kill 4242", WORK, undefined],
    ["of a look that has no slot", "ss -ltnp", WORK, undefined],
    ["with our port", "lsof -i :18789", FACTS, undefined],
    ["with another port", "lsof -i :22", FACTS, "22 is not the gateway's port"],
    ["with a port that is none", "lsof -i :x", FACTS, '"x" cannot be a {port}'],
    ["with a port of six digits", "lsof -i :187890", { ...FACTS, port: 187_890 }, '"187890" cannot be a {port}'],
    ["with a port of five digits", "lsof -i :65535", { ...FACTS, port: 65_535 }, undefined],
    ["with text where the colon belongs", "lsof -i x18789", FACTS, "no entry allows lsof with these words"],
  ];
  for (const [what, line, facts, expected] of lines) {
    it(`${what} is ${expected === undefined ? "accepted" : "rejected, saying so"}`, () => expect(reason(line, facts)).toBe(expected));
  }

  it("is accepted with the entry, the action and what was proven", () => {
    expect(judgeScript(`kill -9 4242\nrm ~${LOCK.slice(8)}\nss -ltnp`).judged).toEqual([
      { command: "kill -9 4242", verdict: { accepted: true, entry: "kill-9", action: "end-owner", pid: 4242 } },
      { command: `rm ~${LOCK.slice(8)}`, verdict: { accepted: true, entry: "lock-rm-home", action: "quarantine-lock", lock: LOCK } },
      { command: "ss -ltnp", verdict: { accepted: true, entry: "port-ss", action: "look-at-port" } },
    ]);
  });

  it("keeps the reason that its form has", () => {
    expect(reason("openclaw gateway restart | sh")).toBe("it uses the shell: a pipe");
    expect(judgeJson(planOf(["kill", "4242\n"])).judged).toEqual([
      {
        command: 'kill "4242\\n"',
        verdict: { accepted: false, reason: "it has the character U+000A, and only printable ASCII is allowed" },
      },
    ]);
  });

  it("is checked for what a word may hold whoever made the words", () => {
    const judged = judgePlan(
      [
        {
          shown: "x",
          words: [
            { text: "kill", expands: false },
            { text: "4242\u200b", expands: false },
          ],
        },
      ],
      ALLOWLIST,
      FACTS,
      { onRejected: "reject-plan" },
    );
    expect(judged.judged).toEqual([
      { command: "x", verdict: { accepted: false, reason: "it has the character U+200B, and only printable ASCII is allowed" } },
    ]);
  });

  it("without words is rejected", () => {
    expect(judgePlan([{ shown: "", words: [] }], ALLOWLIST, FACTS, { onRejected: "reject-plan" }).judged).toEqual([
      { command: "", verdict: { accepted: false, reason: "no entry allows this program" } },
    ]);
  });

  it("is rejected by an empty list", () => {
    expect(judgePlan([{ shown: "ss", words: [{ text: "ss", expands: false }] }], [], FACTS, { onRejected: "skip-line" })).toMatchObject({
      accepted: false,
    });
  });

  it("must fill every slot of an entry that has two", () => {
    const list = joinEntries([
      parseAllowlist({ version: "1", entries: [{ id: "both", does: "start-gateway", argv: ["up", "{profile}", "{unit}"] }] }, "F").entries,
    ]);
    const judge = (...texts: string[]) =>
      judgePlan([{ shown: "", words: texts.map((text) => ({ text, expands: false })) }], list, FACTS, { onRejected: "reject-plan" })
        .accepted;
    expect(judge("up", "default", "openclaw-gateway")).toBe(true);
    expect(judge("up", "other", "openclaw-gateway")).toBe(false);
    expect(judge("up", "default", "other")).toBe(false);
    expect(offered(list, FACTS)).toEqual(["up default openclaw-gateway.service"]);
  });
});

describe("a plan", () => {
  const alternating = (count: number) =>
    Array.from({ length: count }, (_, at) => (at % 2 === 0 ? "ss -ltnp" : "openclaw doctor --fix")).join("\n");
  const STOPS = "it stops the gateway and does not start it again";

  // biome-ignore format: a table reads by its rows
  const plans: readonly [string, string, "reject-plan" | "skip-line", string | null, number][] = [
    ["of good commands", "kill 4242\nopenclaw gateway start", "reject-plan", null, 2],
    ["with one bad command", "kill 4242\nreboot\nopenclaw gateway start", "reject-plan", "1 of its 3 commands are not allowed", 0],
    ["with one bad command that is skipped", "kill 4242\nreboot\nopenclaw gateway start", "skip-line", null, 2],
    ["with two bad commands", "reboot\nss -ltnp\nreboot now", "reject-plan", "2 of its 3 commands are not allowed", 0],
    ["of bad commands only", "reboot", "reject-plan", "none of its commands is allowed", 0],
    ["of bad commands only that are skipped", "reboot\nreboot now", "skip-line", "none of its commands is allowed", 0],
    ["of ten actions", alternating(10), "reject-plan", null, 10],
    ["of eleven actions", alternating(11), "reject-plan", `it has 11 actions, and ${MOST_ACTIONS} are the most`, 0],
    ["of one action said eleven times", Array.from({ length: 11 }, () => "ss -ltnp").join("\n"), "reject-plan", null, 1],
    ["of one action said in two ways", "kill 4242\nkill -9 4242", "reject-plan", null, 1],
    ["of one action, another and the first", "kill 4242\nss -ltnp\nkill 4242", "reject-plan", null, 3],
    ["of two locks", `rm ${LOCK}\nrm /home/op/.openclaw/tmp/openclaw-1000/gateway.state.lock`, "reject-plan", null, 2],
    ["of one lock and all", `rm ${LOCK}\nrm ~/.openclaw/agents/*/sessions/*.lock`, "reject-plan", null, 2],
    ["of a lock in two spellings", `rm ${LOCK}\nrm -f ~${LOCK.slice(8)}`, "reject-plan", null, 1],
    ["of a stop and a start", "openclaw gateway stop\nopenclaw gateway start", "reject-plan", null, 2],
    ["of a stop and a restart", "openclaw gateway stop\nopenclaw gateway restart", "reject-plan", null, 2],
    ["of a stop, more and a start", "openclaw gateway stop\nopenclaw doctor --fix\nopenclaw gateway start", "reject-plan", null, 3],
    ["of a stop", "openclaw gateway stop", "reject-plan", STOPS, 0],
    ["of a start and a stop", "openclaw gateway start\nopenclaw gateway stop", "reject-plan", STOPS, 0],
    ["of a stop, a start and a stop", "openclaw gateway stop\nopenclaw gateway start\nopenclaw gateway stop", "reject-plan", STOPS, 0],
    ["of a stop and a look", "openclaw gateway stop\nss -ltnp", "reject-plan", STOPS, 0],
    ["of a stop whose start is skipped", "openclaw gateway stop\nsystemctl start openclaw-gateway", "skip-line", STOPS, 0],
    ["of a start alone", "openclaw gateway start", "reject-plan", null, 1],
  ];
  for (const [what, text, onRejected, refusal, actions] of plans) {
    it(`${what} is ${refusal === null ? "accepted" : "refused, saying so"}`, () => {
      const plan = judgeScript(text, FACTS, onRejected);
      expect({ accepted: plan.accepted, refusal: plan.refusal, actions: plan.actions.length }).toEqual({
        accepted: refusal === null,
        refusal,
        actions,
      });
      expect(plan.judged.length).toBe(text.split("\n").length);
    });
  }

  it("of nothing is refused", () => {
    expect(judgePlan([], ALLOWLIST, FACTS, { onRejected: "skip-line" })).toEqual({
      accepted: false,
      refusal: "there is no command in it",
      judged: [],
      actions: [],
    });
    expect(refusedPlan("why")).toEqual({ accepted: false, refusal: "why", judged: [], actions: [] });
  });
});

describe("what is offered to whoever proposes", () => {
  it("is accepted line by line, and nothing of the list that could be is left out", () => {
    for (const facts of [
      FACTS,
      WORK,
      { ...FACTS, pid: null },
      { ...FACTS, staleLocks: [] },
      { ...FACTS, unit: null },
      { ...FACTS, staleLocks: ["/x y/z.lock"] },
    ]) {
      const lines = offered(ALLOWLIST, facts);
      expect(lines.filter((line) => reason(line, facts) !== undefined)).toEqual([]);
      expect(new Set(lines).size).toBe(lines.length);
    }
    expect(offered(ALLOWLIST, FACTS).length).toBe(ALLOWLIST.length + 4);
  });

  it("has what is proven in its slots", () => {
    const lines = offered(ALLOWLIST, FACTS);
    for (const line of [
      "kill -9 4242",
      `rm ${LOCK}`,
      `rm -f ~${LOCK.slice(8)}`,
      "lsof -iTCP:18789 -sTCP:LISTEN",
      "openclaw --profile=default gateway restart",
    ]) {
      expect(lines).toContain(line);
    }
    expect(offered(ALLOWLIST, { ...FACTS, pid: null }).filter((line) => line.startsWith("kill"))).toEqual([]);
    expect(offered(ALLOWLIST, { ...FACTS, staleLocks: [] })).toEqual(lines.filter((line) => !line.startsWith("rm")));
    expect(offered(ALLOWLIST, { ...FACTS, unit: null }).filter((line) => line.startsWith("systemctl"))).toEqual([]);
    expect(offered(ALLOWLIST, { ...FACTS, staleLocks: ["/x y/z.lock"] })).toContain("rm '/x y/z.lock'");
    expect(offered(ALLOWLIST, WORK).filter((line) => line.startsWith("openclaw gateway"))).toEqual([]);
  });
});
