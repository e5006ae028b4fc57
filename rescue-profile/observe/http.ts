import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { HealthBody, HttpReading, Reading } from "../core/model.ts";
import { seen, unseen } from "./reading.ts";

/** Where a gateway answers. `host` is an address, so that no name is ever looked up. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

export type HealthPath = "/healthz" | "/startupz" | "/readyz";

/** `silent` and how: for evidence, beyond what the vocabulary needs. */
export type SilentReading = Extract<HttpReading, { state: "silent" }> & {
  /**
   * `not-accepted`: not even the connection was answered (the accept queue of a stopped process fills up);
   * `no-bytes`, `partial`: the deadline passed before the answer began, or ended; `reset`: closed before the answer was complete.
   */
  readonly how: "not-accepted" | "no-bytes" | "partial" | "reset";
};

const MAX_BODY_BYTES = 65_536;
const TLS_ALERT = 0x15;

/**
 * One GET on a connection of its own, within `timeoutMs` in all: no keep-alive, no redirects, no retry.
 * Not ok only when our own side failed (no descriptors, no ports) or when the two sides disagree about TLS.
 */
export async function probeHttp(endpoint: Endpoint, path: HealthPath, timeoutMs: number): Promise<Reading<HttpReading>> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const elapsed = (): number => Math.round(performance.now() - startedAt);
    let connected = false;
    let status: number | undefined;

    const settle = (reading: Reading<HttpReading>): void => {
      clearTimeout(deadline);
      request.destroy();
      resolve(reading);
    };
    const silent = (how: SilentReading["how"]): void => {
      const value: SilentReading = { state: "silent", afterMs: elapsed(), how };
      settle(seen(value));
    };
    const foreign = (): void => settle(seen({ state: "foreign", status: status ?? 0 }));

    const request = (endpoint.tls ? https : http).request({
      host: endpoint.host,
      port: endpoint.port,
      path,
      agent: false,
      headers: { connection: "close", accept: "application/json" },
      // The host makes its own certificate, and a certificate would prove nothing here: who answers is settled by the process
      // that owns the port, and no secret is ever sent on this connection.
      rejectUnauthorized: false,
    });
    const deadline = setTimeout(() => {
      if (!connected) return silent("not-accepted");
      silent((request.socket?.bytesRead ?? 0) > 0 ? "partial" : "no-bytes");
    }, timeoutMs);

    request.once("socket", (socket: Socket) =>
      socket.once("connect", () => {
        connected = true;
      }),
    );
    // Stays for late errors of the socket that `destroy` leaves behind.
    request.on("error", (error) => {
      const code = systemErrorCode(error);
      if (code === "ECONNREFUSED") return settle(seen({ state: "refused" }));
      if (code === "ECONNRESET" || code === "EPIPE") return silent("reset");
      if (code === "EPROTO" || code?.startsWith("ERR_SSL_"))
        return settle(unseen("the port answers without TLS, which the configuration asks for"));
      if (code?.startsWith("HPE_")) {
        return firstByte(error) === TLS_ALERT
          ? settle(unseen("the port answers with TLS, which the configuration does not ask for"))
          : foreign();
      }
      settle(unseen(`${code ?? error.message} asking for ${path}`));
    });
    request.once("response", (response) => {
      status = response.statusCode ?? 0;
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) foreign();
      });
      response.once("error", () => silent("reset"));
      response.once("end", () => {
        const body = parseHealth(Buffer.concat(chunks).toString("utf8"));
        if (body === undefined) return foreign();
        settle(seen({ state: "answered", status: response.statusCode ?? 0, tookMs: elapsed(), body }));
      });
    });
    request.end();
  });
}

/**
 * The documents of the host's probes: `{ok, status, version?, pendingReason?}` and `{ready, failing?, suppressed?}`.
 * Anything else is another program's answer.
 */
export function parseHealth(text: string): HealthBody | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const field = (name: string): unknown => Reflect.get(value, name);
  const isLiveness = typeof field("ok") === "boolean" && typeof field("status") === "string";
  if (!isLiveness && typeof field("ready") !== "boolean") return undefined;
  const [status, pendingReason, version] = [field("status"), field("pendingReason"), field("version")];
  const [failing, suppressed] = [strings(field("failing")), strings(field("suppressed"))];
  return {
    ...(typeof status === "string" ? { status } : {}),
    ...(typeof pendingReason === "string" ? { pendingReason } : {}),
    ...(typeof version === "string" ? { version } : {}),
    ...(failing === undefined ? {} : { failing }),
    ...(suppressed === undefined ? {} : { suppressed }),
  };
}

function strings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : undefined;
}

/** The parser's error carries the bytes it choked on. */
function firstByte(error: Error): number | undefined {
  const packet: unknown = Reflect.get(error, "rawPacket");
  return packet instanceof Uint8Array ? packet[0] : undefined;
}
