import { RescueError } from "../../../src/shared/errors.ts";
import { inWords, limitsFor } from "../../../src/shared/start-limits.ts";
import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import type { RemedyPorts } from "./ports.ts";

/** A drop-in of ours beside the unit. What runs goes on running: limits count from the next start. */
export function limitStarts(
  { unit }: Extract<Fix, { kind: "limit-starts" }>,
  { units, folder, save }: Pick<RemedyPorts, "units" | "folder" | "save">,
): Remedy {
  if (units === undefined) throw new RescueError("refused", `no user's systemd answers here, so the starts of ${unit} cannot be limited`);
  const dropIn = units.limitDropIn(unit);
  let restore: (() => Promise<void>) | undefined;
  return {
    changesConfig: false,
    async plan() {
      return {
        what: `limit the starts of ${unit}: ${inWords(limitsFor(unit))}`,
        files: [dropIn],
        commands: ["systemctl --user daemon-reload"],
        changes: [
          { kind: "write", path: dropIn.path, there: units.there(dropIn.path) },
          { kind: "order", words: ["daemon-reload"] },
        ],
        undoByHand: `remove ${dropIn.path}, then: systemctl --user daemon-reload`,
      };
    },
    async save() {
      return save(folder, [dropIn.path]).directory;
    },
    async apply() {
      restore = units.takeBack([dropIn]);
      await units.write(dropIn);
      return units.order(["daemon-reload"]);
    },
    async undo() {
      if (restore === undefined) return "nothing was written";
      await restore();
      await units.order(["daemon-reload"]);
      return `${dropIn.path} is gone again`;
    },
  };
}
