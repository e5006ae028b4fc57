import { endianness } from "node:os";
import { describe, expect, it } from "vitest";
import { Conversation } from "../../src/onboard/handover/conversation.ts";
import { parseHello } from "../../src/onboard/handover/hello.ts";
import { holdersOf, parseTcpTable } from "../../src/onboard/handover/prove-linux.ts";
import { holdersByLsof, parseLsof } from "../../src/onboard/handover/prove-lsof.ts";
import { holdersByNetTcp, parseNetTcp, parseProcess } from "../../src/onboard/handover/prove-net-tcp.ts";

describe.runIf(endianness() === "LE")("the kernel's table of connections", () => {
  // Port 40845 is 9F8D, 35500 is 8AAC, 35501 is 8AAD.
  const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
  const row = (local: string, remote: string, state: string, inode: number) =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 000000007494ff8f 100 0 0 10 0`;
  const table = [
    head,
    row("0100007F:9F8D", "00000000:0000", "0A", 70),
    row("0100007F:8AAC", "0100007F:9F8D", "01", 71),
    row("0100007F:9F8D", "0100007F:8AAC", "01", 72),
    row("0100007F:9F8D", "0100007F:8AAD", "06", 0),
    row("0200007F:9F8D", "0100007F:8AAC", "01", 73),
    "",
  ].join("\n");
  const connection = { localPort: 35_500, remotePort: 40_845 };
  const holders = (text: string, ...held: string[]) => holdersOf(parseTcpTable(text), new Set(held), connection);

  it("names the other end by both addresses and ports, and not our own end", () => {
    expect(holders(table, "70", "72")).toEqual({ peers: ["expected"], listeners: ["expected"] });
    expect(holders(table, "71")).toEqual({ peers: ["other"], listeners: ["other"] });
    expect(holdersOf(parseTcpTable(table), new Set(["70"]), { ...connection, localPort: 35_501 }).peers).toEqual([]);
  });

  it("knows a connection that nobody has accepted, also while the queue is full", () => {
    for (const state of ["01", "03"]) {
      expect(holders([head, row("0100007F:9F8D", "0100007F:8AAC", state, 0)].join("\n"))).toEqual({ peers: ["nobody"], listeners: [] });
    }
  });

  it("finds an end that listens for IPv6 and IPv4 alike, and counts two ends as two", () => {
    const mapped = "0000000000000000FFFF00000100007F";
    const both = `${row(`${mapped}:9F8D`, `${mapped}:8AAC`, "01", 80)}\n${row(`${"0".repeat(32)}:9F8D`, `${"0".repeat(32)}:0000`, "0A", 81)}`;
    expect(holders(`${head}\n${both}`, "80", "81")).toEqual({ peers: ["expected"], listeners: ["expected"] });
    expect(holders(`${table}${both}`, "72", "80", "70")).toEqual({ peers: ["expected", "expected"], listeners: ["expected", "other"] });
  });
});

describe("lsof", () => {
  // Recorded, with a process more.
  const recorded = (name: string, type: string) =>
    `p10469\nu0\nf22\ntIPv4\nn${name}:40845\nTST=LISTEN\nTQR=0\nTQS=0\nf23\nt${type}\nn127.0.0.1:35500->127.0.0.1:40845\n` +
    "TST=ESTABLISHED\nTQR=0\nTQS=0\nf24\ntIPv4\nn127.0.0.1:40845->127.0.0.1:35500\nTST=ESTABLISHED\nTQR=0\nTQS=0\n";
  const connection = { localPort: 35_500, remotePort: 40_845 };

  it.each(["127.0.0.1", "*"])("tells both ends of a connection apart, with a listener on %s", (name) => {
    const sockets = parseLsof(recorded(name, "IPv4"));
    expect(sockets).toHaveLength(3);
    expect(holdersByLsof(sockets, connection, 10_469)).toEqual({ peers: ["expected"], listeners: ["expected"] });
    expect(holdersByLsof(sockets, connection, 1)).toEqual({ peers: ["other"], listeners: ["other"] });
  });

  it("shows every process that holds the same end", () => {
    const shared = `${recorded("127.0.0.1", "IPv4")}p777\nf9\nn127.0.0.1:40845->127.0.0.1:35500\nTST=ESTABLISHED\n`;
    expect(holdersByLsof(parseLsof(shared), connection, 10_469).peers).toEqual(["expected", "other"]);
  });

  it("shows nothing of other users", () => {
    expect(holdersByLsof(parseLsof(""), connection, 10_469)).toEqual({ peers: [], listeners: [] });
  });
});

describe("Get-NetTCPConnection", () => {
  const row = (LocalPort: number, RemoteAddress: string, RemotePort: number, State: string, OwningProcess: number) => ({
    LocalAddress: "127.0.0.1",
    LocalPort,
    RemoteAddress,
    RemotePort,
    State,
    OwningProcess,
  });
  const connection = { localPort: 50_000, remotePort: 19_789 };
  const rows = [
    row(19_789, "0.0.0.0", 0, "Listen", 4242),
    row(19_789, "127.0.0.1", 50_000, "Established", 4242),
    row(19_789, "127.0.0.1", 50_001, "Established", 4242),
    row(50_000, "127.0.0.1", 19_789, "Established", 99),
  ];

  it("names the owner of the other end", () => {
    const parsed = parseNetTcp(JSON.stringify(rows));
    expect(holdersByNetTcp(parsed, connection, 4242)).toEqual({ peers: ["expected"], listeners: ["expected"] });
    expect(holdersByNetTcp(parsed, connection, 99)).toEqual({ peers: ["other"], listeners: ["other"] });
  });

  it.each(["", "{}", '[{"LocalPort":"19789"}]', "[null]"])("is not guessed at when it says %j", (text) => {
    expect(() => parseNetTcp(text)).toThrow(expect.objectContaining({ code: "not-readable" }));
  });

  it("names a process by its start and owner, or says that it is gone", () => {
    const told = { startTime: 1_795_000_000_123, user: "S-1-5-21-7", ourUser: "S-1-5-21-7" };
    expect(parseProcess(JSON.stringify(told))).toEqual(told);
    expect(parseProcess("\r\n")).toBeUndefined();
    expect(() => parseProcess(JSON.stringify({ ...told, user: null }))).toThrow(expect.objectContaining({ code: "not-readable" }));
  });
});

describe("a conversation", () => {
  const challenge = '{"type":"event","event":"connect.challenge","payload":{"nonce":"n"}}';

  it("begins with the challenge and with nothing else", async () => {
    const conversation = new Conversation(() => expect.unreachable());
    const challenged = conversation.challenged();
    conversation.receive('{"type":"event","event":"tick"}');
    await expect(challenged).rejects.toMatchObject({ code: "refused" });
  });

  it("gives each request its own answer, and a try that may succeed later another code", async () => {
    const sent: string[] = [];
    const conversation = new Conversation((text) => sent.push(text));
    conversation.receive(challenge);
    const asked = [conversation.request("a", {}), conversation.request("b", {})];
    const settled = Promise.allSettled(asked);
    conversation.receive('{"type":"res","id":"2","ok":false,"error":{"code":"UNAVAILABLE","message":"starting","retryable":true}}');
    conversation.receive('{"type":"res","id":"9","ok":true}');
    conversation.receive("no JSON");
    conversation.receive('{"type":"res","id":"1","ok":true,"payload":7}');
    expect(await settled).toMatchObject([
      { value: 7 },
      { reason: { code: "busy", message: "The gateway refused b: starting (UNAVAILABLE)" } },
    ]);
    expect(sent.map((text) => JSON.parse(text).method)).toEqual(["a", "b"]);
  });

  it("that has ended answers no more", async () => {
    const conversation = new Conversation(() => undefined);
    conversation.receive(challenge);
    const asked = conversation.request("a", {});
    conversation.end(new Error("over"));
    conversation.end(new Error("later"));
    await expect(asked).rejects.toThrow("over");
    await expect(conversation.request("b", {})).rejects.toThrow("over");
  });

  it("is no gateway's without a boot id, or in another protocol", () => {
    const hello = { type: "hello-ok", protocol: 4, server: { version: "2026.9.6", bootId: "b" }, auth: { scopes: ["operator.read"] } };
    expect(parseHello(hello)).toEqual({ version: "2026.9.6", bootId: "b", scopes: ["operator.read"] });
    for (const other of [{ ...hello, server: { version: "2026.9.6" } }, { ...hello, protocol: 5 }, undefined]) {
      expect(() => parseHello(other)).toThrow(expect.objectContaining({ code: "refused" }));
    }
  });
});
