import { PERSONS } from "./secret-shapes.ts";

/** Whose machine it is. */
export interface Owner {
  readonly home: string;
  /** The account's name; empty: unknown. */
  readonly user: string;
}

/** Names that many accounts have say nothing about anybody, and are words besides. */
const COMMON_USERS = /^(?:root|user|admin|node|openclaw|ubuntu|debian|pi|gateway|service|daemon)$/i;

/** The text with these words instead of people's numbers and addresses and of the account's name, and `~` instead of the home directory. Pure. */
export function withoutNames(text: string, { home, user }: Owner, say: { readonly person: string; readonly user: string }): string {
  const literal = (name: string) => name.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
  const at = home.replace(/[\\/]+$/, "");
  const nobody = PERSONS.reduce((shown, person) => shown.replaceAll(person, say.person), text);
  const homeless = at.length < 2 ? nobody : nobody.replaceAll(new RegExp(`(?<![\\w.-])${literal(at)}(?![\\w-])`, "g"), "~");
  if (user.length < 3 || COMMON_USERS.test(user)) return homeless;
  return homeless.replaceAll(new RegExp(`(?<![A-Za-z0-9])${literal(user)}(?![A-Za-z0-9])`, "g"), say.user);
}
