import { RescueError } from "../../../src/shared/errors.ts";
import type { Fix } from "../finding.ts";
import type { Remedy } from "../fixing.ts";
import type { Change } from "./forbidden.ts";
import type { RemedyPorts } from "./ports.ts";
import { realPlace } from "./real-place.ts";

const ROTATION_MS = 600_000;

/** logrotate by a timer of the account; what an earlier fix has put under rotation stays there. The first rotation comes at once, so that its success is seen. */
export function rotateByTimer(
  { files, maxBytes, keep }: Extract<Fix, { kind: "rotate-logs" }>,
  { units, folder, save }: Pick<RemedyPorts, "units" | "folder" | "save">,
): Remedy {
  const logrotate = units?.logrotate;
  if (units === undefined || logrotate === undefined) throw new RescueError("refused", "there is no logrotate or no user's systemd here");
  const { config, service, timer } = logrotate.files(files.map((path) => ({ path, maxBytes, keep })));
  const written = [config, service, timer];
  const [serviceName, timerName] = [logrotate.serviceName, logrotate.timerName];
  let restore: (() => Promise<void>) | undefined;
  let wasThere = false;
  return {
    changesConfig: false,
    async plan() {
      const orders = [["daemon-reload"], ["enable", "--now", timerName], ["start", serviceName]];
      return {
        what: `rotate ${files.join(", ")} each day when larger than ${maxBytes} bytes, keep ${keep}`,
        files: written,
        commands: [`${logrotate.program} --debug ${config.path}`, ...orders.map((words) => `systemctl --user ${words.join(" ")}`)],
        changes: [
          ...written.map(({ path }): Change => ({ kind: "write", path, there: units.there(path) })),
          ...files.map((path): Change => ({ kind: "rotate", path: realPlace(path) })),
          ...orders.map((words): Change => ({ kind: "order", words })),
        ],
        undoByHand: `systemctl --user disable --now ${timerName}; then remove ${written.map(({ path }) => path).join(", ")}`,
      };
    },
    async save() {
      const saved = save(
        folder,
        written.map(({ path }) => path),
      );
      wasThere = !saved.absent.includes(timer.path);
      return saved.directory;
    },
    async apply() {
      // Nothing of it is where it will be used yet.
      const rehearsal = await logrotate.rehearse(config.text);
      restore = units.takeBack(written);
      for (const file of written) await units.write(file);
      const said = [await units.order(["daemon-reload"]), await units.order(["enable", "--now", timerName])];
      said.push(await units.order(["start", serviceName], ROTATION_MS));
      return [rehearsal, ...said].filter((text) => text.trim() !== "").join("\n");
    },
    async undo() {
      if (restore === undefined) return "nothing was written";
      // A timer that an earlier fix has made goes on as it was.
      if (!wasThere && units.there(timer.path) !== "nothing") await units.order(["disable", "--now", timerName]);
      await restore();
      await units.order(["daemon-reload"]);
      return "the rotation is what it was; what was rotated meanwhile is kept beside the logs as *.gz";
    },
  };
}
