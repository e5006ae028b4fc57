/** What a secret looks like wherever it stands. `before` is kept by a look-behind, so that a match is the secret and nothing else. */
interface Shape {
  readonly name: string;
  readonly at: RegExp;
  /** Looks again at what matched. */
  readonly also?: (found: string) => boolean;
}

/** Has capitals, small letters and digits, and no long word in it: paths and names have words. */
const mixed = (found: string) => /[a-z]/.test(found) && /[A-Z]/.test(found) && /\d/.test(found) && !/[a-z]{9}/.test(found.slice(0, 120));

/**
 * The shapes that the host's docs name for its channels and providers (2026.9.6), most telling first, and the ways in which logs and command lines hold them. What observe/mask.ts
 * knows comes in besides, as `mask`.
 */
export const SHAPES: readonly Shape[] = [
  { name: "PEM", at: /-----BEGIN [A-Z0-9 ]+-----(?:(?!-----BEGIN)[\s\S]){0,20000}?-----END [A-Z0-9 ]+-----/g },
  { name: "PEM without its end", at: /-----BEGIN [A-Z0-9 ]*(?:KEY|CERTIFICATE)[A-Z0-9 ]*-----(?:\s|\\[nr]|[A-Za-z0-9+/=]){0,20000}/g },
  { name: "password in a URL", at: /(?<=\b[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@"'<>]{0,64}:)[^\s/"'<>]+(?=@)/gi },
  { name: "a user's token in a URL", at: /(?<=\bhttps?:\/\/)[^\s/@:"'<>]{8,}(?=@)/gi },
  { name: "webhook", at: /(?<=\bhooks\.slack\.com\/(?:services|workflows|triggers)\/)[\w/-]{10,}/gi },
  { name: "webhook", at: /(?<=\bdiscord(?:app)?\.com\/api\/(?:v\d+\/)?webhooks\/)\d+\/[\w-]+/gi },
  {
    name: "webhook",
    at: /(?<=\b(?:webhook\.office\.com|logic\.azure\.com|open\.feishu\.cn\/open-apis\/bot|open\.larksuite\.com\/open-apis\/bot)[^\s"']{0,20}\/)[^\s"'<>]{16,}/gi,
  },
  {
    name: "parameter of a URL",
    at: /(?<=[?&;](?:[\w-]{0,40}(?:key|sig|signature|auth|code|token|secret|password|passwd|credential|session|sas|jwt))=)[^\s&#"'<>]{6,}/gi,
  },
  { name: "authorization", at: /(?<=\b(?:bearer|basic|bot|token|digest|apikey|negotiate)\s{1,3})(?=[^\s]*[\d._~+/=-])[\w.~+/=:-]{8,}/gi },
  { name: "authorization", at: /(?<=\b(?:proxy-)?authorization["']?\s{0,3}[:=]\s{0,3}["']?(?:[a-z]{3,12}\s)?)[\w.~+/=:-]{6,}/gi },
  { name: "cookie", at: /(?<=\b(?:set-)?cookie["']?\s{0,3}:\s{0,3}["']?)[^\r\n"']{6,}/gi },
  {
    name: "named",
    at: /(?<=(?:token|secret|passw(?:or)?d|passphrase|passcode|api[_-]?key|private[_-]?key|access[_-]?key|auth[_-]?key|session[_-]?key|signing[_-]?key|encrypt[_-]?key|credentials?|authorization|cookie|nsec)[\w-]{0,20}\\{0,6}["']?\s{0,3}[:=]\s{0,3}\\{0,6}["']?)(?!\$\{|true\b|false\b|null\b|undefined\b|none\b|missing\b|required\b|invalid\b)[^\s"',;)}\]\\]{6,}/gi,
  },
  {
    name: "argument",
    at: /(?<=(?:^|\s)--?[\w-]{0,40}(?:token|secret|password|passwd|passphrase|api-?key|access-?key|private-?key|auth|credential|cookie)[\w-]{0,20}[ =]["']?)(?![-$])[^\s"']{6,}/gi,
  },
  { name: "key in the provider's words", at: /(?<=\bAPI key provided:\s{0,3})[^\s*]{4,}/gi },
  { name: "bot token of Telegram", at: /(?<!\d)\d{6,12}(?::|%3a)[\w-]{30,}/gi },
  { name: "bot token of Discord", at: /(?<![\w.-])[\w-]{23,30}\.[\w-]{6,7}\.[\w-]{27,}/g, also: mixed },
  {
    name: "key by its prefix",
    at: /(?<![A-Za-z0-9])(?:sk|pk|rk|xai|gsk|ghp|gho|ghs|ghu|ghr|github_pat|glpat|gldt|xox[abeprs]|xapp|AIza|AKIA|ASIA|hf|nvapi|pplx|tvly|fc|r8|ya29|whsec|npm|dop_v1|shpat|syt|mat|nsec1|tgp|csk|jina|lin_api|secret|ntn|figd|sgp|SG|EAA|bce-v3|fpk|fw|ABSK|ocw|cf)[-_.]?(?=[\w.-]*\d)[\w-]{16,}(?:\.[\w-]{4,})*/g,
  },
  { name: "JWT", at: /\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}/g },
  { name: "nostr key", at: /\bnsec1[02-9ac-hj-np-z]{20,}/g },
  { name: "hex", at: /(?<![0-9a-z])(?:0x)?[0-9a-f]{32,}(?![0-9a-z])/gi },
  // A digest's first words in base64 have slashes; a path has words.
  { name: "base64", at: /(?<![\w+/=.-])[\w+/-]{40,}={0,2}(?![\w+/-])/g, also: (found) => mixed(found) || /={1,2}$/.test(found) },
  { name: "base64", at: /(?<![\w+=-])(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*\d)[\w+-]{40,}={0,2}/g },
];

/** A person's number or address: no secret, and nothing that a diagnosis needs. */
export const PERSONS: readonly RegExp[] = [/(?<![\w.+-])\+\d{8,15}(?!\d)/g, /\b[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}\b/gi];

/** Every secret that the text shows by its shape. */
export function shapedSecrets(text: string): string[] {
  return SHAPES.flatMap(({ at, also }) =>
    [...text.matchAll(at)].map(([found]) => found).filter((found) => also === undefined || also(found)),
  );
}

/**
 * What `mask` (observe's maskSecrets, which puts *** in place of a secret) takes out of a text. Undefined when the two cannot be laid side by side; the masked text then stands
 * for the text.
 */
export function maskedOut(text: string, mask: (text: string) => string): readonly string[] | undefined {
  const masked = mask(text);
  if (masked === text) return [];
  const [first = "", ...rest] = masked.split("***");
  if (!text.startsWith(first)) return undefined;
  const found: string[] = [];
  let at = first.length;
  for (const [index, piece] of rest.entries()) {
    const last = index === rest.length - 1;
    const next = last ? text.length - piece.length : piece === "" ? -1 : text.indexOf(piece, at + 1);
    if (next < at || !text.startsWith(piece, next)) return undefined;
    found.push(text.slice(at, next));
    at = next + piece.length;
  }
  return found;
}

/** No secret is a reference, a path, or what only joins two. */
const NONE = /^\$\{\w*\}?$|^~?(?:\/[\w.-]+){2,}\/?$/;

/** What of it is a secret: not the placeholders that stand there already. Pure. */
export function secretPieces(secret: string, placeholder: RegExp): readonly string[] {
  return secret
    .split(placeholder)
    .map((piece) => piece.trim())
    .filter((piece) => piece.length >= 4 && !NONE.test(piece));
}
