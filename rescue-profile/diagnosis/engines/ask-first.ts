import type { EnginePrompt } from "../prompt.ts";
import type { Engine, EngineOutcome } from "./engine.ts";
import { type AskOptions, askEngine } from "./run.ts";

export const TOTAL_MS = 120_000;
/** With less than this nobody has ever answered. */
const LEAST_MS = 5_000;

export interface Asked {
  /** Which one answered, and what; undefined: none. */
  readonly answer?: { readonly engine: string; readonly text: string };
  /** Every engine that was asked, in order. */
  readonly outcomes: readonly {
    readonly engine: string;
    readonly outcome: EngineOutcome["outcome"];
    readonly why?: string;
    readonly tookMs: number;
  }[];
  /** One sentence for people. */
  readonly summary: string;
}

/** The outcomes after which another engine is worth asking: this one could not. One that would not, or gave something else than an answer, has had its turn. */
const COULD_NOT: ReadonlySet<EngineOutcome["outcome"]> = new Set(["not-installed", "needs-login", "failed", "timed-out"]);

/**
 * Asks the engines in this order until one answers, refuses or answers with nonsense; `totalMs` in all, whatever they do. `ask` and `nowMs` (monotonic) are for tests.
 */
export async function askFirst(
  engines: readonly Engine[],
  prompt: EnginePrompt,
  options: Omit<AskOptions, "timeoutMs"> & { readonly totalMs?: number },
  ask: typeof askEngine = askEngine,
  nowMs: () => number = () => performance.now(),
): Promise<Asked> {
  const startedMs = nowMs();
  const totalMs = options.totalMs ?? TOTAL_MS;
  const outcomes: Asked["outcomes"][number][] = [];
  for (const engine of engines) {
    const leftMs = totalMs - (nowMs() - startedMs);
    if ((outcomes.length > 0 && leftMs < LEAST_MS) || options.signal?.aborted === true) break;
    const beganMs = nowMs();
    const outcome = await ask(engine, prompt, { ...options, timeoutMs: leftMs });
    const tookMs = Math.round(nowMs() - beganMs);
    outcomes.push({ engine: engine.id, outcome: outcome.outcome, ...(outcome.outcome === "answered" ? {} : { why: outcome.why }), tookMs });
    if (outcome.outcome === "answered") {
      return {
        answer: { engine: engine.id, text: outcome.text },
        outcomes,
        summary: `${engine.id} answered after ${Math.round(tookMs / 1000)} s`,
      };
    }
    if (!COULD_NOT.has(outcome.outcome)) break;
  }
  return { outcomes, summary: summaryOf(engines, outcomes, options.signal?.aborted === true) };
}

function summaryOf(engines: readonly Engine[], outcomes: Asked["outcomes"], stopped: boolean): string {
  if (engines.length === 0) return "no engine is configured, so nobody was asked";
  if (outcomes.length > 0 && outcomes.every(({ outcome }) => outcome === "not-installed")) {
    return `no engine is installed (${outcomes.map(({ engine }) => engine).join(", ")}), so nobody was asked`;
  }
  const tried = outcomes.filter(({ outcome }) => outcome !== "not-installed").map(({ why }) => why ?? "");
  const unasked = engines.length - outcomes.length;
  const last = outcomes.at(-1);
  const rest =
    unasked > 0 && (stopped || last === undefined || COULD_NOT.has(last.outcome))
      ? [`${unasked} more not asked: ${stopped ? "stopped" : "no time left"}`]
      : [];
  return `no answer: ${[...tried, ...rest].join("; ")}`;
}
