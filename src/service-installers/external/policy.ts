/** Durations of the supervisor. The host's own systemd unit is the model: what a gateway is used to there, it gets here. */
export interface SupervisePolicy {
  /** First wait after an exit that was not a hand-over (the unit's `RestartSec`). Doubles with each further one. */
  readonly backOffMs: number;
  readonly backOffMaxMs: number;
  /** A child that lived this long starts the back-off anew. */
  readonly steadyMs: number;
  /** An exit 0 earlier than this is no hand-over but a command that does not stay, and would spin without a wait. */
  readonly handOverMinMs: number;
  /** From SIGTERM to SIGKILL (the unit's `TimeoutStopSec`): the gateway drains for up to 315 s and needs 15 s more. */
  readonly stopTimeoutMs: number;
  /** From SIGKILL until the supervisor stops waiting to exit: only a process stuck in the kernel takes longer. */
  readonly killTimeoutMs: number;
  /** A second signal sooner than this is the same key press, delivered to the group and forwarded by a parent. */
  readonly insistAfterMs: number;
  /** What the child left behind in its process group may end by itself for this long. The host's helpers take under a second. */
  readonly sweepGraceMs: number;
  /** How often a child that is not ours to wait for (adopted from a dead supervisor) is looked at. */
  readonly adoptedPollMs: number;
}

export const DEFAULT_SUPERVISE_POLICY: SupervisePolicy = {
  backOffMs: 5_000,
  backOffMaxMs: 60_000,
  steadyMs: 60_000,
  handOverMinMs: 1_000,
  stopTimeoutMs: 330_000,
  killTimeoutMs: 10_000,
  insistAfterMs: 1_000,
  sweepGraceMs: 2_000,
  adoptedPollMs: 500,
};
