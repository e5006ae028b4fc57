/** `systemctl --user show` of the host's own unit, recorded from systemd 252 in the lab; the process was replaced by small programs. */
const RUNNING = {
  Restart: "always",
  RestartUSec: "5s",
  TimeoutStopUSec: "5min 30s",
  MainPID: "911",
  Result: "success",
  NRestarts: "0",
  ExecMainStartTimestampMonotonic: "3765743323",
  ExecMainExitTimestampMonotonic: "0",
  ExecMainCode: "0",
  ExecMainStatus: "0",
  LoadState: "loaded",
  ActiveState: "active",
  SubState: "running",
  UnitFileState: "enabled",
  StateChangeTimestampMonotonic: "3765743563",
  Job: "",
  StartLimitBurst: "10",
};

/** Killed with SIGKILL; the manager waits out RestartSec. */
const BACKING_OFF = {
  ...RUNNING,
  MainPID: "0",
  Result: "signal",
  ExecMainExitTimestampMonotonic: "3766608370",
  ExecMainCode: "2",
  ExecMainStatus: "9",
  ActiveState: "activating",
  SubState: "auto-restart",
  StateChangeTimestampMonotonic: "3766609136",
};

/** The same, and `systemctl stop` during the pause. */
const STOPPED_WHILE_BACKING_OFF = {
  ...BACKING_OFF,
  ActiveState: "inactive",
  SubState: "dead",
  StateChangeTimestampMonotonic: "3767039947",
};

/** `systemctl stop` of a process that SIGTERM ends. */
const STOPPED = {
  ...STOPPED_WHILE_BACKING_OFF,
  Result: "success",
  ExecMainStartTimestampMonotonic: "3767284255",
  ExecMainExitTimestampMonotonic: "3767528226",
  ExecMainStatus: "15",
  StateChangeTimestampMonotonic: "3767528335",
};

/** A process that ends with 1 at once, RestartSec=1500ms, after ten restarts. */
const LATCHED = {
  ...RUNNING,
  RestartUSec: "1.500000s",
  MainPID: "0",
  Result: "exit-code",
  NRestarts: "10",
  ExecMainStartTimestampMonotonic: "3783288293",
  ExecMainExitTimestampMonotonic: "3783291481",
  ExecMainCode: "1",
  ExecMainStatus: "1",
  ActiveState: "failed",
  SubState: "failed",
  StateChangeTimestampMonotonic: "3785025541",
};

/** A process that ignores SIGTERM, TimeoutStopSec=2, after `systemctl stop`: during it, and when it is over. */
const DEACTIVATING = {
  ...RUNNING,
  TimeoutStopUSec: "2s",
  MainPID: "968",
  ExecMainStartTimestampMonotonic: "3788078592",
  ActiveState: "deactivating",
  SubState: "stop-sigterm",
  StateChangeTimestampMonotonic: "3788669305",
  Job: "1074",
};
const STOPPED_AT_THE_DEADLINE = {
  ...DEACTIVATING,
  MainPID: "0",
  Result: "timeout",
  ExecMainExitTimestampMonotonic: "3790776966",
  ExecMainCode: "2",
  ExecMainStatus: "9",
  ActiveState: "failed",
  SubState: "failed",
  StateChangeTimestampMonotonic: "3790778268",
  Job: "",
};

const PARKED = {
  ...LATCHED,
  RestartUSec: "5s",
  NRestarts: "0",
  ExecMainStartTimestampMonotonic: "3791972947",
  ExecMainExitTimestampMonotonic: "3791980479",
  ExecMainStatus: "78",
  StateChangeTimestampMonotonic: "3791980693",
};

/** `systemctl disable --now`: the manager has forgotten that it ever ran. */
const DISABLED = {
  ...RUNNING,
  MainPID: "0",
  ExecMainStartTimestampMonotonic: "0",
  ActiveState: "inactive",
  SubState: "dead",
  UnitFileState: "disabled",
  StateChangeTimestampMonotonic: "0",
};

const NOT_FOUND = {
  ...DISABLED,
  Restart: "no",
  RestartUSec: "100ms",
  TimeoutStopUSec: "1min 30s",
  LoadState: "not-found",
  UnitFileState: "",
  StartLimitBurst: "5",
};

export const RECORDED = {
  running: RUNNING,
  backingOff: BACKING_OFF,
  stoppedWhileBackingOff: STOPPED_WHILE_BACKING_OFF,
  stopped: STOPPED,
  latched: LATCHED,
  deactivating: DEACTIVATING,
  stoppedAtTheDeadline: STOPPED_AT_THE_DEADLINE,
  parked: PARKED,
  disabled: DISABLED,
  notFound: NOT_FOUND,
} as const;

/** As systemctl prints it, with some lines changed. */
export function showOutput(recorded: Readonly<Record<string, string>>, changed: Readonly<Record<string, string>> = {}): string {
  return Object.entries({ ...recorded, ...changed })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
