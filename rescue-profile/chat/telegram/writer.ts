import { Api, GrammyError, HttpError, InputFile } from "grammy";
import { botApiRoot } from "../../../src/shared/bot-api-root.ts";
import { cut } from "../../../src/shared/cut.ts";
import { messageOf, RescueError } from "../../../src/shared/errors.ts";
import { MOST_CHARACTERS, type Reply } from "../talk.ts";

export interface Bot {
  readonly token: string;
  /** Where the Bot API is; undefined: Telegram's own. */
  readonly apiRoot?: string;
}

/** Sends and changes messages of one bot; does not read, so that whoever reads it is not disturbed. */
export interface Writer {
  /** The first answer is a message of its own, or takes the place of `message`; each further one takes the place of the one before. */
  write(chat: number, answers: AsyncIterable<Reply>, message?: number): Promise<void>;
  /** What went wrong, as a sentence without the token. */
  troubleOf(error: unknown): string;
}

/** The Bot API's own limit is 1024. */
const MOST_UNDER_PICTURE = 1_000;
const TIMEOUT_S = 20;

/** Without any markup, so that nothing in a log line means anything to Telegram. */
export function telegramWriter({ token, apiRoot }: Bot): Writer {
  const api = new Api(token, { timeoutSeconds: TIMEOUT_S, ...(apiRoot === undefined ? {} : { apiRoot: botApiRoot(apiRoot) }) });
  return {
    write: async (chat, answers, message) => {
      let at = message;
      for await (const reply of answers) at = await show(api, chat, reply, at);
    },
    troubleOf: (error) => troubleOf(error).replaceAll(token, "…"),
  };
}

function troubleOf(error: unknown): string {
  if (error instanceof RescueError) return error.message;
  // Its message may quote the address, which holds the token.
  if (error instanceof HttpError) return "Telegram cannot be reached";
  if (!(error instanceof GrammyError)) return `an answer could not be given: ${messageOf(error)}`;
  if (error.error_code === 409)
    return "another program reads this bot's messages (409): one token has one reader; give the watchdog a bot of its own";
  if (error.error_code === 401 || error.error_code === 404) return `Telegram does not know this token (${error.error_code})`;
  return `Telegram: ${error.error_code} ${error.description}`;
}

/** Returns the number of the message. */
async function show(api: Api, chat: number, { text, buttons, picture, file }: Reply, message: number | undefined): Promise<number> {
  const keyboard = buttons.map((row) => row.map(({ label, name }) => ({ text: label, callback_data: name })));
  const markup = keyboard.length === 0 ? {} : { reply_markup: { inline_keyboard: keyboard } };
  const words = cut(text, MOST_CHARACTERS);
  const options = { link_preview_options: { is_disabled: true }, ...markup };
  if (file !== undefined) {
    const caption = cut(text, MOST_UNDER_PICTURE);
    return (await api.sendDocument(chat, new InputFile(file.content, file.name), { caption, ...markup })).message_id;
  }
  if (message === undefined) {
    const shown = picture === undefined ? undefined : await withPicture(api, chat, picture, text, markup);
    return shown ?? (await api.sendMessage(chat, words, options)).message_id;
  }
  try {
    await api.editMessageText(chat, message, words, options);
  } catch (error) {
    if (!(error instanceof GrammyError) || !/not modified/.test(error.description)) throw error;
  }
  return message;
}

/** Undefined: Telegram does not take pictures in this chat; the words say the same. */
async function withPicture(
  api: Api,
  chat: number,
  picture: Uint8Array,
  text: string,
  markup: NonNullable<Parameters<Api["sendPhoto"]>[2]>,
): Promise<number | undefined> {
  try {
    const caption = cut(text, MOST_UNDER_PICTURE);
    return (await api.sendPhoto(chat, new InputFile(picture, "history.png"), { caption, ...markup })).message_id;
  } catch (error) {
    if (!(error instanceof GrammyError) || error.error_code !== 400) throw error;
    return undefined;
  }
}
