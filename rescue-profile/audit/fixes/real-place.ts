import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Where something really lies: links above it are followed, so that the guard judges the true place; a link in its own place is not. */
export function realPlace(path: string): string {
  return join(realpathSync(dirname(path)), basename(path));
}
