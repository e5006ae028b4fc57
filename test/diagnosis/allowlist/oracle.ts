/**
 * What may be accepted, written a second time and in another way: all allowed commands as one list of lines, their legal spellings as regular expressions, the rules of a plan by
 * hand. It imports nothing of ours. It holds for one gateway of each kind, the default profile's and `work`'s, with the facts of `support.ts`.
 */
const LOCKS = ["/home/op/.openclaw/agents/main/sessions/a1.jsonl.lock", "/home/op/.openclaw/tmp/openclaw-1000/gateway.state.lock"];

const SIGNALS = ["", "-TERM ", "-SIGTERM ", "-15 ", "-s TERM ", "-KILL ", "-SIGKILL ", "-9 ", "-s KILL "];
const DOCTORS = [
  "--fix",
  "--fix --non-interactive",
  "--non-interactive --fix",
  "--repair",
  "--repair --non-interactive",
  "--non-interactive --repair",
];

/** By the action that it stands for. */
function allowedLines(profile: string, port: number): ReadonlyMap<string, string> {
  const hosts = [...(profile === "default" ? ["openclaw"] : []), `openclaw --profile ${profile}`, `openclaw --profile=${profile}`];
  const unit = profile === "default" ? "openclaw-gateway" : `openclaw-gateway-${profile}`;
  const lines: [string, string][] = [];
  for (const verb of ["start", "stop", "restart"]) {
    for (const host of hosts) lines.push([`${host} gateway ${verb}`, verb]);
    for (const name of [unit, `${unit}.service`]) lines.push([`systemctl --user ${verb} ${name}`, verb]);
  }
  for (const host of hosts) for (const options of DOCTORS) lines.push([`${host} doctor ${options}`, "doctor"]);
  for (const rm of ["rm", "rm -f"]) {
    for (const lock of LOCKS) {
      lines.push([`${rm} ${lock}`, `lock ${lock}`]);
      lines.push([`${rm} ${lock.replace("/home/op", "~")}`, `lock ${lock}`]);
    }
    if (profile === "default") {
      lines.push([`${rm} ~/.openclaw/agents/*/sessions/*.lock`, "locks"]);
      lines.push([`${rm} ~/.openclaw/agents/*/sessions/*.jsonl.lock`, "locks"]);
    }
  }
  for (const signal of SIGNALS) lines.push([`kill ${signal}4242`, "end"]);
  for (const words of [`-i :${port}`, `-i:${port}`, `-iTCP:${port} -sTCP:LISTEN`, `-nP -iTCP:${port} -sTCP:LISTEN`])
    lines.push([`lsof ${words}`, "look"]);
  lines.push(["ss -ltnp", "look"], ["ss -tlnp", "look"]);
  return new Map(lines);
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");

function spelt(word: string): string {
  if (word.startsWith("~")) return escaped(word);
  const whole = [word, `'${word}'`, `"${word}"`];
  const [, option = "", value = ""] = /^(--\w+=)(.*)$/.exec(word) ?? [];
  return `(?:${[...whole, ...(option === "" ? [] : [`${option}'${value}'`, `${option}"${value}"`])].map(escaped).join("|")})`;
}

const COMMENT = "#(?:\\t|[^\\p{C}\\p{Zl}\\p{Zp}])*";

export interface Oracle {
  /** All allowed commands, one blank between words. */
  readonly lines: readonly string[];
  /** One line by itself, without its indentation. */
  readonly allowsLine: (line: string) => boolean;
  readonly allowsScript: (text: string) => boolean;
  readonly allowsJson: (text: string) => boolean;
}

export function oracleFor(profile: "default" | "work", port: number): Oracle {
  const lines = allowedLines(profile, port);
  const command = new RegExp(
    `^[ \\t]*(?:${[...lines.keys()].map((line) => `(${line.split(" ").map(spelt).join("[ \\t]+")})`).join("|")})(?:[ \\t]+(?:${COMMENT})?)?$`,
    "u",
  );
  const blank = new RegExp(`^[ \\t]*(?:${COMMENT})?$`, "u");
  const actions = [...lines.values()];

  const allowsScript = (text: string): boolean => {
    if (text.length > 20_000 || text.startsWith("#!")) return false;
    const done: string[] = [];
    for (const line of text.split("\n")) {
      if (blank.test(line)) continue;
      const found = command.exec(line);
      if (found === null) return false;
      done.push(actions[found.findIndex((group, at) => at > 0 && group !== undefined) - 1] ?? "");
    }
    return allowsPlan(done);
  };

  const allowsJson = (text: string): boolean => {
    let plan: unknown;
    try {
      plan = JSON.parse(text);
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
    const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length;
    if (text.length > 65_536 || written !== countKeys(plan) || !hasKeys(plan, "commands,confidence,diagnosis,human")) return false;
    const { diagnosis, confidence, commands, human } = plan;
    if (typeof diagnosis !== "string" || typeof human !== "string" || Math.max(diagnosis.length, human.length) > 4_000) return false;
    if (typeof confidence !== "number" || !(confidence >= 0 && confidence <= 1) || !Array.isArray(commands)) return false;
    const done = commands.map((each: unknown) => {
      if (!hasKeys(each, "argv,why") || typeof each["why"] !== "string" || each["why"].length > 500) return undefined;
      const { argv } = each;
      if (!Array.isArray(argv) || !argv.every((word) => typeof word === "string" && !word.includes(" "))) return undefined;
      return lines.get(argv.join(" "));
    });
    return done.every((action) => action !== undefined) && allowsPlan(done);
  };
  return { lines: [...lines.keys()], allowsLine: (line) => command.test(line), allowsScript, allowsJson };
}

function allowsPlan(done: readonly string[]): boolean {
  const changes = done.filter((action, at) => action !== done[at - 1]);
  const ends = changes.filter((action) => ["start", "stop", "restart"].includes(action)).at(-1);
  return done.length >= 1 && done.length <= 50 && changes.length <= 10 && ends !== "stop";
}

function hasKeys(value: unknown, keys: string): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).sort().join(",") === keys;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const below = Object.values(value).reduce((sum: number, each) => sum + countKeys(each), 0);
  return Array.isArray(value) ? below : below + Object.keys(value).length;
}
