import { PERSONS } from "./secret-shapes.ts";

/** Whose machine it is. */
export interface Owner {
  readonly home: string;
  /** The account's name; empty: unknown. */
  readonly user: string;
}

/** Names that many accounts have say nothing about anybody, and are words besides. */
const COMMON_USERS = /^(?:root|user|admin|node|openclaw|ubuntu|debian|pi|gateway|service|daemon)$/i;

/** What puts these words in place of people's numbers and addresses and of the account's name, and `~` in place of the home directory. Pure. */
export function namesHidden({ home, user }: Owner, say: { readonly person: string; readonly user: string }): (text: string) => string {
  const literal = (name: string) => name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const at = home.replace(/[\\/]+$/, "");
  const isNobodys = user.length < 3 || COMMON_USERS.test(user);
  const hidden: readonly (readonly [RegExp, string])[] = [
    ...PERSONS.map((person) => [person, say.person] as const),
    ...(at.length < 2 ? [] : [[new RegExp(`(?<![\\w.-])${literal(at)}(?![\\w-])`, "g"), "~"] as const]),
    ...(isNobodys ? [] : [[new RegExp(`(?<![A-Za-z0-9])${literal(user)}(?![A-Za-z0-9])`, "g"), say.user] as const]),
  ];
  return (text) => hidden.reduce((shown, [name, instead]) => shown.replaceAll(name, instead), text);
}
