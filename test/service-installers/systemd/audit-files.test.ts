import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { auditFiles, auditUnits, removeAuditFiles } from "../../../src/service-installers/systemd/audit-files.ts";
import { fakeSystemctl } from "./fake-systemctl.ts";

const LOG = { path: "/var/log/x.log", maxBytes: 10, keep: 2 };

/** A systemctl and a logrotate that answer. */
async function account() {
  const fake = fakeSystemctl();
  writeFileSync(
    join(fake.home, "bin", "logrotate"),
    '#!/bin/sh\n[ ! -f "$0.err" ] || { cat "$0.err" >&2; exit 1; }\necho "reading config" >&2; echo "considering log $*" >&2\n',
    {
      mode: 0o755,
    },
  );
  const units = await auditUnits(fake, "work");
  if (units?.logrotate === undefined) throw new Error("no manager, or no logrotate");
  return { ...fake, units, logrotate: units.logrotate, [Symbol.dispose]: () => fake.remove() };
}

describe("what audits write for the account's systemd", () => {
  it("is not possible where none answers", async () => {
    const fake = fakeSystemctl();
    try {
      fake.fails("show", "Failed to connect to bus: No medium found");
      expect(await auditUnits(fake, "work")).toBeUndefined();
    } finally {
      fake.remove();
    }
  });

  it("is written into directories that are made on the way, and taken back with those that are empty then", async () => {
    using at = await account();
    const dropIn = at.units.limitDropIn("vllm.service");
    expect(at.units.there(dropIn.path)).toBe("nothing");
    const { config } = at.logrotate.files([LOG]);
    const takeBack = at.units.takeBack([dropIn, config]);
    for (const file of [dropIn, config]) await at.units.write(file);
    writeFileSync(config.path.replace(/\.conf$/, ".state"), "logrotate's own");
    expect([at.units.there(dropIn.path), readFileSync(dropIn.path, "utf8")]).toEqual(["ours", dropIn.text]);
    await takeBack();
    expect([dropIn, config].map(({ path }) => existsSync(dirname(path)))).toEqual([false, false]);
    await takeBack();
  });

  it("puts back what an earlier audit had written, and leaves alone what somebody has changed", async () => {
    using at = await account();
    const [first, second] = [at.logrotate.files([LOG]).config, at.logrotate.files([{ ...LOG, path: "/b.log" }]).config];
    await at.units.write(first);
    const takeBack = at.units.takeBack([second]);
    await at.units.write(second);
    await takeBack();
    expect(readFileSync(first.path, "utf8")).toBe(first.text);
    await at.units.write(second);
    writeFileSync(first.path, `${second.text}# mine\n`);
    await expect(takeBack()).rejects.toThrow("was changed by somebody else meanwhile");
    expect(readFileSync(first.path, "utf8")).toContain("# mine");
  });

  it("never replaces a file that is not ours, a link, or what lies where others can write", async () => {
    using at = await account();
    const dropIn = at.units.limitDropIn("vllm.service");
    mkdirSync(dirname(dropIn.path), { recursive: true });
    writeFileSync(dropIn.path, "[Unit]\n");
    expect(at.units.there(dropIn.path)).toBe("foreign");
    await expect(at.units.write(dropIn)).rejects.toThrow("is not ours");
    expect(readFileSync(dropIn.path, "utf8")).toBe("[Unit]\n");

    const linked = at.units.limitDropIn("linked.service");
    mkdirSync(dirname(linked.path));
    symlinkSync(dropIn.path, linked.path);
    expect(() => at.units.there(linked.path)).toThrow("is no plain file");

    const open = at.units.limitDropIn("open.service");
    mkdirSync(dirname(open.path));
    chmodSync(dirname(open.path), 0o777);
    await expect(at.units.write(open)).rejects.toThrow("can be written by others");
  });

  it("adds logs to those that are under rotation already", async () => {
    using at = await account();
    await at.units.write(at.logrotate.files([LOG]).config);
    expect(at.logrotate.files([{ ...LOG, path: "/b.log" }]).config.text.match(/^".*(?= \{)/gm)).toEqual(['"/var/log/x.log"', '"/b.log"']);
  });

  it("is rehearsed by logrotate first, whose errors are a refusal", async () => {
    using at = await account();
    expect(await at.logrotate.rehearse("x")).toMatch(/^considering log --debug --state \S+ \S+$/);
    writeFileSync(join(at.home, "bin", "logrotate.err"), "error: c.conf:1 keyword 'b' not properly separated\n");
    await expect(at.logrotate.rehearse("x")).rejects.toThrow("logrotate would not take it: error: c.conf:1 keyword");
  });

  it("says of a unit whether it is enabled in systemd's own word", async () => {
    using at = await account();
    at.says("none", "disabled\n");
    expect(await at.units.enablement("x.service")).toBe("disabled");
    at.says("none", "");
    expect(await at.units.enablement("x.service")).toBe("not-found");
  });

  it("is found and removed when the profile is uninstalled, and no other profile's or person's", async () => {
    using at = await account();
    const { config, service, timer } = at.logrotate.files([LOG]);
    const dropIn = at.units.limitDropIn("vllm.service");
    for (const file of [config, service, timer, dropIn]) await at.units.write(file);
    const others = await auditUnits(at, "other");
    const theirs = others?.limitDropIn("other.service");
    if (others === undefined || theirs === undefined) throw new Error("no manager");
    await others.write(theirs);
    writeFileSync(join(dirname(dropIn.path), "override.conf"), "[Unit]\n");

    expect(auditFiles(at.home, "work")).toEqual([timer.path, service.path, config.path, dropIn.path]);
    expect(await removeAuditFiles(at, "work")).toHaveLength(4);
    expect(at.orders().filter((order) => order !== "show")).toEqual(["disable rescue-watchdog-logrotate-work.timer", "daemon-reload"]);
    expect([existsSync(dirname(config.path)), existsSync(theirs.path)]).toEqual([false, true]);
    expect(existsSync(join(dirname(dropIn.path), "override.conf"))).toBe(true);
    expect(await removeAuditFiles(at, "work")).toEqual([]);
  });

  it("is removed also where no systemd answers any more", async () => {
    using at = await account();
    const { timer } = at.logrotate.files([LOG]);
    await at.units.write(timer);
    at.fails("none", "Failed to connect to bus: No medium found");
    expect(await removeAuditFiles(at, "work")).toEqual([`${timer.path} was removed`]);
    expect(existsSync(timer.path)).toBe(false);
  });
});
