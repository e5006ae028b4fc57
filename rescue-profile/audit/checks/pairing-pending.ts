import { formatDuration } from "../../../src/shared/duration.ts";
import { hostCommand } from "../../../src/shared/openclaw-home.ts";
import type { PairingRequest } from "../facts.ts";
import type { Check, Cure, Evidence, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { ID_WITHHELD, idInCommand, isSafeId } from "../judging/ids.ts";

const WORDS = {
  device: { asks: "A device", table: "device_pairing_pending" },
  repair: { asks: "A device that was paired before", table: "device_pairing_pending" },
  node: { asks: "A node", table: "device_pairing_paired" },
  channel: { asks: "A sender in a channel", table: "channel_pairing_requests" },
} as const satisfies Record<PairingRequest["kind"], unknown>;

/** Whoever holds one of these changes the gateway or acts through it: `operator.admin`, `operator.write`. */
const STRONG_SCOPE = /(?:^|[.:])(?:admin|write)$/i;

/** Fails closed: nothing is ever approved or rejected here, and there is no fix. */
export const pairingPending: Check = {
  id: "pairing-pending",
  group: "pairing",
  question: "Has everybody who asks to be paired got an answer?",
  look: async (facts) =>
    judged(await facts.pairings(), (requests) => {
      const waiting = requests.filter(({ expired }) => !expired);
      const bySubject = Map.groupBy(waiting, ({ kind, id }) => `${kind}:${id}`);
      return [...bySubject].flatMap(([subject, same]) => problemOf(subject, same, facts.profile));
    }),
};

/** `same`: of one subject; senders in one channel share theirs, because their codes are secrets. */
function problemOf(subject: string, same: readonly PairingRequest[], profile: string): Problem[] {
  const [first, ...rest] = same;
  if (first === undefined) return [];
  const strong = same.some(({ kind, scopes }) => kind === "repair" || scopes.some((scope) => STRONG_SCOPE.test(scope)));
  const title =
    rest.length === 0
      ? `${WORDS[first.kind].asks} waits to be approved or rejected`
      : `${same.length} requests of ${subject} wait for an answer`;
  return [
    {
      subject,
      severity: strong ? "critical" : "warning",
      title,
      evidence: [evidenceOf(first), ...rest.map(evidenceOf)],
      cure: cureOf(first, profile),
    },
  ];
}

function evidenceOf({ kind, id, client, role, scopes, ageMs }: PairingRequest): Evidence {
  const parts = [
    `${kind} ${id}`,
    `client ${client ?? "unknown"}`,
    `role ${role ?? "none"}`,
    `scopes ${scopes.length === 0 ? "none" : scopes.join(", ")}`,
    `asked ${formatDuration(ageMs)} ago`,
  ];
  return { fact: parts.join(", "), from: `state/openclaw.sqlite ${WORDS[kind].table}` };
}

function cureOf(request: PairingRequest, profile: string): Cure {
  const safe = isSafeId(request.id);
  return {
    text: `Nothing was approved, and nothing will be: find out who asks, then approve or reject it yourself${safe ? "" : `; ${ID_WITHHELD}`}`,
    commands: commandsOf(request).map((command) => hostCommand(profile, command)),
  };
}

function commandsOf({ kind, id }: PairingRequest): readonly string[] {
  switch (kind) {
    case "device":
    case "repair":
      return ["devices list", `devices approve ${idInCommand(id)}`, `devices reject ${idInCommand(id)}`];
    case "node":
      return ["nodes pending", `nodes approve ${idInCommand(id)}`, `nodes reject ${idInCommand(id)}`];
    case "channel":
      return [`pairing list ${idInCommand(id, "CHANNEL")}`, `pairing approve ${idInCommand(id, "CHANNEL")} CODE`];
  }
}
