import type { LoopRequest } from "../../rescue-profile/loop.ts";
import { RescueError } from "../../src/shared/errors.ts";
import { type Call, type Command, printJson } from "./command.ts";
import { operator } from "./operator.ts";
import { plainText } from "./render.ts";

interface RequestSpec extends Omit<Command, "run"> {
  readonly kind: "repair" | "pause" | "resume";
  readonly payload: (call: Call) => LoopRequest["payload"];
}

/** A command that leaves a request for the loop, which alone decides. */
export function requestCommand({ kind, payload, ...command }: RequestSpec): Command {
  return {
    ...command,
    run: async (call) => {
      const wanted = payload(call);
      const { openWatchdog, request } = await import("../../rescue-profile/main.ts");
      const dog = await openWatchdog({
        profile: call.profile,
        home: call.home,
        env: call.env,
        packageRoot: call.packageRoot,
        what: command.name,
        whatever: true,
      });
      try {
        const answer = await request(dog, kind, wanted, operator(), call.signal);
        if (answer === undefined)
          throw new RescueError("timeout", `whoever watches profile ${call.profile} did not answer`, { fix: "look with: status" });
        if (answer.startsWith("refused: ")) throw new RescueError("refused", answer.slice("refused: ".length));
        if (call.json) printJson(call, { ok: true, answer });
        else call.out(`${plainText(answer)}\n`);
        return 0;
      } finally {
        dog.journal.close();
      }
    },
  };
}
