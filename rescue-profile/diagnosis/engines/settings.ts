import { isAbsolute } from "node:path";
import { RescueError } from "../../../src/shared/errors.ts";
import { asObject, type JsonObject } from "../../../src/shared/gateway-config.ts";
import type { AnswerFormat, CommandEngine, EndpointEngine, Engine } from "./engine.ts";

const DEFAULT_MS = 75_000;
const MOST_SECONDS = 120;
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const COMMAND_KEYS = [
  "id",
  "binary",
  "args",
  "modelArgs",
  "model",
  "versionArgs",
  "input",
  "answer",
  "needsLogin",
  "timeoutSeconds",
  "passes",
  "env",
];
const ENDPOINT_KEYS = ["id", "url", "model", "keyFile", "timeoutSeconds"];

/**
 * The engines that the settings name, in their order; without settings the known ones. Each is a known one's id, a known one with changes (`{id, model, timeoutSeconds, …}`), a
 * program of the user's (`{id, binary, args, input, answer, …}`) or a server (`{id, url, model, keyFile}`). Throws `config-invalid` with the place and what to write instead.
 */
export function parseEngines(value: unknown, where: string, known: readonly CommandEngine[]): readonly Engine[] {
  if (value === undefined) return known;
  if (!Array.isArray(value))
    throw invalid(where, "must be a list of engines", `one of ${known.map(({ id }) => id).join(", ")}, or objects`);
  const engines = value.map((each: unknown, index) => parseEngine(each, `${where}[${index}]`, known));
  const twice = engines.find(({ id }, index) => engines.findIndex((each) => each.id === id) !== index);
  if (twice !== undefined) throw invalid(where, `names ${twice.id} twice`, "give each engine an id of its own");
  return engines;
}

function parseEngine(value: unknown, where: string, known: readonly CommandEngine[]): Engine {
  const fields: JsonObject = typeof value === "string" ? { id: value } : asObject(value);
  const id = text(fields, "id", where);
  if (!NAME.test(id)) throw invalid(`${where}.id`, `is ${JSON.stringify(id)}`, "use small letters, digits and -, at most 32");
  if (fields["url"] !== undefined) return parseEndpoint(id, fields, where);
  const base = known.find((each) => each.id === id);
  if (base === undefined && fields["binary"] === undefined) {
    throw invalid(
      where,
      `names ${id}, which is not known`,
      `use one of ${known.map((each) => each.id).join(", ")}, or give it a binary or a url`,
    );
  }
  return parseCommand(id, fields, where, base);
}

function parseEndpoint(id: string, fields: JsonObject, where: string): EndpointEngine {
  onlyKeys(fields, ENDPOINT_KEYS, where);
  const url = text(fields, "url", where);
  if (!URL.canParse(url)) throw invalid(`${where}.url`, "is no address", "write http://127.0.0.1:11434/v1");
  const { protocol, username, password, search, hash, hostname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") throw invalid(`${where}.url`, `begins with ${protocol}`, "use http:// or https://");
  if (username !== "" || password !== "") throw invalid(`${where}.url`, "holds a login", "put the key into a file, and name it as keyFile");
  if (search !== "" || hash !== "") throw invalid(`${where}.url`, "has something behind its path", "end it with the path, such as /v1");
  if (protocol === "http:" && !isNear(hostname)) {
    throw invalid(
      `${where}.url`,
      `sends the evidence unencrypted to ${hostname}`,
      "use https:// for everything outside of your own network",
    );
  }
  const keyFile = optionalText(fields, "keyFile", where);
  if (keyFile !== undefined && !isAbsolute(keyFile)) throw invalid(`${where}.keyFile`, "is no absolute path", "write it from / on");
  return {
    kind: "endpoint",
    id,
    url,
    model: text(fields, "model", where),
    timeoutMs: timeout(fields, where),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}

function parseCommand(id: string, fields: JsonObject, where: string, base: CommandEngine | undefined): CommandEngine {
  onlyKeys(fields, COMMAND_KEYS, where);
  const binary = optionalText(fields, "binary", where) ?? base?.binary ?? id;
  if (!isAbsolute(binary) && !/^[A-Za-z0-9][\w.+-]*$/.test(binary)) {
    throw invalid(
      `${where}.binary`,
      `is ${JSON.stringify(binary)}`,
      "write the name of a program on PATH, or its absolute path; its arguments are args",
    );
  }
  const args = words(fields, "args", where) ?? base?.args ?? [];
  const modelArgs = words(fields, "modelArgs", where) ?? base?.modelArgs;
  for (const [key, list] of Object.entries({ args, modelArgs: modelArgs ?? [] }))
    for (const each of list) checkSlots(each, `${where}.${key}`);
  const model = optionalText(fields, "model", where) ?? base?.model;
  const input = parseInput(fields["input"], `${where}.input`) ?? base?.input ?? "stdin";
  const takesPrompt = args.some((each) => each.includes("{prompt}"));
  if (takesPrompt !== (input === "argument")) {
    throw invalid(
      `${where}.args`,
      takesPrompt ? "has {prompt}, and input is stdin" : "has no {prompt}, and input is argument",
      "use one of the two",
    );
  }
  if (model === undefined && args.some((each) => each.includes("{model}")))
    throw invalid(`${where}.model`, "is missing, and args has {model}", "name the model");
  const env = variables(fields["env"], `${where}.env`) ?? base?.env;
  return {
    kind: "command",
    id,
    binary,
    args,
    versionArgs: words(fields, "versionArgs", where) ?? base?.versionArgs ?? ["--version"],
    input,
    answer: parseAnswer(fields["answer"], `${where}.answer`) ?? base?.answer ?? { format: "text" },
    needsLogin: words(fields, "needsLogin", where) ?? base?.needsLogin ?? ["not logged in", "login", "401", "unauthorized"],
    timeoutMs: fields["timeoutSeconds"] === undefined && base !== undefined ? base.timeoutMs : timeout(fields, where),
    passes: words(fields, "passes", where) ?? base?.passes ?? [],
    ...(modelArgs === undefined ? {} : { modelArgs }),
    ...(model === undefined ? {} : { model }),
    ...(env === undefined ? {} : { env }),
    ...(base?.files === undefined ? {} : { files: base.files }),
  };
}

function checkSlots(argument: string, where: string): void {
  const other = [...argument.matchAll(/\{(\w*)\}/g)].find(([, name]) => name !== "prompt" && name !== "model");
  if (other !== undefined) throw invalid(where, `has ${other[0]}`, "only {prompt} and {model} are replaced");
  if (argument.includes("\0")) throw invalid(where, "has a zero byte", "leave it out");
}

function parseInput(value: unknown, where: string): CommandEngine["input"] | undefined {
  if (value === undefined || value === "stdin" || value === "argument") return value;
  throw invalid(where, `is ${JSON.stringify(value)}`, 'write "stdin" or "argument"');
}

function parseAnswer(value: unknown, where: string): AnswerFormat | undefined {
  if (value === undefined) return undefined;
  const fields = asObject(value);
  const { format } = fields;
  onlyKeys(fields, format === "text" ? ["format"] : ["format", "where", "path", "take", "trouble", "failed", "refused"], where);
  if (format === "text") return { format };
  if (format !== "json" && format !== "json-lines")
    throw invalid(`${where}.format`, `is ${JSON.stringify(format)}`, 'write "text", "json" or "json-lines"');
  const { take = "last" } = fields;
  if (take !== "last" && take !== "all") throw invalid(`${where}.take`, `is ${JSON.stringify(take)}`, 'write "last" or "all"');
  const failed = values(fields["failed"], `${where}.failed`);
  const refused = values(fields["refused"], `${where}.refused`);
  return {
    format,
    where: values(fields["where"], `${where}.where`) ?? {},
    path: text(fields, "path", where),
    take,
    trouble: words(fields, "trouble", where) ?? [],
    ...(failed === undefined ? {} : { failed }),
    ...(refused === undefined ? {} : { refused }),
  };
}

function values(value: unknown, where: string): Record<string, string | boolean> | undefined {
  if (value === undefined) return undefined;
  const entries = Object.entries(asObject(value)).filter((entry): entry is [string, string | boolean] =>
    ["string", "boolean"].includes(typeof entry[1]),
  );
  if (entries.length === 0 || entries.length !== Object.keys(asObject(value)).length)
    throw invalid(where, "is no object of texts and switches", 'write {"type": "result"}');
  return Object.fromEntries(entries);
}

function variables(value: unknown, where: string): Record<string, string> | undefined {
  if (value === undefined) return undefined;
  const entries = Object.entries(asObject(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  if (entries.length !== Object.keys(asObject(value)).length) throw invalid(where, "is no object of texts", 'write {"NAME": "value"}');
  const odd = entries.find(([name]) => !/^[A-Za-z_]\w*$/.test(name) || /^(?:LD_|DYLD_|OPENCLAW_|NODE_OPTIONS$|PATH$|HOME$)/i.test(name));
  if (odd !== undefined) throw invalid(where, `sets ${odd[0]}`, "leave it out: it would choose another program, home or gateway");
  return Object.fromEntries(entries);
}

function timeout(fields: JsonObject, where: string): number {
  const { timeoutSeconds } = fields;
  if (timeoutSeconds === undefined) return DEFAULT_MS;
  if (typeof timeoutSeconds === "number" && timeoutSeconds >= 1 && timeoutSeconds <= MOST_SECONDS) return timeoutSeconds * 1000;
  throw invalid(`${where}.timeoutSeconds`, `is ${JSON.stringify(timeoutSeconds)}`, `write a number from 1 to ${MOST_SECONDS}`);
}

function text(fields: JsonObject, key: string, where: string): string {
  const value = optionalText(fields, key, where);
  if (value === undefined) throw invalid(`${where}.${key}`, "is missing", "give it a text");
  return value;
}

function optionalText(fields: JsonObject, key: string, where: string): string | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "" && value.length <= 1_000 && !/\p{Cc}/u.test(value)) return value;
  throw invalid(`${where}.${key}`, "is no text of one line", "give it one");
}

function words(fields: JsonObject, key: string, where: string): readonly string[] | undefined {
  const value = fields[key];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.length <= 100 && value.every((each) => typeof each === "string")) return value;
  throw invalid(`${where}.${key}`, "is no list of texts", 'write ["--one", "--two"]');
}

function onlyKeys(fields: JsonObject, keys: readonly string[], where: string): void {
  const unknown = Object.keys(fields).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw invalid(`${where}.${unknown}`, "is not known", `use ${keys.join(", ")}`);
}

/** This machine, and addresses that are nobody else's: evidence does not cross the internet on the way there. */
function isNear(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost" || host === "::1" || /\.(?:local|lan|internal|home\.arpa)$/.test(host) || /^f[cd][0-9a-f]{2}:/.test(host))
    return true;
  if (/^[a-z][a-z0-9-]*$/.test(host)) return true;
  return /^(?:127|10)\.\d+\.\d+\.\d+$|^192\.168\.\d+\.\d+$|^172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+$|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+$/.test(
    host,
  );
}

function invalid(where: string, what: string, fix: string): RescueError {
  return new RescueError("config-invalid", `${where} ${what}`, { fix });
}
