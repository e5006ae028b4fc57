const ANSWER_MS = 2_000;

/** `/readyz` needs no token and proves nothing; it only says when to ask. */
export async function answersReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS), redirect: "error" });
    await response.body?.cancel();
    return response.status === 200;
  } catch (error) {
    // Not up yet, or not answering: the caller's deadline decides.
    if (error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")) return false;
    throw error;
  }
}
