/** A secret of each shape that the host's docs name (2026.9.6), planted where the host's configuration has it. None is real. */
export interface Canary {
  /** The place in the configuration, in dots. */
  readonly at: string;
  readonly value: string;
}

const hex = (length: number) => "9f3ac07d51be2468".repeat(8).slice(0, length);
const letters = (length: number) => "Zx7Qw2LmN4pRt8Vb1Kc6Hd3Jf5Gs0Ya9".repeat(8).slice(0, length);
const PEM = `-----BEGIN PRIVATE KEY-----\n${letters(64)}\n${letters(62)}ab\n-----END PRIVATE KEY-----`;

export const CANARIES: readonly Canary[] = [
  { at: "gateway.auth.token", value: hex(48) },
  { at: "gateway.auth.password", value: "correct horse battery staple" },
  { at: "gateway.remote.token", value: "remote-gate-77" },
  { at: "gateway.remote.password", value: "p@ss w/ord?&=#%" },
  { at: "hooks.token", value: "hook-shared-4711" },
  { at: "hooks.gmail.pushToken", value: "push.abc.1234" },
  { at: "hooks.mappings.0.sessionKey", value: "hook:gmail:77abc" },
  { at: "cron.webhookToken", value: 'cron"quoted\\slashed' },
  { at: "channels.telegram.botToken", value: `123456789:AA${letters(33)}` },
  { at: "channels.telegram.webhookSecret", value: "tg-hook-secret" },
  { at: "channels.telegram.accounts.work.botToken", value: `987654321:AA${letters(31)}zz` },
  { at: "channels.discord.token", value: `MTA${letters(23)}.Gx1_yZ.${letters(38)}` },
  { at: "channels.discord.pluralkit.token", value: "pk;token;value" },
  { at: "channels.discord.threadBindings.webhookToken", value: letters(68) },
  { at: "channels.slack.botToken", value: "xoxb-2345678901-2345678901234-AbCdEfGh1jKlMnOp" },
  { at: "channels.slack.appToken", value: "xapp-1-A0123456789-1234567890123-abcdef0123456789" },
  { at: "channels.slack.userToken", value: "xoxp-234567-345678-aBcDeF123456" },
  { at: "channels.slack.signingSecret", value: hex(32).replaceAll("9", "1") },
  { at: "channels.slack.relay.authToken", value: "relay_auth_99" },
  { at: "channels.matrix.accessToken", value: "syt_YWxpY2U_aBcDeFgHiJkLmNoPqRsT_1a2b3c" },
  { at: "channels.matrix.password", value: "matrix-päss-wörd" },
  { at: "channels.msteams.appPassword", value: "abc8Q~def.ghi_jkl-mno" },
  { at: "channels.googlechat.serviceAccount.private_key", value: PEM },
  { at: "channels.googlechat.serviceAccount.client_email", value: "bot@project-1.iam.gserviceaccount.com" },
  { at: "channels.feishu.appSecret", value: "fEiShUaPpSeCrEt1" },
  { at: "channels.feishu.encryptKey", value: "encrypt-key-22" },
  { at: "channels.feishu.verificationToken", value: "verify-token-33" },
  { at: "channels.irc.password", value: "irc-password-1" },
  { at: "channels.irc.nickserv.password", value: "nickserv-pw-2" },
  { at: "channels.mattermost.botToken", value: "mm3bot7token8abcdefghijkl9" },
  { at: "channels.nextcloud-talk.botSecret", value: "nextcloud-secret" },
  { at: "channels.nextcloud-talk.apiPassword", value: "nc-api-password" },
  { at: "channels.nostr.privateKey", value: "nsec1vl029mgpspedva04g90vltkh6fvh240zqtv9k0t9af8935ke9laqsnlfe5" },
  { at: "channels.buzz.authTag", value: "buzz-auth-tag-5" },
  { at: "channels.buzz.privateKey", value: hex(64).replaceAll("3", "4") },
  { at: "channels.clickclack.token", value: "clickclack-token" },
  { at: "channels.qqbot.clientSecret", value: "qq-client-secret" },
  { at: "channels.sms.authToken", value: hex(32).replaceAll("0", "2") },
  { at: "channels.zalo.botToken", value: "12345678901:zaloZALOzalo123" },
  { at: "channels.line.channelAccessToken", value: `${letters(90)}+/a1=` },
  { at: "channels.line.channelSecret", value: hex(32).replaceAll("b", "e") },
  { at: "channels.twitch.accessToken", value: "oauth:twitch123abc456" },
  { at: "channels.wecom.encodingAESKey", value: letters(43) },
  { at: "channels.synology-chat.token", value: "SynoTok3nValue" },
  { at: "channels.whatsapp.creds.noiseKey", value: "noise-key-value" },
  { at: "models.providers.openai.apiKey", value: `sk-proj-${letters(44)}` },
  { at: "models.providers.anthropic.apiKey", value: `sk-ant-api03-${letters(60)}` },
  { at: "models.providers.google.apiKey", value: `AIza${letters(35)}` },
  { at: "models.providers.x.headers.X-Custom", value: "custom-header-val" },
  { at: "models.providers.x.request.auth.token", value: "req-auth-token" },
  { at: "models.providers.x.request.headers.Cookie", value: "sid=cookie-value-8" },
  { at: "models.providers.x.request.tls.key", value: PEM.replaceAll("Zx7", "Yy8") },
  { at: "models.providers.x.request.tls.passphrase", value: "tls-passphrase" },
  { at: "models.providers.x.baseUrl", value: "https://user:url-pass-66@host.example/v1" },
  { at: "plugins.entries.brave.config.webSearch.apiKey", value: "BSA-brave-key-1" },
  { at: "plugins.entries.acpx.config.mcpServers.gh.env.GITHUB_TOKEN", value: `ghp_${letters(36)}` },
  { at: "plugins.entries.imap.config.accounts.a.password", value: "imap-password" },
  { at: "plugins.entries.webhooks.config.routes.r.secret", value: "route-secret-1" },
  { at: "plugins.entries.voice-call.config.twilio.authToken", value: "twilio-auth-tok" },
  { at: "skills.entries.x.apiKey", value: "skill-api-key" },
  { at: "skills.entries.x.env.SOME_VALUE", value: "env-block-value" },
  { at: "talk.providers.elevenlabs.apiKey", value: "talk-api-key-1" },
  { at: "tts.providers.x.apiKey", value: "tts-api-key-12" },
  { at: "env.vars.OPENROUTER_API_KEY", value: "or-key-in-env" },
  { at: "env.PLAIN", value: "plain-env-value" },
  { at: "mcp.servers.db.args.1", value: "flag-value-55" },
  { at: "auth.profiles.a.key", value: "auth-profile-key" },
  { at: "browser.cookie", value: "session=abcdef; x=1" },
];

/** The configuration with all of them. */
export function plantedConfig(canaries: readonly Canary[] = CANARIES): Record<string, unknown> {
  const config: Record<string, unknown> = { mcp: { servers: { db: { command: "/usr/bin/db", args: ["--password", ""] } } } };
  for (const { at, value } of canaries) plant(config, at.split("."), value);
  return config;
}

function plant(into: unknown, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (typeof into !== "object" || into === null) throw new Error(`nothing to plant ${key} in`);
  if (rest.length === 0) {
    Reflect.set(into, key, value);
    return;
  }
  if (Reflect.get(into, key) === undefined) Reflect.set(into, key, rest[0] === "0" ? [] : {});
  plant(Reflect.get(into, key), rest, value);
}

/** The ways in which a secret gets into logs and arguments. */
export const FORMS: Readonly<Record<string, (secret: string) => string>> = {
  "as it is": (secret) => secret,
  "in JSON": (secret) => JSON.stringify({ v: secret }),
  "in JSON in JSON": (secret) => JSON.stringify(JSON.stringify({ v: secret })),
  "in an address": (secret) => `https://h.example/x?v=${encodeURIComponent(secret)}&y=1`,
  "in an address, twice": (secret) => encodeURIComponent(encodeURIComponent(secret)),
  "in a form": (secret) => new URLSearchParams({ v: secret }).toString(),
  "in base64": (secret) => Buffer.from(secret).toString("base64"),
  "in base64 behind a name": (secret) => `Basic ${Buffer.from(`me:${secret}`).toString("base64")}`,
  "in base64url behind two letters": (secret) => Buffer.from(`ab${secret}cd`).toString("base64url"),
  "in hex": (secret) => Buffer.from(secret).toString("hex").toUpperCase(),
  "in HTML": (secret) => secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;"),
  "with zero-width letters": (secret) => [...secret].join("\u200b"),
};
