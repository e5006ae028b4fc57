import { expect, it } from "vitest";
import { ENGINES, hostEngine } from "../../../rescue-profile/diagnosis/engines/catalog.ts";
import { parseEngines } from "../../../rescue-profile/diagnosis/engines/settings.ts";

const parse = (value: unknown) => parseEngines(value, "diagnosis.engines", ENGINES);

it("are the known ones when nobody has said anything, the host's own last", () => {
  const known = [...ENGINES, hostEngine(["/usr/bin/node", "/opt/openclaw.mjs"], "rescue")];
  expect(parseEngines(undefined, "x", known)).toBe(known);
  expect(known.at(-1)).toMatchObject({
    binary: "/usr/bin/node",
    args: ["/opt/openclaw.mjs", "--profile", "rescue", "infer", "model", "run", "--local", "--json", "--prompt", "{prompt}"],
  });
});

it("come in the order in which they are named, changed where something is said of them", () => {
  const [own, claude, local] = parse([
    { id: "mine", binary: "/opt/ask", args: ["--q", "{prompt}", "-m{model}"], input: "argument", model: "m" },
    { id: "claude", model: "sonnet", timeoutSeconds: 30 },
    { id: "local", url: "http://127.0.0.1:11434/v1", model: "qwen3", keyFile: "/home/a/key" },
  ]);
  expect(own).toMatchObject({ kind: "command", answer: { format: "text" }, versionArgs: ["--version"], timeoutMs: 75_000 });
  expect(claude).toEqual({ ...ENGINES[1], model: "sonnet", timeoutMs: 30_000 });
  expect(local).toEqual({
    kind: "endpoint",
    id: "local",
    url: "http://127.0.0.1:11434/v1",
    model: "qwen3",
    keyFile: "/home/a/key",
    timeoutMs: 75_000,
  });
});

it.each([
  ["claude", "diagnosis.engines must be a list of engines"],
  [["nobody"], "diagnosis.engines[0] names nobody, which is not known"],
  [["claude", "claude"], "diagnosis.engines names claude twice"],
  [[{ id: "X" }], 'diagnosis.engines[0].id is "X"'],
  [[{}], "diagnosis.engines[0].id is missing"],
  [[{ id: "a", binary: "sh -c x" }], 'diagnosis.engines[0].binary is "sh -c x"'],
  [[{ id: "a", binary: "./x" }], 'diagnosis.engines[0].binary is "./x"'],
  [[{ id: "a", binary: "../x" }], 'diagnosis.engines[0].binary is "../x"'],
  [[{ id: "a", binary: "x", args: ["{home}"] }], "diagnosis.engines[0].args has {home}"],
  [[{ id: "a", binary: "x", args: "rm -rf" }], "diagnosis.engines[0].args is no list of texts"],
  [[{ id: "a", binary: "x", args: ["{prompt}"] }], "diagnosis.engines[0].args has {prompt}, and input is stdin"],
  [[{ id: "a", binary: "x", input: "argument" }], "diagnosis.engines[0].args has no {prompt}, and input is argument"],
  [[{ id: "a", binary: "x", args: ["{model}"] }], "diagnosis.engines[0].model is missing, and args has {model}"],
  [[{ id: "a", binary: "x", shell: true }], "diagnosis.engines[0].shell is not known"],
  [[{ id: "a", binary: "x", env: { LD_PRELOAD: "/x.so" } }], "diagnosis.engines[0].env sets LD_PRELOAD"],
  [[{ id: "a", binary: "x", env: { OPENCLAW_PROFILE: "x" } }], "diagnosis.engines[0].env sets OPENCLAW_PROFILE"],
  [[{ id: "a", binary: "x", answer: { format: "xml" } }], 'diagnosis.engines[0].answer.format is "xml"'],
  [[{ id: "a", binary: "x", answer: { format: "json" } }], "diagnosis.engines[0].answer.path is missing"],
  [[{ id: "claude", timeoutSeconds: 500 }], "diagnosis.engines[0].timeoutSeconds is 500"],
  [[{ id: "a", url: "nothing", model: "m" }], "diagnosis.engines[0].url is no address"],
  [[{ id: "a", url: "ftp://x/", model: "m" }], "diagnosis.engines[0].url begins with ftp:"],
  [[{ id: "a", url: "http://u:p@localhost/v1", model: "m" }], "diagnosis.engines[0].url holds a login"],
  [[{ id: "a", url: "https://x.example/v1?key=1", model: "m" }], "diagnosis.engines[0].url has something behind its path"],
  [
    [{ id: "a", url: "http://api.example.com/v1", model: "m" }],
    "diagnosis.engines[0].url sends the evidence unencrypted to api.example.com",
  ],
  [
    [{ id: "a", url: "http://127.0.0.1.evil.com/v1", model: "m" }],
    "diagnosis.engines[0].url sends the evidence unencrypted to 127.0.0.1.evil.com",
  ],
  [[{ id: "a", url: "https://x.example/v1" }], "diagnosis.engines[0].model is missing"],
  [[{ id: "a", url: "https://x.example/v1", model: "m", keyFile: "key" }], "diagnosis.engines[0].keyFile is no absolute path"],
])("%j is refused with the place", (value, message) => {
  expect(() => parse(value)).toThrow(message);
});

it.each([
  "http://localhost:1234/v1",
  "http://[::1]:1/v1",
  "http://10.0.0.2/v1",
  "http://192.168.1.5:8000/v1",
  "http://172.20.0.1/v1",
  "http://gpu-box/v1",
  "http://gpu.local/v1",
  "https://api.example.com/v1",
])("%s may be asked", (url) => {
  expect(parse([{ id: "a", url, model: "m" }])).toHaveLength(1);
});
