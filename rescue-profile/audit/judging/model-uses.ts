import type { Facts } from "../facts.ts";
import type { Answer, Problem } from "../finding.ts";
import { configuredUses, jobUses, type ModelUse } from "./model-refs.ts";
import { type ModelWorld, modelWorld } from "./model-resolve.ts";

/**
 * Judges every use of a model, in the configuration and in jobs. A problem in one of the two stands when the other could not be looked at; without the
 * list of models nothing can be judged.
 */
export async function overUses(facts: Facts, judge: (uses: readonly ModelUse[], world: ModelWorld) => readonly Problem[]): Promise<Answer> {
  const [config, jobs, models] = await Promise.all([facts.config(), facts.cronJobs(), facts.models()]);
  if (!models.ok) return models;
  if (!config.ok) return config;
  const uses = [...configuredUses(config.value), ...(jobs.ok ? jobUses(jobs.value) : [])];
  const problems = judge(uses, modelWorld(models.value, config.value));
  return problems.length === 0 && !jobs.ok ? jobs : { ok: true, value: problems };
}
