import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { systemdNotifier } from "../../../src/service-installers/systemd/notify.ts";
import { tempDir } from "../../observe/support.ts";

/** A `systemd-notify` that writes down what it was told; the real one is spoken to in the lab. */
function world(exit = 0) {
  const dir = tempDir();
  const told = join(dir, "told");
  writeFileSync(join(dir, "systemd-notify"), `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${told}\necho no >&2\nexit ${exit}\n`);
  chmodSync(join(dir, "systemd-notify"), 0o755);
  const env = { PATH: `${dir}:/usr/bin:/bin`, NOTIFY_SOCKET: "/run/n", WATCHDOG_USEC: "10000000" };
  return { env, words: () => (existsSync(told) ? readFileSync(told, "utf8").trim().split("\n") : []) };
}

describe("the word to systemd", () => {
  it("is nobody's business outside of such a service", () => {
    expect(systemdNotifier({}, () => undefined)).toBeUndefined();
    expect(systemdNotifier({ NOTIFY_SOCKET: "" }, () => undefined)).toBeUndefined();
  });

  it("says first that it is up, and then a fifth of the time apart that the loop moves", async () => {
    const { env, words } = world();
    let now = 0;
    const notifier = systemdNotifier(
      env,
      () => undefined,
      () => now,
    );
    for (const at of [0, 500, 1_999, 2_000, 2_001, 4_000]) {
      now = at;
      notifier?.beat();
      await expect.poll(words).toHaveLength(at < 2_000 ? 1 : at < 4_000 ? 2 : 3);
    }
    expect(words()).toEqual(["/run/n --ready WATCHDOG=1", "/run/n WATCHDOG=1", "/run/n WATCHDOG=1"]);
  });

  it("that could not be given is told with its reason", async () => {
    const { env } = world(1);
    const why: string[] = [];
    systemdNotifier(env, (text) => why.push(text))?.beat();
    await expect.poll(() => why).toEqual(["no"]);
    systemdNotifier({ ...env, PATH: "/nowhere" }, (text) => why.push(text))?.beat();
    await expect.poll(() => why).toEqual(["no", "ENOENT"]);
  });
});
