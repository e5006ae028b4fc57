import type { Severity } from "../../core/event.ts";
import { isPush, type Receiver } from "../alert.ts";
import { asText } from "../as-text.ts";
import { post } from "../http.ts";
import type { Words } from "../words.ts";

export interface NtfyOptions {
  readonly name: string;
  /** Of the topic: https://ntfy.sh/TOPIC. */
  readonly url: string;
  readonly token: string | null;
  readonly least: Severity;
  readonly words: Words;
}

/** Each push makes a sound: what a person hears of is that it is down, what he has to do, and that it is up again. */
const PRIORITY: Readonly<Record<Severity, number>> = { info: 3, warning: 3, critical: 5 };
const MOST_CHARACTERS = 3_500;

/** Published as JSON at the server's root, because headers hold no other alphabet (ntfy's documentation, "Publish as JSON"). */
export function ntfyReceiver({ name, url, token, least, words }: NtfyOptions): Receiver {
  const address = new URL(url);
  const at = address.pathname.lastIndexOf("/");
  const topic = decodeURIComponent(address.pathname.slice(at + 1));
  const root = new URL(address.pathname.slice(0, at + 1), address).href;
  const headers = { "content-type": "application/json", ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
  return {
    name,
    edits: false,
    least,
    wants: isPush,
    send: async (alert) => {
      const { title, body } = asText(alert, words, MOST_CHARACTERS);
      return post(root, headers, JSON.stringify({ topic, title, message: body, priority: PRIORITY[alert.severity] }));
    },
  };
}
