import { closeSync, constants, openSync, readSync } from "node:fs";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { ProcessIdentity } from "../core/model.ts";

/**
 * The host's claim on a state dir, `<state dir>/tmp/openclaw-<uid>/gateway.state.lock`. Host: `infra/gateway-lock`.
 * Offline maintenance takes the same file under another role, so a lock is not yet a gateway.
 */
export interface HostLock extends ProcessIdentity {
  readonly role: "gateway" | "agent-embedded" | "skill-workshop-apply" | "sqlite-maintenance";
  /** Canonical (symlinks resolved). */
  readonly stateDir: string;
  readonly configPath: string;
  /** Changes on an in-process restart. */
  readonly ownerId?: string;
  /** The port the gateway means to listen on, already before it does. */
  readonly port?: number;
}

export type LockFile =
  | { readonly state: "none" }
  | { readonly state: "held"; readonly lock: HostLock }
  /** There, and not (yet) a lock: empty or half-written while it is being taken, or damaged. */
  | { readonly state: "garbled"; readonly why: string }
  | { readonly state: "unreadable"; readonly why: string };

const ROLES = ["gateway", "agent-embedded", "skill-workshop-apply", "sqlite-maintenance"] as const;
/** The host pads to some hundred bytes; what is longer than this is no lock. */
const MAX_BYTES = 16_384;

export function readLockFile(lockPath: string): LockFile {
  let text: string;
  try {
    text = readBounded(lockPath);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") return { state: "none" };
    if (code === undefined) throw error;
    return { state: "unreadable", why: `${code} reading ${lockPath}` };
  }
  return parseLockFile(text, lockPath);
}

/** `where` only names the file in `why`; the content is never repeated there. */
export function parseLockFile(text: string, where: string): LockFile {
  const garbled = (why: string): LockFile => ({ state: "garbled", why: `${where} ${why}` });
  if (text.trim() === "") return garbled("is empty");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return garbled("is not JSON");
  }
  if (typeof value !== "object" || value === null) return garbled("is not a lock");
  const field = (name: string): unknown => Reflect.get(value, name);
  const pid = field("pid");
  const startTime = field("startTime");
  const stateDir = field("stateDir");
  const configPath = field("configPath");
  const role = ROLES.find((known) => known === (field("role") ?? "gateway"));
  if (!isPid(pid)) return garbled("names no process");
  // Without it a later process with the same pid could not be told apart. The host leaves it out only where it cannot read it.
  if (typeof startTime !== "number" || !Number.isFinite(startTime)) return garbled("has no start time");
  if (typeof stateDir !== "string" || typeof configPath !== "string") return garbled("names no state directory");
  if (role === undefined) return garbled("has an unknown role");
  const ownerId = field("ownerId");
  const port = field("port");
  return {
    state: "held",
    lock: {
      pid,
      startTime,
      role,
      stateDir,
      configPath,
      ...(typeof ownerId === "string" ? { ownerId } : {}),
      ...(isPort(port) ? { port } : {}),
    },
  };
}

export function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 65_535;
}

function isPid(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function readBounded(file: string): string {
  // Not blocking, so that a FIFO somebody put there cannot stop the watchdog.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(MAX_BYTES);
    return buffer.toString("utf8", 0, readSync(descriptor, buffer, 0, MAX_BYTES, 0));
  } finally {
    closeSync(descriptor);
  }
}
