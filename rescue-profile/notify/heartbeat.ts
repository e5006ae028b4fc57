/** A ping for a service that misses it (Healthchecks and its like). Resolves to why it failed, undefined when it did not; never rejects. */
export async function ping(url: string, timeoutMs: number): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { redirect: "follow", signal: AbortSignal.timeout(timeoutMs) });
    await answer.body?.cancel();
    return answer.ok ? undefined : `HTTP ${answer.status}`;
  } catch (error) {
    return error instanceof Error ? error.name : "not sent";
  }
}
