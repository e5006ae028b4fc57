import net from "node:net";
import { describe, expect, it } from "vitest";
import { observeListener, parseListening, parseLsofPids } from "../../rescue-profile/observe/listener.ts";
import { freePort } from "../support/home.ts";
import { child, firstWord, fixture, idleChild, listen } from "./support.ts";

describe.skipIf(process.platform === "win32")("who listens on the port", () => {
  it("is nobody", async () => {
    expect(await observeListener(await freePort(), [process.pid])).toEqual({ ok: true, value: { state: "none" } });
  });

  it.each(["127.0.0.1", "0.0.0.0", "::"])("is the expected process, listening on %s", async (host) => {
    const port = await listen(net.createServer(), host);
    expect(await observeListener(port, [process.pid])).toEqual({ ok: true, value: { state: "owned", pid: process.pid } });
  });

  it("is another process than the expected one", async () => {
    const stranger = child(process.execPath, [fixture("observe-http.mjs"), "hang"]);
    const port = Number(await firstWord(stranger));
    expect(await observeListener(port, [idleChild().pid])).toEqual({ ok: true, value: { state: "owned", pid: stranger.pid } });
    expect(await observeListener(port, [])).toEqual({ ok: true, value: { state: "owned", pid: stranger.pid } });
  });

  it("is nobody of interest when only the IPv6 loopback is taken", async () => {
    const port = await listen(net.createServer(), "::1");
    expect(await observeListener(port, [process.pid])).toEqual({ ok: true, value: { state: "none" } });
  });

  it.runIf(process.getuid?.() === 0)("cannot be told to a user who may not see the owner's descriptors", async () => {
    const port = await listen(net.createServer());
    const nobody = child(process.execPath, [fixture("observe-as-nobody.mjs"), "listener", `${port}`, `${process.pid}`], { uid: 65_534 });
    expect(JSON.parse(await firstWord(nobody))).toEqual({ ok: true, value: { state: "unattributed" } });
  });

  it("stays the process that listens while it is stopped", async () => {
    const frozen = child(process.execPath, [fixture("observe-http.mjs"), "hang"]);
    const port = Number(await firstWord(frozen));
    frozen.kill("SIGSTOP");
    expect(await observeListener(port, [frozen.pid])).toEqual({ ok: true, value: { state: "owned", pid: frozen.pid } });
  });
});

describe("the kernel's table of sockets", () => {
  it("is read for rows in state LISTEN only", () => {
    const table = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   1: 0100007F:553C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18859 1 00000000c7ab848c 100 0 0 10 0",
      "   2: 0100007F:EA00 0100007F:553C 06 00000000:00000000 03:0000175F 00000000     0        0 0 3 000000007ebd8497",
      "",
    ].join("\n");
    expect(parseListening(table)).toEqual([{ address: "0100007F", port: 21820, inode: 18859 }]);
  });
});

describe("lsof", () => {
  it("names each process once", () => {
    expect(parseLsofPids("p501\nf23\np777\nf4\n")).toEqual([501, 777]);
    expect(parseLsofPids("")).toEqual([]);
  });
});
