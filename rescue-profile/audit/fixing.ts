import { isDeepStrictEqual } from "node:util";
import { messageOf } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { type Finding, type Fix, SEVERITIES, type Severity } from "./finding.ts";
import { applied, described, entry, heading } from "./fixes/evidence.ts";
import { type Change, forbidden, type Places } from "./fixes/forbidden.ts";
import { type AuditReport, keyOf } from "./report.ts";

/** What a fix would do. */
export interface Plan {
  /** One sentence, without a full stop. */
  readonly what: string;
  /** Files that it writes, with their full text. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** As a person would type them. */
  readonly commands: readonly string[];
  readonly changes: readonly Change[];
  readonly undoByHand: string;
}

/** One fix, for one finding. Each throws when it could not; what `apply` had done by then is taken back by `undo`. */
export interface Remedy {
  /** Looks, and changes nothing. Throws `refused` when it is not for a program to do. */
  plan(): Promise<Plan>;
  /** Keeps what is there now, durably; returns where. */
  save(): Promise<string>;
  /** Returns what the commands said, without secrets. */
  apply(): Promise<string>;
  /** Everything as it was saved, also after half an `apply`; returns what it did. */
  undo(): Promise<string>;
  /** The host has to find the configuration valid afterwards. */
  readonly changesConfig: boolean;
}

export interface FixingPorts {
  readonly places: Places;
  remedy(fix: Fix): Remedy;
  /** All that this check finds now. */
  recheck(id: string): Promise<Reading<readonly Finding[]>>;
  /** Why the host does not find the configuration valid, or could not be asked; undefined: it is valid. */
  configTrouble(): Promise<string | undefined>;
  /** Appends to the evidence log, durably. A step is only taken after what is written of it. */
  note(text: string): Promise<void>;
  nowMs(): number;
  /** Aborted: no further fix is begun. */
  readonly stop?: AbortSignal;
}

/**
 * `fixed`: the finding is gone and nothing new came · `undone`: it did not help, everything is as it was · `undo-failed`: a person must look ·
 * `refused`: nothing was changed · `needs-person`: it has no fix · `would`: a dry run · `not-reached`: something stopped the run before.
 */
export type FixState = "fixed" | "undone" | "undo-failed" | "refused" | "needs-person" | "would" | "not-reached";

export interface FixOutcome {
  readonly finding: Finding;
  readonly state: FixState;
  /** One sentence, without a full stop. */
  readonly said: string;
  readonly plan?: Plan;
}

/**
 * Applies the fixes of a report, one finding after the other: save, apply, check again; undo unless the finding is gone and nothing came that the report did not
 * have, or had as less serious; `others` were found as well and are not to be fixed now. An undo that fails, and a log that cannot be written, end the run. `dryRun` plans, and neither changes nor writes anything.
 */
export async function applyFixes(
  report: Pick<AuditReport, "findings" | "accepted">,
  ports: FixingPorts,
  { dryRun, others = [] }: { readonly dryRun: boolean; readonly others?: readonly Finding[] },
): Promise<readonly FixOutcome[]> {
  const known = new Map<string, Severity>([
    ...others.map((finding) => [keyOf(finding), finding.severity] as const),
    ...report.accepted.map((accepted) => [keyOf(accepted), SEVERITIES[0]] as const),
    ...report.findings.map((finding) => [keyOf(finding), finding.severity] as const),
  ]);
  const outcomes: FixOutcome[] = [];
  let stopped: string | undefined;
  for (const finding of report.findings) {
    if (ports.stop?.aborted === true) stopped ??= "the run was stopped";
    if (stopped !== undefined) outcomes.push({ finding, state: "not-reached", said: stopped });
    else {
      try {
        const outcome = (await curedBefore(finding, outcomes, ports)) ?? (await fixOne(finding, known, ports, dryRun));
        outcomes.push(outcome);
        if (outcome.state === "undo-failed") stopped = "an earlier fix could not be taken back";
      } catch (error) {
        if (!(error instanceof LogLost)) throw error;
        outcomes.push({ finding, state: error.state, said: error.message });
        stopped = "the evidence log cannot be written";
      }
    }
  }
  return outcomes;
}

/** The same fix may cure two findings: then there is nothing left to do for the second one. */
async function curedBefore(finding: Finding, before: readonly FixOutcome[], ports: FixingPorts): Promise<FixOutcome | undefined> {
  const { fix } = finding;
  if (fix === undefined || !before.some((each) => each.state === "fixed" && isDeepStrictEqual(each.finding.fix, fix))) return undefined;
  const again = await ports.recheck(finding.id);
  if (!again.ok || again.value.some((each) => keyOf(each) === keyOf(finding))) return undefined;
  const said = "the fix of an earlier finding has cured this one too";
  await ports.note(heading(finding, ports.nowMs()) + entry(ports.nowMs(), "fixed", said)).catch((error: unknown) => {
    throw new LogLost("fixed", said, error);
  });
  return { finding, state: "fixed", said };
}

/** Without a record nothing more is done. */
class LogLost extends Error {
  readonly state: FixState;

  constructor(state: FixState, said: string, cause: unknown) {
    super(`${said}; the evidence log cannot be written: ${messageOf(cause)}`, { cause });
    this.state = state;
  }
}

async function fixOne(finding: Finding, known: ReadonlyMap<string, Severity>, ports: FixingPorts, dryRun: boolean): Promise<FixOutcome> {
  const write = async (text: string, state: FixState, said: string): Promise<void> => {
    if (dryRun) return;
    await ports.note(text).catch((error: unknown) => {
      throw new LogLost(state, said, error);
    });
  };
  const ended = async (state: FixState, said: string, plan?: Plan): Promise<FixOutcome> => {
    await write(entry(ports.nowMs(), state, said), state, said);
    return { finding, state, said, ...(plan === undefined ? {} : { plan }) };
  };
  await write(heading(finding, ports.nowMs()), "refused", "nothing was changed");
  const { fix } = finding;
  if (fix === undefined) return ended("needs-person", finding.cure.text);

  let remedy: Remedy;
  let plan: Plan;
  try {
    remedy = ports.remedy(fix);
    plan = await remedy.plan();
  } catch (error) {
    return ended("refused", messageOf(error));
  }
  const why = forbidden(fix, plan.changes, ports.places);
  if (why !== undefined) return ended("refused", why, plan);
  if (dryRun) return { finding, state: "would", said: plan.what, plan };

  let kept: string;
  await write(described(plan, ports.nowMs()), "refused", "nothing was changed");
  try {
    kept = await remedy.save();
  } catch (error) {
    return ended("refused", `what is there now could not be kept, so nothing was changed: ${messageOf(error)}`, plan);
  }
  await write(entry(ports.nowMs(), "saved", `what was there is kept: ${kept}; applying now`), "refused", "nothing was changed");
  let trouble: string;
  try {
    const output = await remedy.apply();
    await ports.note(applied(output, ports.nowMs()));
    const still = await judge(finding, known, remedy, ports);
    if (still === undefined) {
      await ports.note(entry(ports.nowMs(), "fixed", `${plan.what}; the finding is gone. To undo by hand: ${plan.undoByHand}`));
      return { finding, state: "fixed", said: plan.what, plan };
    }
    trouble = still;
  } catch (error) {
    trouble = messageOf(error);
  }
  return { ...(await takeBack(trouble, { remedy, plan, kept }, ports)), finding, plan };
}

/** Undefined: it helped, and harmed nothing. */
async function judge(
  finding: Finding,
  known: ReadonlyMap<string, Severity>,
  remedy: Remedy,
  ports: FixingPorts,
): Promise<string | undefined> {
  const again = await ports.recheck(finding.id);
  if (!again.ok) return `it cannot be checked whether it helped: ${again.why}`;
  const same = again.value.find((each) => keyOf(each) === keyOf(finding));
  if (same !== undefined) return `it did not help: ${same.title}`;
  const worse = again.value.find((each) => {
    const before = known.get(keyOf(each));
    return before === undefined || SEVERITIES.indexOf(each.severity) < SEVERITIES.indexOf(before);
  });
  if (worse !== undefined) return `it brought something new: ${worse.title}`;
  return remedy.changesConfig ? ports.configTrouble() : undefined;
}

/** The undo comes also when the log is lost; but then nothing else does. */
async function takeBack(
  trouble: string,
  { remedy, plan, kept }: { readonly remedy: Remedy; readonly plan: Plan; readonly kept: string },
  ports: FixingPorts,
): Promise<Pick<FixOutcome, "state" | "said">> {
  const lost = await ports.note(entry(ports.nowMs(), "undoing", trouble)).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  let result: { readonly state: FixState; readonly said: string };
  try {
    const did = await remedy.undo();
    result = { state: "undone", said: `${trouble}; taken back: ${did}` };
  } catch (error) {
    const said = `${trouble}; TAKING IT BACK FAILED: ${messageOf(error)}. What was there is kept: ${kept}. To undo by hand: ${plan.undoByHand}`;
    result = { state: "undo-failed", said };
  }
  if (lost !== undefined) throw new LogLost(result.state, result.said, lost.error);
  await ports.note(entry(ports.nowMs(), result.state, result.said)).catch((error: unknown) => {
    throw new LogLost(result.state, result.said, error);
  });
  return result;
}
