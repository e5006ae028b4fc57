import { RescueError } from "../../shared/errors.ts";
import { field } from "./conversation.ts";

export interface GatewayIdentity {
  /** The host's version. */
  readonly version: string;
  /** Changes with every start, also an in-process one. */
  readonly bootId: string;
  /** What the token was granted. */
  readonly scopes: readonly string[];
}

const PROTOCOL = 4;

/**
 * The connect frame of a local helper process. The host exempts exactly this client on loopback with the shared token from
 * pairing (2026.9.6: `gateway-client` in mode `backend`), so it leaves no device behind.
 */
export function connectParams(token: string): object {
  return {
    minProtocol: PROTOCOL,
    maxProtocol: PROTOCOL,
    client: { id: "gateway-client", displayName: "rescue-watchdog", version: "1", platform: process.platform, mode: "backend" },
    role: "operator",
    // Cron changes need admin; a shared token holds it anyway.
    scopes: ["operator.read", "operator.write", "operator.admin"],
    caps: [],
    auth: { token },
  };
}

/** Throws `refused` on an answer that is not this protocol's `hello-ok`. */
export function parseHello(payload: unknown): GatewayIdentity {
  const server = field(payload, "server");
  const version = field(server, "version");
  const bootId = field(server, "bootId");
  const scopes = field(field(payload, "auth"), "scopes");
  if (field(payload, "type") !== "hello-ok" || typeof version !== "string" || typeof bootId !== "string") {
    throw new RescueError("refused", "The gateway took the token and answered without saying its version and boot");
  }
  if (field(payload, "protocol") !== PROTOCOL) {
    throw new RescueError("refused", `The gateway speaks protocol ${String(field(payload, "protocol"))} and not ${PROTOCOL}`);
  }
  return { version, bootId, scopes: Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === "string") : [] };
}
