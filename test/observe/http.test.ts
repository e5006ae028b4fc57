import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parseHealth, probeHttp } from "../../rescue-profile/observe/http.ts";
import { freePort } from "../support/home.ts";
import { child, firstWord, fixture, listen, statFields, tempDir, until } from "./support.ts";

/** Longer than a machine under load takes to answer, for probes that do end; short where the deadline itself is awaited. */
const LONG_MS = 10_000;
const SHORT_MS = 150;

const plain = (port: number) => ({ host: "127.0.0.1", port, tls: false });
const answering = (status: number, body: string) =>
  listen(
    http.createServer((_request, response) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body);
    }),
  );
const talking = (onSocket: (socket: net.Socket) => void) => listen(net.createServer(onSocket));

describe("one GET", () => {
  it("returns status and document of a gateway that serves", async () => {
    const port = await answering(200, '{"ok":true,"status":"started","version":"2026.9.6","uptimeMs":51907}');
    expect(await probeHttp(plain(port), "/startupz", LONG_MS)).toEqual({
      ok: true,
      value: { state: "answered", status: 200, tookMs: expect.any(Number), body: { status: "started", version: "2026.9.6" } },
    });
  });

  it("takes a 503 with a health document for an answer", async () => {
    const port = await answering(503, '{"ok":false,"status":"starting","pendingReason":"startup-sidecars"}');
    expect(await probeHttp(plain(port), "/startupz", LONG_MS)).toMatchObject({
      value: { state: "answered", status: 503, body: { status: "starting", pendingReason: "startup-sidecars" } },
    });
  });

  it("is refused when nothing listens", async () => {
    expect(await probeHttp(plain(await freePort()), "/healthz", LONG_MS)).toEqual({ ok: true, value: { state: "refused" } });
  });

  it("finds a process silent that accepts and says nothing", async () => {
    const port = await talking(() => undefined);
    expect(await probeHttp(plain(port), "/healthz", SHORT_MS)).toEqual({
      ok: true,
      value: { state: "silent", how: "no-bytes", afterMs: expect.any(Number) },
    });
  });

  it("finds a stopped process silent, and still silent when its accept queue is full", async () => {
    const frozen = child(process.execPath, [fixture("observe-http.mjs"), "health"]);
    const port = Number(await firstWord(frozen));
    frozen.kill("SIGSTOP");
    await until(() => process.platform !== "linux" || statFields(frozen.pid)[0] === "T");
    expect(await probeHttp(plain(port), "/healthz", SHORT_MS)).toMatchObject({ value: { state: "silent", how: "no-bytes" } });
    const waiting = Array.from({ length: 600 }, () => net.connect(port, "127.0.0.1").on("error", () => undefined));
    expect(await probeHttp(plain(port), "/healthz", SHORT_MS)).toMatchObject({ value: { state: "silent" } });
    for (const socket of waiting) socket.destroy();
  });

  it("gives up on an answer that trickles", async () => {
    const port = await talking((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
      const drip = setInterval(() => socket.write(" "), 10);
      socket.on("close", () => clearInterval(drip));
    });
    expect(await probeHttp(plain(port), "/healthz", SHORT_MS)).toMatchObject({ ok: true, value: { state: "silent", how: "partial" } });
  });

  it("finds a connection silent that is reset without a byte, or in the middle of the answer", async () => {
    const reset = await talking((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await probeHttp(plain(reset), "/healthz", LONG_MS)).toMatchObject({ ok: true, value: { state: "silent", how: "reset" } });
    const cut = await talking((socket) => socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")));
    expect(await probeHttp(plain(cut), "/healthz", LONG_MS)).toMatchObject({ ok: true, value: { state: "silent", how: "reset" } });
  });

  it.each([
    ["a web page", 200, "<html>"],
    ["JSON of something else", 200, '{"hello":"world"}'],
    ["an empty answer", 404, ""],
  ])("finds %s foreign", async (_what, status, body) => {
    expect(await probeHttp(plain(await answering(status, body)), "/healthz", LONG_MS)).toEqual({
      ok: true,
      value: { state: "foreign", status },
    });
  });

  it("finds another protocol foreign", async () => {
    const port = await talking((socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n"));
    expect(await probeHttp(plain(port), "/healthz", LONG_MS)).toEqual({ ok: true, value: { state: "foreign", status: 0 } });
  });

  it("finds an answer foreign that does not end, without keeping it", async () => {
    const port = await listen(
      http.createServer((_request, response) => {
        const pour = () => {
          while (!response.destroyed && response.write("x".repeat(16_384)));
        };
        response.on("drain", pour);
        pour();
      }),
    );
    expect(await probeHttp(plain(port), "/healthz", LONG_MS)).toMatchObject({ value: { state: "foreign", status: 200 } });
  });

  it("does not take its own starvation for the gateway's silence", async () => {
    const busy = child(process.execPath, [fixture("observe-http.mjs"), "health"]);
    const probe = probeHttp(plain(Number(await firstWord(busy))), "/healthz", SHORT_MS);
    const until = performance.now() + SHORT_MS + 800;
    while (performance.now() < until);
    expect(await probe).toEqual({ ok: false, why: expect.stringContaining("starved") });
  });

  it("follows no redirect", async () => {
    const port = await listen(http.createServer((_request, response) => response.writeHead(302, { location: "/healthz" }).end()));
    expect(await probeHttp(plain(port), "/healthz", LONG_MS)).toEqual({ ok: true, value: { state: "foreign", status: 302 } });
  });

  it("opens a connection of its own and asks for it to be closed", async () => {
    const seen: (string | undefined)[] = [];
    const port = await listen(
      http.createServer((request, response) => {
        seen.push(`${request.socket.remotePort} ${request.headers.connection}`);
        response.end('{"ready":true}');
      }),
    );
    await probeHttp(plain(port), "/readyz", LONG_MS);
    await probeHttp(plain(port), "/readyz", LONG_MS);
    expect(new Set(seen).size).toBe(2);
    expect(seen.every((each) => each?.endsWith(" close"))).toBe(true);
  });
});

describe("one GET through TLS", () => {
  const tlsServer = async () => {
    const directory = tempDir();
    const [key, cert] = [path.join(directory, "key"), path.join(directory, "cert")];
    const args = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-subj",
      "/CN=x",
      "-keyout",
      key,
      "-out",
      cert,
    ];
    execFileSync("openssl", args, { stdio: "ignore" });
    return listen(
      https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) =>
        response.end('{"ok":true,"status":"live"}'),
      ),
    );
  };

  it("accepts the certificate a gateway made for itself", async () => {
    const port = await tlsServer();
    expect(await probeHttp({ ...plain(port), tls: true }, "/healthz", LONG_MS)).toMatchObject({
      value: { state: "answered", status: 200 },
    });
  });

  it("cannot look when the configuration asks for TLS and the port speaks without", async () => {
    const port = await answering(200, '{"ok":true,"status":"live"}');
    expect(await probeHttp({ ...plain(port), tls: true }, "/healthz", LONG_MS)).toEqual({
      ok: false,
      why: expect.stringContaining("without TLS"),
    });
  });

  it("cannot look when the port speaks TLS and the configuration does not ask for it, rather than finding it silent", async () => {
    expect(await probeHttp(plain(await tlsServer()), "/healthz", LONG_MS)).toEqual({ ok: false, why: expect.stringContaining("with TLS") });
  });
});

describe("a health document", () => {
  it("is known by its shape, and its fields by their types", () => {
    expect(parseHealth('{"ok":true,"status":"live"}')).toEqual({ status: "live" });
    expect(parseHealth('{"ready":false,"failing":["telegram"],"suppressed":["telegram"],"uptimeMs":1}')).toEqual({
      failing: ["telegram"],
      suppressed: ["telegram"],
    });
    expect(parseHealth('{"ready":true,"failing":"telegram"}')).toEqual({});
    for (const other of ['{"ok":true}', '{"ok":"true","status":"live"}', "[]", "null", "3", "", "{"])
      expect(parseHealth(other)).toBeUndefined();
  });
});
