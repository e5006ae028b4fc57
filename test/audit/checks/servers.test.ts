import { describe, expect, it } from "vitest";
import { networkInterfaces } from "../../../rescue-profile/audit/checks/network-interfaces.ts";
import { serverModel } from "../../../rescue-profile/audit/checks/server-model.ts";
import { serverReachable } from "../../../rescue-profile/audit/checks/server-reachable.ts";
import { serverUnit } from "../../../rescue-profile/audit/checks/server-unit.ts";
import type { ModelServer } from "../../../rescue-profile/audit/facts.ts";
import type { Check } from "../../../rescue-profile/audit/finding.ts";
import { factsOf, problemsOf } from "../facts.ts";

type Values = Parameters<typeof factsOf>[0];
type Case = readonly [name: string, values: Values, found: readonly string[]];

const SERVER: ModelServer = {
  id: "vllm",
  url: "http://127.0.0.1:8000/v1",
  answer: { state: "models", models: ["qwen3-32b"] },
  wanted: ["qwen3-32b"],
  onDemand: false,
  unit: null,
};
const UNIT = {
  name: "vllm",
  scope: "user",
  declared: true,
  restarts: 0,
  startLimitBurst: 3,
  startLimitIntervalMs: 60_000,
  restartMs: 10_000,
  active: "active",
} as const;

const server = (...each: Partial<ModelServer>[]): Values => ({ modelServers: each.map((values) => ({ ...SERVER, ...values })) });
const unit = (values: Partial<NonNullable<ModelServer["unit"]>>) => server({ unit: { ...UNIT, ...values } });
const models = (...listed: string[]) => ({ answer: { state: "models", models: listed } }) as const;

const reachable: readonly Case[] = [
  ["nobody there", server({ answer: { state: "refused" } }), ["vllm warning"]],
  ["silence", server({ answer: { state: "silent" } }), ["vllm warning"]],
  ["an error", server({ answer: { state: "error", status: 503 } }), ["vllm warning"]],
  ["one of two", server({}, { id: "ollama", answer: { state: "refused" } }), ["ollama warning"]],
  ["an answer", server({}), []],
  ["one that wants a key, or speaks another language", server({ answer: { state: "closed" } }), []],
  ["an answer without models", server(models()), []],
  ["one that is started when it is needed", server({ onDemand: true, answer: { state: "refused" } }), []],
  ["none", server(), []],
];

const listed: readonly Case[] = [
  ["another model", server(models("qwen3-8b")), ["vllm/qwen3-32b warning"]],
  ["no model", server(models()), ["vllm/qwen3-32b warning"]],
  ["one of two", server({ wanted: ["qwen3-32b", "phi-5"] }), ["vllm/phi-5 warning"]],
  ["another tag", server({ wanted: ["llama3"], ...models("llama3:70b") }), ["vllm/llama3 warning"]],
  ["the model", server({}), []],
  ["the model among others", server(models("a", "qwen3-32b", "b")), []],
  ["Ollama's newest", server({ wanted: ["llama3"], ...models("llama3:latest") }), []],
  ["nothing wanted", server({ wanted: [] }), []],
  ["a server that does not answer, which is another check's", server({ answer: { state: "refused" } }), []],
];

const units: readonly Case[] = [
  ["no limit", unit({ startLimitBurst: 0 }), ["vllm.service start-limit warning limit-starts"]],
  ["no interval", unit({ startLimitIntervalMs: 0 }), ["vllm.service start-limit warning limit-starts"]],
  ["a limit that its own pauses never let trigger", unit({ restartMs: 20_000 }), ["vllm.service start-limit warning limit-starts"]],
  [
    "no limit of a unit that was only found by the port",
    unit({ declared: false, startLimitBurst: 0 }),
    ["vllm.service start-limit warning"],
  ],
  ["no limit, the system's", unit({ scope: "system", startLimitBurst: 0 }), ["vllm.service start-limit warning"]],
  ["2,741 restarts", unit({ restarts: 2_741 }), ["vllm.service restarts warning"]],
  ["a failed one", unit({ active: "failed" }), ["vllm.service failed warning"]],
  [
    "all of it",
    unit({ restarts: 101, active: "failed", startLimitBurst: 0 }),
    ["vllm.service start-limit warning limit-starts", "vllm.service restarts warning", "vllm.service failed warning"],
  ],
  [
    "one unit of two providers",
    server({ unit: { ...UNIT, active: "failed" } }, { id: "b", unit: { ...UNIT, active: "failed" } }),
    ["vllm.service failed warning"],
  ],
  ["in order", unit({}), []],
  ["a hundred restarts", unit({ restarts: 100 }), []],
  ["one that is not running", unit({ active: "inactive" }), []],
  ["no unit", server({}), []],
];

const network: readonly Case[] = [
  ["no interface", { network: { interfaces: 0 } }, ["- note"]],
  ["a machine that cannot be asked", {}, ["- note"]],
  ["one", { network: { interfaces: 1 } }, []],
  ["many", { network: { interfaces: 12 } }, []],
];

const GROUP: readonly (readonly [Check, readonly Case[]])[] = [
  [serverReachable, reachable],
  [serverModel, listed],
  [serverUnit, units],
  [networkInterfaces, network],
];

describe.each(GROUP.map(([check, cases]) => ({ id: check.id, check, cases })))("$id", ({ check, cases }) => {
  it.each(cases)("judges %s", async (_, values, expected) => {
    const problems = await problemsOf(check, values);
    const said = problems.map(({ subject, severity, fix }) =>
      [subject || "-", severity, ...(fix === undefined ? [] : [fix.kind])].join(" "),
    );
    expect(said).toEqual(expected);
  });
});

describe("what is seen of servers and network", () => {
  it.each([serverReachable, serverModel, serverUnit])("is nothing when $id could not look", async (check) => {
    expect(await check.look(factsOf({}))).toMatchObject({ ok: false });
  });

  it("has the reason why the interfaces cannot be listed", async () => {
    expect((await problemsOf(networkInterfaces, {}))[0]?.evidence[0].fact).toBe("network was not given");
  });

  it("limits only what the account's own manager runs", async () => {
    expect((await problemsOf(serverUnit, unit({ startLimitBurst: 0 })))[0]?.fix).toEqual({ kind: "limit-starts", unit: "vllm.service" });
    const [systems] = await problemsOf(serverUnit, unit({ scope: "system", startLimitBurst: 0 }));
    expect(systems?.cure.commands).toEqual(["sudo systemctl edit vllm.service"]);
  });
});
