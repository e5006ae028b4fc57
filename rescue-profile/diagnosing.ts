import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { serviceNames } from "../src/service-installers/names.ts";
import { RescueError } from "../src/shared/errors.ts";
import { ABOUT_INCIDENT, incidentFolder } from "../src/shared/incident-folder.ts";
import { rescueProfileOf } from "../src/shared/rescue-home.ts";
import { writePlainFile } from "../src/shared/secure-file.ts";
import { allowlistFor } from "./allowlist-main.ts";
import type { PolicySettings } from "./config.ts";
import type { ProcessIdentity } from "./core/model.ts";
import type { KeptProposal, ProposalRecord, ProposalState } from "./core/proposal.ts";
import type { Action, SlotFacts } from "./diagnosis/action.ts";
import { buildContext } from "./diagnosis/context/build.ts";
import { askFirst } from "./diagnosis/engines/ask-first.ts";
import { ENGINES, hostEngine } from "./diagnosis/engines/catalog.ts";
import type { Engine } from "./diagnosis/engines/engine.ts";
import { parseEngines } from "./diagnosis/engines/settings.ts";
import { bestOf } from "./diagnosis/experience.ts";
import { type JudgedPlan, judgePlan, offered, type PlannedAction, refusedPlan, rewritten } from "./diagnosis/judge.ts";
import { commandsOf, extractPlan, PROPOSAL_SCHEMA } from "./diagnosis/plan-json.ts";
import { buildPrompt } from "./diagnosis/prompt.ts";
import { readScript } from "./diagnosis/script.ts";
import { contextOptions, gatherContext } from "./diagnosis-context.ts";
import { findGatewayHost } from "./gateway-host.ts";
import type { Pattern } from "./journal/patterns.ts";
import type { IncidentDetail } from "./journal/read.ts";
import { wallMs } from "./observe/clock.ts";
import { readDeadLock } from "./observe/dead-lock.ts";
import { observeListener } from "./observe/listener.ts";
import { readProcess } from "./observe/process.ts";
import { isAlive, type Watchdog } from "./open-watchdog.ts";
import type { Proposable } from "./repair/plan.ts";

/** How what is proposed is answered: a person is asked, it is carried out, or it is only shown. */
export type ProposalMode = NonNullable<PolicySettings["diagnosis"]["mode"]>;

const STATES = { ask: "waiting", auto: "asked", "dry-run": "shown" } as const satisfies Record<ProposalMode, ProposalState>;

export interface Asking {
  readonly mode: ProposalMode;
  /** Who has it asked; null: the watchdog itself, and then experience comes before the engines. */
  readonly by: string | null;
  readonly signal: AbortSignal;
}

/** Longer than gathering the evidence and all engines together take. */
const ASKING_MS = 600_000;

/**
 * The third tier's first half: gathers the evidence, takes what worked before for this cause or asks the engines in their order, and judges what is proposed by the
 * allowlist. Writes the context into the incident's folder and the proposal into the journal, and carries nothing out. One at a time.
 * Throws RescueError `usage` (no such incident), `busy` (another one is under way), `interrupted`, and what the allowlist and the settings throw.
 */
export async function diagnose(dog: Watchdog, incident: number, asking: Asking): Promise<KeptProposal> {
  const { journal, options } = dog;
  const story = storyOf(dog, incident);
  const taken = journal.acquire("diagnosis", options.what, ASKING_MS, isAlive);
  if (!taken.held) {
    throw new RescueError("busy", `an AI is being asked already, by pid ${taken.by.pid}`, {
      fix: `look in two minutes with: rescue-watchdog proposal ${incident}`,
    });
  }
  try {
    return await diagnosed(dog, story, asking);
  } finally {
    journal.release(taken.lease);
  }
}

/** A diagnosis that could not be made, and why, where people look for one. */
export function noDiagnosis(dog: Watchdog, incident: number, why: string): KeptProposal {
  const atMs = wallMs();
  const about = { incident, cause: causeOf(storyOf(dog, incident)), by: null, atMs, untilMs: atMs, asked: why };
  const nothing = { engine: null, diagnosis: null, human: null, judged: [], refusal: null, actions: "", ends: null, answer: null };
  return dog.journal.proposals.add({ ...about, ...nothing, state: "none" });
}

/** Throws `usage` when there is no such incident. */
export function storyOf({ journal }: Watchdog, incident: number): IncidentDetail {
  const story = journal.outbox.story(`incident-${incident}`);
  if (story?.kind !== "incident") throw new RescueError("usage", `there is no incident ${incident}`, { fix: "list them with: history" });
  return story;
}

async function diagnosed(dog: Watchdog, story: IncidentDetail, { mode, by, signal }: Asking): Promise<KeptProposal> {
  const { options, settings, dir, journal } = dog;
  const incident = story.id;
  const folder = incidentFolder(dir, incident);
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  const { text: context, boundary } = await contextFor(dog, story);
  writePlainFile(join(folder, ABOUT_INCIDENT.context), context);

  const allowlist = allowlistFor({ ...options, packageRoot: options.packageRoot });
  const proven = await prove(dog);
  const { onRejected, approvalSeconds } = settings.diagnosis;
  const policy = { onRejected } as const;
  const cause = causeOf(story);
  const base = () => ({ incident, cause, by, atMs: wallMs(), untilMs: wallMs() + approvalSeconds * 1000, answer: null });
  const known = by === null ? bestOf(journal.patterns(), cause) : undefined;
  const recalled = known === undefined ? undefined : again(known);
  if (known !== undefined && recalled !== undefined) {
    const asked = `it helped ${known.worked} of ${known.tried} times when the cause was ${cause}, so nobody was asked`;
    return kept({ ...base(), asked, engine: EXPERIENCE, diagnosis: null, human: null }, recalled);
  }

  const prompt = buildPrompt({ schema: PROPOSAL_SCHEMA, allowed: offered(allowlist, proven.facts), context, boundary });
  const cwd = join(folder, ABOUT_INCIDENT.engine);
  mkdirSync(cwd, { recursive: true, mode: 0o700 });
  chmodSync(cwd, 0o700);
  const { summary, answer } = await askFirst(await enginesOf(dog), prompt, { env: options.env, home: options.home, cwd, signal });
  if (signal.aborted) throw new RescueError("interrupted", "interrupted before an answer came; nothing was proposed");
  const now = { ...base(), asked: summary };
  if (answer === undefined) return kept({ ...now, engine: null, diagnosis: null, human: null }, refusedPlan("no engine gave an answer"));
  const given = extractPlan(answer.text);
  const said = given.kind === "proposal" ? given.proposal : undefined;
  return kept({ ...now, engine: answer.engine, diagnosis: said?.diagnosis ?? null, human: said?.human ?? null }, judged(given));

  function judged(plan: ReturnType<typeof extractPlan>): JudgedPlan {
    if (plan.kind === "refused") return refusedPlan(plan.reason);
    if (plan.kind === "proposal") return judgePlan(commandsOf(plan.proposal), allowlist, proven.facts, policy);
    const script = readScript(plan.text);
    return "refusal" in script ? refusedPlan(script.refusal) : judgePlan(script.commands, allowlist, proven.facts, policy);
  }

  /** The same steps once more, as all of it may be done today; undefined: they would be others, or were carried out in this incident already. */
  function again(known: Pattern): JudgedPlan | undefined {
    const plan = judgePlan(rewritten(known.entries, allowlist, proven.facts), allowlist, proven.facts, { onRejected: "reject-plan" });
    const isSame = plan.accepted && stepsOf(plan.actions, proven.process).actions === known.actions;
    return isSame && triedBefore(plan) === undefined ? plan : undefined;
  }

  /** What did not help in this incident does not help when somebody else proposes it. */
  function triedBefore(plan: JudgedPlan): string | undefined {
    const { actions } = stepsOf(plan.actions, proven.process);
    const isSame = story.repairs.some(({ tier, subject, outcome }) => tier === 3 && subject === actions && outcome !== "aborted");
    return isSame ? "just this was carried out in this incident already, and has not helped" : undefined;
  }

  function kept(from: Omit<ProposalRecord, "judged" | "refusal" | "actions" | "ends" | "state">, plan: JudgedPlan): KeptProposal {
    const { actions, ends } = stepsOf(plan.actions, proven.process);
    const onlyLooks = plan.accepted && actions === "" ? "it only looks, and what there is to see was seen" : undefined;
    const refusal = plan.refusal ?? triedBefore(plan) ?? onlyLooks ?? null;
    const isPossible = refusal === null && actions !== "";
    const what = isPossible ? { actions, ends, state: STATES[mode] } : { actions: "", ends: null, state: "none" as const };
    return journal.proposals.add({ ...from, judged: plan.judged, refusal, ...what });
  }
}

/** Who proposes what worked before. */
const EXPERIENCE = "experience";

/** What it was taken for when a person was told. */
function causeOf({ told, cause }: IncidentDetail): string {
  return told.findLast(({ severity }) => severity === "critical")?.cause ?? cause;
}

/** The evidence of an incident as it is now, its secrets replaced. */
export async function contextFor(dog: Watchdog, incident: IncidentDetail): Promise<{ readonly text: string; readonly boundary: string }> {
  const boundary = randomBytes(16).toString("hex");
  const { text } = buildContext(await gatherContext(dog, incident), await contextOptions(dog, boundary));
  return { text, boundary };
}

async function enginesOf({ options, settings }: Watchdog): Promise<readonly Engine[]> {
  const { engines } = settings.diagnosis;
  const { cli } = await findGatewayHost(options);
  const known = [...ENGINES, ...(cli === undefined ? [] : [hostEngine(cli.command, rescueProfileOf(options.profile))])];
  return parseEngines(engines.length === 0 ? undefined : engines, "diagnosis.engines", known);
}

/** What slots may be filled with now: the process that holds both the lock and the port, and a lock that nobody holds. */
async function prove({ target, options }: Watchdog): Promise<{ readonly facts: SlotFacts; readonly process: ProcessIdentity | null }> {
  const reading = await readProcess(target);
  const alive = reading.ok && reading.value.state === "alive" ? reading.value.identity : null;
  const listener = alive === null ? undefined : await observeListener(target.port, [alive.pid]);
  const owns = listener?.ok === true && listener.value.state === "owned" && listener.value.pid === alive?.pid;
  const lock = readDeadLock(target);
  const process_ = owns ? alive : null;
  return {
    process: process_,
    facts: {
      profile: options.profile,
      unit: process.platform === "linux" ? serviceNames(options.profile).systemdUnit : null,
      port: target.port,
      pid: process_?.pid ?? null,
      staleLocks: lock.ok && lock.value !== null ? [lock.value] : [],
      home: options.home,
    },
  };
}

const STEPS: Readonly<Record<Action, readonly Proposable[]>> = {
  "look-at-port": [],
  "guarded-doctor": ["doctor"],
  "quarantine-lock": ["quarantine-lock"],
  "start-gateway": ["start"],
  "restart-gateway": ["end", "start"],
  "stop-gateway": ["end", "start"],
  "end-owner": ["end", "start"],
};

/** In the words of the plan. What a stop and a restart mean for a living process is its end behind the fence. */
function stepsOf(
  actions: readonly PlannedAction[],
  process: ProcessIdentity | null,
): { readonly actions: string; readonly ends: ProcessIdentity | null } {
  const ends = actions.some(({ action }) => STEPS[action].includes("end")) ? process : null;
  const steps = actions.flatMap(({ action }) => STEPS[action]).filter((step) => step !== "end" || ends !== null);
  return { actions: [...new Set(steps)].join(","), ends };
}
