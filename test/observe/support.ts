import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import type net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A directory of the test's own, canonical, removed after the test. */
export function tempDir(): string {
  const directory = realpathSync(mkdtempSync(path.join(tmpdir(), "observe-")));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A child that idles until the test ends. */
export function idleChild(): ChildProcess & { readonly pid: number } {
  return child(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
}

/** Any program, ended with the test, also when it is stopped. */
export function child(
  file: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly uid?: number } = {},
): ChildProcess & { readonly pid: number } {
  const started = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
  const { pid } = started;
  if (pid === undefined) throw new Error(`${file} did not start`);
  onTestFinished(() => {
    started.kill("SIGKILL");
  });
  return Object.assign(started, { pid });
}

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** The first text a child prints. */
export async function firstWord(from: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    from.stdout?.once("data", (data: Buffer) => resolve(data.toString().trim()));
    from.once("exit", (code) => reject(new Error(`the child ended with ${code} before it said a word`)));
  });
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(5);
}

export function statFields(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

export function startTimeOf(pid: number): number {
  return Number(statFields(pid)[19]);
}

/** The host's lock as it writes it, padded. Returns the lock's path. */
export function writeLock(stateDir: string, content: string | Record<string, unknown>): string {
  const directory = path.join(stateDir, "tmp", `openclaw-${process.getuid?.()}`);
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, "gateway.state.lock");
  writeFileSync(file, typeof content === "string" ? content : `${JSON.stringify(content, null, 1)}\n\t \t  \t\n`);
  return file;
}

/** A lock that names a process by its pid and start time. */
export function lockOf(pid: number, stateDir: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    pid,
    ownerId: "0a1b",
    createdAt: "2026-11-21T02:39:34.229Z",
    configPath: path.join(stateDir, "openclaw.json"),
    stateDir,
    port: 18_789,
    startTime: startTimeOf(pid),
    ...more,
  };
}

/** A TCP server of the test's own on 127.0.0.1; its connections are cut with the test. */
export async function listen(server: net.Server, host = "127.0.0.1"): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
