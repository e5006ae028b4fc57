import type { Check, Problem } from "../finding.ts";
import { judged } from "../judging/answer.ts";

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;

export const configPermissions: Check = {
  id: "config-permissions",
  group: "gateway",
  question: "Can only this account read and change the configuration, with the secrets in it?",
  look: async (facts) => judged(await facts.configModes(), (files) => files.filter(({ mode }) => (mode & OTHERS) !== 0).map(problemOf)),
};

function problemOf({ path, mode }: { readonly path: string; readonly mode: number }): Problem {
  const writable = (mode & OTHERS_WRITE) !== 0;
  const left = mode & ~OTHERS;
  return {
    subject: path,
    severity: writable ? "critical" : "warning",
    title: writable ? "Other accounts may change the gateway's configuration" : "Other accounts may read the gateway's configuration",
    evidence: [{ fact: `its mode is ${octal(mode)}`, from: path }],
    cure: {
      text: `Take the permissions of others away: ${octal(left)} is what remains.`,
      commands: [`chmod ${octal(left)} ${quoted(path)}`],
    },
    fix: { kind: "narrow-mode", path, mode: left },
  };
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, "0");
}

/** For a POSIX shell. */
function quoted(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
