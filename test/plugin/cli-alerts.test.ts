import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { botApi } from "../support/bot-api.ts";
import { cliIn } from "./cli-harness.ts";

/** A profile, and a watchdog whose settings say who is told. */
function settled(alerts: unknown) {
  const cli = cliIn();
  const stateDir = join(cli.home, ".openclaw");
  mkdirSync(stateDir);
  writeFileSync(join(stateDir, "openclaw.json"), JSON.stringify({ gateway: { mode: "local", port: 18_789 } }));
  mkdirSync(cli.dir, { recursive: true });
  writeFileSync(join(cli.dir, "config.json5"), JSON.stringify({ alerts }));
  return cli;
}

describe("rescue-watchdog alerts", () => {
  it("says that nobody is told, and that a test would reach nobody", async () => {
    using cli = settled({});
    expect(await cli.run("alerts")).toMatchObject({ code: 0, out: "nobody is told: the settings name no receiver\n" });
    expect(await cli.run("alerts", "test")).toMatchObject({ code: 2, err: expect.stringContaining("config.json5") });
    expect(await cli.run("alerts", "tets")).toMatchObject({ code: 2, err: expect.stringContaining('knows no "tets"') });
  });

  it("sends a test to everybody, and says whom it did not reach, without a secret", async () => {
    await using bot = await botApi();
    using cli = settled({
      telegram: [{ name: "me", tokenFile: "TOKEN", chat: 4711, apiRoot: bot.root }],
      webhooks: [{ name: "gone", url: "http://127.0.0.1:9/hidden" }],
    });
    const tokenFile = join(cli.dir, "token");
    writeFileSync(tokenFile, `${bot.token}\n`);
    writeFileSync(
      join(cli.dir, "config.json5"),
      JSON.stringify({
        alerts: {
          telegram: [{ name: "me", tokenFile, chat: 4711, apiRoot: bot.root }],
          webhooks: [{ name: "gone", url: "http://127.0.0.1:9/hidden" }],
        },
      }),
    );
    const said = await cli.run("alerts", "test", "--json");
    expect(said.code).toBe(1);
    expect(JSON.parse(said.out)).toMatchObject({
      ok: true,
      results: [
        { receiver: "telegram:me", sent: { outcome: "sent" } },
        { receiver: "webhook:gone", sent: { outcome: "later" } },
      ],
    });
    expect(said.out + said.err).not.toMatch(/test-token|hidden/);
    expect(bot.messages(4711)).toEqual([{ id: 1, text: expect.stringContaining("This is a test.") }]);
  });

  it("names a secret's file that is not there, or that holds no secret", async () => {
    using cli = settled({ telegram: [{ name: "me", tokenFile: "/nonexistent/token", chat: 1 }] });
    expect(await cli.run("alerts")).toMatchObject({ code: 4, err: expect.stringContaining("/nonexistent/token") });
    const empty = join(cli.dir, "empty");
    writeFileSync(empty, "\n");
    writeFileSync(join(cli.dir, "config.json5"), JSON.stringify({ alerts: { telegram: [{ name: "me", tokenFile: empty, chat: 1 }] } }));
    expect(await cli.run("alerts")).toMatchObject({ code: 5, err: expect.stringContaining("holds no secret") });
  });

  it("takes the bot of the rescue profile where no other is named, and says when there is none", async () => {
    await using bot = await botApi();
    using cli = settled({ telegram: [{ name: "4711", chat: 4711 }] });
    expect(await cli.run("alerts", "test")).toMatchObject({ code: 5, err: expect.stringContaining("there is no profile rescue") });
    const rescue = join(cli.home, ".openclaw-rescue");
    mkdirSync(rescue);
    const write = (telegram: unknown) => writeFileSync(join(rescue, "openclaw.json"), JSON.stringify({ channels: { telegram } }));
    write({});
    expect(await cli.run("alerts", "test")).toMatchObject({ code: 5, err: expect.stringContaining("the profile rescue has no bot") });
    write({ botToken: bot.token, apiRoot: bot.root });
    expect(await cli.run("alerts", "test")).toMatchObject({ code: 0, out: "telegram:4711: sent\n" });
    expect(bot.messages(4711)).toHaveLength(1);
  });

  it("says who has not heard of what, and why", async () => {
    const server = createServer((_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      using cli = settled({ webhooks: [{ name: "one", url: `http://127.0.0.1:${port}/` }] });
      expect(await cli.run("alerts")).toMatchObject({ code: 0, out: "webhook:one: has heard everything\n" });
    } finally {
      server.close();
    }
  });
});
