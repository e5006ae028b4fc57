import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fakeClock, opened, processAt, proposalFor, TARGET, toldOf } from "../journal/harness.ts";
import { cliIn } from "./cli-harness.ts";

const FAR = 8.64e15;

/** An incident with a proposal that waits. */
function asked() {
  const cli = cliIn();
  mkdirSync(join(cli.home, ".openclaw"));
  writeFileSync(join(cli.home, ".openclaw", "openclaw.json"), JSON.stringify({ gateway: { mode: "local", port: 18_789 } }));
  cli.commit([opened(1), toldOf(1)]);
  using journal = processAt(cli.dir, fakeClock(), { pid: 11, startTime: 110 });
  journal.proposals.add({ ...proposalFor(1), untilMs: FAR });
  return cli;
}

describe("rescue-watchdog proposal", () => {
  it("shows what waits for an answer, as text and as one object", async () => {
    using cli = asked();
    const { code, out } = await cli.run("proposal", "1");
    expect(code).toBe(0);
    expect(out).toContain("incident 1: waiting\n");
    expect(out).toContain("  may be done: openclaw doctor --fix\n");
    const json = JSON.parse((await cli.run("proposal", "1", "--json")).out);
    expect(json).toEqual({ ok: true, proposal: { ...proposalFor(1), untilMs: FAR, id: 1, repair: null } });
    expect((await cli.run("incident", "1")).out).toContain("proposal 1 (by local): waiting; steps: doctor\n  local answered after 2 s\n");
  });

  it("rejects it once, and says why a second answer does not count", async () => {
    using cli = asked();
    expect(await cli.run("proposal", "1", "--reject")).toMatchObject({ code: 0, out: expect.stringContaining("rejected, rejected by ") });
    expect(await cli.run("proposal", "1", "--approve")).toMatchObject({
      code: 9,
      err: expect.stringMatching(/it does not wait for an answer: rejected, rejected by .*\n {2}→ have it looked at again/),
    });
    expect(readFileSync(join(cli.dir, "logs", "watchdog.jsonl"), "utf8")).toContain('"event":"proposal-answered"');
  });

  it.each([
    [["0x3"], "proposal wants a number"],
    [["1.0"], "proposal wants a number"],
    [["9"], "there is no incident 9"],
    [["9", "--ask"], "there is no incident 9"],
    [["1", "--ask", "--approve"], "not several"],
  ])("%j is a mistake, and nothing is changed by it", async (words, sentence) => {
    using cli = asked();
    expect(await cli.run("proposal", ...words)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(sentence) });
    const json = JSON.parse((await cli.run("proposal", ...words, "--json")).out);
    expect(json).toMatchObject({ ok: false, error: { code: "usage" } });
    expect((await cli.run("proposal", "1")).out).toContain("incident 1: waiting\n");
  });

  it("that is late, or of an incident that nobody was asked about, says so", async () => {
    using cli = asked();
    cli.commit([opened(2)]);
    expect(await cli.run("proposal", "2")).toMatchObject({ code: 2, err: expect.stringContaining("nobody was asked about incident 2") });
    using journal = processAt(cli.dir, fakeClock(), { pid: 11, startTime: 110 });
    journal.proposals.add({ ...proposalFor(2), atMs: 1, untilMs: 2 });
    expect(await cli.run("proposal", "2", "--profile", TARGET)).toMatchObject({
      out: expect.stringContaining("rejected, nobody answered in time"),
    });
  });
});
