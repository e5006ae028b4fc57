import { RescueError } from "../../src/shared/errors.ts";
import type { Call } from "./command.ts";

/** The first word of a command that speaks of an incident. Throws `usage` for anything but a decimal number. */
export function incidentNumber({ positionals: [given = ""] }: Call, command: string): number {
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new RescueError("usage", `${command} wants a number, as \`history\` shows it`);
  return Number(given);
}
