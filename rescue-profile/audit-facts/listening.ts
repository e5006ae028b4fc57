import { readFileSync } from "node:fs";
import { systemErrorCode } from "../../src/shared/errors.ts";
import { runCommand } from "../../src/shared/run-command.ts";
import type { Reading } from "../core/model.ts";
import { parseListening } from "../observe/listener.ts";
import { seen, unseen } from "../observe/reading.ts";

const LSOF_MS = 3_000;

/** The addresses on which somebody listens to this port, as text; `0.0.0.0` and `::` are all of them. */
export async function readListening(port: number): Promise<Reading<readonly string[]>> {
  if (process.platform === "linux") {
    const addresses = ["tcp", "tcp6"].flatMap((name) => parseListening(tableOf(name)).filter((row) => row.port === port));
    return seen([...new Set(addresses.map(({ address }) => addressOf(address)))]);
  }
  if (process.platform === "win32") return unseen("on Windows nobody asks yet which addresses are listened to");
  const lsof = await runCommand(["lsof", "-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fn"], { timeoutMs: LSOF_MS, maxBytes: 65_536 });
  if (lsof.notStarted !== undefined || lsof.timedOut) return unseen(`lsof: ${lsof.notStarted ?? "no answer"}`);
  return seen(parseLsofNames(lsof.stdout));
}

/** Lines `n127.0.0.1:18789`, `n*:18789`, `n[::1]:18789`. Pure. */
export function parseLsofNames(output: string): readonly string[] {
  const names = output.split("\n").flatMap((line) => /^n(.+):\d+$/.exec(line)?.[1] ?? []);
  return [...new Set(names.map((name) => (name === "*" ? "0.0.0.0" : name.replace(/^\[(.*)\]$/, "$1"))))];
}

/** The kernel writes each four bytes of an address in the machine's order, which is little-endian wherever Node runs. Pure. */
export function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16)));
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.every((byte) => byte === 0)) return "::";
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "::1";
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255) return bytes.slice(12).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) * 256 + (bytes[2 * index + 1] ?? 0)).toString(16));
  return groups.join(":");
}

function tableOf(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, "utf8");
  } catch (error) {
    if (name === "tcp6" && systemErrorCode(error) === "ENOENT") return "";
    throw error;
  }
}
