import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { externalControl } from "../../../src/service-installers/external/control.ts";
import { controlSocketPath, prepareDirectories } from "../../../src/service-installers/external/control-path.ts";
import { serveControl } from "../../../src/service-installers/external/control-server.ts";
import { DEFAULT_SUPERVISE_POLICY } from "../../../src/service-installers/external/policy.ts";
import { MAX_REQUEST_BYTES, parseAnswer, statusOf } from "../../../src/service-installers/external/protocol.ts";
import { initialSupervision } from "../../../src/service-installers/external/state.ts";
import { makeStateDir } from "./harness.ts";

let stateDir: string;
let path: string;
const cleanUp: (() => unknown)[] = [];

beforeEach(() => {
  const made = makeStateDir();
  ({ stateDir } = made);
  cleanUp.push(made.remove);
  prepareDirectories(stateDir);
  path = controlSocketPath(stateDir);
});
afterEach(async () => {
  await Promise.allSettled(
    cleanUp
      .splice(0)
      .reverse()
      .map(async (undo) => undo()),
  );
});

async function serve() {
  const asked: string[] = [];
  const status = statusOf(initialSupervision(DEFAULT_SUPERVISE_POLICY), DEFAULT_SUPERVISE_POLICY, 1);
  const server = await serveControl(
    path,
    (operation) => {
      asked.push(operation);
      return { v: 1, ok: true, status };
    },
    () => undefined,
  );
  cleanUp.push(() => server.close());
  return { asked, server };
}

/** Writes as much as the other side takes and returns all that it says. */
function say(...parts: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(path, () => {
      for (const part of parts) socket.write(part);
    });
    socket.on("data", (chunk) => {
      received += chunk.toString();
    });
    socket.on("error", (error) => (received === "" ? reject(error) : resolve(received)));
    socket.on("close", () => resolve(received));
  });
}

/** Something else than a supervisor on the socket. */
async function impostor(behave: (server: Server) => void) {
  const server = createServer();
  behave(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanUp.push(() => new Promise((resolve) => server.close(resolve)));
}

describe("the control socket", () => {
  test("answers a request that arrives in pieces, with or without a version", async () => {
    const { asked } = await serve();
    expect(parseAnswer(await say('{"v":1,', '"op":"status"}\n'))).toMatchObject({ ok: true });
    expect(parseAnswer(await say('{"op":"stop"}\n'))).toMatchObject({ ok: true });
    expect(asked).toEqual(["status", "stop"]);
  });

  test.each([
    ["no JSON", "hello\n"],
    ["no object", "[1]\n"],
    ["an empty line", "\n"],
    ["an operation that it does not know", '{"op":"format"}\n'],
    ["another version", '{"v":2,"op":"stop"}\n'],
    ["bytes that are no text", Buffer.from([0xff, 0x00, 0xfe, 0x0a])],
  ])("refuses %s and does nothing", async (_what, request) => {
    const { asked } = await serve();
    expect(parseAnswer(await say(request))).toMatchObject({ ok: false, code: "bad-request" });
    expect(asked).toEqual([]);
  });

  test("refuses a line of 10 MB after its first few thousand bytes, and goes on answering others", async () => {
    const { asked } = await serve();
    const answer = await say(Buffer.alloc(10_000_000, 0x20));
    expect(parseAnswer(answer)).toMatchObject({ ok: false, message: expect.stringContaining(String(MAX_REQUEST_BYTES)) });
    const padded = await say(Buffer.alloc(10_000_000, 0x20), '{"op":"stop"}\n');
    expect(parseAnswer(padded)).toMatchObject({ ok: false });
    expect(asked).toEqual([]);
    expect(parseAnswer(await say('{"op":"status"}\n'))).toMatchObject({ ok: true });
  });

  test("hangs up on a client that says nothing, and closes although one is connected", async () => {
    const { server } = await serve();
    const idle = connect(path);
    await new Promise((resolve) => idle.once("connect", resolve));
    const closed = new Promise((resolve) => idle.once("close", resolve));
    await server.close();
    await closed;
  });

  test("replaces a socket on which nobody answers", async () => {
    // Node removes the socket of a server that closes, so a stale one is made by a process that cannot.
    const { spawnSync } = await import("node:child_process");
    const script = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))";
    spawnSync(process.execPath, ["-e", script, path]);
    expect(await externalControl(stateDir).status()).toMatchObject({ state: "not-installed" });
    await serve();
    expect(parseAnswer(await say('{"op":"status"}\n'))).toMatchObject({ ok: true });
  });

  test("is not taken from somebody who answers, nor from a file that is no socket", async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: "busy" });
    const other = makeStateDir();
    cleanUp.push(other.remove);
    prepareDirectories(other.stateDir);
    path = controlSocketPath(other.stateDir);
    writeFileSync(path, "mine");
    await expect(serve()).rejects.toMatchObject({ code: "refused" });
  });
});

describe("where it is", () => {
  test("a state directory whose name is too long for a socket gets one in a private temporary directory", () => {
    const deep = join(stateDir, "x".repeat(120));
    mkdirSync(deep);
    const long = controlSocketPath(deep);
    expect(long.startsWith(tmpdir())).toBe(true);
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(103);
    prepareDirectories(deep);
    chmodSync(dirname(long), 0o755);
    expect(() => prepareDirectories(deep)).toThrow(/not a private directory/);
    chmodSync(dirname(long), 0o700);
  });

  test("a directory in which others may put a socket is refused, by the supervisor and by the client", async () => {
    chmodSync(join(stateDir, "tmp"), 0o777);
    expect(() => prepareDirectories(stateDir)).not.toThrow();
    chmodSync(stateDir, 0o755);
    expect(() => prepareDirectories(stateDir)).toThrow(/written by other users/);
    await expect(externalControl(stateDir).status()).rejects.toMatchObject({ code: "service-control" });
  });

  test("no state directory is a missing profile", () => {
    expect(() => prepareDirectories(join(stateDir, "nowhere"))).toThrow(expect.objectContaining({ code: "profile-missing" }));
  });
});

describe("the client", () => {
  test("says not-installed when there is no socket and when there is no state directory", async () => {
    expect(await externalControl(stateDir).status()).toEqual({ manager: "external", state: "not-installed" });
    expect(await externalControl(join(stateDir, "nowhere")).status()).toEqual({ manager: "external", state: "not-installed" });
  });

  test.each([
    ["closes without a word", (server: Server) => server.on("connection", (socket) => socket.resume().end())],
    ["speaks another language", (server: Server) => server.on("connection", (socket) => socket.resume().end("220 smtp\r\n"))],
    [
      "talks without end",
      (server: Server) =>
        server.on("connection", (socket) =>
          socket
            .resume()
            .on("error", () => socket.destroy())
            .write("x".repeat(100_000)),
        ),
    ],
  ])("calls it an error when whoever listens %s", async (_what, behave) => {
    await impostor(behave);
    await expect(externalControl(stateDir).status()).rejects.toMatchObject({ code: "service-control" });
  });

  test.skipIf(process.getuid?.() === 0)("does not mistake a socket that it may not open for a missing one", async () => {
    await serve();
    chmodSync(path, 0o000);
    await expect(externalControl(stateDir).status()).rejects.toMatchObject({ code: "service-control" });
  });

  test("does not mistake a path that cannot be looked at for a missing one", async () => {
    const root = mkdtempSync(join(tmpdir(), "supervise-test-"));
    cleanUp.push(() => rmSync(root, { recursive: true }));
    writeFileSync(join(root, "state"), "");
    await expect(externalControl(join(root, "state")).status()).rejects.toMatchObject({ code: "service-control" });
  });
});
