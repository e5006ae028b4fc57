import { messageOf, systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";

export function seen<T>(value: T): Reading<T> {
  return { ok: true, value };
}

/** "Could not look", with the reason. Never a statement about the gateway. */
export function unseen(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}

/** The reason in a system error's own words (`EACCES reading /path`), for evidence. Other errors are bugs and thrown on. */
export function unseenBecause(error: unknown, doing: string): { readonly ok: false; readonly why: string } {
  const code = systemErrorCode(error);
  if (code === undefined) throw error;
  return unseen(`${code} ${doing}`);
}

/** Bounds a look that could hang, such as a service manager that does not answer. A rejection becomes its reason. */
export async function within<T>(timeoutMs: number, what: string, look: () => Promise<Reading<T>>): Promise<Reading<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reading<T>>((resolve) => {
    timer = setTimeout(() => resolve(unseen(`${what} did not answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    return unseen(`${what}: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}
