import { closeSync, constants, fstatSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { RescueError } from "../../../src/shared/errors.ts";
import { assertOwnDirectory } from "../../../src/shared/secure-file.ts";
import { code, fenced, prose } from "../as-markdown.ts";
import type { Finding } from "../finding.ts";
import type { Plan } from "../fixing.ts";

// The evidence log, as an operator keeps it: what was seen, decided, done and answered, in the order in which it happened.

/**
 * `audit-YYYYMMDD.md` (UTC) in a directory of ours. Each note is on the disk when `note` has returned. Throws `refused` for a directory that others can write to, and for
 * a link or anything else but a file of ours.
 */
export function evidenceLog(
  directory: string,
  profile: string,
  nowMs: number,
): { readonly path: string; note(text: string): Promise<void> } {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const path = join(directory, `audit-${day.replaceAll("-", "")}.md`);
  return {
    path,
    async note(text) {
      assertOwnDirectory(directory);
      const fd = openSync(
        path,
        constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK,
        0o600,
      );
      try {
        const stat = fstatSync(fd);
        if (!stat.isFile() || stat.nlink !== 1)
          throw new RescueError("refused", `${path} is no plain file of ours`, { fix: `look at ${path}` });
        const bytes = Buffer.from(stat.size === 0 ? `# Audit of profile ${code(profile)}, ${day}\n${text}` : text);
        for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    },
  };
}

export function heading(finding: Finding, atMs: number): string {
  const { id, subject, severity, title, evidence } = finding;
  const name = subject === "" ? code(id) : `${code(id)} ${code(subject)}`;
  const facts = evidence.map(({ fact, from }) => `- ${prose(fact)} (${code(from)})`);
  return `\n## ${clock(atMs)} ${severity}: ${prose(title)}\n\n${name}\n\n${facts.join("\n")}\n`;
}

export function described(plan: Plan, atMs: number): string {
  const commands = plan.commands.length === 0 ? [] : ["", fenced(plan.commands.join("\n"), "sh")];
  const files = plan.files.flatMap(({ path, text }) => ["", `${code(path)}:`, "", fenced(text)]);
  return [entry(atMs, "decided", plan.what).trimEnd(), ...commands, ...files, "", `To undo by hand: ${prose(plan.undoByHand)}`, ""].join(
    "\n",
  );
}

export function applied(output: string, atMs: number): string {
  return `${entry(atMs, "applied", "checking again now")}${output.trim() === "" ? "" : `\n${fenced(output)}\n`}`;
}

export function entry(atMs: number, what: string, said: string): string {
  return `\n${clock(atMs)} **${what}** ${prose(said)}\n`;
}

function clock(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 19);
}
