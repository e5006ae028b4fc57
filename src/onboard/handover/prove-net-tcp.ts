import { RescueError } from "../../shared/errors.ts";
import { runCommand } from "../../shared/run-command.ts";
import type { Connection, Holder, PeerProcess, Prover, SocketHolders } from "./prove.ts";

/** A cold PowerShell takes a second or two. */
const LIMITS = { timeoutMs: 20_000, maxBytes: 262_144 };

/**
 * Windows. The owner of an unaccepted connection is the listener's process there, so `nobody` does not occur.
 * Written after Microsoft's description of the cmdlets and never run on Windows yet: whatever it does not understand is a refusal.
 */
export const proveNetTcp: Prover = {
  async identify(pid) {
    return parseProcess(await powershell(identifyScript(pid)));
  },
  async holders(connection, pid) {
    return holdersByNetTcp(parseNetTcp(await powershell(holdersScript(connection.remotePort))), connection, pid);
  },
};

/** Milliseconds since 1970, as in the host's lock on Windows. A process that is gone makes an empty answer. */
function identifyScript(pid: number): string {
  return [
    `$p = Get-CimInstance Win32_Process -Filter 'ProcessId=${pid}' -ErrorAction Stop; if ($null -eq $p) { exit 0 }`,
    "$s = (Invoke-CimMethod -InputObject $p -MethodName GetOwnerSid -ErrorAction Stop).Sid",
    "$t = [DateTimeOffset]::new($p.CreationDate.ToUniversalTime()).ToUnixTimeMilliseconds()",
    "[pscustomobject]@{ startTime = $t; user = $s; ourUser = [Security.Principal.WindowsIdentity]::GetCurrent().User.Value } | ConvertTo-Json -Compress",
  ].join("; ");
}

function holdersScript(port: number): string {
  return (
    `ConvertTo-Json -Compress -InputObject @(Get-NetTCPConnection -LocalPort ${port} -ErrorAction Stop | ` +
    "Select-Object LocalAddress,LocalPort,RemoteAddress,RemotePort,@{n='State';e={[string]$_.State}},OwningProcess)"
  );
}

export interface NetTcpRow {
  readonly LocalAddress: string;
  readonly LocalPort: number;
  readonly RemoteAddress: string;
  readonly RemotePort: number;
  readonly State: string;
  readonly OwningProcess: number;
}

/** Throws `not-readable` on a row that lacks anything: it could be the one that matters. */
export function parseNetTcp(json: string): NetTcpRow[] {
  const rows = parseJson(json, "Get-NetTCPConnection");
  if (!Array.isArray(rows)) throw new RescueError("not-readable", "Get-NetTCPConnection did not answer with a list");
  return rows.map((row: unknown) => {
    if (isNetTcpRow(row)) return row;
    throw new RescueError("not-readable", "Get-NetTCPConnection answered with an unknown row");
  });
}

export function holdersByNetTcp(rows: readonly NetTcpRow[], { localPort, remotePort }: Connection, pid: number): SocketHolders {
  const holder = ({ OwningProcess }: NetTcpRow): Holder => (OwningProcess === pid ? "expected" : "other");
  const loopback = ["127.0.0.1", "::ffff:127.0.0.1"];
  const theirs = rows.filter((row) => row.LocalPort === remotePort);
  const isPeer = (row: NetTcpRow) =>
    row.State === "Established" &&
    row.RemotePort === localPort &&
    loopback.includes(row.LocalAddress) &&
    loopback.includes(row.RemoteAddress);
  return {
    peers: theirs.filter(isPeer).map(holder),
    listeners: theirs.filter((row) => row.State === "Listen" && [...loopback, "0.0.0.0", "::"].includes(row.LocalAddress)).map(holder),
  };
}

/** undefined for the empty answer of a process that is gone. Throws `not-readable` on anything unknown. */
export function parseProcess(json: string): PeerProcess | undefined {
  if (json.trim() === "") return undefined;
  const value = parseJson(json, "Win32_Process");
  const startTime = field(value, "startTime");
  const user = field(value, "user");
  const ourUser = field(value, "ourUser");
  if (typeof startTime !== "number" || !isSid(user) || !isSid(ourUser)) {
    throw new RescueError("not-readable", "Win32_Process answered without start time or owner");
  }
  return { startTime, user, ourUser };
}

const isSid = (value: unknown): value is string => typeof value === "string" && value.startsWith("S-1-");

function isNetTcpRow(row: unknown): row is NetTcpRow {
  const are = (type: "string" | "number", names: readonly string[]) => names.every((name) => typeof field(row, name) === type);
  return are("string", ["LocalAddress", "RemoteAddress", "State"]) && are("number", ["LocalPort", "RemotePort", "OwningProcess"]);
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function parseJson(text: string, from: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RescueError("not-readable", `${from} did not answer with JSON`, { cause: error });
    throw error;
  }
}

async function powershell(script: string): Promise<string> {
  const argv = ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", `$ErrorActionPreference = 'Stop'; ${script}`];
  const { exitCode, stdout, notStarted, timedOut, truncated } = await runCommand(argv, LIMITS);
  if (exitCode === 0 && !truncated) return stdout;
  throw new RescueError("not-readable", `PowerShell: ${notStarted ?? (timedOut ? "no answer" : `exit code ${exitCode}`)}`);
}
