import type { Alert } from "./alert.ts";

/** `{id, ...Alert}`, for whoever is no chat of ours: without the names of buttons, which are for the chat that shows them. */
export function asJson({ question: _, ...alert }: Alert, id: string): string {
  return JSON.stringify({ id: Number(id), ...alert });
}
