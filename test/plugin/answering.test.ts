import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { answeringFor } from "../../plugin/chat/answering.ts";

let home = "";
const before = process.env["HOME"];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "answering-"));
  process.env["HOME"] = home;
});
afterEach(() => {
  process.env["HOME"] = before;
  rmSync(home, { recursive: true, force: true });
});

it("a door that cannot be opened says why to whom the host knows, and nothing to a stranger", async () => {
  const errors: string[] = [];
  const logger = { info: () => undefined, warn: () => undefined, error: (text: string) => void errors.push(text) };
  const { command } = await answeringFor({ watchProfile: "default" }, undefined, logger);
  const asked = { senderId: "666", from: "telegram:666", text: "/rescue" };
  expect(await command({ ...asked, isKnown: false })).toEqual({ suppressReply: true });
  expect((await command({ ...asked, isKnown: true })).text).toContain("the watchdog cannot answer: ");
  expect(errors).toHaveLength(1);
});
