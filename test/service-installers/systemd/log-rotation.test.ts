import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  literalPath,
  mergeRotations,
  parseRotations,
  renderRotations,
  rotationFiles,
} from "../../../src/service-installers/systemd/log-rotation.ts";

const MB = 1_000_000;

/**
 * How logrotate 3.21 reads a quoted path (popt: within quotes only `\"` loses its backslash), and what its `glob` matches then: the one literal path, or
 * undefined when it is a pattern or no single word. Compared by hand with `logrotate --debug` for the paths below.
 */
function asLogrotateReads(quoted: string): string | undefined {
  if (!quoted.startsWith('"')) return undefined;
  let pattern = "";
  let at = 1;
  for (; quoted[at] !== '"'; at++) {
    if (at >= quoted.length || quoted[at] === "{" || quoted[at] === "\n") return undefined;
    if (quoted[at] === "\\") {
      at++;
      if (quoted[at] !== '"') pattern += "\\";
    }
    pattern += quoted[at];
  }
  if (at !== quoted.length - 1) return undefined;
  let path = "";
  for (let each = 0; each < pattern.length; each++) {
    if ("*?[".includes(pattern[each] ?? "")) return undefined;
    if (pattern[each] === "\\") each++;
    path += pattern[each] ?? "";
  }
  return path;
}

describe("the rotation of logs", () => {
  it("is by size, bounded, in place, and by a timer of the account", () => {
    const { config, service, timer } = rotationFiles({ home: "/home/a da", profile: "work", program: "/usr/sbin/logrotate" }, [
      { path: "/home/a da/.openclaw/logs/bridge.log", maxBytes: 50 * MB, keep: 5 },
    ]);
    const head = "# By rescue-watchdog audit --fix for profile work; it goes with: rescue-watchdog uninstall";
    expect(config).toEqual({
      path: "/home/a da/.config/rescue-watchdog/logrotate-work.conf",
      text: [
        head,
        '"/home/a da/.openclaw/logs/bridge.log" {',
        "  size 50000000",
        "  rotate 5",
        "  copytruncate",
        "  compress",
        "  missingok",
        "  notifempty",
        "}",
        "",
      ].join("\n"),
    });
    expect(service.path).toBe("/home/a da/.config/systemd/user/rescue-watchdog-logrotate-work.service");
    expect(service.text.startsWith(`${head}\n`)).toBe(true);
    expect(service.text).toContain(
      'ExecStart="/usr/sbin/logrotate" "--state" "/home/a da/.config/rescue-watchdog/logrotate-work.state" "/home/a da/.config/rescue-watchdog/logrotate-work.conf"\n',
    );
    expect(timer.path).toBe("/home/a da/.config/systemd/user/rescue-watchdog-logrotate-work.timer");
    expect(timer.text).toContain("OnCalendar=daily\nAccuracySec=1h\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n");
  });

  it.each([
    ["/d/a b.log", '"/d/a b.log"'],
    ['/d/a"b.log', '"/d/a\\"b.log"'],
    ["/d/a'b.log", `"/d/a'b.log"`],
    ["/d/a*b?.log", '"/d/a\\*b\\?.log"'],
    ["/d/a[b]c.log", '"/d/a\\[b\\]c.log"'],
    ["/d/a\\b.log", '"/d/a\\\\b.log"'],
    ["/d/ab\\", '"/d/ab\\\\"'],
    ['/d/a\\"b.log', '"/d/a\\\\\\"b.log"'],
    ["/d/a%b$c#d~e.log", '"/d/a%b$c#d~e.log"'],
  ])("takes %j literally", (path, quoted) => {
    expect(literalPath(path)).toBe(quoted);
    expect(asLogrotateReads(quoted)).toBe(path);
  });

  it.each(["relative.log", "", "~/a.log", "/d/a{b}.log", "/d/a{", "/d/a\nb.log", "/d/a\tb.log", "/d/a\0.log", "/d/\x7f"])(
    "refuses %j, which logrotate cannot take literally",
    (path) => {
      expect(() => literalPath(path)).toThrow("cannot stand in a configuration of logrotate");
    },
  );

  it("either names just this path or refuses it, whatever is in it", () => {
    const signs = fc.constantFrom(
      "a",
      "/",
      " ",
      '"',
      "'",
      "\\",
      "*",
      "?",
      "[",
      "]",
      "{",
      "}",
      "%",
      "$",
      "#",
      "~",
      "\n",
      "\t",
      "é",
      ".",
      "\u2028",
    );
    fc.assert(
      fc.property(fc.string({ unit: signs }), fc.string({ unit: "binary" }), (odd, any) => {
        for (const path of [`/${odd}`, `/${any}`]) {
          const quoted = quotedOrRefused(path);
          if (quoted === undefined) continue;
          expect(asLogrotateReads(quoted)).toBe(path);
          const rotation = { path, maxBytes: MB, keep: 3 };
          expect(parseRotations(renderRotations("work", [rotation, { ...rotation, path: "/b.log" }]))[0]).toEqual(rotation);
        }
      }),
    );
  });

  it("keeps what was under rotation before", () => {
    const [a, b] = [
      { path: "/a.log", maxBytes: 1, keep: 1 },
      { path: "/b.log", maxBytes: 2, keep: 2 },
    ] as const;
    expect(mergeRotations([a, b], [{ ...a, keep: 9 }])).toEqual([b, { ...a, keep: 9 }]);
    expect(parseRotations(renderRotations("work", [a, b]))).toEqual([a, b]);
    expect(parseRotations("somebody's\n/a.log {\n}\n")).toEqual([]);
  });

  it("wants sizes and numbers that are some", () => {
    for (const [maxBytes, keep] of [
      [0, 1],
      [1, 0],
      [1.5, 1],
      [Number.NaN, 1],
    ] as const)
      expect(() => renderRotations("work", [{ path: "/a.log", maxBytes, keep }])).toThrow("no whole number above 0");
  });
});

function quotedOrRefused(path: string): string | undefined {
  try {
    return literalPath(path);
  } catch (error) {
    // Refused is only what logrotate could not take.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is refused
    if (/[{}\u0000-\u001f\u007f]/.test(path)) return undefined;
    throw error;
  }
}
