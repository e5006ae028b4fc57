import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { schtasksControl } from "../../../src/service-installers/schtasks/control.ts";
import { fakeWindows } from "./fake-windows.ts";
import type { SPEECH } from "./speech.ts";

// Unproven here: everything that Windows itself does. schtasks, taskkill and PowerShell are small programs of ours that keep tasks in
// files; only the processes that are ended are real. How long a real Task Scheduler takes, whether it refuses an account, and whether
// `/End` leaves the gateway alive (as users report) has to be seen on a Windows: docs/task-scheduler.md names the checks.

const NAME = "OpenClaw Gateway";
const NONE = () => undefined;
let windows: ReturnType<typeof fakeWindows>;
const control = (mainPid: () => number | undefined = NONE, profile = "default") =>
  schtasksControl({ profile, env: windows.env, home: windows.home, mainPid, patienceMs: 300 });

beforeEach(() => {
  windows = fakeWindows();
});
afterEach(() => windows.remove());

describe("the schtasks control", () => {
  it("reads the task that the host installs for the profile", async () => {
    windows.hasTask("OpenClaw Gateway (work-rescue)", { state: 4, lastResult: 0x41301 });
    expect(control(NONE, "work-rescue").name).toBe("OpenClaw Gateway (work-rescue)");
    expect(await control(() => 4711, "work-rescue").status()).toEqual({ manager: "schtasks", state: "running", mainPid: 4711 });
    expect(await control().status()).toEqual({ manager: "schtasks", state: "not-installed" });
  });

  it("never touches a task that runs, or a gateway that lives, when it is asked to start it", async () => {
    windows.hasTask(NAME, { state: 4 });
    await control().start();
    windows.hasTask(NAME, { state: 2 });
    await control().start();
    windows.hasTask(NAME, { state: 3 });
    await control(() => 4711).start();
    expect(windows.orders()).toEqual([]);
  });

  it("starts a task and returns when there is an instance", async () => {
    windows.hasTask(NAME, { lastResult: 0x41306 });
    await control().start();
    expect(windows.task(NAME)).toMatchObject({ state: 4 });
    expect(windows.orders()).toEqual([`schtasks|/Run|/TN|${NAME}`]);
  });

  it("counts a run that ended at once as a start: why it ended is another question", async () => {
    windows.hasTask(NAME);
    windows.machine({ run: { endsWith: 78 } });
    await control().start();
    expect(await control().status()).toEqual({ manager: "schtasks", state: "parked", lastExit: { code: 78 } });
  });

  it("says what the Task Scheduler made of a start that never came", async () => {
    windows.hasTask(NAME);
    windows.machine({ run: "refused" });
    await expect(control().start()).rejects.toMatchObject({
      code: "service-control",
      message: expect.stringMatching(
        /was not started within .*: it is ready, last result 0x800710E0: a condition of the task forbids the start/,
      ),
    });
    windows.machine({ run: "ignored" });
    await expect(control().start()).rejects.toThrow("was not started");
  });

  it("ends the gateway by its lock's pid when the end of the task leaves it alive", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 4 });
    await control(gateway.mainPid).stop();
    expect(gateway.alive()).toBe(false);
    expect(windows.orders()).toEqual([`schtasks|/End|/TN|${NAME}`, `taskkill|/F|/PID|${gateway.pid}`]);
    expect(await control(gateway.mainPid).status()).toEqual({ manager: "schtasks", state: "stopped", stoppedOnPurpose: true });
  });

  it("leaves the gateway to the host's own supervisor when that ends it in time", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 4 });
    const stopping = control(gateway.mainPid).stop();
    setTimeout(gateway.kill, 100);
    await stopping;
    expect(windows.orders()).toEqual([`schtasks|/End|/TN|${NAME}`]);
  });

  it("ends no process that took the lock after the stop began", async () => {
    windows.hasTask(NAME, { state: 4 });
    await control(() => (windows.task(NAME)?.state === 4 ? 4711 : 4712)).stop();
    expect(windows.orders()).toEqual([`schtasks|/End|/TN|${NAME}`]);
  });

  it("ends a gateway whose task had returned already, without an /End that would change nothing", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 3 });
    await control(gateway.mainPid).stop();
    expect(windows.orders()).toEqual([`taskkill|/F|/PID|${gateway.pid}`]);
  });

  it("restarts: the old process is gone before the new one is asked for", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 4 });
    await control(gateway.mainPid).restart();
    expect(gateway.alive()).toBe(false);
    expect(windows.orders()).toEqual([`schtasks|/End|/TN|${NAME}`, `taskkill|/F|/PID|${gateway.pid}`, `schtasks|/Run|/TN|${NAME}`]);
    expect(windows.task(NAME)).toMatchObject({ state: 4 });
  });

  it("starts no second gateway when somebody was faster during the restart", async () => {
    windows.hasTask(NAME, { state: 4 });
    await control(() => (windows.task(NAME)?.state === 4 ? 4711 : 4712)).restart();
    expect(windows.orders()).toEqual([`schtasks|/End|/TN|${NAME}`]);
  });

  it("has no latch to clear, and says so by doing nothing", async () => {
    windows.hasTask(NAME, { lastResult: 78 });
    await control().clearLatch();
    expect(windows.orders()).toEqual([]);
  });
});

describe("killing", () => {
  it("ends the process that the caller fenced, and only that", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 4 });
    await control(gateway.mainPid).kill(gateway.pid);
    await expect.poll(gateway.alive).toBe(false);
    expect(windows.orders()).toEqual([`taskkill|/F|/PID|${gateway.pid}`]);
  });

  it("is refused when another process holds the lock by now, or none", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 4 });
    await expect(control(() => gateway.pid + 1).kill(gateway.pid)).rejects.toMatchObject({
      code: "refused",
      message: `${NAME} runs pid ${gateway.pid + 1} by now, not ${gateway.pid}; nothing was killed`,
    });
    await expect(control().kill(gateway.pid)).rejects.toMatchObject({ code: "refused" });
    expect(gateway.alive()).toBe(true);
    expect(windows.orders()).toEqual([]);
  });

  it("looks at the lock last of all, after the slow look at the task", async () => {
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { state: 4 });
    let looks = 0;
    const mainPid = () => {
      looks = windows.asked().length;
      return gateway.pid;
    };
    await control(mainPid).kill(gateway.pid);
    expect(looks).toBe(1);
  });

  it("is done when the process was gone already, in any language", async () => {
    const gateway = await windows.gateway();
    gateway.kill();
    await expect.poll(gateway.alive).toBe(false);
    windows.hasTask(NAME);
    for (const locale of ["en", "de", "ja"] as const) {
      windows.machine({ locale });
      await control(() => gateway.pid).kill(gateway.pid);
    }
    expect(windows.orders()).toHaveLength(3);
  });

  it("says that it was denied", async () => {
    windows.hasTask(NAME, { state: 4 });
    windows.machine({ denied: ["taskkill"] });
    await expect(control(() => 4711).kill(4711)).rejects.toMatchObject({
      code: "service-control",
      message: "taskkill /F /PID 4711 ended with 1: ERROR: Access is denied.",
      fix: "run this as the account that owns the gateway",
    });
  });
});

describe("on a Windows of any language", () => {
  const LOCALES: readonly (keyof typeof SPEECH)[] = ["en", "de", "ja"];

  it.each(LOCALES)("(%s) status, start, stop and restart go the same way", async (locale) => {
    windows.machine({ locale });
    const gateway = await windows.gateway();
    windows.hasTask(NAME, { lastResult: 0x41303 });
    expect(await control().status()).toEqual({ manager: "schtasks", state: "stopped" });
    await control().start();
    expect(await control(gateway.mainPid).status()).toMatchObject({ state: "running", mainPid: gateway.pid });
    await control(gateway.mainPid).restart();
    await control().stop();
    expect(await control().status()).toEqual({ manager: "schtasks", state: "stopped", stoppedOnPurpose: true });
    expect(windows.orders()).toEqual([
      `schtasks|/Run|/TN|${NAME}`,
      `schtasks|/End|/TN|${NAME}`,
      `taskkill|/F|/PID|${gateway.pid}`,
      `schtasks|/Run|/TN|${NAME}`,
      `schtasks|/End|/TN|${NAME}`,
    ]);
  });

  it("passes on what it can read of a refusal, and nothing that it cannot", async () => {
    windows.hasTask(NAME);
    windows.machine({ denied: ["/Run"] });
    const said: string[] = [];
    for (const locale of LOCALES) {
      windows.machine({ locale });
      await expect(control().start()).rejects.toMatchObject({ code: "service-control", fix: expect.stringContaining("elevated terminal") });
      said.push(
        await control()
          .start()
          .catch((error: unknown) => (error instanceof Error ? error.message : ""))
          .then(String),
      );
    }
    expect(said).toEqual([
      `schtasks /Run "${NAME}" ended with 1: ERROR: Access is denied.`,
      `schtasks /Run "${NAME}" ended with 1: FEHLER: Zugriff verweigert`,
      `schtasks /Run "${NAME}" ended with 1; its message is not in UTF-8`,
    ]);
  });
});

describe("what the schtasks control refuses", () => {
  it("names the command that installs a task that is missing", async () => {
    for (const verb of ["start", "stop", "restart", "clearLatch"] as const) {
      await expect(control(NONE, "work")[verb]()).rejects.toMatchObject({
        code: "service-control",
        message: "the scheduled task OpenClaw Gateway (work) is not installed",
        fix: "openclaw --profile work gateway install",
      });
    }
    expect(windows.orders()).toEqual([]);
  });

  it("does not enable what somebody disabled, and does not stop what it could not start again", async () => {
    windows.hasTask(NAME, { state: 1, enabled: false });
    expect(await control().status()).toEqual({ manager: "schtasks", state: "stopped", stoppedOnPurpose: true });
    await expect(control().start()).rejects.toMatchObject({
      code: "service-control",
      message: `the scheduled task ${NAME} is disabled, so somebody wants it not to run`,
      fix: `schtasks /Change /TN "${NAME}" /ENABLE, if it may run again`,
    });
    windows.hasTask(NAME, { state: 4, enabled: false });
    await expect(control(() => 4711).restart()).rejects.toMatchObject({ code: "service-control" });
    expect(windows.orders()).toEqual([]);
  });

  it("says that a gateway survived, instead of starting a second one", async () => {
    windows.hasTask(NAME, { state: 4 });
    // No such pid: taskkill says so, and the lock goes on naming it.
    await expect(control(() => 4_194_999).restart()).rejects.toThrow("pid 4194999, is still there after taskkill /F");
    expect(windows.orders()).not.toContain(`schtasks|/Run|/TN|${NAME}`);
  });
});
