import { createHmac } from "node:crypto";
import type { Severity } from "../../core/event.ts";
import type { Receiver } from "../alert.ts";
import { asJson } from "../as-json.ts";
import { post } from "../http.ts";

export interface WebhookOptions {
  readonly name: string;
  readonly url: string;
  /** Signs what is sent; null: unsigned. */
  readonly secret: string | null;
  readonly least: Severity;
  readonly wallMs: () => number;
}

/**
 * Each news as JSON: `{id, ...Alert}`. Signed as `x-rescue-signature: sha256=HEX`, an HMAC-SHA256 with the secret over `TIMESTAMP.BODY`, where TIMESTAMP is
 * the value of `x-rescue-timestamp` (seconds). `x-rescue-id` is the same when something is sent again.
 */
export function webhookReceiver({ name, url, secret, least, wallMs }: WebhookOptions): Receiver {
  return {
    name,
    edits: false,
    least,
    send: async (alert, _remote, id) => {
      const body = asJson(alert, id);
      const timestamp = String(Math.floor(wallMs() / 1000));
      const headers = { "content-type": "application/json", "x-rescue-id": id, "x-rescue-timestamp": timestamp };
      return post(url, secret === null ? headers : { ...headers, "x-rescue-signature": `sha256=${sign(secret, timestamp, body)}` }, body);
    },
  };
}

function sign(secret: string, timestamp: string, body: string): string {
  return createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
}
