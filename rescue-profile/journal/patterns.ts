import type { DatabaseSync } from "node:sqlite";

/** What one way of repairing has done about one cause, over all incidents that are over. */
export interface Pattern {
  readonly cause: string;
  /** Steps by commas, in the order in which they were taken; of a proposal: what it chose, in the words of `repair/plan`. */
  readonly actions: string;
  readonly tier: number;
  readonly tried: number;
  /** It was the last repair of its incident, and the gateway served again. */
  readonly worked: number;
  /** From the repair's start until health had held, of those that worked; null: none did. */
  readonly medianMs: number | null;
  readonly lastWallMs: number;
  /** Which entries of the allowlist it consisted of, when it was last proposed; empty for the first two tiers. */
  readonly entries: readonly string[];
}

/** Forgets a cause, or with `*` all of them: what was tried until now counts no more. The history stays as it is. */
export function forgetPatterns(db: DatabaseSync, cause: string): void {
  db.prepare("INSERT OR REPLACE INTO forgotten (cause, upto) SELECT ?, coalesce(max(id), 0) FROM repairs").run(cause);
}

/** What a fence or a look forbade was not tried, and an incident that somebody ended by stopping the gateway says nothing. */
const TRIED = `
SELECT r.id, r.tier, r.started_wall, i.closed_wall, r.subject,
  CASE r.tier WHEN 3 THEN coalesce(p.cause, i.cause) ELSE r.cause END AS cause,
  p.rest AS proposal,
  (SELECT group_concat(s.name, ',') FROM (SELECT name FROM steps WHERE repair = r.id ORDER BY seq) s) AS steps,
  (i.outcome = 'recovered' AND r.outcome = 'done' AND r.id = l.last) AS worked
FROM repairs r
JOIN incidents i ON i.id = r.incident
JOIN (SELECT incident, max(id) AS last FROM repairs WHERE outcome IS NOT 'aborted' GROUP BY incident) l ON l.incident = i.id
LEFT JOIN proposals p ON p.repair = r.id
WHERE r.outcome IS NOT NULL AND r.outcome <> 'aborted'
  AND (i.outcome = 'recovered' OR i.outcome = 'recovered-by-itself' OR r.id < l.last)
ORDER BY r.id`;

/** By cause, what worked most often first. */
export function readPatterns(db: DatabaseSync): readonly Pattern[] {
  const forgotten = new Map(
    db
      .prepare("SELECT cause, upto FROM forgotten")
      .all()
      .map(({ cause, upto }) => [String(cause), Number(upto)]),
  );
  const isForgotten = (cause: string, id: number) => id <= Math.max(forgotten.get(cause) ?? 0, forgotten.get("*") ?? 0);
  const groups = new Map<string, { readonly pattern: Pattern; readonly times: readonly number[] }>();
  for (const row of db.prepare(TRIED).all()) {
    const cause = String(row["cause"]);
    if (isForgotten(cause, Number(row["id"]))) continue;
    const tier = Number(row["tier"]);
    const actions = String((tier === 3 ? row["subject"] : row["steps"]) ?? "");
    if (actions === "") continue;
    const name = JSON.stringify([cause, tier, actions]);
    const { pattern, times } = groups.get(name) ?? { pattern: undefined, times: [] };
    const worked = row["worked"] === 1;
    const started = Number(row["started_wall"]);
    const all = worked ? [...times, Number(row["closed_wall"]) - started] : times;
    groups.set(name, {
      times: all,
      pattern: {
        cause,
        actions,
        tier,
        tried: (pattern?.tried ?? 0) + 1,
        worked: (pattern?.worked ?? 0) + (worked ? 1 : 0),
        medianMs: median(all),
        lastWallMs: started,
        entries: tier === 3 ? entriesOf(row["proposal"]) : [],
      },
    });
  }
  return [...groups.values()]
    .map(({ pattern }) => pattern)
    .sort((a, b) => a.cause.localeCompare(b.cause) || b.worked - a.worked || a.tried - b.tried || a.actions.localeCompare(b.actions));
}

function entriesOf(proposal: unknown): readonly string[] {
  if (typeof proposal !== "string") return [];
  const { judged } = JSON.parse(proposal) as { judged: readonly { verdict: { accepted: boolean; entry?: string } }[] };
  return judged.flatMap(({ verdict }) => (verdict.accepted && verdict.entry !== undefined ? [verdict.entry] : []));
}

function median(times: readonly number[]): number | null {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}
