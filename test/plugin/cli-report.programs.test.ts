import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { opened, toldOf } from "../journal/harness.ts";
import { cliIn } from "./cli-harness.ts";

/** A profile with one open incident. */
function withIncident() {
  const cli = cliIn();
  const profile = join(cli.home, ".openclaw");
  mkdirSync(profile);
  const config = { gateway: { mode: "local", port: 18_789 }, logging: { file: join(cli.home, "gateway.log") } };
  writeFileSync(join(profile, "openclaw.json"), JSON.stringify(config));
  cli.commit([opened(1), toldOf(1)]);
  const folder = join(cli.dir, "incidents", "1");
  return { ...cli, folder, page: join(folder, "report.md"), archive: join(folder, "report.tar.gz") };
}

describe("incident --report", () => {
  it("writes the page and the archive, and prints where they are", async () => {
    using cli = withIncident();
    expect(await cli.run("incident", "1", "--report")).toEqual({ code: 0, out: `${cli.page}\n${cli.archive}\n`, err: "" });
    expect(readFileSync(cli.page, "utf8")).toMatch(/^# Incident 1: the gateway process is gone\n/);
    expect(existsSync(cli.archive)).toBe(true);
  });

  it("with --json is one object", async () => {
    using cli = withIncident();
    const { code, out, err } = await cli.run("incident", "1", "--report", "--json");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toEqual({ ok: true, report: { page: cli.page, archive: cli.archive } });
  });

  it("says nothing to an AI: --context has nothing to show afterwards", async () => {
    using cli = withIncident();
    await cli.run("incident", "1", "--report");
    const { code, err } = await cli.run("incident", "1", "--context");
    expect(code).toBe(2);
    expect(err).toContain("nobody was asked about incident 1");
  });

  it("knows no incident that is not there, and takes a number only", async () => {
    using cli = withIncident();
    const { code, out, err } = await cli.run("incident", "2", "--report");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("there is no incident 2\n  → list them with: history");
    const failed = JSON.parse((await cli.run("incident", "2", "--report", "--json")).out);
    expect(failed).toMatchObject({ ok: false, error: { code: "usage", message: "there is no incident 2" } });
    for (const word of ["one", "0", "-1", "1.5"]) expect((await cli.run("incident", word, "--report")).code).toBe(2);
    expect(existsSync(join(cli.dir, "incidents"))).toBe(false);
  });

  it.each(["--context", "--service-log"])("is asked for without %s, and writes nothing otherwise", async (other) => {
    using cli = withIncident();
    const { code, err } = await cli.run("incident", "1", "--report", other);
    expect(code).toBe(2);
    expect(err).toContain(`--report holds what ${other} shows: give one of them`);
    expect(existsSync(cli.folder)).toBe(false);
  });

  it("ends with 9 where the incident's folder is a link", async () => {
    using cli = withIncident();
    mkdirSync(join(cli.home, "elsewhere"));
    mkdirSync(join(cli.dir, "incidents"), { mode: 0o700 });
    symlinkSync(join(cli.home, "elsewhere"), cli.folder);
    const { code, out, err } = await cli.run("incident", "1", "--report");
    expect({ code, out }).toEqual({ code: 9, out: "" });
    expect(err).toContain(`${cli.folder} is a symbolic link; nothing was written`);
  });

  it("--help says what it does and with what it ends", async () => {
    using cli = cliIn();
    const { out } = await cli.run("incident", "--help");
    expect(out).toMatch(/^Usage: rescue-watchdog incident ID .*\[--context \| --report\] \[--json\]\n/);
    expect(out).toMatch(/^ {2}--report +\S/m);
    expect(out).toMatch(/^Exit codes: 0 .*; 2 .*; 9 /m);
  });
});
