/** As packages and plugins are named; nothing that ends a quoted word. */
const PLUGIN = /^@?[a-z0-9][\w./-]{0,99}$/i;
const PATH = /^\/[^'\p{Cc}]+$/u;

export function isSafePlugin(id: string): boolean {
  return PLUGIN.test(id);
}

/** A path as a shell takes it whole; undefined: not without tricks. */
export function quotedPath(path: string): string | undefined {
  if (!PATH.test(path)) return undefined;
  return /^[\w./@-]+$/.test(path) ? path : `'${path}'`;
}
