import { buildContext, type Context, type ContextOptions, type ContextParts } from "../../../rescue-profile/diagnosis/context/build.ts";
import { maskSecrets } from "../../../rescue-profile/observe/mask.ts";

export const BOUNDARY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

export const lines = (...value: readonly string[]) => ({ ok: true, value }) as const;

export function contextOf(parts: Partial<ContextParts>, options: Partial<ContextOptions> = {}): Context {
  const empty: ContextParts = {
    wallMs: 1_700_000_000_000,
    versions: {},
    classification: null,
    attempts: [],
    gatewayLog: lines(),
    managerLog: lines(),
    processes: lines(),
    listeners: lines(),
    disk: lines(),
    memory: lines(),
    config: { ok: true, value: {} },
  };
  return buildContext({ ...empty, ...parts }, { boundary: BOUNDARY, home: "/home/alice", user: "alice", mask: maskSecrets, ...options });
}

/** The lines of one part, without its margin. */
export function partOf(context: Context, name: string): readonly string[] {
  const [, after = ""] = context.text.split(`DATA-${BOUNDARY} ${name}: `);
  const [body = ""] = after.split(`\nEND-${BOUNDARY}`);
  return body
    .split("\n")
    .slice(1)
    .map((line) => line.replace(/^\| /, ""));
}
