import { botApiRoot } from "../shared/bot-api-root.ts";
import { RescueError } from "../shared/errors.ts";
import { asObject, type JsonObject } from "../shared/gateway-config.ts";
import { readIfThere } from "../shared/secure-file.ts";
import type { FactsOptions } from "./facts.ts";

/** What the person asked for. */
export interface SetupWishes {
  readonly profile: string;
  readonly port?: number;
  /** `none`: the person starts the gateway, for lack of a service manager or by choice. */
  readonly service: "managed" | "none";
  /** Copy the provider credentials that the host calls portable. */
  readonly inheritAuth?: boolean;
  /** A Telegram bot of the rescue's own. */
  readonly telegram?: TelegramWish;
  /** The host's onboarding holds the primary's configuration: it is returned changed, and not written by us. */
  readonly inHand?: NonNullable<FactsOptions["inHand"]>;
}

export interface TelegramWish {
  readonly botToken: string;
  /** Numeric ids of those who may talk to the bot. */
  readonly allowFrom: readonly string[];
  /** A Bot API server of one's own; undefined: the primary's, else Telegram's. */
  readonly apiRoot?: string;
}

/** What became of the first message to somebody who may use the bot; null: it arrived. */
export interface Greeting {
  readonly chat: string;
  readonly problem: string | null;
}

const BOT_TOKEN = /^\d{5,}:[A-Za-z0-9_-]{30,}$/;
const USER_ID = /^\d{1,20}$/;

/** Why this cannot be a bot's token, or undefined. */
export function objectionToBotToken(token: string): string | undefined {
  return BOT_TOKEN.test(token) ? undefined : "that is not a bot token: @BotFather gives one like 123456789:AA…";
}

/** Why these cannot be user ids, or undefined. */
export function objectionToUserIds(ids: readonly string[]): string | undefined {
  if (ids.length === 0) return "name at least one numeric Telegram user id (a message to @userinfobot tells yours)";
  const wrong = ids.find((id) => !USER_ID.test(id));
  // Not repeated: perhaps it is the token.
  return wrong === undefined ? undefined : "a Telegram user id is a number of at most 20 digits, and one of those is not";
}

/**
 * Two gateways that poll with one token take each other's messages (issues 69304, 56230). Throws `usage`; never repeats the token. The primary may have
 * its token in the configuration, in a file that this names, or in a variable.
 */
export function assertOwnBot(
  { botToken, allowFrom }: TelegramWish,
  primary: { profile: string; config: JsonObject },
  env: Readonly<Record<string, string | undefined>>,
): void {
  const objection = objectionToBotToken(botToken) ?? objectionToUserIds(allowFrom);
  if (objection !== undefined) throw new RescueError("usage", objection);
  if (botTokensOf(primary.config, env).includes(botToken)) {
    throw new RescueError("usage", `that bot is profile ${primary.profile}'s own: two gateways cannot poll with one token`, {
      fix: "make a second bot with @BotFather",
    });
  }
}

/** Who has a Bot API server of his own for the primary has it for the rescue too, unless he names another. */
export function withApiRoot(wishes: SetupWishes, primary: JsonObject): SetupWishes {
  const { apiRoot } = asObject(asObject(primary["channels"])["telegram"]);
  if (wishes.telegram === undefined || typeof apiRoot !== "string") return wishes;
  return { ...wishes, telegram: { apiRoot: botApiRoot(apiRoot), ...wishes.telegram } };
}

/** The tokens of all Telegram bots of a profile, as far as they can be read. */
export function botTokensOf(config: JsonObject, env: Readonly<Record<string, string | undefined>>): readonly (string | undefined)[] {
  const telegram = asObject(asObject(config["channels"])["telegram"]);
  const accounts = [telegram, ...Object.values(asObject(telegram["accounts"])).map(asObject)];
  return [env["TELEGRAM_BOT_TOKEN"], ...accounts.flatMap((account) => tokensOf(account, env))];
}

function tokensOf(account: JsonObject, env: Readonly<Record<string, string | undefined>>): (string | undefined)[] {
  const { botToken, tokenFile } = account;
  const variable = typeof botToken === "string" ? /^\$\{(\w+)\}$/.exec(botToken)?.[1] : undefined;
  return [
    typeof botToken === "string" ? botToken : undefined,
    variable === undefined ? undefined : env[variable],
    typeof tokenFile === "string" ? readIfThere(tokenFile)?.trim() : undefined,
  ];
}
