import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CAUSES } from "../../../rescue-profile/core/causes.ts";
import type { IncidentSummary } from "../../../rescue-profile/journal/read.ts";
import { formatDuration } from "../../../src/shared/duration.ts";
import { RescueError } from "../../../src/shared/errors.ts";
import { ABOUT_INCIDENT, incidentFolder } from "../../../src/shared/incident-folder.ts";
import { watchdogDir } from "../../../src/shared/rescue-home.ts";
import { readIfThere } from "../../../src/shared/secure-file.ts";
import { type Call, type Command, printJson } from "../command.ts";
import { incidentNumber } from "../incident-number.ts";
import { withJournal } from "../journal.ts";
import { plainText } from "../render.ts";

export const incidentCommand: Command = {
  name: "incident",
  summary: "one incident: what was seen, what was done, how it ended",
  usage: "ID [--profile NAME] [--service-log] [--context | --report] [--json]",
  help: `
Shows an incident by its number (see \`history\`): the evidence, each repair with its steps, what people were told.

  --context       what an AI was shown of it, when one was asked: as it was sent, secrets replaced
  --report        writes it for whoever takes it over: one page with exact next steps, and one archive with the evidence; secrets replaced
  --service-log   also what the service manager's journal holds about the gateway, from a minute before until a minute after

Exit codes: 0 shown, or written; 2 no such incident; 9 the incident's folder is not ours alone; 10 the journal cannot be read;
11 the service manager cannot be asked.
`,
  options: { "service-log": { type: "boolean" }, context: { type: "boolean" }, report: { type: "boolean" } },
  words: 1,
  run: async (call) => {
    if (call.values["report"] === true) return report(call, incidentNumber(call, "incident"));
    const { readIncident } = await import("../../../rescue-profile/journal/read.ts");
    const id = incidentNumber(call, "incident");
    const incident = withJournal(call, (db) => readIncident(db, id));
    if (incident === undefined) throw new RescueError("usage", `there is no incident ${id}`, { fix: "list them with: history" });
    const serviceLog = call.values["service-log"] === true ? await serviceLogOf(call, incident) : undefined;
    const context = call.values["context"] === true ? contextOf(call, id) : undefined;
    if (context !== undefined && !call.json) {
      call.out(plainText(context));
      return 0;
    }
    if (call.json) {
      printJson(call, {
        ok: true,
        incident,
        ...(context === undefined ? {} : { context }),
        ...(serviceLog === undefined ? {} : { serviceLog }),
      });
      return 0;
    }
    const line = (text: string) => call.out(`${plainText(text)}\n`);
    const cause = Object.entries(CAUSES).find(([name]) => name === incident.cause)?.[1];
    call.out(`${call.style("bold", `Incident ${incident.id}: ${cause?.title ?? plainText(incident.cause)}`)}\n`);
    line(
      `first seen ${new Date(incident.firstSeenAt).toISOString()}, ${incident.outcome ?? "open"}${incident.durationMs === null ? "" : ` after ${formatDuration(incident.durationMs)}`}`,
    );
    for (const evidence of incident.evidence) line(`  seen: ${evidence}`);
    for (const repair of incident.repairs) {
      line(`repair ${repair.attempt} (tier ${repair.tier}, ${repair.cause}, by ${repair.requestedBy}): ${repair.outcome ?? "running"}`);
      for (const evidence of repair.evidence) if (!incident.evidence.includes(evidence)) line(`  because: ${evidence}`);
      for (const step of repair.steps) {
        line(
          `  ${step.name}: ${step.outcome ?? "begun"}${step.durationMs === null ? "" : ` in ${formatDuration(step.durationMs)}`}${step.detail === null ? "" : `, ${step.detail}`}`,
        );
      }
    }
    for (const { id: proposal, engine, asked, state, answer, actions } of incident.proposals) {
      line(
        `proposal ${proposal} (by ${engine ?? "nobody"}): ${state}${answer === null ? "" : `, ${answer}`}${actions === "" ? "" : `; steps: ${actions}`}`,
      );
      line(`  ${asked}`);
    }
    const kept = folderOf(call, id);
    if (keptIn(kept).length > 0) line(`what was replaced is kept in ${kept}`);
    for (const told of incident.told) line(`told (${told.severity}): ${told.text}`);
    for (const text of serviceLog ?? []) line(`  ${text}`);
    return 0;
  },
};

async function report(call: Call, incident: number): Promise<number> {
  for (const other of ["context", "service-log"])
    if (call.values[other] === true) throw new RescueError("usage", `--report holds what --${other} shows: give one of them`);
  const { openWatchdog } = await import("../../../rescue-profile/main.ts");
  const { writeReport } = await import("../../../rescue-profile/reporting.ts");
  const { profile, home, env, packageRoot } = call;
  const dog = await openWatchdog({ profile, home, env, packageRoot, what: "report", whatever: true });
  try {
    const written = await writeReport(dog, incident);
    if (call.json) printJson(call, { ok: true, report: written });
    else call.out(`${plainText(written.page)}\n${plainText(written.archive)}\n`);
    return 0;
  } finally {
    dog.journal.close();
  }
}

function folderOf({ profile, home, env }: Call, incident: number): string {
  return incidentFolder(watchdogDir(profile, home, env), incident);
}

const ABOUT: ReadonlySet<string> = new Set(Object.values(ABOUT_INCIDENT));

/** What a repair has replaced. */
function keptIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => !ABOUT.has(name)) : [];
}

function contextOf(call: Call, incident: number): string {
  const file = join(folderOf(call, incident), ABOUT_INCIDENT.context);
  const text = readIfThere(file);
  if (text === undefined)
    throw new RescueError("usage", `nobody was asked about incident ${incident}`, { fix: `proposal ${incident} --ask` });
  return text;
}

const MINUTE_MS = 60_000;
const LINES = 100;

async function serviceLogOf(call: Call, incident: IncidentSummary): Promise<readonly string[]> {
  const { readServiceLog } = await import("../../../rescue-profile/status.ts");
  const window = { fromMs: incident.firstSeenAt - MINUTE_MS, toMs: (incident.closedAt ?? Date.now()) + MINUTE_MS };
  return readServiceLog({ profile: call.profile, env: call.env }, window, LINES);
}
