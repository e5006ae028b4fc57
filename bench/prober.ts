import { get } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** Looks from outside, independent of the watchdog: is `/readyz` answering 200 right now? */
export function serves(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/readyz", agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

/** What the gateway says of its own start, for progress; undefined while it says nothing. */
export function startupWord(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/startupz", agent: false, timeout: 500 }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      response.on("end", () => resolve(wordIn(text)));
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(undefined));
  });
}

function wordIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null) return undefined;
    if ("pendingReason" in body) return String(body.pendingReason);
    return "status" in body ? String(body.status) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Polls until `/readyz` is `wanted`; resolves to the time it took. Rejects after `deadlineMs`, and when the signal aborts. */
export async function until(port: number, wanted: boolean, deadlineMs: number, signal: AbortSignal, pollMs = 20): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    if ((await serves(port, 500)) === wanted) return performance.now() - startedMs;
    if (performance.now() - startedMs > deadlineMs) {
      throw new Error(`port ${port} ${wanted ? "did not serve" : "went on serving"} for ${Math.round(deadlineMs / 1000)} s`);
    }
    await delay(pollMs, undefined, { signal });
  }
}
