/**
 * The address of a Bot API server as the library wants it. The host also takes one with a slash at its end or with `/bot<TOKEN>`: that token is not ours to keep, and no
 * error is to quote it.
 */
export function botApiRoot(text: string): string {
  return text
    .trim()
    .replace(/\/+$/, "")
    .replace(/\/bot[^/]*$/, "")
    .replace(/\/+$/, "");
}
