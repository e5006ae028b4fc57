import http from "node:http";
import net from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { probeWebSocket } from "../../rescue-profile/observe/websocket.ts";
import { freePort } from "../support/home.ts";
import { listen } from "./support.ts";

const LONG_MS = 10_000;
const at = (port: number) => ({ host: "127.0.0.1", port, tls: false });

async function gateway(first: string | undefined, heard: string[] = []): Promise<number> {
  const server = http.createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    socket.on("message", (data) => heard.push(data.toString()));
    socket.on("close", (code) => heard.push(`closed ${code}`));
    if (first !== undefined) socket.send(first);
  });
  return listen(server);
}

describe("the WebSocket", () => {
  it("is challenged by a gateway, and nothing is said in return", async () => {
    const heard: string[] = [];
    const port = await gateway('{"type":"event","event":"connect.challenge","payload":{"nonce":"n"}}', heard);
    expect(await probeWebSocket(at(port), LONG_MS)).toEqual({ ok: true, value: { state: "challenged", tookMs: expect.any(Number) } });
    expect(heard.filter((each) => !each.startsWith("closed"))).toEqual([]);
  });

  it("is refused when nothing listens", async () => {
    expect(await probeWebSocket(at(await freePort()), LONG_MS)).toMatchObject({ ok: true, value: { state: "refused" } });
  });

  it("is silent when the upgrade is not answered, and when the challenge does not come", async () => {
    const mute = await listen(net.createServer());
    expect(await probeWebSocket(at(mute), 150)).toMatchObject({ ok: true, value: { state: "silent" } });
    expect(await probeWebSocket(at(await gateway(undefined)), 150)).toMatchObject({ ok: true, value: { state: "silent" } });
  });

  it("is foreign when the upgrade is declined by a server that copies the health documents", async () => {
    const impostor = await listen(http.createServer((_request, response) => response.end('{"ok":true,"status":"live"}')));
    expect(await probeWebSocket(at(impostor), LONG_MS)).toMatchObject({ ok: true, value: { state: "foreign" } });
  });

  it.each(["hello", '{"event":"news"}', "x".repeat(70_000)])("is foreign when something else comes first", async (first) => {
    expect(await probeWebSocket(at(await gateway(first)), LONG_MS)).toMatchObject({ ok: true, value: { state: "foreign" } });
  });

  it("is silent when it is reset", async () => {
    const port = await listen(net.createServer((socket) => socket.once("data", () => socket.resetAndDestroy())));
    expect(await probeWebSocket(at(port), LONG_MS)).toMatchObject({ ok: true, value: { state: "silent" } });
  });
});
