import { describe, expect, it } from "vitest";
import {
  derivedGatewayPort,
  gatewayLockDir,
  hostCommand,
  profileConfigPath,
  profileStateDir,
  REDIRECTING_VARIABLES,
  scrubbedEnv,
  stateDirOfProcess,
  validateProfileName,
} from "../../src/shared/openclaw-home.ts";

const at = (env: Record<string, string> = {}) => ({ home: "/home/ann", env });

describe("the paths of a profile", () => {
  it("are ~/.openclaw for the default profile and ~/.openclaw-NAME for others", () => {
    expect(profileStateDir("default", at())).toBe("/home/ann/.openclaw");
    expect(profileStateDir("rescue", at())).toBe("/home/ann/.openclaw-rescue");
    expect(profileConfigPath("rescue", at())).toBe("/home/ann/.openclaw-rescue/openclaw.json");
    expect(gatewayLockDir("/home/ann/.openclaw", 1000)).toBe("/home/ann/.openclaw/tmp/openclaw-1000");
  });

  it("follow OPENCLAW_HOME, also below the home directory, and not its empty look-alikes", () => {
    expect(profileStateDir("default", at({ OPENCLAW_HOME: "/srv/claw" }))).toBe("/srv/claw/.openclaw");
    expect(profileStateDir("default", at({ OPENCLAW_HOME: "~/claw" }))).toBe("/home/ann/claw/.openclaw");
    expect(profileStateDir("default", at({ OPENCLAW_HOME: "undefined" }))).toBe("/home/ann/.openclaw");
  });

  it("do not follow what a service exports to its children", () => {
    const env = { OPENCLAW_STATE_DIR: "/home/ann/.openclaw-rescue", OPENCLAW_PROFILE: "rescue" };
    expect(profileStateDir("default", at(env))).toBe("/home/ann/.openclaw");
  });
});

describe("a profile's name", () => {
  it("is accepted by the host's own rule, and default in any case is default", () => {
    expect(validateProfileName(" rescue-2_b ", "linux")).toBe("rescue-2_b");
    expect(validateProfileName("Default", "linux")).toBe("default");
    expect(validateProfileName("x".repeat(64), "linux")).toHaveLength(64);
    expect(validateProfileName("Work", "linux")).toBe("Work");
  });

  it.each(["", "../x", "-a", "a b", "a/b", "x".repeat(65), "ä"])("refuses %j", (name) => {
    expect(() => validateProfileName(name, "linux")).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("refuses on macOS what its service labels could not tell apart", () => {
    expect(() => validateProfileName("gateway", "darwin")).toThrow("reserved");
    expect(() => validateProfileName("node", "darwin")).toThrow("reserved");
    expect(() => validateProfileName("Work", "darwin")).toThrow("upper-case");
    expect(() => validateProfileName("Work", "win32")).toThrow("upper-case");
    expect(validateProfileName("node", "linux")).toBe("node");
  });
});

describe("the derived port", () => {
  it("is the host's for each profile", () => {
    expect(derivedGatewayPort("default")).toBe(18789);
    expect(derivedGatewayPort("rescue")).toBe(23532);
    expect(derivedGatewayPort("dev")).toBe(19001);
  });
});

describe("a scrubbed environment", () => {
  it("loses every variable that leads to another gateway, in any case, and keeps the rest", () => {
    const leaked = Object.fromEntries(REDIRECTING_VARIABLES.map((name) => [name, "x"]));
    const env = { ...leaked, openclaw_state_dir: "x", PATH: "/bin", OPENCLAW_SUPERVISOR_MODE: "external", GONE: undefined };
    expect(scrubbedEnv(env)).toEqual({ PATH: "/bin", OPENCLAW_SUPERVISOR_MODE: "external" });
  });
});

describe("the state dir a host process works on", () => {
  it("is chosen by --profile and --dev", () => {
    expect(stateDirOfProcess(["node", "openclaw", "--profile", "rescue", "doctor"], at())).toBe("/home/ann/.openclaw-rescue");
    expect(stateDirOfProcess(["openclaw", "--profile=x"], at())).toBe("/home/ann/.openclaw-x");
    expect(stateDirOfProcess(["openclaw", "--dev"], at())).toBe("/home/ann/.openclaw-dev");
    expect(stateDirOfProcess(["openclaw-doctor"], at({ OPENCLAW_PROFILE: "rescue" }))).toBe("/home/ann/.openclaw");
  });

  it("is an explicit state dir, unless that one is only the inherited profile's own", () => {
    const inherited = at({ OPENCLAW_PROFILE: "rescue", OPENCLAW_STATE_DIR: "/home/ann/.openclaw-rescue" });
    expect(stateDirOfProcess(["openclaw-doctor"], inherited)).toBe("/home/ann/.openclaw-rescue");
    expect(stateDirOfProcess(["openclaw", "--profile", "work"], inherited)).toBe("/home/ann/.openclaw-work");
    expect(stateDirOfProcess(["openclaw", "--profile", "work"], at({ OPENCLAW_STATE_DIR: "~/elsewhere" }))).toBe("/home/ann/elsewhere");
  });
});

describe("the onboarding command", () => {
  it("names the profile when it is not the default one", () => {
    expect(hostCommand("default", "onboard")).toBe("openclaw onboard");
    expect(hostCommand("rescue", "onboard")).toBe("openclaw --profile rescue onboard");
  });
});
