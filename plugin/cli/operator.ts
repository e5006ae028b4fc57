import { userInfo } from "node:os";
import { systemErrorCode } from "../../src/shared/errors.ts";

/** Who asks, for the journal: the account's name, or its number where the machine has no account for it (many containers). */
export function operator(): string {
  try {
    return userInfo().username;
  } catch (error) {
    if (systemErrorCode(error) !== "ERR_SYSTEM_ERROR") throw error;
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
