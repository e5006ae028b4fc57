import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import { allowPlugins } from "./allow-plugins.ts";
import { enableUnit } from "./enable-unit.ts";
import { keepConfig } from "./keep-config.ts";
import { limitStarts } from "./limit-starts.ts";
import { narrowMode } from "./narrow-mode.ts";
import type { RemedyPorts } from "./ports.ts";
import { rotateByTimer } from "./rotate-by-timer.ts";
import { rotateOnce } from "./rotate-once.ts";

/** How a fix is done here. `ports.folder` is this fix's alone. Throws `refused` where it cannot be done. */
export function remedyFor(fix: Fix, ports: RemedyPorts): Remedy {
  switch (fix.kind) {
    case "allow-plugins":
      return allowPlugins(fix, ports);
    case "narrow-mode":
      return narrowMode(fix, ports);
    case "limit-starts":
      return limitStarts(fix, ports);
    case "enable-unit":
      return enableUnit(fix, ports);
    case "rotate-logs":
      return ports.units?.logrotate === undefined ? rotateOnce(fix, ports) : rotateByTimer(fix, ports);
    case "keep-config":
      return keepConfig(ports);
  }
}
