import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { serviceNames } from "../src/service-installers/names.ts";
import { RescueError } from "../src/shared/errors.ts";
import { rescueProfileOf } from "../src/shared/rescue-home.ts";
import { readIfThere, writePlainFile } from "../src/shared/secure-file.ts";
import { allowlistFor } from "./allowlist-main.ts";
import type { Proposal } from "./core/event.ts";
import type { ProcessIdentity } from "./core/model.ts";
import type { Action, SlotFacts } from "./diagnosis/action.ts";
import { buildContext } from "./diagnosis/context/build.ts";
import { askFirst } from "./diagnosis/engines/ask-first.ts";
import { ENGINES, hostEngine } from "./diagnosis/engines/catalog.ts";
import { parseEngines } from "./diagnosis/engines/settings.ts";
import { type JudgedPlan, judgePlan, offered, type PlannedAction, refusedPlan } from "./diagnosis/judge.ts";
import { commandsOf, extractPlan, PROPOSAL_SCHEMA } from "./diagnosis/plan-json.ts";
import { buildPrompt } from "./diagnosis/prompt.ts";
import { CONTEXT_FILE, type ProposalRecord, parseRecord, RECORD_FILE, serialiseRecord } from "./diagnosis/record.ts";
import { readScript } from "./diagnosis/script.ts";
import { contextOptions, gatherContext } from "./diagnosis-context.ts";
import { findGatewayHost } from "./gateway-host.ts";
import { wallMs } from "./observe/clock.ts";
import { readDeadLock } from "./observe/dead-lock.ts";
import { observeListener } from "./observe/listener.ts";
import { readProcess } from "./observe/process.ts";
import type { Watchdog } from "./open-watchdog.ts";
import type { Proposable } from "./repair/plan.ts";

/** Where everything about an incident lies. */
export function incidentFolder(dir: string, incident: number): string {
  return join(dir, "incidents", String(incident));
}

/**
 * The third tier's first half: gathers the evidence, asks the engines in their order, and judges what they propose by the allowlist. Writes the context and the proposal
 * into the incident's folder, and carries nothing out. Throws RescueError `usage` (no such incident) and what the allowlist and the settings throw.
 */
export async function diagnose(dog: Watchdog, incident: number, signal: AbortSignal): Promise<ProposalRecord> {
  const { options, settings, dir } = dog;
  const story = dog.journal.outbox.story(`incident-${incident}`);
  if (story?.kind !== "incident") throw new RescueError("usage", `there is no incident ${incident}`, { fix: "list them with: history" });
  const folder = incidentFolder(dir, incident);
  mkdirSync(folder, { recursive: true, mode: 0o700 });

  const boundary = randomBytes(16).toString("hex");
  const context = buildContext(await gatherContext(dog, story), await contextOptions(dog, boundary));
  writePlainFile(join(folder, CONTEXT_FILE), context.text);

  const allowlist = allowlistFor({ ...options, packageRoot: options.packageRoot });
  const proven = await prove(dog);
  const { engines: wanted, onRejected, approvalSeconds } = settings.diagnosis;
  const { cli } = await findGatewayHost(options);
  const known = [...ENGINES, ...(cli === undefined ? [] : [hostEngine(cli.command, rescueProfileOf(options.profile))])];
  const engines = parseEngines(wanted.length === 0 ? undefined : wanted, "diagnosis.engines", known);
  const prompt = buildPrompt({ schema: PROPOSAL_SCHEMA, allowed: offered(allowlist, proven.facts), context: context.text, boundary });
  const cwd = join(folder, "engine");
  mkdirSync(cwd, { recursive: true, mode: 0o700 });
  chmodSync(cwd, 0o700);
  const asked = await askFirst(engines, prompt, { env: options.env, home: options.home, cwd, signal });

  const base = { incident, atMs: wallMs(), untilMs: wallMs() + approvalSeconds * 1000, asked: asked.summary, answer: null };
  const none = { engine: null, diagnosis: null, human: null, judged: [], actions: "", ends: null, state: "none" } as const;
  if (asked.answer === undefined) return keep(dir, { ...base, ...none, refusal: "no engine gave an answer" });
  const answer = extractPlan(asked.answer.text);
  const said = answer.kind === "proposal" ? answer.proposal : undefined;
  const plan = judged(answer);
  const { actions, ends } = stepsOf(plan.actions, proven.process);
  return keep(dir, {
    ...base,
    engine: asked.answer.engine,
    diagnosis: said?.diagnosis ?? null,
    human: said?.human ?? null,
    judged: plan.judged,
    refusal: plan.refusal,
    actions,
    ends,
    state: plan.accepted && actions !== "" ? "waiting" : "none",
  });

  function judged(given: ReturnType<typeof extractPlan>): JudgedPlan {
    if (given.kind === "refused") return refusedPlan(given.reason);
    const policy = { onRejected } as const;
    if (given.kind === "proposal") return judgePlan(commandsOf(given.proposal), allowlist, proven.facts, policy);
    const script = readScript(given.text);
    return "refusal" in script ? refusedPlan(script.refusal) : judgePlan(script.commands, allowlist, proven.facts, policy);
  }
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

/** The record of an incident's diagnosis; undefined: there was none. Throws `not-readable` when it cannot be understood. */
export function readProposal(dir: string, incident: number): ProposalRecord | undefined {
  const file = join(incidentFolder(dir, incident), RECORD_FILE);
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  if (record === undefined) throw new RescueError("not-readable", `${file} is not what a diagnosis wrote`, { fix: `look at ${file}` });
  return record;
}

export function keep(dir: string, record: ProposalRecord): ProposalRecord {
  writePlainFile(join(incidentFolder(dir, record.incident), RECORD_FILE), serialiseRecord(record));
  return record;
}

/** What whoever watches is asked to carry out. `approvedBy` null: nobody was asked. */
export function proposalOf({ incident, actions, ends }: ProposalRecord, approvedBy: string | null): Proposal {
  return { incident, actions, ends, approvedBy };
}
