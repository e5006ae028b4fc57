import { homedir } from "node:os";
import type { HostDoor } from "../../rescue-profile/main.ts";
import { messageOf } from "../../src/shared/errors.ts";
import { type Logger, watchedProfile } from "../service/watching.ts";

/** As the host hands it to a command's handler; `from` is `telegram:CHAT`, of a group something longer. */
export interface Command {
  readonly senderId: string | undefined;
  readonly from: string | undefined;
  readonly text: string;
  /** The host has this sender on its list. */
  readonly isKnown: boolean;
}

/** Of what the host hands to a Telegram handler, what is looked at. */
export interface Press {
  readonly senderId?: string;
  readonly isGroup: boolean;
  readonly callback: { readonly namespace: string; readonly payload: string; readonly messageId: number; readonly chatId: string };
}

/** A reply for the host to give; `suppressReply`: we have answered ourselves. */
interface Reply {
  readonly text?: string;
  readonly suppressReply?: boolean;
}

interface Answering {
  readonly command: (command: Command) => Promise<Reply>;
  readonly press: (press: Press) => { readonly handled: true };
}

/** The door of this process: it keeps the buttons that were sent. */
let opened: Promise<HostDoor> | undefined;

/** Answers go out by the same bot, without the host's Markdown, so that both doors say the same and a log line is shown as it stands. */
export async function answeringFor(settings: unknown, packageRoot: string | undefined, logger: Logger): Promise<Answering> {
  let door: HostDoor;
  try {
    opened ??= open(settings, packageRoot);
    door = await opened;
  } catch (error) {
    opened = undefined;
    const why = `the watchdog cannot answer: ${messageOf(error)}`;
    logger.error(why);
    // Who may speak is not known either: a stranger is to hear nothing.
    return { command: async ({ isKnown }) => (isKnown ? { text: why } : { suppressReply: true }), press: () => ({ handled: true }) };
  }
  return {
    command: async ({ senderId, from, text }) => {
      const id = Number(senderId);
      const isPrivate = from === `telegram:${senderId}`;
      const chat = isPrivate ? id : Number(/-\d+/.exec(from ?? "")?.[0]);
      if (!Number.isSafeInteger(id) || !Number.isSafeInteger(chat)) return { suppressReply: true };
      await door.command({ id, chat: isPrivate ? "private" : "group", isBot: false }, chat, text);
      return { suppressReply: true };
    },
    press: ({ senderId, isGroup, callback }) => {
      const [id, chat] = [Number(senderId), Number(callback.chatId)];
      const sender = { id, chat: isGroup ? "group" : "private", isBot: false } as const;
      if (Number.isSafeInteger(id)) door.press(sender, chat, `${callback.namespace}:${callback.payload}`, callback.messageId);
      return { handled: true };
    },
  };
}

/** The gateway ends, or begins anew in the same process with other settings. */
export async function closeDoor(): Promise<void> {
  const closing = opened;
  opened = undefined;
  // One that could not be opened has said so.
  const [door] = closing === undefined ? [] : await Promise.allSettled([closing]);
  if (door?.status === "fulfilled") await door.value.close();
}

async function open(settings: unknown, packageRoot: string | undefined): Promise<HostDoor> {
  const { openHostDoor, openWatchdog } = await import("../../rescue-profile/main.ts");
  const profile = watchedProfile(settings);
  if (profile === undefined) throw new Error("no profile is watched");
  // Whatever is wrong with the watched profile: that is when somebody asks.
  const options = { profile, home: homedir(), env: process.env, what: "chat", fromPlugin: settings, packageRoot, whatever: true };
  const dog = await openWatchdog(options);
  try {
    return await openHostDoor(dog);
  } catch (error) {
    dog.journal.close();
    throw error;
  }
}
