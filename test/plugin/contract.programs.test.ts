import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fixture, tempDir } from "../observe/support.ts";

/** A package with the real contract and a command that only writes down how it was called. */
function packageWithContract() {
  const root = tempDir();
  const source = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
  for (const name of [
    "plugin/onboard/contract.ts",
    "plugin/onboard/ending.ts",
    "src/onboard/ready.ts",
    "src/shared/errors.ts",
    "src/shared/openclaw-home.ts",
  ])
    cpSync(source(name), join(root, name));
  mkdirSync(join(root, "plugin", "cli"), { recursive: true });
  writeFileSync(join(root, "package.json"), '{"type":"module"}');
  const said = join(root, "said.json");
  writeFileSync(
    join(root, "plugin", "cli", "bin.ts"),
    `import { appendFileSync } from "node:fs";
     const { RESCUE_WATCHDOG_OPENCLAW: host, OPENCLAW_STATE_DIR: stateDir } = process.env;
     appendFileSync(${JSON.stringify(said)}, JSON.stringify({ argv: process.argv.slice(2), host, stateDir }) + "\\n");
     console.log("words for a person");
     process.exit(Number(process.env["BIN_CODE"] ?? "0"));`,
  );
  const host = join(root, "bin", "openclaw");
  mkdirSync(dirname(host));
  symlinkSync(fixture("onboard-contract-host.mjs"), host);
  const onboard = (words: string, env: Record<string, string>) =>
    new Promise<{ code: number; stdout: string; stderr: string; ran: { argv: string[]; host: string; stateDir?: string }[] }>((resolve) => {
      const argv = ["--import", join(root, "plugin/onboard/contract.ts"), host, ...words.split(" ")];
      execFile(process.execPath, argv, { env: { CODE: "0", HOW: "dry", ...env } }, (error, stdout, stderr) => {
        const lines = existsSync(said) ? readFileSync(said, "utf8").trim().split("\n") : [];
        resolve({
          code: error === null ? 0 : typeof error.code === "number" ? error.code : -1,
          stdout,
          stderr,
          ran: lines.map((line) => JSON.parse(line)),
        });
      });
    });
  return { onboard };
}

const FLAG = "onboard --auth-choice skip --rescue-watchdog";

/** The same onboarding, ended by each way a host may end, each with a package of its own. */
const ended = (ways: readonly string[], words: string, env: Record<string, string>) =>
  Promise.all(ways.map((HOW) => packageWithContract().onboard(words, { HOW, ...env })));

describe("an onboarding with another --auth-choice", () => {
  it("that ends well, by running dry or by an exit, is followed by one setup, with its host, and its JSON stays its own", async () => {
    for (const { code, stdout, stderr, ran } of await ended(["dry", "exit"], FLAG, { OPENCLAW_PROFILE: "work" })) {
      expect(ran).toEqual([{ argv: ["setup", "--profile", "work", "--yes"], host: fixture("onboard-contract-host.mjs") }]);
      expect([code, stdout]).toEqual([0, '{"ok":true}\n']);
      expect(stderr).toContain("words for a person");
    }
  });

  it("ends with the setup's exit code when that fails", async () => {
    for (const { code, ran } of await ended(["dry", "exit"], `${FLAG} --skip-daemon`, { BIN_CODE: "11" })) {
      expect([code, ran.map(({ argv }) => argv.at(-1))]).toEqual([11, ["--no-service"]]);
    }
  });

  it("that fails itself is followed by nothing, and keeps its code", async () => {
    for (const { code, ran } of await ended(["dry", "exit", "throw"], FLAG, { CODE: "1" })) expect([code, ran]).toEqual([1, []]);
  });

  it("in which our step ran, or without the flag, is followed by nothing", async () => {
    const [step] = await ended(["dry"], FLAG, { STEP_RAN: "1" });
    const [plain] = await ended(["exit"], "onboard --auth-choice skip", {});
    expect([step, plain]).toMatchObject([
      { code: 0, ran: [] },
      { code: 0, ran: [] },
    ]);
  });

  it("for a gateway on another machine ends in 1 and one sentence, and begins nothing", async () => {
    const [remote] = await ended(["dry"], `${FLAG} --mode remote`, {});
    expect(remote).toMatchObject({ code: 1, ran: [], stderr: expect.stringContaining("does nothing with --mode remote") });
  });

  it("does not set up a rescue for another gateway than the one that was onboarded", async () => {
    const [elsewhere] = await ended(["dry"], FLAG, { OPENCLAW_STATE_DIR: "/srv/claw" });
    expect(elsewhere?.ran).toEqual([]);
  });
});
