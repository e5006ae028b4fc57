import { cut } from "../../src/shared/cut.ts";
import type { Alert } from "./alert.ts";
import type { Words } from "./words.ts";

const SIGNS: Readonly<Record<Alert["state"], string>> = { "needs-you": "🔴", repairing: "🟠", recovered: "🟢", over: "⚪", warning: "🟡" };

/** As text without any markup: whatever stands in a log line is shown as it stands there. `most` bounds title and body together, in UTF-16 units. */
export function asText(
  alert: Alert,
  words: Words,
  most: number,
): { readonly title: string; readonly body: string; readonly isWhole: boolean } {
  const title = cut(`${SIGNS[alert.state]} ${alert.title} · ${words.state[alert.state]}`, Math.floor(most / 4));
  const [last = ""] = alert.lines.slice(-1);
  const head = alert.lines.slice(0, -1).join("\n");
  // The last line says where to read more.
  const room = most - title.length - last.length - 2;
  const body = head === "" ? cut(last, most - title.length) : `${cut(head, Math.max(0, room))}\n${last}`;
  return { title, body, isWhole: head.length <= room };
}
