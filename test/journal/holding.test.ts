import { describe, expect, it } from "vitest";
import { bareJournal } from "../repair/deaths.ts";

const begun = () => {
  const at = bareJournal("start-failed", null, null);
  at.journal.beginStep(at.id, 0, "hold-service");
  return at;
};

describe("a service that a repair has stopped", () => {
  it("is held from the intent on, so that a kill in between is never taken for a person's stop", () => {
    expect(begun().journal.isHolding()).toBe(true);
    expect(bareJournal("start-failed", null, null).journal.isHolding()).toBe(false);
  });

  it.each([
    ["done", true],
    ["failed", true],
    ["aborted", false],
  ] as const)("whose hold was %s counts as held: %s", (outcome, held) => {
    const { journal, id } = begun();
    journal.endStep(id, 0, outcome, 1, "");
    expect(journal.isHolding()).toBe(held);
  });

  it.each([
    ["done", false],
    ["failed", true],
    ["aborted", true],
  ] as const)("is held after a start that was %s: %s", (outcome, held) => {
    const { journal, id } = begun();
    journal.endStep(id, 0, "done", 1, "");
    journal.beginStep(id, 2, "start-service");
    expect(journal.isHolding(), "only begun").toBe(true);
    journal.endStep(id, 2, outcome, 1, "");
    journal.endRepair(id, outcome === "done" ? "done" : "failed", "");
    expect(journal.isHolding()).toBe(held);
  });

  it("is a person's business once the incident is closed", () => {
    const { journal, db } = begun();
    db.exec("UPDATE incidents SET outcome = 'recovered'");
    expect(journal.isHolding()).toBe(false);
  });
});
