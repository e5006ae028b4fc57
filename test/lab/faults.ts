import { expect } from "vitest";
import { BYSTANDER, CONFIG, type FaultLab, FIXTURE, RESTART, SMALL_HEAP, UNIT_FILE } from "./faulty.ts";
import { type Injury, UNIT } from "./watching.ts";

/** A fault of a gateway that is a user unit of a real systemd, as data; the one test that runs them all judges them. */
export interface LabFault {
  readonly name: string;
  /** Before the watcher begins. */
  readonly prepare?: (lab: FaultLab) => Promise<void>;
  readonly harm: (lab: FaultLab) => Promise<Injury>;
  /** `recovered`: by our doing. `told`: a person gets the word after at most `starts` starts of ours. `warned`: told while it serves. */
  readonly ends: "recovered" | "told" | "warned";
  readonly cause: string;
  readonly tier?: 1 | 2;
  /** Starts of ours before a person is told; none by default. */
  readonly starts?: number;
  /** What has to stand in the evidence or in the advice. */
  readonly says?: RegExp;
  readonly set?: readonly string[];
  readonly config?: "restored" | "changed" | "untouched";
  readonly after?: (lab: FaultLab) => Promise<void> | void;
  /** Not in npm test. */
  readonly full?: boolean;
}

const DISK_MB = 256;
const MAIN_PID = `$(systemctl --user show ${UNIT} -p MainPID --value)`;
const KILL = `kill -KILL ${MAIN_PID}`;

/** Leaves so many percent of the state directory's disk. */
function fill(percent: number): string {
  const free = "$(df --output=avail -k ~/.openclaw | tail -1)";
  return `head -c $(( (${free} - ${Math.round(DISK_MB * 10.24 * percent)}) * 1024 )) /dev/zero > ~/.openclaw/filled || true`;
}

const onlyTheFixtureIsDisabled = (lab: FaultLab): void => {
  const now = lab.config();
  const before = JSON.parse(lab.pristine);
  expect(now["plugins"]).toEqual({
    ...before.plugins,
    entries: { ...before.plugins.entries, [FIXTURE]: { enabled: false }, [BYSTANDER]: { enabled: true } },
  });
  for (const key of ["gateway", "agents", "models"]) expect(now[key]).toEqual(before[key]);
};

export const FAULTS: readonly LabFault[] = [
  {
    name: "the gateway is killed",
    harm: (lab) => lab.injure(KILL),
    ends: "recovered",
    cause: "process-gone",
    tier: 1,
    config: "restored",
  },
  {
    name: "the gateway is frozen",
    harm: (lab) => lab.injure(`kill -STOP ${MAIN_PID}`),
    ends: "recovered",
    cause: "process-frozen",
    tier: 1,
    config: "restored",
    says: /ended on SIGKILL/,
    // In npm test chat-gateway.host.test.ts has the same.
    full: true,
  },
  {
    name: "openclaw.json belongs to root",
    harm: async (lab) => {
      await lab.root("chown root:root /home/svc/.openclaw/openclaw.json; chmod 600 /home/svc/.openclaw/openclaw.json");
      return lab.injure(RESTART);
    },
    ends: "told",
    cause: "files-locked-out",
    says: /sudo chown .*openclaw\.json/,
  },
  {
    name: "the configuration is cut off, and systemd parks the unit with 78",
    harm: (lab) => lab.injure(`head -c 200 ${CONFIG} > cut; cat cut > ${CONFIG}; ${RESTART}`),
    ends: "recovered",
    cause: "config-broken",
    tier: 2,
    config: "restored",
    after: async (lab) => {
      expect([await lab.show("ActiveState"), await lab.show("SubState"), await lab.show("DropInPaths")]).toEqual(["active", "running", ""]);
      expect((await lab.sh(`ls ${UNIT_FILE}.d 2>/dev/null || true`)).trim()).toBe("");
    },
  },
  {
    name: "a plugin throws in a timer after each start",
    harm: (lab) => lab.injure(`echo throw > fault-mode.txt; ${RESTART}`),
    ends: "recovered",
    cause: "plugin-crash",
    tier: 2,
    config: "changed",
    says: /last words name plugin rescue-fault-fixture/,
    after: onlyTheFixtureIsDisabled,
    full: true,
  },
  {
    name: "a plugin that was changed exits the process after each start",
    harm: (lab) => lab.injure(`echo exit > fault-mode.txt; echo '// changed' >> plugins/fault-plugin/index.js; ${RESTART}`),
    ends: "recovered",
    cause: "plugin-crash",
    tier: 2,
    config: "changed",
    says: /files of plugin rescue-fault-fixture were changed/,
    after: onlyTheFixtureIsDisabled,
    full: true,
  },
  {
    name: "the state database belongs to root",
    harm: async (lab) => {
      await lab.root("chown root:root /home/svc/.openclaw/state/openclaw.sqlite; chmod 600 /home/svc/.openclaw/state/openclaw.sqlite");
      return lab.injure(RESTART);
    },
    ends: "told",
    cause: "files-locked-out",
    says: /sudo chown .*openclaw\.sqlite/,
    full: true,
  },
  {
    name: "the heap is exhausted after each start",
    harm: (lab) => lab.injure(`echo leak > fault-mode.txt; ${SMALL_HEAP}; ${RESTART}`),
    ends: "told",
    cause: "out-of-memory",
    starts: 2,
    says: /heap/i,
    set: ["verify.holdSeconds=30"],
    full: true,
  },
  {
    name: "the disk fills while it runs",
    prepare: (lab) => lab.onOwnDisk(DISK_MB),
    harm: (lab) => lab.injure(fill(3)),
    ends: "warned",
    cause: "disk-low",
    full: true,
  },
  {
    name: "the disk is full before it starts",
    prepare: (lab) => lab.onOwnDisk(DISK_MB),
    // Filled while it is down: its own end gives some space back.
    harm: (lab) => lab.injure(`systemctl --user stop ${UNIT}; ${fill(0)}; systemctl --user start ${UNIT}`),
    ends: "told",
    cause: "disk-full",
    full: true,
  },
  {
    // Its boot finds the little that it needs (measured): a start is not in vain, and the rest is told.
    name: "it is killed while the disk is full",
    prepare: (lab) => lab.onOwnDisk(DISK_MB),
    harm: (lab) => lab.injure(`${fill(0)}; ${KILL}`),
    ends: "recovered",
    cause: "process-gone",
    tier: 1,
    after: (lab) =>
      lab.until("a word about the disk", () => lab.lines().some(({ event, cause }) => event === "warning" && cause === "disk-low")),
    full: true,
  },
  {
    name: "systemd-oomd kills it for memory three seconds after each start",
    harm: (lab) =>
      lab.injure(`cat > oomd.sh <<'END'\n${OOMD}\nEND
        systemd-run --user --quiet --unit=oomd --collect /bin/bash /home/svc/oomd.sh`),
    ends: "told",
    cause: "out-of-memory",
    starts: 2,
    says: /systemd-oomd killed/,
    set: ["verify.holdSeconds=30"],
    full: true,
  },
];

/**
 * What systemd-oomd does: it marks the unit's cgroup and kills what is in it, and the manager then says `Result=oom-kill`. The kernel's own
 * killer would need the memory controller, which the box has only where the machine gives it to cgroup2.
 */
const OOMD = `
  n=0
  while :; do
    pid=$(systemctl --user show ${UNIT} -p MainPID --value)
    if [ "$pid" -gt 0 ]; then
      sleep 3; n=$((n+1))
      cg=/sys/fs/cgroup$(systemctl --user show ${UNIT} -p ControlGroup --value)
      perl -e 'my @a = ($ARGV[0], "user.oomd_ooms", "$ARGV[1]"); my $nr = \`uname -m\` =~ /x86_64/ ? 188 : 5; syscall($nr, $a[0], $a[1], $a[2], length $a[2], 0) == 0 or die $!' "$cg" $n
      kill -KILL "$pid"
    fi
    sleep 0.2
  done`;
