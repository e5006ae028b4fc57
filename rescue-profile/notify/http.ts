import { messageOf, systemErrorCode } from "../../src/shared/errors.ts";
import type { Sent } from "./alert.ts";

const TIMEOUT_MS = 10_000;
/** Told to come again, or too busy. */
const COME_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);

/** One POST, and what its answer means: 2xx taken, 408, 425, 429 and 5xx later, any other refused. Never rejects; never repeats what it sent. */
export async function post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Sent> {
  let answer: Response;
  try {
    // What it is redirected to was not allowed by anybody.
    answer = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    await answer.body?.cancel();
  } catch (error) {
    return { outcome: "later", why: reasonOf(error) };
  }
  const { status } = answer;
  if (answer.ok) return { outcome: "sent" };
  if (status < 500 && !COME_AGAIN.has(status)) return { outcome: "refused", why: `HTTP ${status}` };
  const seconds = Number(answer.headers.get("retry-after"));
  return { outcome: "later", why: `HTTP ${status}`, ...(seconds > 0 ? { afterMs: seconds * 1000 } : {}) };
}

/** By its code where it has one: a message may hold the address, and an address a secret. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = systemErrorCode(cause) ?? systemErrorCode(error);
  if (code !== undefined) return code;
  return error instanceof Error && error.name === "TimeoutError"
    ? `no answer within ${TIMEOUT_MS / 1000} s`
    : `not sent (${nameOf(error)})`;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : messageOf(error);
}
