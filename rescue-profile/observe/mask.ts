const MASK = "***";
const MAX_LENGTH = 300;

/** What looks like a secret, most telling first; a capture group is what stays in front of it. Paths and UUIDs are left readable. */
const SECRETS: readonly RegExp[] = [
  /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/:]*:[^\s/]+(?=@)/gi,
  /(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi,
  /(\b(?:set-)?cookie:\s*)[^\r\n]+/gi,
  /([?&][\w-]*(?:key|sig|signature|auth|code|token|secret)=)[^\s&#"']{6,}/gi,
  /(\b[\w-]*(?:token|secret|password|passwd|api[_-]?key|authorization)["']?\s*[:=]\s*["']?)(?!\*\*\*)[^\s"',;)}]{6,}/gi,
  /(\bAPI key provided:\s*)[^\s*]+/gi,
  // Bot tokens of Telegram, which follow `bot` in its addresses; keys of the model providers, GitHub, Slack, AWS.
  /()(?<!\d)\d{6,12}:[\w-]{30,}/g,
  /()\b(?:sk|pk|rk|xai|gsk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|AIza|AKIA)[-_]?[\w-]{16,}/g,
  /()\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /()\b[0-9a-f]{32,}\b/gi,
  // Base64 by its mixture: what has capitals, small letters and digits in one run of this length is no word.
  /()\b(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*\d)[\w+-]{40,}={0,2}/g,
];

/** A line of somebody's log as it may be shown: secrets masked first, so that none is cut in half, white space folded, 300 characters. */
export function showable(line: string): string {
  const masked = maskSecrets(line).replaceAll(/\s+/g, " ").trim();
  return masked.length <= MAX_LENGTH ? masked : `${masked.slice(0, MAX_LENGTH - 1)}…`;
}

export function maskSecrets(text: string): string {
  return SECRETS.reduce((masked, pattern) => masked.replaceAll(pattern, (_, before: string) => `${before}${MASK}`), text);
}
