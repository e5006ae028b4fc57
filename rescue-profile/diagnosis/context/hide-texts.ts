import { cut } from "../../../src/shared/cut.ts";
import type { ContextOptions } from "./build.ts";
import { seenText } from "./clean.ts";
import { Hiding, withPlaceholders } from "./hiding.ts";
import { namesHidden, type Owner } from "./names.ts";
import { maskedOut, secretPieces, shapedSecrets } from "./secret-shapes.ts";

/** What is longer is no line, and is cut before anything is looked for in it. */
const LONGEST = 8_000;
const WITHHELD = "(withheld: it has the shape of a secret, and there are too many)";
/** What was hidden before, in an earlier context. */
const HIDDEN = /<(?:secret(?:-\d+)?|person|user)>/;

/** What has the shape of a secret in one of the texts, as in a diagnosis's context. Pure. */
export function secretsAmong(texts: readonly string[], { mask }: Pick<ContextOptions, "mask">): readonly string[] {
  const lines = [...new Set(texts)].flatMap((text) => seenText(cut(text, LONGEST)).split("\n"));
  const found = [
    ...shapedSecrets(lines.join("\n")),
    ...lines.flatMap((line) => (mask === undefined ? [] : (maskedOut(line, mask) ?? [line]))),
  ];
  return found.flatMap((secret) => secretPieces(secret, HIDDEN));
}

/** What puts `<secret-1>` in place of each of these secrets, `<person>` for people's numbers and addresses, `~` for the home directory and `<user>` for the account's name. */
export function hideTexts(owner: Owner, secrets: readonly string[]): (text: string) => string {
  const known = new Hiding();
  const nameless = namesHidden(owner, { person: "<person>", user: "<user>" });
  // Beyond its bound it learns none.
  const isFull = secrets.map((secret) => known.hide(secret)).some((placeholder) => withPlaceholders(placeholder) === "<secret>");
  const hidden = (text: string) => {
    const covered = known.cover(seenText(text.slice(0, LONGEST)));
    // The last word may be what is left of a secret in a form in which its beginning is not known.
    const whole = text.length <= LONGEST ? covered : covered.replace(/\S+$/, "…");
    if (isFull && shapedSecrets(whole).length > 0) return WITHHELD;
    return withPlaceholders(nameless(whole));
  };
  // A log has the same names in every line.
  const before = new Map<string, string>();
  return (text) => {
    const shown = before.get(text) ?? hidden(text);
    before.set(text, shown);
    return shown;
  };
}
