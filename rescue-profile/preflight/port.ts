import net from "node:net";
import { systemErrorCode } from "../../src/shared/errors.ts";
import type { Reading } from "../core/model.ts";

/** `unusable`: this account cannot have it whoever holds it; `code` is the system's. */
export type PortLook = { readonly state: "free" } | { readonly state: "taken" } | { readonly state: "unusable"; readonly code: string };

const UNUSABLE = ["EACCES", "EPERM", "EADDRNOTAVAIL", "EAFNOSUPPORT", "ENOTFOUND", "EAI_AGAIN", "EINVAL"];

/** Takes the port as a server would, for an instant: the kernel alone knows which other addresses stand in the way. */
export async function tryPort(host: string, port: number): Promise<Reading<PortLook>> {
  const server = net.createServer((socket) => socket.destroy());
  const error = await new Promise<unknown>((resolve) => {
    server.once("error", resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
  if (error === undefined) return { ok: true, value: { state: "free" } };
  const code = systemErrorCode(error);
  if (code === undefined) throw error;
  if (code === "EADDRINUSE") return { ok: true, value: { state: "taken" } };
  return UNUSABLE.includes(code) ? { ok: true, value: { state: "unusable", code } } : { ok: false, why: `${code} listening on ${host}` };
}
