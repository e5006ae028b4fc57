import { statSync } from "node:fs";
import path from "node:path";
import type { DefinitionReading } from "../../src/service-installers/installer.ts";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import { seen, unseen, unseenBecause } from "./reading.ts";

/** What the service starts and is not there: its program, and the scripts before the first word of the command. A link into nothing counts. */
export function readMissingPrograms(definition: DefinitionReading | null): Reading<readonly string[]> {
  if (definition === null) return unseen("the service's definition is not known");
  try {
    return seen(programsOf(definition.argv).filter((file) => !isThere(file)));
  } catch (error) {
    return unseenBecause(error, "looking for the programs of the service");
  }
}

function programsOf(argv: readonly string[]): readonly string[] {
  const words = argv.findIndex((argument) => !path.isAbsolute(argument) && !argument.startsWith("-"));
  return (words < 0 ? argv : argv.slice(0, words)).filter((argument) => path.isAbsolute(argument));
}

function isThere(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT" || systemErrorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}
