import type { Facts } from "./facts.ts";
import type { Check, Finding } from "./finding.ts";
import { type AuditReport, inOrder } from "./report.ts";

export interface Outcome extends Pick<AuditReport, "couldNotLook" | "checked"> {
  readonly findings: readonly Finding[];
  /** The ids of the checks that have answered. */
  readonly looked: ReadonlySet<string>;
}

/** Asks these checks, all at once: each fact is looked up once, whoever asks first. */
export async function runChecks(checks: readonly Check[], facts: Facts): Promise<Outcome> {
  const answers = await Promise.all(checks.map(async (check) => ({ id: check.id, answer: await check.look(facts) })));
  const groupOf = (id: string) => checks.find((check) => check.id === id)?.group;
  const findings = answers.flatMap(({ id, answer }) => (answer.ok ? answer.value.map((problem): Finding => ({ id, ...problem })) : []));
  return {
    findings: inOrder(findings, groupOf),
    couldNotLook: answers.flatMap(({ id, answer }) => (answer.ok ? [] : [{ id, why: answer.why }])),
    looked: new Set(answers.flatMap(({ id, answer }) => (answer.ok ? [id] : []))),
    checked: checks.length,
  };
}
