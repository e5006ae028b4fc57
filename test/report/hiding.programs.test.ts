import { appendFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { keepCopy } from "../../rescue-profile/copies/ring.ts";
import type { Action } from "../../rescue-profile/core/event.ts";
import { CANARIES, FORMS, plantedConfig } from "../diagnosis/context/canaries.ts";
import { opened, repairOf } from "../journal/harness.ts";
import { line, told, world } from "./world.ts";

/** The account's name, as the code under test sees it. */
function accountOf(username: string): void {
  const spied = vi.spyOn(os, "userInfo").mockReturnValue({ ...os.userInfo(), username });
  syncBuiltinESMExports();
  onTestFinished(() => {
    spied.mockRestore();
    syncBuiltinESMExports();
  });
}

describe("a secret", () => {
  /** Some: that all are known in a configuration, the context's own tests show, and each costs time. */
  const CHOSEN = CANARIES.filter(({ value }, index) => (index % 3 === 0 && value.length < 80) || value.includes("PRIVATE KEY"));
  const PLANTED = CHOSEN.map(({ value }) => value);
  const NUMBER = 48_151_623;
  const PLACES = ["evid", "told", "step", "note", "prop", "judg", "deep", "host", "file"];

  /** Known by nothing but their shape, and of this place alone: none is known from another place. */
  const shaped = (place: string): Readonly<Record<string, string>> => {
    const digits = [...place].map((letter) => letter.charCodeAt(0) % 10).join("");
    return Object.fromEntries(
      [
        [`sk-proj-Qw7Er9Ty2Ui4Op6As8Df1${place}`, "Incorrect API key provided: SECRET"],
        [`7654321098:AAHdqTcvCH1vGWJxfSeofSAs0K5PA${place}`, "https://api.telegram.org/botSECRET/getUpdates"],
        [`bear3r.t0ken.${place}`, "authorization: Bearer SECRET"],
        [`url-passw0rd-${place}`, "postgres://openclaw:SECRET@db.example/x"],
        [`sid-0123-${place}`, "set-cookie: sid=SECRET; Path=/"],
        [`named-value-${place}`, 'client_secret="SECRET"'],
        [`argument-value-${place}`, "node x.js --gateway-token SECRET"],
        [`ghp_Zx7Qw2LmN4pRt8Vb1Kc6Hd3Jf5Gs0Ya9${place}`, "remote: SECRET"],
        [`+4917012345${digits}`, "from SECRET"],
        [`carol.${place}@people.example`, "from SECRET"],
      ].map(([secret = "", saying = ""]) => [secret, saying.replace("SECRET", secret)]),
    );
  };

  /** Each of the configuration's secrets in one of the forms in which it gets into logs, and those of this place. */
  const said = (place: string) => [
    ...PLANTED.map((secret, index) => `at ${Object.values(FORMS)[index % Object.keys(FORMS).length]?.(secret)} end`).filter(
      (_, index) => index % PLACES.length === PLACES.indexOf(place),
    ),
    ...Object.values(shaped(place)),
    String(NUMBER),
  ];

  /** Which of them, in whatever form, is to be seen. A page escapes, so it is read without its backslashes as well. */
  const seenIn = (text: string, secrets: readonly string[]) => {
    const plain = text.replaceAll(/\\([!-/:-@[-`{-~])/g, "$1").replaceAll("\u200b", "");
    const read = [text, plain, text.replaceAll(/\n\| ?/g, "")];
    return secrets.filter((secret) =>
      Object.values(FORMS).some((form) => read.some((each) => form(secret).length >= 6 && each.includes(form(secret)))),
    );
  };

  it("is in nothing that is written, wherever it stands: evidence, alerts, repairs, proposals, logs and the names of files", async () => {
    const the = world({ ...plantedConfig(CHOSEN), cron: { webhookToken: NUMBER } });
    the.journaled((journal, commit) => {
      const more = { tier: 2, subject: said("step").join(), evidence: said("step"), by: said("note").join() };
      const [repair = 0] = commit(opened(1, said("evid")), ...said("told").map(told), { ...repairOf(1), ...more } as Action);
      journal.beginStep(repair, 0, said("step").join(" "));
      journal.endStep(repair, 0, "failed", 12, said("note").join(" ; "));
      journal.endRepair(repair, "failed", said("note").join("\n"));
    });
    const judged = said("judg").map((text) => ({ command: text, verdict: { accepted: false, reason: text } as const }));
    const words = said("prop").join("\n");
    the.propose({ engine: words, asked: words, diagnosis: words, human: words, judged, refusal: words, answer: words });
    const log = said("deep");
    appendFileSync(
      the.logFile,
      line({ deep: [{ [log.join()]: NUMBER, port: 18_790 }, log] }, { trigger: log.join(" "), cause: log.at(-3) }),
    );
    writeFileSync(
      the.gatewayLog,
      said("host")
        .map((each) => `${JSON.stringify({ 0: each })}\n`)
        .join(""),
    );
    const named = ["tg-hook-secret.json", `${Object.keys(shaped("file"))[0]}`, "a\n# b\u202e"];
    for (const name of named) the.keep(name, "12345");

    const { page, of, everything } = await the.report();
    const secrets = [...PLANTED, String(NUMBER), ...PLACES.flatMap((place) => Object.keys(shaped(place)))];
    expect(seenIn(everything, secrets)).toEqual([]);
    expect(everything).toContain("<person>");
    expect(everything).toMatch(/at <secret-\d+> end/);
    expect(of("watchdog.jsonl")).toMatch(/:"<secret-\d+>","port":18790\}/);
    expect(page).toMatch(/\n\n- `a # b`, 5 bytes\n- `<secret-\d+>`, 5 bytes\n- `<secret-\d+>.json`, 5 bytes\n\n/);
  });

  it("is known from an .env file, a configuration that served, and one that was replaced, when the present one is broken", async () => {
    const the = world({ hooks: { token: "served with these words" } });
    expect(keepCopy(the.dir, the.configPath, "booted", Date.now())).toBeUndefined();
    the.keep("2-openclaw.json", the.withLog({ hooks: { token: "replaced by another one" } }));
    writeFileSync(join(the.profile, ".env"), "OPENAI_API_KEY=plain words of a key\nNODE_ENV=production\n");
    the.commit(opened(1, ["a served with these words b", "replaced by another one", "key plain words of a key", "production"]));
    // While it can be read the watchdog learns where the gateway is.
    await the.watched(async () => undefined);
    writeFileSync(the.configPath, '{"hooks":{"token":"brok');
    const { page, everything } = await the.report();
    expect(everything).not.toMatch(/these words|another one|words of a key/);
    expect(page).toMatch(/- a \\<secret-\d\\> b\n- \\<secret-\d\\>\n- key \\<secret-\d\\>\n- production\n/);
  });

  it("in a form that a bound would cut in half is not left over", async () => {
    const secret = "correct horse battery staple";
    const the = world({ gateway: { auth: { password: secret } } });
    const form = Buffer.from(`me:${secret}`).toString("base64");
    the.commit(opened(1, [`${"word ".repeat(1_593)}${form}`, `x${"é".repeat(7_970)}${form}`]));
    const { page, everything } = await the.report();
    for (let from = 4; from + 8 <= form.length; from += 4) expect(everything).not.toContain(form.slice(from, from + 8));
    expect(page).toContain("word word …\n- …\n");
  });

  it("is not to be seen even when there are more than can be known", async () => {
    const the = world();
    the.commit(opened(1));
    const keys = Array.from({ length: 1_200 }, (_, index) => `Zx7Qw${String(index).padStart(4, "0")}`);
    for (let from = 0; from < keys.length; from += 100)
      appendFileSync(
        the.logFile,
        line(
          keys
            .slice(from, from + 100)
            .map((key) => `apiKey=${key}`)
            .join(" "),
        ),
      );
    const { everything } = await the.report();
    expect(keys.filter((key) => everything.includes(key))).toEqual([]);
    expect(everything).toContain("(withheld: it has the shape of a secret, and there are too many)");
  });

  it("is also whose machine it is: the home directory and the account's name", async () => {
    accountOf("zebediah");
    const the = world();
    the.commit(opened(1, [`${the.home}/.openclaw/openclaw.json of zebediah`, `file://${the.home}/x`]), told(`chown zebediah ${the.home}`));
    the.keep("zebediah.txt", "x");
    appendFileSync(the.logFile, line({ [the.home]: "zebediah" }));
    const { page, everything } = await the.report();
    expect(everything).not.toContain("zebediah");
    expect(everything).not.toContain(the.home);
    expect(page).toContain("- \\~/.openclaw/openclaw.json of \\<user\\>\n- file\\://\\~/x\n");
    expect(page).toContain("- its configuration: `~/.openclaw/openclaw.json`\n");
  });
});
