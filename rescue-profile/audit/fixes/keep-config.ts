import type { Remedy } from "../fixing.ts";
import type { RemedyPorts } from "./ports.ts";

/** Adds a copy of the configuration to our ring; there is nothing to save. */
export function keepConfig({ config, keepCopy, folder, keep }: Pick<RemedyPorts, "config" | "keepCopy" | "folder" | "keep">): Remedy {
  let forget: (() => Promise<void>) | undefined;
  return {
    changesConfig: false,
    async plan() {
      return {
        what: `keep a copy of ${config.path}, which the host finds valid`,
        files: [],
        commands: [],
        changes: [],
        undoByHand: "the copy does no harm; the oldest go by themselves",
      };
    },
    async save() {
      await keep(folder, "was.json", { copyOf: config.path });
      return folder;
    },
    async apply() {
      const kept = await keepCopy();
      forget = kept.forget;
      return kept.said;
    },
    async undo() {
      if (forget === undefined) return "no copy was made";
      await forget();
      return "the copy was taken away";
    },
  };
}
