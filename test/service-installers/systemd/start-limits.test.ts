import { describe, expect, it } from "vitest";
import { limitDropIn } from "../../../src/service-installers/systemd/start-limits.ts";

describe("a start limit of ours", () => {
  it("lies beside the unit, after our other drop-in, and says who wrote it and how it goes", () => {
    expect(limitDropIn("/home/ada", "work", "vllm@8000.service")).toEqual({
      path: "/home/ada/.config/systemd/user/vllm@8000.service.d/60-rescue-watchdog-limits.conf",
      text: [
        "# By rescue-watchdog audit --fix for profile work; it goes with: rescue-watchdog uninstall",
        "[Unit]",
        "StartLimitIntervalSec=60",
        "StartLimitBurst=3",
        "",
        "[Service]",
        "RestartSec=10",
        "",
      ].join("\n"),
    });
  });

  it.each(["", "vllm", "vllm.timer", "../x.service", "a/b.service", "a b.service", "-a.service", "a.service\n", ".service"])(
    "is for no unit that is called %j",
    (unit) => {
      expect(() => limitDropIn("/home/ada", "work", unit)).toThrow("no name of a service");
    },
  );
});
