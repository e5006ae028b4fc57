import { describe, expect, it } from "vitest";
import { type FencePorts, type FenceVerdict, fence } from "../../rescue-profile/repair/fence.ts";
import { unchanged } from "./harness.ts";

const GATEWAY = { pid: 70, startTime: 700 };
const named = { ...GATEWAY, stateDir: "/home/ana/.openclaw" };
const uid = 1000;
const verdict = (found: Partial<FencePorts>) => fence(GATEWAY, { ...unchanged(GATEWAY), ...found });
const stop = (why: string): FenceVerdict => ({ pass: "stop", why });

const NAMELESS = stop("pid 70 is named neither by the gateway's lock nor by the service manager any more");

/** What has changed since the process was judged, and what the fence says to that. */
// biome-ignore format: a table reads by its rows
const ROWS: [string, Partial<FencePorts>, FenceVerdict][] = [
  ["nothing changed", {}, { pass: "go" }],
  ["only the lock names it", { serviceMainPid: async () => undefined }, { pass: "go" }],
  ["the service has another main process, as with a wrapper", { serviceMainPid: async () => 71 }, { pass: "go" }],
  ["only the service names it, before there is a lock", { lockHolder: () => undefined }, { pass: "go" }],
  ["nothing listens, or its owner cannot be seen", { listenerPid: async () => undefined }, { pass: "go" }],
  ["it is no more", { identityOf: () => undefined }, { pass: "gone" }],
  ["its pid belongs to a later process", { identityOf: () => ({ pid: 70, startTime: 701, uid }) }, { pass: "gone" }],
  ["it is no more and another has its port already", { identityOf: () => undefined, listenerPid: async () => 80 }, { pass: "gone" }],
  ["it is no more and another has its lock already", { identityOf: () => undefined, lockHolder: () => ({ ...named, pid: 80 }) }, { pass: "gone" }],
  ["another process owns the port", { listenerPid: async () => 80 }, stop("the port now belongs to pid 80")],
  ["its lock is of another state directory", { lockHolder: () => ({ ...named, stateDir: "/srv/b" }) }, stop("pid 70 serves /srv/b, not /home/ana/.openclaw")],
  ["it is the watchdog or a parent of it", { ownLineage: () => new Set([1, 70]) }, stop("pid 70 is the watchdog itself or one of its parents")],
  ["it belongs to another user", { identityOf: () => ({ ...GATEWAY, uid: 0 }) }, stop("pid 70 belongs to user 0")],
  ["nobody names it any more", { lockHolder: () => undefined, serviceMainPid: async () => undefined }, NAMELESS],
  ["lock and service name others", { lockHolder: () => ({ ...named, pid: 80 }), serviceMainPid: async () => 81 }, NAMELESS],
  [
    "the lock names its pid for an earlier process, and the service nobody",
    { lockHolder: () => ({ ...named, startTime: 1 }), serviceMainPid: async () => undefined },
    NAMELESS,
  ],
];

describe("the fence, when since the judgement", () => {
  for (const [what, found, expected] of ROWS) {
    it(`${what}: ${expected.pass}`, async () => {
      expect(await verdict(found)).toEqual(expected);
    });
  }

  it("something could not be looked at: fails and lets nothing through", async () => {
    const fail = () => {
      throw new Error("EACCES");
    };
    for (const found of [
      { identityOf: fail },
      { lockHolder: fail },
      { ownLineage: fail },
      { serviceMainPid: async () => fail() },
      { listenerPid: async () => fail() },
    ]) {
      await expect(verdict(found)).rejects.toThrow("EACCES");
    }
  });

  it("asks who the process is last of all, after whatever takes time", async () => {
    const asked: string[] = [];
    const ports = unchanged(GATEWAY);
    const noted = Object.fromEntries(
      (["identityOf", "lockHolder", "serviceMainPid", "listenerPid", "ownLineage"] as const).map((name) => [
        name,
        (pid: number) => {
          asked.push(name);
          return ports[name](pid);
        },
      ]),
    );
    await verdict(noted);
    expect(asked.at(-1)).toBe("identityOf");
  });
});
