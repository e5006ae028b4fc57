import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PASSED_ON } from "../../rescue-profile/preflight/signals.ts";
import { firstWord } from "../observe/support.ts";
import { BIN, DISK, homeWith, PROFILE, run, start } from "./support.ts";

/** As many at a time as CI has cores, so that a case costs half of its time. */
const AT_ONCE = 2;

const nasty = fc.constantFrom(
  "$(touch canary)",
  "`touch canary`",
  "; touch canary",
  "| touch canary",
  "&& touch canary",
  "> canary",
  '"',
  "'",
  "\\",
  "\n",
  "\r\n",
  "$HOME",
  "*",
  "~",
  "--",
  "--json",
  "-x=",
  "%s%n",
  "!!",
  "\u2028",
  "\ufffd",
  "日本語",
  "👩‍🚀",
  "é",
);
const word = fc
  .array(fc.oneof(nasty, fc.string(), fc.string({ unit: "grapheme" })), { maxLength: 5 })
  .map((parts) => parts.join("").replaceAll("\0", ""));
const words = fc.array(word, { maxLength: 6 });
const code = fc.integer({ min: 0, max: 255 });
/** Those that end a process; the name as `kill` takes it. */
const deadly = fc.constantFrom("HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "PIPE", "ALRM", "TERM", "SEGV", "ABRT", "XCPU", "SYS");

interface Case {
  readonly words: readonly string[];
  readonly input: Uint8Array;
  readonly ending: { readonly code: number } | { readonly signal: string };
}
const cases = fc.record({
  words,
  input: fc.uint8Array({ maxLength: 3_000 }),
  ending: fc.oneof(fc.record({ code }), fc.record({ signal: deadly })),
});

/** What the command was given: the number of its words, the words, its input in hexadecimal. */
const SHOW = `printf '%s\\0' "$#" "$@"; od -An -v -tx1 | tr -d ' \\n'`;

async function given({ words, input, ending }: Case) {
  const { home } = homeWith();
  const end = "code" in ending ? `exit ${ending.code}` : `ulimit -c 0; kill -${ending.signal} $$`;
  const ran = await run(home, [...DISK, "--", "/bin/sh", "-c", `${SHOW}; ${end}`, "sh", ...words], { input: Buffer.from(input) });
  expect(ran).toEqual({
    end: "code" in ending ? ending.code : `SIG${ending.signal}`,
    out: [words.length, ...words, Buffer.from(input).toString("hex")].join("\0"),
    err: "",
  });
}

describe("the command behind --", () => {
  it("gets exactly the words and the input that it was given, and its end is ours", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(cases, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (some) => {
        await Promise.all(some.map(given));
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it("hears every signal that is passed on, and what becomes of it is its own affair", { timeout: 120_000 }, async () => {
    const reactions = fc.record({ signal: fc.constantFrom(...PASSED_ON), reaction: fc.oneof(code, fc.constant("dies" as const)) });
    await fc.assert(
      fc.asyncProperty(fc.array(reactions, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (some) => {
        const ends = some.map(async ({ signal, reaction }) => {
          const { home } = homeWith();
          const trap = reaction === "dies" ? "ulimit -c 0" : `trap 'exit ${reaction}' ${signal.slice(3)}`;
          // A shell looks at its traps between two commands; the pipe ends with its parent.
          const wait = reaction === "dies" ? "exec sleep 20" : "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); sleep 0.02; done";
          const { process: started, end } = start(home, [...DISK, "--", "/bin/sh", "-c", `${trap}; echo ready; ${wait}`]);
          expect(await firstWord(started)).toBe("ready");
          const said = text(started.stderr);
          started.kill(signal);
          return { end: await end, said: await said };
        });
        expect(await Promise.all(ends)).toEqual(
          some.map(({ signal, reaction }) => ({ end: reaction === "dies" ? signal : reaction, said: "" })),
        );
      }),
      {
        numRuns: 6,
        endOnFailure: true,
        // Each of the six at least once, in either way.
        examples: [0, 2, 4].map((at) => [
          PASSED_ON.slice(at, at + 2).map((signal, index) => ({ signal, reaction: index === 0 ? ("dies" as const) : 90 + at })),
        ]),
      },
    );
  });

  it.runIf(process.platform === "linux")("is not run with another word than was given, when one is not UTF-8", async () => {
    const { home } = homeWith();
    const { end, out, err } = await run(home, [...DISK, "--", "printf", "%s", "\ufffd"]);
    expect({ end, out, err }).toEqual({ end: 0, out: "\ufffd", err: "" });
    // A shell can hand over what Node's spawn cannot.
    const again = [process.execPath, BIN, "preflight", "--profile", PROFILE, ...DISK].map((each) => `'${each}'`).join(" ");
    const raw = await run(home, [...DISK, "--", "/bin/sh", "-c", `${again} -- printf %s "$(printf '\\377')"`]);
    expect(raw.end).toBe(2);
    expect(raw.out).toBe("");
    expect(raw.err).toContain("not UTF-8");
  });
});
