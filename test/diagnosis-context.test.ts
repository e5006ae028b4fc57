import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { contextOptions } from "../rescue-profile/diagnosis-context.ts";
import { configuredHome } from "./observe/findings-support.ts";

describe("what is hidden in a diagnosis's evidence besides the configuration's secrets", () => {
  it("are the values at secrets' names of the .env files; one that cannot be read without waiting hides nothing and holds nothing up", async () => {
    const { home, target } = await configuredHome();
    writeFileSync(
      path.join(target.stateDir, ".env"),
      "TELEGRAM_BOT_TOKEN=plain words here\nNODE_ENV=production\nOPENAI_API_KEY=another-one\n",
    );
    execFileSync("mkfifo", [path.join(home, ".env")]);
    mkdirSync(path.join(home, "elsewhere"));
    const dog = { target, options: { profile: "default", home, env: { HOME: home, PATH: "" }, what: "test" } };
    const { secrets } = await contextOptions(dog, "0".repeat(32));
    expect(secrets).toEqual(["plain words here", "another-one"]);
  });
});
