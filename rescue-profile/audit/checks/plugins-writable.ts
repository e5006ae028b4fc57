import type { Check } from "../finding.ts";
import { judged } from "../judging/answer.ts";
import { quotedPath } from "../judging/plugin-ids.ts";

const EVERYBODY_WRITES = 0o002;
const OTHERS_WRITE = 0o022;

/** The host blocks a plugin that everybody may write; what only its group may write it takes. */
export const pluginsWritable: Check = {
  id: "plugins-writable",
  group: "plugins",
  question: "Are the plugins from outside safe from being rewritten by other accounts?",
  look: async (facts) =>
    judged(await facts.plugins(), ({ writable }) =>
      writable
        .filter(({ mode }) => (mode & EVERYBODY_WRITES) !== 0)
        .map(({ path, mode }) => {
          const quoted = quotedPath(path);
          return {
            subject: path,
            severity: "warning",
            title: "Everybody on this machine may rewrite a plugin, and the host blocks such a plugin",
            evidence: [{ fact: `its mode is ${mode.toString(8).padStart(4, "0")}`, from: path }],
            cure: { text: "Leave writing to its owner", commands: quoted === undefined ? [] : [`chmod go-w ${quoted}`] },
            fix: { kind: "narrow-mode", path, mode: mode & ~OTHERS_WRITE },
          };
        }),
    ),
};
