import { RescueError } from "../../../src/shared/errors.ts";
import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import type { RemedyPorts } from "./ports.ts";

/** `systemctl --user enable UNIT`; undone by disabling it, since only a unit that was disabled is enabled. */
export function enableUnit(
  { unit }: Extract<Fix, { kind: "enable-unit" }>,
  { units, folder, keep }: Pick<RemedyPorts, "units" | "folder" | "keep">,
): Remedy {
  if (units === undefined) throw new RescueError("refused", `no user's systemd answers here, so ${unit} cannot be enabled`);
  let begun = false;
  return {
    changesConfig: false,
    async plan() {
      const state = await units.enablement(unit);
      // Masked, static or generated is somebody's decision.
      if (state !== "disabled") throw new RescueError("refused", `${unit} is ${state}, not disabled: only a person can decide this`);
      return {
        what: `let ${unit} start by itself`,
        files: [],
        commands: [`systemctl --user enable ${unit}`],
        changes: [{ kind: "order", words: ["enable", unit] }],
        undoByHand: `systemctl --user disable ${unit}`,
      };
    },
    async save() {
      await keep(folder, "was.json", { unit, enablement: "disabled" });
      return folder;
    },
    async apply() {
      begun = true;
      return units.order(["enable", unit]);
    },
    async undo() {
      if (!begun) return `${unit} was not touched`;
      await units.order(["disable", unit]);
      return `${unit} was disabled`;
    },
  };
}
