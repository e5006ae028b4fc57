import { join } from "node:path";

/** Where everything about incidents lies, in a watchdog's directory. */
export function incidentsDir(dir: string): string {
  return join(dir, "incidents");
}

/** Where everything about one incident lies. */
export function incidentFolder(dir: string, incident: number): string {
  return join(incidentsDir(dir), String(incident));
}

/** What is written there about the incident; all else was replaced by a repair and is kept. */
export const ABOUT_INCIDENT = {
  /** What an AI was shown. */
  context: "context.txt",
  /** As it was when the incident was first reported: evidence is best fresh. Not the diagnosis's own, which says what an AI was shown. */
  evidence: "evidence.txt",
  page: "report.md",
  archive: "report.tar.gz",
  /** The directory in which a program is asked. */
  engine: "engine",
} as const;
