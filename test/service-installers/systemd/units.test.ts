import { describe, expect, it } from "vitest";
import type { ServiceSpec } from "../../../src/service-installers/installer.ts";
import { parseDefinition } from "../../../src/service-installers/systemd/definition.ts";
import { ownUnits, renderDropIn, renderSentinel, renderWake } from "../../../src/service-installers/systemd/units.ts";

const spec: ServiceSpec = {
  profile: "work",
  description: "Watches 100% of it",
  argv: ["/opt/node", "/srv/a dog/bin.js", "watch", 'say "hi"', "back\\slash", "$HOME", "%h", "é"],
  environment: { LANG: "C.UTF-8", ODD: 'a "b" $c %d' },
  workingDirectory: "/home/svc",
  logDirectory: "/home/svc/logs",
};

describe("our units", () => {
  it("are named after the profile, and the drop-in lies beside the host's unit of that profile", () => {
    expect(ownUnits("work")).toEqual({
      sentinel: "rescue-watchdog-work.service",
      wake: "rescue-watchdog-wake-work.service",
      dropInDirectory: "openclaw-gateway-work.service.d",
      dropIn: "50-rescue-watchdog.conf",
    });
    expect(ownUnits("default").dropInDirectory).toBe("openclaw-gateway.service.d");
  });

  it("watch with a word to systemd, a start limit, and repairs that outlive them", () => {
    expect(renderSentinel(spec).split("\n")).toEqual([
      "[Unit]",
      "Description=Watches 100%% of it",
      "StartLimitIntervalSec=300",
      "StartLimitBurst=10",
      "",
      "[Service]",
      "Type=notify",
      "NotifyAccess=all",
      'ExecStart="/opt/node" "/srv/a dog/bin.js" "watch" "say \\"hi\\"" "back\\\\slash" "$$HOME" "%%h" "é"',
      "WorkingDirectory=/home/svc",
      'Environment="LANG=C.UTF-8"',
      'Environment="ODD=a \\"b\\" $$c %%d"',
      "WatchdogSec=60",
      "Restart=always",
      "RestartSec=5",
      "TimeoutStopSec=20",
      "KillMode=process",
      "",
      "[Install]",
      "WantedBy=default.target",
      "",
    ]);
  });

  it("wake once, without being started at boot", () => {
    const text = renderWake({ ...spec, argv: ["/opt/node", "tick"] });
    expect(text).toContain("Type=oneshot\n");
    expect(text).not.toContain("[Install]");
  });

  it("only call the wake-up, unless the gateway's own unit is to be hardened", () => {
    expect(renderDropIn("default", { harden: false })).not.toContain("[Service]");
    const hardened = renderDropIn("default", { harden: true });
    for (const line of [
      "StartLimitIntervalSec=60",
      "StartLimitBurst=3",
      "Restart=on-failure",
      "RestartSec=10",
      "RestartForceExitStatus=0",
    ]) {
      expect(hardened).toContain(`${line}\n`);
    }
    expect(hardened).toContain("OnFailure=rescue-watchdog-wake-default.service\n");
  });

  it("refuse what no unit can carry", () => {
    for (const argv of [
      ["/opt/node", "a\nb"],
      ["/opt/node", "a\0b"],
    ])
      expect(() => renderSentinel({ ...spec, argv })).toThrow("line break");
    expect(() => renderSentinel({ ...spec, workingDirectory: "relative" })).toThrow("no absolute path");
  });
});

describe("a definition as systemd shows it", () => {
  it("has its file, words, variables and whether it starts by itself", () => {
    // Recorded from systemd 252 in the lab, with the paths shortened.
    const text = [
      "ExecStart={ path=/opt/node/bin/node ; argv[]=/opt/node/bin/node --max-old-space-size=8192 /opt/openclaw/dist/index.js gateway --port 19789 ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }",
      'Environment=HOME=/home/svc "OPENCLAW_NOTE=two words" OPENCLAW_PROFILE=default',
      "FragmentPath=/home/svc/.config/systemd/user/openclaw-gateway.service",
      "UnitFileState=enabled",
      "",
    ].join("\n");
    expect(parseDefinition(text)).toEqual({
      path: "/home/svc/.config/systemd/user/openclaw-gateway.service",
      argv: ["/opt/node/bin/node", "--max-old-space-size=8192", "/opt/openclaw/dist/index.js", "gateway", "--port", "19789"],
      environment: { HOME: "/home/svc", OPENCLAW_NOTE: "two words", OPENCLAW_PROFILE: "default" },
      enabled: true,
    });
  });

  it("may have no file and no state", () => {
    expect(parseDefinition("ExecStart=\nEnvironment=\nFragmentPath=\nUnitFileState=\n")).toEqual({
      path: null,
      argv: [],
      environment: {},
      enabled: null,
    });
    expect(parseDefinition("UnitFileState=masked\n").enabled).toBe(false);
  });
});
