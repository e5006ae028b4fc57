const SECRET_KEY = /token|secret|password|passwd|api_?key|credential|private_?key|cookie|authorization/i;
/** A shorter one cannot be told from ordinary words. */
const SHORTEST = 6;
/** What only names where it is. */
const REFERENCE = /^\$\{[A-Z_][A-Z0-9_]*\}$/;

/** The values at the keys of secrets in a configuration, the longest first, so that none is left over of another. They are for masking, and go nowhere else. */
export function secretsIn(config: unknown): readonly string[] {
  const found = new Set<string>();
  collect(config, false, found);
  return [...found].sort((a, b) => b.length - a.length);
}

function collect(value: unknown, secret: boolean, found: Set<string>): void {
  if (typeof value === "string") {
    if (secret && value.length >= SHORTEST && !REFERENCE.test(value)) found.add(value);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  // A reference ({source, provider, id}) says where a secret is, and is none.
  if ("source" in value && "id" in value) return;
  for (const [key, inner] of Object.entries(value)) collect(inner, SECRET_KEY.test(key) || (secret && Array.isArray(value)), found);
}
