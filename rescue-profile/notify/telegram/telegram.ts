import { Api, GrammyError } from "grammy";
import { botApiRoot } from "../../../src/shared/bot-api-root.ts";
import type { Severity } from "../../core/event.ts";
import type { Alert, Receiver, Sent } from "../alert.ts";
import { asText } from "../as-text.ts";
import type { Words } from "../words.ts";

export interface TelegramOptions {
  readonly name: string;
  readonly token: string;
  readonly chat: number;
  /** Where the Bot API is; undefined: Telegram's own. */
  readonly apiRoot?: string;
  readonly least: Severity;
  readonly words: Words;
  /** Somebody reads this bot: a question gets buttons. */
  readonly isRead: boolean;
}

/** The Bot API's own limit is 4096. */
const MOST_CHARACTERS = 4_000;
const TIMEOUT_S = 20;
const GONE = /message to edit not found|message can't be edited|MESSAGE_ID_INVALID/i;
const SAME = /message is not modified/i;

/** One chat. A thread is one message that is changed; without any markup, so that nothing in a log line means anything to Telegram. */
export function telegramReceiver({ name, token, chat, apiRoot, least, words, isRead }: TelegramOptions): Receiver {
  const api = new Api(token, { timeoutSeconds: TIMEOUT_S, ...(apiRoot === undefined ? {} : { apiRoot: botApiRoot(apiRoot) }) });
  return {
    name,
    edits: true,
    least,
    send: async (alert, remote) => {
      const { title, body, isWhole } = asText(alert, words, MOST_CHARACTERS);
      const text = `${title}\n\n${body}`;
      // Nobody approves what he has not seen.
      const question = isRead && isWhole ? alert.question : undefined;
      const plain = { link_preview_options: { is_disabled: true }, ...(question === undefined ? {} : keyboardOf(question, words)) };
      try {
        if (remote === null) return { outcome: "sent", remote: String((await api.sendMessage(chat, text, plain)).message_id) };
        await api.editMessageText(chat, Number(remote), text, plain);
        return { outcome: "sent", remote };
      } catch (error) {
        return meaningOf(error, token);
      }
    },
  };
}

function keyboardOf({ approve, reject }: NonNullable<Alert["question"]>, { buttons }: Words) {
  const row = [
    { text: buttons.approve, callback_data: approve },
    { text: buttons.reject, callback_data: reject },
  ];
  return { reply_markup: { inline_keyboard: [row] } };
}

function meaningOf(error: unknown, token: string): Sent {
  // An error of the network may quote the address, which holds the token.
  if (!(error instanceof GrammyError)) return { outcome: "later", why: "Telegram cannot be reached" };
  const { error_code: code, parameters } = error;
  const description = error.description.replaceAll(token, "…");
  if (code === 400 && SAME.test(description)) return { outcome: "sent" };
  if (code === 400 && GONE.test(description)) return { outcome: "unknown-message" };
  if (code === 400) return { outcome: "refused", why: `Telegram: ${description}` };
  const afterS = parameters.retry_after;
  return { outcome: "later", why: `Telegram: ${code} ${description}`, ...(afterS === undefined ? {} : { afterMs: afterS * 1000 }) };
}
