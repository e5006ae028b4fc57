import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderModelUnit } from "../../src/service-installers/systemd/model-unit.ts";
import { wordsOfUnit } from "./unit-words.ts";

const spec = {
  name: "llm",
  description: "Local model server llm",
  check: ["/opt/node", "/srv/bin.js", "preflight", "model-server", "--model-path", "/srv/100%/a b"],
  start: ["/opt/venv/bin/python", "/srv/serve.py", "--name", 'a "b" $HOME'],
  checkSeconds: 40,
};

const nasty = fc.constantFrom(
  '"',
  "\\",
  "%n",
  "%%",
  "$HOME",
  "$A",
  "$$",
  "'",
  ";",
  " ; ",
  "\t",
  "#",
  "\u0085",
  "\u2028",
  "é",
  "@-:+!",
  "$(id)",
);
const text = fc.array(fc.oneof(nasty, fc.string(), fc.string({ unit: "grapheme" })), { maxLength: 6 }).map((parts) => parts.join(""));
/** What no quoting carries. */
const carried = (word: string) => !/[\0\n\r]/.test(word);

describe("the unit of a model server", () => {
  it("checks before each start, and gives up after three in a minute", () => {
    expect(renderModelUnit(spec).split("\n")).toEqual([
      "# By rescue-watchdog preflight model-server --render. Keep it as",
      "#   ~/.config/systemd/user/llm.service",
      "# then: systemctl --user daemon-reload && systemctl --user enable --now llm.service",
      "[Unit]",
      "Description=Local model server llm",
      "StartLimitIntervalSec=60",
      "StartLimitBurst=3",
      "",
      "[Service]",
      "Type=exec",
      'ExecStartPre="/opt/node" "/srv/bin.js" "preflight" "model-server" "--model-path" "/srv/100%%/a b"',
      'ExecStart="/opt/venv/bin/python" "/srv/serve.py" "--name" "a \\"b\\" $$HOME"',
      "Restart=on-failure",
      "RestartSec=10",
      "",
      "[Install]",
      "WantedBy=default.target",
      "",
    ]);
  });

  it("gives the check the time that it may take", () => {
    expect(renderModelUnit({ ...spec, checkSeconds: 90 })).not.toContain("TimeoutStartSec");
    expect(renderModelUnit({ ...spec, checkSeconds: 150 })).toContain("\nTimeoutStartSec=150\n");
  });

  it("carries every word as it is, and adds no line, whatever is in it", () => {
    const lines = renderModelUnit(spec).split("\n").length;
    fc.assert(
      fc.property(fc.array(text.filter(carried), { maxLength: 5 }), text.filter(carried), (words, directory) => {
        const program = `/srv/${directory.replaceAll("$", "")}/python`;
        const unit = renderModelUnit({ ...spec, check: ["/opt/node", ...words], start: [program, ...words] });
        expect(wordsOfUnit(unit, "ExecStart")).toEqual([program, ...words]);
        expect(wordsOfUnit(unit, "ExecStartPre")).toEqual(["/opt/node", ...words]);
        expect(unit.split("\n")).toHaveLength(lines);
      }),
      { numRuns: 500 },
    );
  });

  it.each(["\n", "\r", "\0"])("refuses a word with %j, which would begin another line or end the text", (end) => {
    for (const key of ["check", "start"] as const) {
      const changed = { ...spec, [key]: [...spec[key], `a${end}ExecStart=/bin/touch canary`] };
      expect(() => renderModelUnit(changed)).toThrow("cannot stand in a unit");
    }
  });

  it("keeps a description to its line", () => {
    expect(renderModelUnit({ ...spec, description: "a\nExecStart=/bin/touch %h" })).toContain("\nDescription=a ExecStart=/bin/touch %%h\n");
  });

  it("refuses a program whose path has a $, which systemd would look for with two", () => {
    expect(() => renderModelUnit({ ...spec, start: ["/srv/$x/python"] })).toThrow("its path has a $");
  });
});
