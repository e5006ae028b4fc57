import { readdirSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import { readUnit } from "../../src/service-installers/systemd/unit-limits.ts";
import { userUnits } from "../../src/service-installers/systemd/units.ts";
import { RescueError, systemErrorCode } from "../../src/shared/errors.ts";
import { asObject, type JsonObject } from "../../src/shared/gateway-config.ts";
import { readIfThere } from "../../src/shared/secure-file.ts";
import type { ModelServer } from "../audit/facts.ts";
import type { PolicySettings } from "../config.ts";
import { isLoopback } from "./loopback.ts";

const ANSWER_MS = 3_000;
const MAX_BODY = 4 * 1024 * 1024;

interface Wanted {
  readonly id: string;
  readonly url: string;
  readonly models: readonly string[];
  readonly onDemand: boolean;
  readonly unit: string | undefined;
}

/** The model servers on this machine: providers whose address is a loopback one, and those of the settings. Nothing else is asked. */
export async function readModelServers(
  config: JsonObject,
  declared: PolicySettings["audit"]["modelServers"],
  place: { readonly home: string; readonly env: NodeJS.ProcessEnv },
): Promise<readonly ModelServer[]> {
  const wanted = [...configuredServers(config), ...declared.map(({ url, unit }) => ({ id: url, url, models: [], onDemand: false, unit }))];
  return Promise.all(
    wanted.map(async ({ id, url, models, onDemand, unit }) => {
      const { anyName = false, ...answer } = await ask(url);
      return { id, url: bare(url), wanted: anyName ? [] : models, onDemand, answer, unit: await unitOf(unit, url, place) };
    }),
  );
}

type Answer = ModelServer["answer"] & { readonly anyName?: boolean };

function configuredServers(config: JsonObject): Wanted[] {
  return Object.entries(asObject(asObject(config["models"])["providers"])).flatMap(([id, provider]) => {
    const { baseUrl: url, models, localService } = asObject(provider);
    if (typeof url !== "string" || !isLoopback(url)) return [];
    const ids = (Array.isArray(models) ? models : []).map((each) => asObject(each)["id"]).filter((each) => typeof each === "string");
    return [{ id, url, models: ids, onDemand: localService !== undefined, unit: undefined }];
  });
}

/** Without what could be a secret. */
function bare(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`.replace(/\/$/, "");
}

/** The list of an OpenAI-compatible server (vLLM, llama.cpp, LM Studio, SGLang); an Ollama's own, when its address is not its `/v1`. */
async function ask(url: string): Promise<Answer> {
  const base = bare(url);
  const open = await listAt(`${base}/models`, "data", "id");
  if (open.state !== "error" || open.status !== 404) return open;
  const tags = await listAt(`${base}/api/tags`, "models", "name");
  return tags.state === "error" && tags.status === 404 ? { state: "closed" } : tags;
}

async function listAt(url: string, list: string, name: string): Promise<Answer> {
  const got = await get(url);
  if (typeof got === "string") return { state: got };
  // It is there and wants a key, which is not for an audit to send; or it speaks another language than ours.
  if ([401, 403, 405].includes(got.status)) return { state: "closed" };
  if (got.status !== 200) return { state: "error", status: got.status };
  const models = asObject(parsed(got.body))[list];
  if (!Array.isArray(models)) return { state: "error", status: got.status };
  const ids = models.map((each) => asObject(each)[name]).filter((each) => typeof each === "string");
  // llama.cpp answers under any name, whatever it calls its one model.
  return { state: "models", models: ids, anyName: models.some((each) => asObject(each)["owned_by"] === "llamacpp") };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** One GET, no key, no redirect followed, bounded in time and size. */
async function get(url: string): Promise<"refused" | "silent" | { readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    const request = (url.startsWith("https:") ? https : http).get(url, { agent: false, rejectUnauthorized: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
        if (body.length > MAX_BODY) settle("silent");
      });
      response.on("end", () => settle({ status: response.statusCode ?? 0, body }));
      response.on("error", () => settle("silent"));
    });
    const settle = (value: Parameters<typeof resolve>[0]) => {
      clearTimeout(deadline);
      request.destroy();
      resolve(value);
    };
    const deadline = setTimeout(() => settle("silent"), ANSWER_MS);
    request.on("error", (error) => settle(systemErrorCode(error) === "ECONNREFUSED" ? "refused" : "silent"));
  });
}

/** The unit that was declared, or the one of this account whose command line names the port. Null where systemd cannot be asked: that is said of the gateway's own service. */
async function unitOf(
  declared: string | undefined,
  url: string,
  { home, env }: { readonly home: string; readonly env: NodeJS.ProcessEnv },
): Promise<ModelServer["unit"]> {
  const { port } = new URL(url);
  const name = declared ?? (process.platform === "linux" && port !== "" ? unitWithPort(userUnits(home), port) : undefined);
  if (name === undefined) return null;
  for (const scope of ["user", "system"] as const) {
    const unit = await readUnit(name, scope, env).catch((error: unknown) => {
      if (error instanceof RescueError) return undefined;
      throw error;
    });
    if (unit !== undefined) return { name, scope, declared: declared !== undefined, ...unit };
  }
  return null;
}

function unitWithPort(directory: string, port: string): string | undefined {
  const pattern = new RegExp(`^ExecStart=.*(?:--port[= ]"?|-p )${port}\\b`, "m");
  const textOf = (name: string) => (readIfThere(path.join(directory, name)) ?? "").replaceAll(/\\\n/g, " ");
  return unitsIn(directory).find((name) => pattern.test(textOf(name)));
}

function unitsIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".service") && !name.startsWith("openclaw-gateway"));
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
