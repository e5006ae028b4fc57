/**
 * Which keys of a host's configuration hold secrets. Names are compared without case and separators (`bot_token`, `botToken`, `BOT-TOKEN`). Sources: the host's
 * docs/reference/secretref-credential-surface.md (all 100 targets), gateway/secrets.md, gateway/config-secrets-env.md, channels/*, providers/* (2026.9.6); a test holds the list.
 */
const SECRET_NAME =
  /token|secret|passw|passphrase|passcode|passkey|api_?key|(?:access|auth|encrypt|encryption|encodingaes|aes|signing|private|priv|shared|session|master|license|account|storage|client|service|push|relay|deploy|subscription|webhook|hook|signature)key|authorization|authtag|authcode|cookie|credential|^creds?(?:json)?$|bearer|jwt|mnemonic|seedphrase|recoverycode|connectionstring|^dsn$|databaseurl|webhookurl|^serviceaccount(?:json)?$|^nsec$|^otp$|^totp$|^pin$|^pat$|^key$|^keys$|^hmac$|^salt$|^signature$|^auth$/;

/** Such a key names where a secret is, or says how one is used: a file, a variable, a mode, a number. Not what it is. */
const ABOUT_SECRETS =
  /(?:file|filepath|path|dir|env|envvar|envname|ref|mode|type|kind|source|provider|header|headername|enabled|required|ttl|ttlms|ttlseconds|ms|seconds|minutes|limit|budget|(?<!ac)count|strategy|policy|scope|scopes|format|usage|ratio|threshold)$/;

/** Below these every leaf is a secret, whatever its own name. */
const SECRET_GROUP =
  /^(?:env|vars|environment|headers|extraheaders|httpheaders|defaultheaders|cookies|credentials|secretheaders|query|queryparams|nickserv)$/;

const plain = (key: string) => key.toLowerCase().replaceAll(/[^a-z0-9_]|(?<=[a-z0-9])_/g, "");

export function isSecretKey(key: string): boolean {
  const name = plain(key);
  return SECRET_NAME.test(name) && !ABOUT_SECRETS.test(name);
}

export function isSecretGroup(key: string): boolean {
  return SECRET_GROUP.test(plain(key));
}

/** `--token`, `-password`, `--gateway-api-key`: what follows such an argument is a secret. */
export function isSecretFlag(argument: string): boolean {
  return /^--?[A-Za-z][\w-]*$/.test(argument) && (isSecretKey(argument) || argument === "-p");
}
