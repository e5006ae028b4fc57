import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { askFirst } from "../../../rescue-profile/diagnosis/engines/ask-first.ts";
import type { CommandEngine } from "../../../rescue-profile/diagnosis/engines/engine.ts";
import { askEngine, engineVersion } from "../../../rescue-profile/diagnosis/engines/run.ts";
import { GOOD_PLAN, PARTLY_BAD_PLAN, TOOLS } from "../../fixtures/engines/protocols.mjs";
import { ALL, type Bench, install, type Mode, noted, PROMPT } from "./bench.ts";

const benches: Bench[] = [];
afterEach(() => {
  for (const { root } of benches.splice(0)) rmSync(root, { recursive: true, force: true });
});

function bench(tools: Readonly<Record<string, Mode>>): Bench {
  const made = install(tools);
  benches.push(made);
  return made;
}

const optionsOf = ({ env, work }: Bench, timeoutMs = 15_000) => ({ env, home: env["HOME"] ?? "", cwd: work, timeoutMs });
const ask = (engine: CommandEngine, made: Bench, timeoutMs?: number) => askEngine(engine, PROMPT, optionsOf(made, timeoutMs));

describe.each(ALL.map((engine) => [engine.id, engine] as const))("%s", (_, engine) => {
  it("answers in its own format, asked as it wants to be asked, in an empty directory, with its own variables", async () => {
    const made = bench({ [engine.binary]: "good" });
    const env = {
      ...made.env,
      OPENCLAW_STATE_DIR: "/x",
      OPENCLAW_PROFILE: "other",
      OPENCLAW_GATEWAY_TOKEN: "not-for-you",
      TELEGRAM_BOT_TOKEN: "nor-this",
    };
    expect(await askEngine(engine, PROMPT, { ...optionsOf(made), env })).toEqual({ outcome: "answered", text: GOOD_PLAN });
    const given: unknown = JSON.parse(noted(made, "given"));
    const whole = `${PROMPT.system}\n\n${PROMPT.user}`;
    expect(given).toMatchObject(engine.input === "stdin" ? { input: whole } : { input: "", args: expect.arrayContaining([whole]) });
    expect(given).toMatchObject({
      files: Object.keys(engine.files ?? {}),
      cwd: expect.stringContaining(`${made.work}/engine-`),
      env: { HOME: made.env["HOME"], TERM: "dumb" },
    });
    const names = Object.keys(Reflect.get(Object(given), "env"));
    expect(names.filter((name) => /^OPENCLAW_(?:STATE|PROFILE|CONFIG|HOME)/.test(name))).toEqual([]);
    if (engine.id !== "openclaw") expect(noted(made, "given")).not.toMatch(/not-for-you|nor-this/);
    expect(readdirSync(made.work)).toEqual([]);
  });

  it("has a plan that is partly bad handed on as it is: others judge it", async () => {
    expect(await ask(engine, bench({ [engine.binary]: "partly bad" }))).toEqual({ outcome: "answered", text: PARTLY_BAD_PLAN });
  });

  it("that refuses, babbles, breaks, cannot connect or wants a login says which", async () => {
    const outcomes = await Promise.all(
      (["refusal", "garbage", "exits", "fails", "login"] as const).map(
        async (mode) => [mode, await ask(engine, bench({ [engine.binary]: mode }))] as const,
      ),
    );
    expect(Object.fromEntries(outcomes)).toEqual({
      refusal: { outcome: "refused", why: `${engine.id} would not answer: I can't help with that request.` },
      garbage: { outcome: "nonsense", why: expect.stringContaining(engine.id) },
      exits: { outcome: "failed", why: `${engine.id} ended with 1: boom: it broke with token ***` },
      fails: {
        outcome: "failed",
        why: expect.stringMatching(new RegExp(`^${engine.id} ended with \\d+: .*(?:onnect|resolve|fetch failed)`)),
      },
      login: { outcome: "needs-login", why: expect.stringContaining(`${engine.id} needs a login or a key: `) },
    });
  });

  it("that says 50 MB is heard to one, and fills nothing", async () => {
    const made = bench({ [engine.binary]: "flood" });
    const before = process.memoryUsage().rss;
    expect(await ask(engine, made)).toEqual({ outcome: "too-long", why: `${engine.id} said more than 1 MB` });
    expect(noted(made, "flooded")).toBe("50");
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });

  it("tells its version", async () => {
    expect(await engineVersion(engine, optionsOf(bench({ [engine.binary]: "good" })))).toBe(Reflect.get(TOOLS, engine.binary).version);
  });
});

describe.runIf(process.platform === "linux")("an engine that hangs", () => {
  it("is killed at the deadline with what it started, whichever it is", async () => {
    const killed = ALL.map(async (engine) => {
      const made = bench({ [engine.binary]: "hang" });
      const startedAt = performance.now();
      expect(await ask(engine, made, 3_000)).toEqual({
        outcome: "timed-out",
        why: `${engine.id} gave no answer within 3 s, and was killed`,
      });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      const pids: number[] = JSON.parse(noted(made, "pids"));
      expect(pids).toHaveLength(3);
      await until(() => !pids.some(lives));
      expect(readdirSync(made.work)).toEqual([]);
    });
    await Promise.all(killed);
  });

  it("is killed at once when the question is taken back", async () => {
    const made = bench({ claude: "hang" });
    const [, engine] = ALL;
    if (engine === undefined) throw new Error("there is no second engine");
    const stop = new AbortController();
    const asked = askEngine(engine, PROMPT, { ...optionsOf(made), signal: stop.signal });
    await until(() => existsSync(`${made.notes}/pids`) && noted(made, "pids").endsWith("]"));
    stop.abort();
    expect(await asked).toEqual({ outcome: "failed", why: "claude was stopped" });
    const pids: number[] = JSON.parse(noted(made, "pids"));
    await until(() => !pids.some(lives));
  });

  it("leaves its turn to the next, and all together have their time and no more", async () => {
    const made = bench({ qwen: "hang", claude: "good" });
    const engines = ALL.map((engine) => ({ ...engine, timeoutMs: 1_000 }));
    const asked = await askFirst(engines, PROMPT, { ...optionsOf(made), totalMs: 20_000 });
    expect(asked.answer).toEqual({ engine: "claude", text: GOOD_PLAN });
    expect(asked.outcomes.map(({ engine, outcome }) => `${engine} ${outcome}`)).toEqual(["qwen-code timed-out", "claude answered"]);

    const all = bench(Object.fromEntries(ALL.map(({ binary }) => [binary, "hang" as const])));
    const startedAt = performance.now();
    const none = await askFirst(ALL, PROMPT, { ...optionsOf(all), totalMs: 2_000 });
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(none.answer).toBeUndefined();
    expect(none.summary).toBe("no answer: qwen-code gave no answer within 2 s, and was killed; 5 more not asked: no time left");
  });
});

describe("no engine", () => {
  it("that is installed is one sentence", async () => {
    const asked = await askFirst(ALL, PROMPT, optionsOf(bench({})));
    expect(asked.summary).toBe("no engine is installed (qwen-code, claude, codex, gemini, opencode, openclaw), so nobody was asked");
  });

  it("is a program that only lies in the working directory, or that PATH has by a relative name", async () => {
    const made = bench({ claude: "good" });
    const env = { ...made.env, PATH: `bin:.:${made.root.slice(1)}/bin` };
    expect((await askFirst(ALL, PROMPT, { ...optionsOf(made), env })).summary).toMatch(/^no engine is installed/);
  });
});

function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(20);
}
