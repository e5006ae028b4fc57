import type { Reading } from "../core/model.ts";
import type { Facts } from "./facts.ts";

/** Most serious first. `critical`: an outage, a loss or an open door; `warning`: will become one; `note`: worth knowing. */
export const SEVERITIES = ["critical", "warning", "note"] as const;
export type Severity = (typeof SEVERITIES)[number];

export const GROUPS = ["gateway", "pairing", "plugins", "models", "cron", "data", "logs", "webhooks", "network", "model-servers"] as const;
export type Group = (typeof GROUPS)[number];

/** One fact, and where it was read: `openclaw.json gateway.bind`, `state/openclaw.sqlite cron_jobs`. Secrets never come here. */
export interface Evidence {
  readonly fact: string;
  readonly from: string;
}

/** What is to be done: a sentence, and the commands as a person types them; none where no command does it. */
export interface Cure {
  readonly text: string;
  readonly commands: readonly string[];
}

/**
 * A cure that `--fix` may apply by itself: each is reversible and none opens anything. Whatever touches a secret, auth, pairing or somebody's data has
 * no entry here and cannot get one from a finding.
 */
export type Fix =
  /** `plugins.allow` becomes this list, where it had none: what loads today goes on loading, what nobody configured does not begin to. */
  | { readonly kind: "allow-plugins"; readonly ids: readonly string[] }
  /** Takes away permissions of others: `mode` is what is to be left. */
  | { readonly kind: "narrow-mode"; readonly path: string; readonly mode: number }
  /** A drop-in of ours with a start limit and a pause, beside a unit of the account's manager. */
  | { readonly kind: "limit-starts"; readonly unit: string }
  | { readonly kind: "enable-unit"; readonly unit: string }
  /** Bounded rotation for these files: logrotate by a user timer, or once by ourselves where there is no logrotate. */
  | { readonly kind: "rotate-logs"; readonly files: readonly string[]; readonly maxBytes: number; readonly keep: number }
  /** A copy of the configuration that the host finds valid, into our ring. */
  | { readonly kind: "keep-config" };

/** What a check has found, about one subject. */
export interface Problem {
  /** What it is about, stable over runs: a job's id, a plugin's id, a path; "" where the check has only one. With the check's id it is a finding's identity. */
  readonly subject: string;
  readonly severity: Severity;
  /** One sentence, without a full stop. */
  readonly title: string;
  /** At least one. */
  readonly evidence: readonly [Evidence, ...Evidence[]];
  readonly cure: Cure;
  /** Absent: it needs a person. */
  readonly fix?: Fix;
}

export interface Finding extends Problem {
  /** The check's. */
  readonly id: string;
}

/** Not ok: the check could not look, and nothing is known. */
export type Answer = Reading<readonly Problem[]>;

/** One question. Pure: it judges facts that others have read. */
export interface Check {
  readonly id: string;
  readonly group: Group;
  /** As a person would ask it; a check that finds nothing has answered yes. */
  readonly question: string;
  /** Only when it is asked for by name. */
  readonly optional?: true;
  look(facts: Facts): Promise<Answer>;
}
