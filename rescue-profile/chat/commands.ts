import { parseDuration } from "../../src/shared/duration.ts";
import { messageOf, RescueError } from "../../src/shared/errors.ts";

/** What somebody asks for in a chat. */
export type ChatCommand =
  | { readonly name: "status" | "repair" | "logs" | "resume" | "help" | "config" }
  | { readonly name: "history"; readonly days: 1 | 7 | 30 }
  | { readonly name: "pause"; readonly forMs: number | null; readonly reason: string | null }
  | { readonly name: "set"; readonly key: string; readonly value: string }
  /** `incident` null: the newest. */
  | { readonly name: "proposal" | "report"; readonly incident: number | null }
  /** Only a button says it. */
  | { readonly name: "answer"; readonly proposal: number; readonly approved: boolean }
  /** It begins like one of ours and cannot be carried out; one sentence that says why. */
  | { readonly name: "wrong"; readonly why: string };

const NAMES = ["status", "repair", "logs", "history", "proposal", "report", "config", "pause", "resume", "help"] as const;
type Name = (typeof NAMES)[number];
const MOST_CHARACTERS = 1_000;
const MOST_REASON = 200;

/**
 * `/status`, `/status@our_bot`, `/rescue status`, and `/rescue` alone, which is the status. Undefined: not for us (no command, another bot's, not one of ours).
 * Pure and total, whatever anybody writes.
 */
export function parseCommand(text: string, botName: string): ChatCommand | undefined {
  const words = text.slice(0, MOST_CHARACTERS).trim().split(/\s+/);
  const [first = "", ...rest] = words;
  const [, head = "", addressed] = /^\/([A-Za-z_]+)(?:@(\w+))?$/.exec(first) ?? [];
  if (head === "" || (addressed !== undefined && addressed.toLowerCase() !== botName.toLowerCase())) return undefined;
  const isPrefixed = head.toLowerCase() === "rescue" || head.toLowerCase() === "watchdog";
  const [name = "status", ...words_] = isPrefixed ? rest : [head, ...rest];
  const known = NAMES.find((each) => each === name.toLowerCase());
  if (known === undefined)
    return isPrefixed ? { name: "wrong", why: `there is no ${name.slice(0, 40)}; /help says what there is` } : undefined;
  return withWords(known, words_);
}

function withWords(name: Name, words: readonly string[]): ChatCommand {
  switch (name) {
    case "history":
      return historyOf(words);
    case "proposal":
    case "report":
      return aboutIncident(name, words);
    case "pause":
      return pauseOf(words);
    case "config": {
      const [key, value] = words;
      if (key === undefined) return { name: "config" };
      return value === undefined
        ? { name: "wrong", why: "/config KEY VALUE, for example /config limits.repairsPerHour 2" }
        : { name: "set", key, value };
    }
    default:
      return { name };
  }
}

function historyOf([word]: readonly string[]): ChatCommand {
  const days = { "24h": 1, "1d": 1, "7d": 7, "30d": 30 } as const;
  if (word === undefined) return { name: "history", days: 7 };
  const found = Object.entries(days).find(([text]) => text === word.toLowerCase());
  return found === undefined ? { name: "wrong", why: "/history 24h, 7d or 30d" } : { name: "history", days: found[1] };
}

function aboutIncident(name: "proposal" | "report", [word]: readonly string[]): ChatCommand {
  if (word === undefined) return { name, incident: null };
  const [, number] = /^#?([1-9]\d{0,8})$/.exec(word) ?? [];
  return number === undefined ? { name: "wrong", why: `/${name}, or /${name} 3 for incident 3` } : { name, incident: Number(number) };
}

/** `/pause`, `/pause 2h`, `/pause 2h moving the disk`, `/pause moving the disk`. */
function pauseOf(words: readonly string[]): ChatCommand {
  const [first = "", ...rest] = words;
  const isTime = /^\d/.test(first);
  const reason = (isTime ? rest : words).join(" ").slice(0, MOST_REASON);
  try {
    return { name: "pause", forMs: isTime ? parseDuration(first, "/pause") : null, reason: reason === "" ? null : reason };
  } catch (error) {
    if (!(error instanceof RescueError)) throw error;
    return { name: "wrong", why: messageOf(error) };
  }
}
