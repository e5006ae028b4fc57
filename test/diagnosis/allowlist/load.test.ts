import { describe, expect, it } from "vitest";
import { ACTIONS } from "../../../rescue-profile/diagnosis/action.ts";
import { NEVER } from "../../../rescue-profile/diagnosis/allow-never.ts";
import { joinEntries, parseAllowlist, SLOTS, textOf } from "../../../rescue-profile/diagnosis/allowlist.ts";
import { RescueError } from "../../../src/shared/errors.ts";

const ENTRY = { id: "mine", does: "restart-gateway", argv: ["openclaw", "gateway", "restart"] };
const SHA = "0123456789abcdef".repeat(4);

const listOf = (...entries: readonly unknown[]) => ({ version: "1", entries });
const entry = (does: string, ...argv: readonly unknown[]) => listOf({ id: "mine", does, argv });

function refusal(work: () => unknown): { readonly code: string; readonly message: string; readonly fix: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof RescueError) return { code: error.code, message: error.message, fix: error.fix ?? "" };
    throw error;
  }
  throw new Error("it was accepted");
}

const COUNT = (count: number, what: unknown) => Array.from({ length: count }, () => what);

describe("a list", () => {
  // biome-ignore format: a table reads by its rows
  const good: readonly [string, unknown][] = [
    ["without entries", listOf()],
    ["with one entry", listOf(ENTRY)],
    ["with a comment", listOf({ ...ENTRY, comment: "mine" })],
    ["with a comment of 500 characters", listOf({ ...ENTRY, comment: "é".repeat(500) })],
    ["with an id of 64 characters", listOf({ ...ENTRY, id: `a${"-".repeat(63)}` })],
    ["with packs", { ...listOf(), packs: [{ path: "packs/x.yaml", sha256: SHA }] }],
    ["with 20 packs", { ...listOf(), packs: COUNT(20, { path: "x", sha256: SHA }) }],
    ["with 500 entries", listOf(...COUNT(500, ENTRY))],
    ["with 16 words", entry("look-at-port", ...COUNT(16, "ss"))],
    ["with every character of a plain word", entry("look-at-port", "ss", "azAZ09_./:=,@%+-")],
    ["with a version behind the program", entry("look-at-port", "ss2.1")],
    ["with a profile", entry("restart-gateway", "openclaw", "{profile}")],
    ["with a joined profile", entry("restart-gateway", "openclaw", "--my-profile={profile}")],
    ["with a profile behind an option of one letter", entry("restart-gateway", "openclaw", "--p={profile}")],
    ["with a port behind an option of one letter", entry("look-at-port", "lsof", "--p={port}")],
    ["with digits within the program", entry("look-at-port", "su2do")],
    ["with a unit", entry("stop-gateway", "service", "{unit}")],
    ["with a profile for a doctor", entry("guarded-doctor", "openclaw", "{profile}")],
    ["with a lock", entry("quarantine-lock", "rm", "{lock}")],
    ["with a lock below the home", entry("quarantine-lock", "rm", "~/{lock}")],
    ["with a declared pattern", entry("quarantine-lock", "rm", "~/.openclaw/agents/*/sessions/*.lock")],
    ["with a declared pattern and more", entry("quarantine-lock", "rm", "~/.openclaw/agents/main/x*.jsonl.lock")],
    ["with a pid", entry("end-owner", "kill", "{pid}")],
    ["with a port", entry("look-at-port", "lsof", "{port}")],
    ["with a port behind a colon", entry("look-at-port", "lsof", ":{port}")],
    ["with a port behind an option", entry("look-at-port", "lsof", "-iTCP:{port}")],
    ["with a port behind a long option", entry("look-at-port", "lsof", "--on-port={port}")],
    ["with a profile and a unit", entry("start-gateway", "openclaw", "{profile}", "{unit}")],
  ];
  for (const [what, document] of good) it(`${what} is taken`, () => expect(() => parseAllowlist(document, "F")).not.toThrow());

  it("is read as it stands", () => {
    const document = listOf({ id: "a", does: "look-at-port", argv: ["lsof", "-i", ":{port}"], comment: "c" }, { ...ENTRY, id: "b" });
    expect(parseAllowlist({ ...document, packs: [{ path: "p", sha256: SHA }] }, "F")).toEqual({
      entries: [
        {
          id: "a",
          does: "look-at-port",
          argv: [
            { kind: "literal", text: "lsof" },
            { kind: "literal", text: "-i" },
            { kind: "slot", before: ":", slot: "port" },
          ],
          comment: "c",
          from: "F",
        },
        { id: "b", does: "restart-gateway", argv: ENTRY.argv.map((text) => ({ kind: "literal", text })), comment: null, from: "F" },
      ],
      packs: [{ path: "p", sha256: SHA }],
    });
  });

  it("shows its words as they stand in the file", () => {
    const words = ["lsof", ":{port}"];
    expect(parseAllowlist(entry("look-at-port", ...words), "F").entries[0]?.argv.map(textOf)).toEqual(words);
    const declared = ["rm", "~/.openclaw/*.lock"];
    expect(parseAllowlist(entry("quarantine-lock", ...declared), "F").entries[0]?.argv.map(textOf)).toEqual(declared);
  });

  // biome-ignore format: a table reads by its rows
  const bad: readonly [what: string, document: unknown, message: string, fix: string][] = [
    ["a text", "x", "F: is no mapping", "write version, entries, packs"],
    ["null", null, "F: is no mapping", "write version"],
    ["a list", [], "F: is no mapping", "write version"],
    ["an unknown key", { ...listOf(), allow: "all" }, 'F: has the unknown key "allow"', "use only version, entries, packs"],
    ["a prototype", JSON.parse('{"version":"1","entries":[],"__proto__":{}}'), 'F: has the unknown key "__proto__"', "use only"],
    ["no version", { entries: [] }, "F: has the version null, and only 1 is known", "write version: 1"],
    ["a later version", { version: "2", entries: [] }, 'F: has the version "2", and only 1 is known', "write version: 1"],
    ["a version that is near", { version: "1.0", entries: [] }, 'F: has the version "1.0"', "write version: 1"],
    ["no entries", { version: "1" }, "F, entries: is no list", "write a list, [] for none"],
    ["entries as mapping", { version: "1", entries: {} }, "F, entries: is no list", "write a list"],
    ["501 entries", listOf(...COUNT(501, ENTRY)), "F, entries: has 501 members, and 500 are the most", "shorten it"],
    ["an entry as text", listOf("x"), "F, entry 1: is no mapping", "write id, does, argv, comment"],
    ["an entry as list", listOf(ENTRY, []), "F, entry 2: is no mapping", "write id"],
    ["an entry with an unknown key", listOf({ ...ENTRY, regex: ".*" }), 'F, entry 1: has the unknown key "regex"', "use only id, does, argv, comment"],
    ["an entry without id", listOf({ ...ENTRY, id: undefined }), "F, entry 1: has no id", "give it one of small letters"],
    ["an upper-case id", listOf({ ...ENTRY, id: "Mine" }), "F, entry 1: has no id", "give it one"],
    ["an id with a digit in front", listOf({ ...ENTRY, id: "1a" }), "F, entry 1: has no id", "give it one"],
    ["an id with another character in it", listOf({ ...ENTRY, id: "a/b" }), "F, entry 1: has no id", "give it one"],
    ["an id of 65 characters", listOf({ ...ENTRY, id: `a${"-".repeat(64)}` }), "F, entry 1: has no id", "give it one"],
    ["no action", listOf({ ...ENTRY, does: undefined }), "F, entry mine: does null, which there is not", `choose from ${ACTIONS.join(", ")}`],
    ["an action that there is not", listOf({ ...ENTRY, does: "run" }), 'F, entry mine: does "run", which there is not', "choose from"],
    ["a comment that is no text", listOf({ ...ENTRY, comment: [] }), "F, entry mine: has a comment that is no text of at most 500 characters", "shorten it"],
    ["a comment of 501 characters", listOf({ ...ENTRY, comment: "x".repeat(501) }), "F, entry mine: has a comment", "shorten it"],
    ["words as text", listOf({ ...ENTRY, argv: "openclaw" }), "F, entry mine, argv: is no list", "write a list"],
    ["no words", entry("restart-gateway"), "F, entry mine: has no words", "write the command's words as argv"],
    ["17 words", entry("look-at-port", ...COUNT(17, "ss")), "F, entry mine, argv: has 17 members, and 16 are the most", "shorten it"],
    ["a slot without quotes", entry("end-owner", "kill", { pid: null }), "F, entry mine: has a word that is no text", 'write every word in quotes, as "{pid}"'],
    ["an empty word", entry("look-at-port", "ss", ""), 'has the word "", which is no plain text', "use letters, digits"],
    ["a word with a blank", entry("look-at-port", "ss", "a b"), 'has the word "a b"', "use letters"],
    ["a word with a new line", entry("look-at-port", "ss", "a\n"), 'has the word "a\\n"', "use letters"],
    ["a word with a look-alike", entry("look-at-port", "ss", "\u0430"), "which is no plain text", "use letters"],
    ["a word with quotes", entry("look-at-port", "ss", "'a'"), "which is no plain text", "use letters"],
    ["a word with a variable", entry("look-at-port", "ss", "$HOME"), "which is no plain text", "use letters"],
    ["a word that is anything", entry("look-at-port", "ss", "*"), 'has the word "*", which is no plain text', "for another spelling write another entry"],
    ["a regular expression", entry("look-at-port", "ss", ".*"), 'has the word ".*", which is no plain text', "write another entry"],
    ["an alternation", entry("end-owner", "kill", "-{KILL|9}", "{pid}"), 'has the word "-{KILL|9}"', "write another entry"],
    ["a slot for anything", entry("look-at-port", "ss", "{any}"), 'has the unknown slot "{any}"', `use one of {${SLOTS.join("}, {")}}`],
    ["a slot of JavaScript", entry("look-at-port", "ss", "{constructor}"), 'has the unknown slot "{constructor}"', "use one of"],
    ["an upper-case slot", entry("end-owner", "kill", "{PID}"), 'has the unknown slot "{PID}"', "use one of"],
    ["an empty slot", entry("end-owner", "kill", "{}"), 'has the word "{}"', "use letters"],
    ["text behind a slot", entry("look-at-port", "fuser", "{port}/tcp"), 'has the word "{port}/tcp"', "use letters"],
    ["two slots in a word", entry("look-at-port", "ss", "{port}{port}"), "where {port} may not stand", 'let it be a word of its own, or "--name={port}"'],
    ["a pid behind a dash", entry("end-owner", "kill", "-{pid}"), 'has "-{pid}", where {pid} may not stand', "let it be a word of its own"],
    ["a pid behind an option", entry("end-owner", "kill", "--pid={pid}"), "where {pid} may not stand", "let it be a word of its own"],
    ["a lock behind a path", entry("quarantine-lock", "rm", "/tmp{lock}"), 'has "/tmp{lock}", where {lock} may not stand', 'or "~/{lock}"'],
    ["a lock behind a home without its slash", entry("quarantine-lock", "rm", "~{lock}"), "where {lock} may not stand", "or"],
    ["a unit behind text", entry("start-gateway", "systemctl", "x{unit}"), "where {unit} may not stand", "let it be a word of its own"],
    ["a profile behind text", entry("start-gateway", "openclaw", "x{profile}"), "where {profile} may not stand", 'or "--name={profile}"'],
    ["a profile behind a short option", entry("start-gateway", "openclaw", "-p={profile}"), "where {profile} may not stand", "or"],
    ["a profile behind two options", entry("start-gateway", "openclaw", "--a=--b={profile}"), "where {profile} may not stand", "or"],
    ["a port behind a host", entry("look-at-port", "lsof", "host:{port}"), "where {port} may not stand", "or"],
    ["a port behind a dash and a colon", entry("look-at-port", "lsof", "-:{port}"), "where {port} may not stand", "or"],
    ["a slot behind a line", entry("end-owner", "kill", "a\n{pid}"), 'has the word "a\\n{pid}"', "use letters"],
    ["a pattern of two slashes", entry("quarantine-lock", "rm", "~/.openclaw//*.lock"), "which is no plain text", "use letters"],
    ["a pattern of two dots", entry("quarantine-lock", "rm", "~/.openclaw/*..lock"), "which is no plain text", "use letters"],
    ["a port behind a dash", entry("look-at-port", "lsof", "-{port}"), "where {port} may not stand", "or"],
    ["a slot as program", entry("end-owner", "{pid}"), "does not begin with a program's name", "begin with a bare name"],
    ["a pattern as program", entry("quarantine-lock", "~/.openclaw/*.lock"), "does not begin with a program's name", "begin with a bare name"],
    ["a path as program", entry("restart-gateway", "/usr/bin/openclaw", "gateway"), "does not begin with a program's name", "without a path"],
    ["a relative program", entry("restart-gateway", "./openclaw"), "does not begin with a program's name", "without a path"],
    ["an option as program", entry("restart-gateway", "-x"), "does not begin with a program's name", "begin with"],
    ["an assignment as program", entry("restart-gateway", "PATH=/tmp", "openclaw"), "does not begin with a program's name", "begin with"],
    ["an upper-case program", entry("restart-gateway", "OPENCLAW"), "does not begin with a program's name", "begin with"],
    ["a program with a dot", entry("look-at-port", "a.b"), "does not begin with a program's name", "begin with"],
    ["a version of python", entry("look-at-port", "python3.12"), "begins with python3.12, which can do anything", "name the program that does just this"],
    ["a version of a shell", entry("look-at-port", "bash5"), "begins with bash5, which can do anything", "name the program"],
    ["a pid for a restart", entry("restart-gateway", "openclaw", "{pid}"), "has {pid}, which says nothing for restart-gateway", "use only {profile}, {unit} there"],
    ["a profile for a kill", entry("end-owner", "kill", "{profile}", "{pid}"), "has {profile}, which says nothing for end-owner", "use only {pid} there"],
    ["a unit for a doctor", entry("guarded-doctor", "openclaw", "{unit}"), "has {unit}, which says nothing for guarded-doctor", "use only {profile} there"],
    ["a port for a lock", entry("quarantine-lock", "rm", "{lock}", "{port}"), "has {port}, which says nothing for quarantine-lock", "use only {lock}"],
    ["a pid for a look", entry("look-at-port", "lsof", "{pid}"), "has {pid}, which says nothing for look-at-port", "use only {port}"],
    ["a pid twice", entry("end-owner", "kill", "{pid}", "{pid}"), "has {pid} twice", "let one word say it"],
    ["a lock twice", entry("quarantine-lock", "rm", "{lock}", "~/{lock}"), "has {lock} twice", "let one word say it"],
    ["a kill without pid", entry("end-owner", "kill", "4242"), "does end-owner without {pid}", "a word must be {pid}"],
    ["a lock without lock", entry("quarantine-lock", "rm", "-f"), "does quarantine-lock without {lock}", "a word must be {lock}"],
    ["a pattern for a restart", entry("restart-gateway", "openclaw", "~/.openclaw/*.lock"), "has a pattern of files", "only quarantine-lock may have one"],
    ["a pattern for a kill", entry("end-owner", "kill", "{pid}", "~/.openclaw/*.lock"), "has a pattern of files", "only quarantine-lock"],
    ["a pattern for a kill without pid", entry("end-owner", "kill", "~/.openclaw/*.lock"), "has a pattern of files", "only quarantine-lock"],
    ["a pattern and a lock", entry("quarantine-lock", "rm", "~/.openclaw/*.lock", "{lock}"), "has a pattern of files", "and then no {lock}"],
    ["two patterns", entry("quarantine-lock", "rm", "~/.openclaw/*.lock", "~/.openclaw/a/*.lock"), "has a pattern of files", "only"],
    ["a pattern of all files", entry("quarantine-lock", "rm", "~/.openclaw/*"), "which is no plain text", "use letters"],
    ["a pattern elsewhere", entry("quarantine-lock", "rm", "~/*.lock"), "which is no plain text", "use letters"],
    ["a pattern of another profile", entry("quarantine-lock", "rm", "~/.openclaw-work/*.lock"), "which is no plain text", "use letters"],
    ["a pattern upwards", entry("quarantine-lock", "rm", "~/.openclaw/../*.lock"), "which is no plain text", "use letters"],
    ["a pattern with an absolute path", entry("quarantine-lock", "rm", "/home/op/.openclaw/*.lock"), "which is no plain text", "use letters"],
    ["a pattern of two ends", entry("quarantine-lock", "rm", "~/.openclaw/*.lock.bak"), "which is no plain text", "use letters"],
    ["a pattern without a pattern", entry("quarantine-lock", "rm", "~/.openclaw/a.lock"), "which is no plain text", "use letters"],
    ["a pattern with text before", entry("quarantine-lock", "rm", "x~/.openclaw/*.lock"), "which is no plain text", "use letters"],
    ["packs as text", { ...listOf(), packs: "x" }, "F, packs: is no list", "write a list"],
    ["21 packs", { ...listOf(), packs: COUNT(21, { path: "x", sha256: SHA }) }, "F, packs: has 21 members, and 20 are the most", "shorten it"],
    ["a pack as text", { ...listOf(), packs: ["x"] }, "F, pack 1: is no mapping", "write path, sha256"],
    ["a pack with an unknown key", { ...listOf(), packs: [{ path: "x", sha256: SHA, url: "u" }] }, 'F, pack 1: has the unknown key "url"', "use only"],
    ["a pack without a path", { ...listOf(), packs: [{ sha256: SHA }] }, "F, pack 1: has no path", "write the pack's file"],
    ["a pack with an empty path", { ...listOf(), packs: [{ path: "", sha256: SHA }] }, "F, pack 1: has no path", "write"],
    ["a pack without a checksum", { ...listOf(), packs: [{ path: "x y" }] }, "F, pack 1: has no sha256 of 64 small hexadecimal digits", 'sha256sum "x y"'],
    ["a pack with a short checksum", { ...listOf(), packs: [{ path: "x", sha256: SHA.slice(1) }] }, "F, pack 1: has no sha256", "sha256sum"],
    ["a pack with a long checksum", { ...listOf(), packs: [{ path: "x", sha256: `${SHA}0` }] }, "F, pack 1: has no sha256", "sha256sum"],
    ["a pack with an upper-case checksum", { ...listOf(), packs: [{ path: "x", sha256: SHA.toUpperCase() }] }, "F, pack 1: has no sha256", "sha256sum"],
  ];
  for (const [what, document, message, fix] of bad) {
    it(`with ${what} is refused, with what to do`, () => {
      const said = refusal(() => parseAllowlist(document, "F"));
      expect(said.code).toBe("config-invalid");
      expect(said.message).toContain(message);
      expect(said.message).toMatch(/^F/);
      expect(said.fix).toContain(fix);
    });
  }

  it("may begin with none of the programs that can do anything", () => {
    for (const program of NEVER)
      expect(refusal(() => parseAllowlist(entry("look-at-port", program), "F")).message, program).toContain("which can do anything");
    for (const program of NAMED) expect(NEVER, program).toContain(program);
    expect(NEVER.size).toBe(new Set(NAMED).size);
  });
});

// biome-ignore format: the list a second time, so that none is lost unseen
const NAMED = [
  "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "pwsh", "busybox", "toybox", "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select",
  "function", "time", "coproc", "eval", "exec", "command", "builtin", "source", "alias", "unalias", "trap", "set", "unset", "export", "declare", "enable", "hash", "env", "sudo", "su", "doas", "runuser",
  "pkexec", "xargs", "parallel", "nohup", "timeout", "nice", "ionice", "chrt", "taskset", "setsid", "stdbuf", "watch", "script", "flock", "at", "batch", "crontab", "systemd-run", "chroot", "unshare",
  "nsenter", "strace", "ltrace", "gdb", "ssh", "docker", "podman", "kubectl", "screen", "tmux", "find", "git", "make", "man", "less", "more", "vi", "vim", "nano", "emacs", "ed", "node", "nodejs", "deno",
  "bun", "npm", "npx", "pnpm", "yarn", "python", "pip", "perl", "ruby", "php", "lua", "tclsh", "expect", "awk", "gawk", "mawk", "nawk", "sed", "jq", "gcc", "cc", "java", "go", "cargo", "tee", "dd", "cp",
  "mv", "ln", "install", "chmod", "chown", "truncate", "shred", "mkfs", "mount", "tar", "zip", "unzip", "rsync", "scp", "sftp", "curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "killall", "pkill",
];

describe("several files", () => {
  const part = (file: string, id: string, does: string, ...argv: readonly string[]) =>
    parseAllowlist(listOf({ id, does, argv }), file).entries;

  it("are one list, in their order", () => {
    const joined = joinEntries([part("A", "a", "restart-gateway", "openclaw", "up"), part("B", "b", "look-at-port", "ss"), []]);
    expect(joined.map(({ id, from }) => [id, from])).toEqual([
      ["a", "A"],
      ["b", "B"],
    ]);
  });

  it("may say the same thing twice under two ids", () => {
    expect(() => joinEntries([part("A", "a", "restart-gateway", "openclaw"), part("B", "b", "restart-gateway", "openclaw")])).not.toThrow();
  });

  it("may not have an id twice, so that no pack replaces an entry", () => {
    const said = refusal(() => joinEntries([part("A", "a", "restart-gateway", "openclaw"), part("B", "a", "look-at-port", "ss")]));
    expect(said).toEqual({
      code: "config-invalid",
      message: "B, entry a: has an id that A has already",
      fix: "give it another one; what is there cannot be replaced",
    });
  });

  type Side = readonly [does: string, ...argv: string[]];
  // biome-ignore format: a table reads by its rows
  const meeting: readonly [string, Side, Side][] = [
    ["the same words", ["restart-gateway", "openclaw", "x"], ["start-gateway", "openclaw", "x"]],
    ["a pid and a number", ["end-owner", "kill", "{pid}"], ["look-at-port", "kill", "4242"]],
    ["a pid and a port", ["end-owner", "kill", "{pid}"], ["look-at-port", "kill", "{port}"]],
    ["a unit and a name", ["stop-gateway", "systemctl", "{unit}"], ["look-at-port", "systemctl", "openclaw-gateway.service"]],
    ["a unit and a name of one letter", ["stop-gateway", "systemctl", "{unit}"], ["look-at-port", "systemctl", "x"]],
    ["a profile and a name of one letter", ["stop-gateway", "openclaw", "{profile}"], ["look-at-port", "openclaw", "x"]],
    ["a pid and a number of one digit", ["end-owner", "kill", "{pid}"], ["look-at-port", "kill", "4"]],
    ["a port and a number of one digit", ["look-at-port", "lsof", "{port}"], ["guarded-doctor", "lsof", "4"]],
    ["a profile and a name", ["stop-gateway", "openclaw", "{profile}"], ["guarded-doctor", "openclaw", "work"]],
    ["a joined profile and a joined name", ["stop-gateway", "openclaw", "--p={profile}"], ["guarded-doctor", "openclaw", "--p=work"]],
    ["two joined profiles", ["stop-gateway", "openclaw", "--p={profile}"], ["guarded-doctor", "openclaw", "--p={profile}"]],
    ["a unit and a profile", ["stop-gateway", "openclaw", "{unit}"], ["guarded-doctor", "openclaw", "{profile}"]],
    ["a lock and a path", ["quarantine-lock", "rm", "{lock}"], ["look-at-port", "rm", "/tmp/x"]],
    ["a lock of the home and a pattern", ["quarantine-lock", "rm", "x", "~/{lock}"], ["look-at-port", "rm", "x", "{port}"]],
    ["a port behind a colon and a word", ["look-at-port", "lsof", ":{port}"], ["guarded-doctor", "lsof", ":80"]],
    ["a port behind a colon and a bare one", ["look-at-port", "lsof", ":{port}"], ["end-owner", "lsof", "{pid}"]],
  ];
  for (const [what, [does, ...argv], [otherDoes, ...otherArgv]] of meeting) {
    it(`may not mean two things by ${what}, in either order`, () => {
      const [a, b] = [part("A", "a", does, ...argv), part("B", "b", otherDoes, ...otherArgv)];
      const said = refusal(() => joinEntries([a, b]));
      expect(said.message).toBe(`B, entry b: can match the same command as a in A, and does ${otherDoes} instead of ${does}`);
      expect(said.fix).toBe("remove one of both");
      expect(refusal(() => joinEntries([b, a])).message).toContain("A, entry a: can match the same command as b in B");
    });
  }

  // biome-ignore format: a table reads by its rows
  const apart: readonly [string, Side, Side][] = [
    ["other words", ["restart-gateway", "openclaw", "x"], ["start-gateway", "openclaw", "y"]],
    ["another number of words", ["restart-gateway", "openclaw"], ["start-gateway", "openclaw", "y"]],
    ["a pid and a word", ["end-owner", "kill", "{pid}"], ["look-at-port", "kill", "abc"]],
    ["a pid and a long number", ["end-owner", "kill", "{pid}"], ["look-at-port", "kill", "12345678901"]],
    ["a pid and a number with a zero", ["end-owner", "kill", "{pid}"], ["look-at-port", "kill", "042"]],
    ["a unit and a word with a colon", ["stop-gateway", "systemctl", "{unit}"], ["look-at-port", "systemctl", "a:b"]],
    ["a joined profile and a name of another option", ["stop-gateway", "openclaw", "--p={profile}"], ["look-at-port", "openclaw", "--q=work"]],
    ["a unit and an option", ["stop-gateway", "systemctl", "{unit}"], ["look-at-port", "systemctl", "--all"]],
    ["a profile and an option", ["stop-gateway", "openclaw", "{profile}"], ["look-at-port", "openclaw", "-x"]],
    ["a profile and a name with a dot", ["stop-gateway", "openclaw", "{profile}"], ["look-at-port", "openclaw", "a.b"]],
    ["a joined profile and a bare name", ["stop-gateway", "openclaw", "--p={profile}"], ["look-at-port", "openclaw", "work"]],
    ["two options with profiles", ["stop-gateway", "openclaw", "--p={profile}"], ["guarded-doctor", "openclaw", "--q={profile}"]],
    ["a lock and a relative path", ["quarantine-lock", "rm", "{lock}"], ["look-at-port", "rm", "x"]],
    ["a lock and a path of two slashes", ["quarantine-lock", "rm", "{lock}"], ["look-at-port", "rm", "//x"]],
    ["a lock of the home and an absolute path", ["quarantine-lock", "rm", "~/{lock}"], ["look-at-port", "rm", "/x"]],
    ["a port and six digits", ["look-at-port", "lsof", "{port}"], ["guarded-doctor", "lsof", "123456"]],
    ["another program", ["restart-gateway", "a", "x"], ["start-gateway", "b", "x"]],
  ];
  for (const [what, [does, ...argv], [otherDoes, ...otherArgv]] of apart) {
    it(`may have ${what}`, () => {
      const [a, b] = [part("A", "a", does, ...argv), part("B", "b", otherDoes, ...otherArgv)];
      expect(() => joinEntries([a, b])).not.toThrow();
      expect(() => joinEntries([b, a])).not.toThrow();
    });
  }

  it("may not give a pattern of files and a lock of the home two meanings", () => {
    const lock = part("A", "a", "quarantine-lock", "rm", "~/{lock}");
    const [entry] = part("B", "b", "quarantine-lock", "rm", "~/.openclaw/*.lock");
    if (entry === undefined) throw new Error("there is no entry");
    expect(() => joinEntries([lock, [{ ...entry, does: "look-at-port" }]])).toThrow("can match the same command");
  });
});
