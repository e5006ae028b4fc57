import { RescueError } from "../../../src/shared/errors.ts";
import { type Command, printJson } from "../command.ts";
import { plainText } from "../render.ts";

export const alertsCommand: Command = {
  name: "alerts",
  summary: "who is told, and what they have not heard yet; `alerts test` sends each a message",
  usage: "[test] [--profile NAME] [--json]",
  help: `
Whom the settings name (alerts.telegram, alerts.webhooks, alerts.ntfy, alerts.exec), how many incidents and warnings each has still to hear of, and why
the last attempt failed. Whoever watches tells them; a receiver that is new hears what happens from now on.

  test   send each a message now, past everything that waits

Exit codes: 0 nobody waits, or the test has arrived everywhere; 1 somebody could not be told; 2 nobody is named, or a wrong word; 4 or 5 a secret's file.
`,
  options: {},
  words: 1,
  run: async (call) => {
    const [word] = call.positionals;
    if (word !== undefined && word !== "test")
      throw new RescueError("usage", `alerts knows no ${JSON.stringify(word)}`, { fix: "alerts test" });
    const { alertStatus, alertTest, openWatchdog } = await import("../../../rescue-profile/main.ts");
    const { profile, home, env, packageRoot } = call;
    const dog = await openWatchdog({ profile, home, env, packageRoot, what: "alerts", whatever: true });
    try {
      if (word === "test") {
        const results = await alertTest(dog);
        if (results.length === 0) throw nobody();
        if (call.json) printJson(call, { ok: true, results });
        else
          for (const { receiver, sent } of results)
            call.out(`${receiver}: ${sent.outcome}${"why" in sent ? ` (${plainText(sent.why)})` : ""}\n`);
        return results.every(({ sent }) => sent.outcome === "sent") ? 0 : 1;
      }
      const receivers = await alertStatus(dog);
      if (call.json) printJson(call, { ok: true, receivers });
      else if (receivers.length === 0) call.out("nobody is told: the settings name no receiver\n");
      for (const { receiver, waiting, failures, lastError, notBefore } of call.json ? [] : receivers) {
        const trouble =
          lastError === null
            ? ""
            : `; failed ${failures} times: ${plainText(lastError)}${notBefore === null ? "" : `; not before ${notBefore}`}`;
        call.out(`${receiver}: ${waiting === 0 ? "has heard everything" : `${waiting} waiting`}${trouble}\n`);
      }
      return receivers.some(({ lastError }) => lastError !== null) ? 1 : 0;
    } finally {
      dog.journal.close();
    }
  },
};

function nobody(): RescueError {
  return new RescueError("usage", "nobody is told: the settings name no receiver", {
    fix: "add one to alerts in config.json5; `status --json` says where it is",
  });
}
