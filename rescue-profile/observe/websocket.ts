import { WebSocket } from "ws";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";
import type { Endpoint } from "./http.ts";
import { seen, unseen } from "./reading.ts";

export interface WebSocketReading {
  /**
   * `challenged`: a gateway that serves asked us to identify ourselves. `foreign`: the upgrade was declined, or something else
   * came first (an impostor that copies the health documents ends here). `silent`: nothing before the deadline, or a reset.
   */
  readonly state: "challenged" | "refused" | "silent" | "foreign";
  readonly tookMs: number;
}

const MAX_MESSAGE_BYTES = 65_536;

/**
 * Opens the gateway's WebSocket, waits for its first word and hangs up, within `timeoutMs` in all. Nothing is ever sent, so no
 * token can leak to whoever holds the port. The host logs such visits, so this is no probe for every look.
 */
export async function probeWebSocket(endpoint: Endpoint, timeoutMs: number): Promise<Reading<WebSocketReading>> {
  return new Promise((resolve) => {
    const startedAt = performance.now();
    const socket = new WebSocket(`${endpoint.tls ? "wss" : "ws"}://${endpoint.host}:${endpoint.port}/`, {
      followRedirects: false,
      perMessageDeflate: false,
      maxPayload: MAX_MESSAGE_BYTES,
      // See the HTTP probe: the certificate proves nothing and nothing secret is sent.
      rejectUnauthorized: false,
    });
    const settle = (reading: Reading<WebSocketReading>): void => {
      clearTimeout(deadline);
      resolve(reading);
      socket.terminate();
    };
    const conclude = (state: WebSocketReading["state"]): void => settle(seen({ state, tookMs: Math.round(performance.now() - startedAt) }));
    const deadline = setTimeout(() => conclude("silent"), timeoutMs);

    socket.once("message", (data, isBinary) => conclude(!isBinary && isChallenge(data.toString()) ? "challenged" : "foreign"));
    socket.once("unexpected-response", () => conclude("foreign"));
    socket.once("close", () => conclude("silent"));
    // Stays: terminating a socket that is still connecting reports an error, too.
    socket.on("error", (error) => {
      const code = systemErrorCode(error);
      if (code === "ECONNREFUSED") return conclude("refused");
      if (code === "ECONNRESET" || code === "EPIPE") return conclude("silent");
      if (code === undefined || code.startsWith("HPE_") || code.startsWith("WS_ERR_")) return conclude("foreign");
      settle(unseen(`${code} opening a WebSocket`));
    });
  });
}

function isChallenge(text: string): boolean {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === "object" && message !== null && Reflect.get(message, "event") === "connect.challenge";
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
