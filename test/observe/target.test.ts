import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { refreshTarget, resolveTarget } from "../../rescue-profile/observe/target.ts";
import { idleChild, lockOf, tempDir, writeLock } from "./support.ts";

/** A home with one profile, whose configuration is `config` as written. */
function home(config?: string | object, profile = "default"): { home: string; stateDir: string; configPath: string } {
  const directory = tempDir();
  const stateDir = path.join(directory, profile === "default" ? ".openclaw" : `.openclaw-${profile}`);
  mkdirSync(stateDir, { mode: 0o700 });
  const configPath = path.join(stateDir, "openclaw.json");
  if (config !== undefined) writeFileSync(configPath, typeof config === "string" ? config : JSON.stringify(config));
  return { home: directory, stateDir, configPath };
}

const resolve = (at: { home: string }, more: object = {}) => resolveTarget({ profile: "default", home: at.home, env: {}, ...more });

describe("a gateway's target", () => {
  it("has its paths from the profile and its port from the configuration", async () => {
    const at = home("// JSON5\n{gateway: {port: 21820, bind: 'lan', auth: {token: 'secret'},},}");
    expect(await resolve(at)).toEqual({
      profile: "default",
      stateDir: at.stateDir,
      configPath: at.configPath,
      port: 21820,
      portFrom: "config",
      host: "127.0.0.1",
      tls: false,
      lockDir: path.join(at.stateDir, "tmp", `openclaw-${process.getuid?.()}`),
      lockPath: path.join(at.stateDir, "tmp", `openclaw-${process.getuid?.()}`, "gateway.state.lock"),
      databasePath: path.join(at.stateDir, "state", "openclaw.sqlite"),
    });
  });

  it("has the host's own port for its profile when the configuration names none", async () => {
    expect(await resolve(home({}))).toMatchObject({ port: 18789, portFrom: "default" });
    expect(await resolve(home({ gateway: {} }, "rescue"), { profile: "rescue" })).toMatchObject({ port: 23532, portFrom: "default" });
    expect(await resolve(home({ gateway: { port: 5 } }, "dev"), { profile: "dev" })).toMatchObject({ port: 19001 });
  });

  it("has the port of the service before that of the configuration, and that of a live gateway before both", async () => {
    const at = home({ gateway: { port: 1001 } });
    const gateway = idleChild();
    expect(await resolve(at, { servicePort: 1002 })).toMatchObject({ port: 1002, portFrom: "service" });
    writeLock(at.stateDir, lockOf(gateway.pid, at.stateDir, { port: 1003 }));
    expect(await resolve(at, { servicePort: 1002 })).toMatchObject({ port: 1003, portFrom: "lock" });
    gateway.kill("SIGKILL");
    await new Promise((end) => gateway.once("exit", end));
    expect(await resolve(at)).toMatchObject({ port: 1001, portFrom: "config" });
  });

  it("does not take the port of maintenance that holds the lock", async () => {
    const at = home({ gateway: { port: 1001 } });
    writeLock(at.stateDir, lockOf(process.pid, at.stateDir, { port: 1003, role: "sqlite-maintenance" }));
    expect(await resolve(at)).toMatchObject({ port: 1001 });
  });

  it("follows includes, nearer settings winning over included ones", async () => {
    const at = home('{ $include: ["a.json5", "sub/b.json5"], gateway: { $include: "g.json5" } }');
    mkdirSync(path.join(at.stateDir, "sub"));
    writeFileSync(path.join(at.stateDir, "a.json5"), "{ gateway: { port: 1, tls: { enabled: true } } }");
    writeFileSync(path.join(at.stateDir, "sub", "b.json5"), '{ $include: "c.json5" }');
    writeFileSync(path.join(at.stateDir, "sub", "c.json5"), "{ gateway: { port: 2 } }");
    writeFileSync(path.join(at.stateDir, "g.json5"), "{ bind: 'lan' }");
    expect(await resolve(at)).toMatchObject({ port: 2, tls: true });
  });

  it("has the canonical state dir, as the host's lock has it", async () => {
    const at = home({});
    const elsewhere = tempDir();
    symlinkSync(at.stateDir, path.join(elsewhere, ".openclaw"));
    expect(await resolve({ home: elsewhere })).toMatchObject({ stateDir: at.stateDir });
  });

  it("is not misled by what a service exports to its children", async () => {
    const at = home({ gateway: { port: 1001 } });
    const env = { OPENCLAW_STATE_DIR: "/elsewhere", OPENCLAW_GATEWAY_PORT: "9", OPENCLAW_PROFILE: "rescue" };
    expect(await resolve(at, { env })).toMatchObject({ stateDir: at.stateDir, port: 1001 });
  });
});

describe("a target that cannot be found", () => {
  it("names the path that was looked for and the command that makes a profile", async () => {
    const at = home();
    await expect(resolve(at, { profile: "rescue" })).rejects.toMatchObject({
      code: "profile-missing",
      message: expect.stringContaining(path.join(at.home, ".openclaw-rescue")),
      fix: "openclaw --profile rescue onboard",
    });
    await expect(resolve(at)).rejects.toMatchObject({
      code: "profile-missing",
      message: expect.stringContaining(at.configPath),
      fix: "openclaw onboard",
    });
  });

  it("is told apart from one that cannot be read", async () => {
    const at = home({});
    await expect(resolve(at, { stateDir: path.join(at.configPath, "below") })).rejects.toMatchObject({
      code: "not-readable",
      message: expect.stringContaining("ENOTDIR"),
    });
    symlinkSync("loop", path.join(at.home, "loop"));
    await expect(resolve(at, { stateDir: path.join(at.home, "loop") })).rejects.toMatchObject({ code: "not-readable" });
    rmSync(at.configPath);
    mkdirSync(at.configPath);
    await expect(resolve(at)).rejects.toMatchObject({ code: "not-readable", message: expect.stringContaining("EISDIR") });
  });

  it.skipIf(process.getuid?.() === 0)("is told apart from one without permission", async () => {
    const at = home({});
    chmodSync(at.configPath, 0);
    await expect(resolve(at)).rejects.toMatchObject({ code: "not-readable", message: expect.stringContaining("EACCES") });
  });

  it("says where the configuration breaks, and nothing of what is in it", async () => {
    const at = home('{\n  "gateway": {\n    "token": "s3cret" oops\n  }\n}');
    const failure = await resolve(at).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "config-invalid", message: `${at.configPath} is not valid JSON5 at line 3, column 23` });
    expect(String(failure)).not.toMatch(/s3cret|oops/);
  });

  it.each([
    ["empty", "", "line 1"],
    ["not an object", "[]", "object"],
    ["text for a port", "{ gateway: { port: '$" + "{PORT}' } }", "cannot be known"],
    ["a port out of range", "{ gateway: { port: 70000 } }", "cannot be known"],
    ["an include that is missing", '{ $include: "none.json5" }', "none.json5"],
    ["an include of itself", '{ $include: "openclaw.json" }', "circle"],
  ])("is %s", async (_what, config, message) => {
    await expect(resolve(home(config))).rejects.toMatchObject({ code: "config-invalid", message: expect.stringContaining(message) });
  });

  it("is a name that is none", async () => {
    await expect(resolve(home({}), { profile: "../etc" })).rejects.toMatchObject({ code: "usage" });
  });
});

describe("refreshing a target", () => {
  it("takes over a port that changed", async () => {
    const at = home({ gateway: { port: 1001 } });
    const target = await resolve(at);
    writeFileSync(at.configPath, JSON.stringify({ gateway: { port: 1002 } }));
    expect(await refreshTarget(target)).toEqual({ target: { ...target, port: 1002 } });
  });

  it("keeps the port of the service's definition", async () => {
    const target = await resolve(home({ gateway: { port: 1001 } }), { servicePort: 1002 });
    expect(await refreshTarget(target)).toEqual({ target });
  });

  it("keeps watching, with a warning, when the configuration breaks or vanishes", async () => {
    const at = home({ gateway: { port: 1001 } });
    const target = await resolve(at);
    writeFileSync(at.configPath, "{");
    expect(await refreshTarget(target)).toEqual({ target, warning: expect.stringContaining("not valid JSON5") });
    rmSync(at.configPath);
    expect(await refreshTarget(target)).toEqual({ target, warning: expect.stringContaining("does not exist") });
    rmSync(at.stateDir, { recursive: true });
    expect(await refreshTarget(target)).toEqual({ target, warning: expect.stringContaining("does not exist") });
  });

  it("still believes a live gateway about its port while the configuration is broken", async () => {
    const at = home({ gateway: { port: 1001 } });
    const target = await resolve(at);
    writeFileSync(at.configPath, "{");
    writeLock(at.stateDir, lockOf(process.pid, at.stateDir, { port: 1003 }));
    expect(await refreshTarget(target)).toMatchObject({ target: { port: 1003, portFrom: "lock" }, warning: expect.any(String) });
  });
});
