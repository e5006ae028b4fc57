import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { RescueError } from "../src/shared/errors.ts";
import type { Policy } from "./core/policy.ts";

const seconds = (value: number, description: string, minimum = 1, maximum = 86_400) =>
  Type.Number({ default: value, minimum, maximum, description });
const count = (value: number, description: string, minimum = 1, maximum = 100) =>
  Type.Integer({ default: value, minimum, maximum, description });
const group = <T extends Parameters<typeof Type.Object>[0]>(properties: T, description: string) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description });

const severity = (value: "info" | "warning" | "critical") =>
  Type.Union(
    (["info", "warning", "critical"] as const).map((name) => Type.Literal(name)),
    { default: value, description: "The least severe news that begin to be told here." },
  );
const receiver = <T extends Parameters<typeof Type.Object>[0]>(properties: T, description: string) =>
  Type.Array(Type.Object(properties, { additionalProperties: false }), { default: [], description });
const receiverName = Type.String({
  pattern: "^[A-Za-z0-9_-]{1,40}$",
  description: "By which the journal knows what was told here already; keep it when the address changes.",
});
const auditPath = (description: string) =>
  Type.String({ pattern: "^(/|~/|~$|[A-Za-z]:[\\\\/])", description: `${description} Absolute, or below ~/.` });
const secretFile = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/**
 * The one place for a default. It is the type, the validator and the source of the manifest's `configSchema`
 * (`npm run manifest` writes it there; a test holds the two together). Times are seconds here, because people edit them.
 */
export const PolicySchema = Type.Object(
  {
    watchProfile: Type.Optional(
      Type.String({
        pattern: "^[a-z0-9][a-z0-9_-]{0,63}$",
        description:
          "The profile that the loop of this profile's plugin watches. Set in the rescue profile; without it the plugin only offers commands.",
      }),
    ),
    watch: group(
      {
        baselineSeconds: seconds(10, "Between full health checks while all is well."),
        identitySeconds: seconds(1, "Between cheap checks that the gateway's process still lives.", 0.2, 60),
        recheckSeconds: seconds(0.5, "Between full checks while something looks wrong, at first.", 0.1, 60),
        slowRecheckSeconds: seconds(2, "Between full checks once a fault has lasted longer than ten seconds.", 0.2, 60),
        probeTimeoutSeconds: seconds(2, "How long one HTTP answer may take before it counts as silence.", 0.2, 60),
        lateSeconds: seconds(5, "A check that starts later than this is thrown away: the watchdog itself was starved."),
        clockGapSeconds: seconds(5, "A wall clock that moved this much against the monotonic one means suspend or a clock change."),
        surveySeconds: seconds(
          60,
          "Between looks at configuration, databases, logs and disk while a human has the word, and after it began to serve; five times as long while all is well.",
          1,
        ),
        graceSeconds: seconds(60, "No repair for this long after a late check, a suspend or a clock change.", 0),
      },
      "How often and how patiently to look.",
    ),
    act: group(
      {
        goneChecks: count(2, "Checks in a row that must find the process gone before it is started."),
        frozenSeconds: seconds(5, "How long a stopped process (state T) must be silent before it is ended and started."),
        silentFlatSeconds: seconds(25, "How long a silent process without CPU progress is given, from the first silent check."),
        silentBusySeconds: seconds(180, "How long a silent process that uses CPU is given: users saw healthy stalls of 170 s."),
        bootFlatSeconds: seconds(300, "How long a boot without any progress is given."),
        bootCeilingSeconds: seconds(1800, "When even a boot that progresses is reported to a human (it is not killed)."),
        listenerLostSeconds: seconds(60, "How long a process that has served may live without its listener."),
        drainSeconds: seconds(360, "How long a drain may last before a human is told: the host's own budget is 315 s."),
        handoverSeconds: seconds(45, "How long a planned restart may leave the port empty."),
        unsettledSeconds: seconds(45, "How long to wait between two starts of the same incident."),
        blindSeconds: seconds(60, "How long the watchdog may be unable to look before it says so."),
        cpuFlatRatio: Type.Number({
          default: 0.02,
          minimum: 0.001,
          maximum: 0.5,
          description: "CPU use below this share of one core counts as no progress.",
        }),
      },
      "When a fault has lasted long enough.",
    ),
    limits: group(
      {
        repairsPerHour: count(3, "Repairs allowed in any hour, counted from the journal, across restarts of the watchdog."),
        cooldownSeconds: seconds(1800, "No repair for this long after the allowed number was used up."),
        uncleanKills: count(2, "Kills allowed in the window below: at the third unclean boot the host mutes its channels."),
        uncleanWindowSeconds: seconds(300, "The host's own window for unclean boots."),
        attemptsPerIncident: count(2, "Starts tried for one incident before the next tier, or a human, is asked."),
        mendsPerIncident: count(2, "Deep fixes (tier 2) tried for one incident before a human is asked."),
        maxTier: Type.Integer({
          default: 2,
          minimum: 1,
          maximum: 3,
          description:
            "1: only restarts. 2: also deep fixes, which change files and keep what they replace. 3: also asks an AI (diagnosis) when these did not help.",
        }),
        repairDeadlineSeconds: seconds(600, "After this a repair that never reported back counts as lost."),
      },
      "How much may be done.",
    ),
    verify: group(
      {
        goodChecks: count(3, "Good full checks needed before a repair counts as a success."),
        holdSeconds: seconds(30, "How long health must hold before a repair counts as a success.", 0),
        readinessSeconds: seconds(300, "How long after a repair channels may be missing that were there before, until that is told.", 0),
      },
      "What counts as recovered.",
    ),
    alerts: group(
      {
        language: Type.Union(
          (["en", "zh-CN", "zh-TW"] as const).map((name) => Type.Literal(name)),
          { default: "en", description: "Of what the watchdog says in alerts." },
        ),
        quietHours: Type.Optional(
          Type.String({
            pattern: "^([01]\\d|2[0-3]):[0-5]\\d-([01]\\d|2[0-3]):[0-5]\\d$",
            description: "When warnings wait until these hours are over, as 22:30-07:00 of the machine's time; an outage never waits.",
          }),
        ),
        telegram: receiver(
          {
            name: receiverName,
            tokenFile: secretFile(
              "A file that holds the token of a bot of the watchdog's own. Without it: the bot of the rescue profile, which setup was given.",
            ),
            chat: Type.Integer({ description: "The numeric id of the chat." }),
            apiRoot: Type.Optional(Type.String({ pattern: "^https?://", description: "A Bot API server of your own." })),
            least: severity("warning"),
          },
          "Telegram chats: an incident is one message that is changed; what needs you is a message of its own.",
        ),
        webhooks: receiver(
          {
            name: receiverName,
            url: Type.String({ pattern: "^https?://", description: "Gets each news as JSON by POST." }),
            secretFile: secretFile("A file that holds the secret by which the body is signed (HMAC-SHA256)."),
            least: severity("info"),
          },
          "Webhooks.",
        ),
        ntfy: receiver(
          {
            name: receiverName,
            url: Type.String({ pattern: "^https?://[^/]+/.*[^/]$", description: "Of the topic: https://ntfy.sh/TOPIC." }),
            tokenFile: secretFile("A file that holds an access token."),
            least: severity("warning"),
          },
          "Topics of ntfy.",
        ),
        exec: receiver(
          {
            name: receiverName,
            argv: Type.Array(Type.String(), {
              minItems: 1,
              description: "The program and its arguments; the alert is on its standard input, as JSON.",
            }),
            least: severity("warning"),
          },
          "Programs of your own.",
        ),
        heartbeatUrl: Type.Optional(
          Type.String({
            pattern: "^https?://",
            description:
              "Is fetched again and again while the watchdog looks, for a service that tells you when that stops: a machine that is off cannot.",
          }),
        ),
        heartbeatSeconds: seconds(60, "How often."),
      },
      "Who is told, besides the log.",
    ),
    chat: group(
      {
        telegram: Type.Optional(
          Type.Object(
            {
              tokenFile: secretFile("A file that holds the token of a bot that nobody else reads; `watch --telegram` reads it."),
              operators: Type.Array(Type.Integer(), { default: [], description: "Numeric ids of those who may look and act." }),
              viewers: Type.Array(Type.Integer(), { default: [], description: "Numeric ids of those who may look." }),
              groups: Type.Boolean({ default: false, description: "Answer them in groups too." }),
              apiRoot: Type.Optional(Type.String({ pattern: "^https?://", description: "A Bot API server of your own." })),
            },
            {
              additionalProperties: false,
              description: "Who may speak with it; in a rescue gateway, without names here, those on its own bot's list.",
            },
          ),
        ),
      },
      "Who may ask and command it from a chat.",
    ),
    audit: group(
      {
        everySeconds: Type.Number({
          default: 86_400,
          minimum: 0,
          maximum: 2_678_400,
          description: "How often the watcher makes an audit by itself and tells what is new in it; 0: never.",
        }),
        fresh: receiver(
          {
            path: auditPath("A JSON file or an SQLite database."),
            field: Type.String({
              minLength: 1,
              description: "What holds its age: keys with dots (`meta.updatedAt`), in a database TABLE.COLUMN, of which the newest counts.",
            }),
            maxAgeSeconds: seconds(86_400, "How old it may be.", 1, 31_622_400),
          },
          "Caches and databases that somebody else is to keep fresh.",
        ),
        sources: receiver(
          { path: auditPath("A directory or file that is to be the same."), source: auditPath("As which: the source of truth.") },
          "Copies that may drift, compared by the content's SHA-256; what only the copy has does not count.",
        ),
        backups: receiver(
          {
            path: auditPath("A directory of backups; its newest file counts."),
            maxAgeSeconds: seconds(172_800, "How old the newest may be.", 1, 31_622_400),
          },
          "Where backups are to lie.",
        ),
        repositories: receiver(
          {
            name: Type.String({ pattern: "^[\\w.-]+/[\\w.-]+$", description: "OWNER/NAME." }),
            secretFile: secretFile("The file with the secret of its webhook."),
          },
          "Repositories whose webhooks reach this gateway.",
        ),
        modelServers: receiver(
          {
            url: Type.String({
              pattern: "^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:\\d{1,5})?(/[\\w./-]*)?$",
              description: "On this machine, as http://127.0.0.1:8000/v1.",
            }),
            unit: Type.Optional(
              Type.String({
                pattern: "^[\\w:.@-]{1,200}\\.service$",
                description: "The systemd unit that runs it, of this account or of the system.",
              }),
            ),
          },
          "Model servers on this machine, besides those of the configuration.",
        ),
        maxLogBytes: Type.Integer({
          default: 104_857_600,
          minimum: 1_048_576,
          description: "How big a log file may become that nobody rotates: the host's own limit by default.",
        }),
      },
      "What `audit` is to look at besides what the host's own files say.",
    ),
    diagnosis: group(
      {
        mode: Type.Optional(
          Type.Union(
            (["ask", "auto", "dry-run"] as const).map((name) => Type.Literal(name)),
            {
              description:
                "ask: a person approves each proposal. auto: carried out without, within the budget of the watchdog's own repairs. dry-run: only shown. Unset: ask where somebody can be asked in a chat, else auto.",
            },
          ),
        ),
        engines: Type.Array(Type.Unknown(), {
          default: [],
          description:
            "Who is asked, in this order: known names, known ones with changes, programs or servers of your own (docs/diagnosis.md); none: the known ones.",
        }),
        onRejected: Type.Union(
          (["reject-plan", "skip-line"] as const).map((name) => Type.Literal(name)),
          { default: "reject-plan", description: "What one rejected command of a proposal means for the others." },
        ),
        approvalSeconds: seconds(1_800, "How long a proposal may be approved."),
      },
      "What an AI is asked when the first two tiers did not help; only with limits.maxTier 3.",
    ),
    log: group(
      {
        level: Type.Union(
          (["debug", "info", "warn", "error"] as const).map((level) => Type.Literal(level)),
          { default: "info", description: "The least severe line that is written." },
        ),
        maxBytes: Type.Integer({ default: 5_242_880, minimum: 4_096, description: "Size at which a log file is rotated." }),
        files: count(5, "Rotated log files kept."),
      },
      "JSON log lines of the watchdog itself.",
    ),
  },
  { additionalProperties: false, default: {} },
);

/** What a user writes (seconds); every field has its default. */
export type PolicySettings = Static<typeof PolicySchema>;

const ms = (value: number) => Math.round(value * 1000);

/** The same in the core's units: complete, readonly, milliseconds. */
export function toPolicy(settings: PolicySettings): Policy {
  const { watch, act, limits, verify } = settings;
  return {
    baselineMs: ms(watch.baselineSeconds),
    identityMs: ms(watch.identitySeconds),
    recheckMs: ms(watch.recheckSeconds),
    slowRecheckMs: ms(watch.slowRecheckSeconds),
    lateMs: ms(watch.lateSeconds),
    clockGapMs: ms(watch.clockGapSeconds),
    graceMs: ms(watch.graceSeconds),
    goneChecks: act.goneChecks,
    frozenMs: ms(act.frozenSeconds),
    silentFlatMs: ms(act.silentFlatSeconds),
    silentBusyMs: ms(act.silentBusySeconds),
    bootFlatMs: ms(act.bootFlatSeconds),
    bootCeilingMs: ms(act.bootCeilingSeconds),
    listenerLostMs: ms(act.listenerLostSeconds),
    drainMs: ms(act.drainSeconds),
    handoverMs: ms(act.handoverSeconds),
    unsettledMs: ms(act.unsettledSeconds),
    blindMs: ms(act.blindSeconds),
    cpuFlatRatio: act.cpuFlatRatio,
    repairsPerHour: limits.repairsPerHour,
    cooldownMs: ms(limits.cooldownSeconds),
    uncleanKills: limits.uncleanKills,
    uncleanWindowMs: ms(limits.uncleanWindowSeconds),
    attemptsPerIncident: limits.attemptsPerIncident,
    repairDeadlineMs: ms(limits.repairDeadlineSeconds),
    goodChecks: verify.goodChecks,
    holdMs: ms(verify.holdSeconds),
    readinessMs: ms(verify.readinessSeconds),
    surveyMs: ms(watch.surveySeconds),
    mendsPerIncident: limits.mendsPerIncident,
    maxTier: limits.maxTier,
  };
}

/** Fills in defaults and validates. Throws `usage` with the first offending key, what it is and what it may be. */
export function parsePolicy(settings: unknown, where = "the rescue-watchdog configuration"): PolicySettings {
  const noList = objectForList(PolicySchema, settings, []);
  if (noList !== undefined)
    throw new RescueError("usage", `${where}: ${noList} must be a list: [{ … }]`, { fix: `correct or remove ${noList}` });
  const filled = Value.Default(PolicySchema, Value.Clone(settings ?? {}));
  const first = Value.Errors(PolicySchema, filled).First();
  if (first !== undefined) {
    const key = first.path.slice(1).replaceAll("/", ".") || "(root)";
    const limits = [
      first.schema["minimum"] === undefined ? "" : ` at least ${first.schema["minimum"]}`,
      first.schema["maximum"] === undefined ? "" : ` at most ${first.schema["maximum"]}`,
    ].join("");
    throw new RescueError(
      "usage",
      `${where}: ${key} is ${JSON.stringify(first.value)}, but must be:${limits} (${first.message.toLowerCase()})`,
      { fix: `correct or remove ${key}` },
    );
  }
  return Value.Decode(PolicySchema, filled);
}

/** Where an object stands for a list: filling in defaults would make an empty list of it, without a word. */
function objectForList(schema: TSchema, value: unknown, path: readonly string[]): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (schema["type"] === "array") return Array.isArray(value) ? undefined : path.join(".");
  for (const [key, inner] of Object.entries(schema["properties"] ?? {})) {
    const found = objectForList(inner as TSchema, Reflect.get(value, key), [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
