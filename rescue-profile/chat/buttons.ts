import { randomBytes } from "node:crypto";
import { BUTTON_NAMESPACE } from "../core/proposal.ts";
import type { ChatCommand } from "./commands.ts";

/** What a button does when it is pressed: one of the commands, or what was asked about is confirmed. */
export interface Deed {
  readonly command: ChatCommand;
  readonly confirmed: boolean;
}

/** `used`, `expired`, `foreign` (somebody else's), `unknown` (forged, or of an earlier process): each is answered politely, and does nothing. */
export type Pressed = { readonly deed: Deed } | { readonly why: "used" | "expired" | "foreign" | "unknown" };

interface Issued {
  readonly deed: Deed;
  readonly sender: number;
  readonly untilMs: number;
  used: boolean;
}

const LOOKS_MS = 86_400_000;
const CONFIRMS_MS = 120_000;
const MOST = 1_000;

/**
 * Buttons are looked up, not decoded: what Telegram hands back is a random name of 96 bits that only this process knows, for one person, once. Telegram allows 64
 * bytes.
 */
export class Buttons {
  readonly #issued = new Map<string, Issued>();

  issue(deed: Deed, sender: number, nowMs: number): string {
    const name = `${BUTTON_NAMESPACE}:${randomBytes(12).toString("base64url")}`;
    this.#issued.set(name, { deed, sender, untilMs: nowMs + (deed.confirmed ? CONFIRMS_MS : LOOKS_MS), used: false });
    // Oldest first.
    for (const old of this.#issued.keys()) {
      if (this.#issued.size <= MOST) break;
      this.#issued.delete(old);
    }
    return name;
  }

  press(name: string, sender: number, nowMs: number): Pressed {
    const issued = this.#issued.get(name);
    if (issued === undefined) return { why: "unknown" };
    if (issued.sender !== sender) return { why: "foreign" };
    if (issued.used) return { why: "used" };
    if (nowMs > issued.untilMs) return { why: "expired" };
    issued.used = true;
    return { deed: issued.deed };
  }
}
