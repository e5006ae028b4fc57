import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import tls from "node:tls";
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
/** A timer that fires this much too late was not kept from firing by the gateway. */
const STARVED_MS = 500;
const TLS_ALERT = 0x15;
const TLS_MISSING = "the port answers without TLS, which the configuration asks for";
const TLS_UNASKED = "the port answers with TLS, which the configuration does not ask for";

/**
 * One GET on a connection of its own, within `timeoutMs` in all: no keep-alive, no redirects, no retry.
 * Not ok only when our own side failed (starved, no descriptors, no ports) or when the two sides disagree about TLS.
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

    /** A server that expects TLS cuts off whoever does not speak it. Healthy, but not as configured: that is not silence. */
    const settleReset = async (): Promise<void> => {
      const mute = (request.socket?.bytesRead ?? 0) === 0;
      if (mute && !endpoint.tls && (await speaksTls(endpoint, timeoutMs))) return settle(unseen(TLS_UNASKED));
      silent("reset");
    };

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
      const overdueMs = elapsed() - timeoutMs;
      // An answer may lie in the socket unread: our own sleep must not be taken for its silence (issue 107415).
      if (overdueMs > STARVED_MS) return settle(unseen(`the watchdog itself was starved for ${overdueMs} ms`));
      // After a smaller delay one turn of the event loop reads what has come.
      setImmediate(() => {
        if (!connected) return silent("not-accepted");
        silent((request.socket?.bytesRead ?? 0) > 0 ? "partial" : "no-bytes");
      });
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
      if (code === "ECONNRESET" || code === "EPIPE") return void settleReset();
      if (code === "EPROTO" || code?.startsWith("ERR_SSL_")) return settle(unseen(TLS_MISSING));
      if (code?.startsWith("HPE_")) {
        return firstByte(error) === TLS_ALERT ? settle(unseen(TLS_UNASKED)) : foreign();
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

async function speaksTls({ host, port }: Endpoint, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = tls.connect({ host, port, rejectUnauthorized: false });
    const settle = (answer: boolean): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(answer);
    };
    const deadline = setTimeout(() => settle(false), timeoutMs);
    socket.once("secureConnect", () => settle(true));
    socket.on("error", () => settle(false));
  });
}
