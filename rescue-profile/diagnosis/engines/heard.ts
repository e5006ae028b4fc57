import { objectionTo } from "./answer.ts";
import type { EngineOutcome } from "./engine.ts";
import { said } from "./said.ts";

/** A text that was taken out of its wrapping. */
export function heard(id: string, text: string): EngineOutcome {
  switch (objectionTo(text)) {
    case "refused":
      return { outcome: "refused", why: refusal(id, text) };
    case "nonsense":
      return { outcome: "nonsense", why: `${id} answered with nothing that can be read` };
    case undefined:
      return { outcome: "answered", text };
  }
}

export const refusal = (id: string, text: string) => `${id} would not answer${quoted(text)}`;

/** Behind a sentence of ours. */
export function quoted(text: string): string {
  const shown = said(text);
  return shown === "" ? "" : `: ${shown}`;
}
