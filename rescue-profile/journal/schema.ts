/** Raise with every change of shape. A journal with a higher number was written by a newer watchdog and is set aside, not touched. */
export const SCHEMA_VERSION = 2;

/**
 * `leases` must keep its shape for ever: an older watchdog reads it in a newer journal to see whether somebody works there.
 * Times `_mono` are monotonic milliseconds of the boot named in `boot`; times `_wall` are for people and for carrying over a reboot.
 */
export const SCHEMA = `
CREATE TABLE leases (
  name TEXT PRIMARY KEY, holder_pid INTEGER NOT NULL, holder_start INTEGER NOT NULL, what TEXT NOT NULL,
  fence INTEGER NOT NULL, boot TEXT NOT NULL, expires_mono INTEGER NOT NULL
) STRICT;
CREATE TABLE watch (
  target TEXT PRIMARY KEY, state TEXT NOT NULL, fence INTEGER NOT NULL,
  boot TEXT NOT NULL, saved_mono INTEGER NOT NULL, saved_wall INTEGER NOT NULL
) STRICT;
CREATE TABLE incidents (
  id INTEGER PRIMARY KEY, cause TEXT NOT NULL, first_seen_wall INTEGER NOT NULL, opened_wall INTEGER NOT NULL,
  closed_wall INTEGER, outcome TEXT, evidence TEXT NOT NULL
) STRICT;
CREATE TABLE repairs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL REFERENCES incidents(id), attempt INTEGER NOT NULL,
  tier INTEGER NOT NULL, cause TEXT NOT NULL, subject TEXT, evidence TEXT, pid INTEGER, pid_start INTEGER, requested_by TEXT NOT NULL,
  started_wall INTEGER NOT NULL, runs INTEGER NOT NULL DEFAULT 0, runner_pid INTEGER, runner_start INTEGER,
  ended_wall INTEGER, outcome TEXT, note TEXT
) STRICT;
CREATE TABLE steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repair INTEGER NOT NULL REFERENCES repairs(id), seq INTEGER NOT NULL, name TEXT NOT NULL,
  intent_wall INTEGER NOT NULL, ended_wall INTEGER, duration_ms INTEGER, outcome TEXT, detail TEXT,
  UNIQUE (repair, seq)
) STRICT;
CREATE TABLE tells (
  id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER, cause TEXT NOT NULL, severity TEXT NOT NULL,
  text TEXT NOT NULL, evidence TEXT NOT NULL, at_wall INTEGER NOT NULL
) STRICT;
CREATE TABLE requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, payload TEXT NOT NULL, made_by TEXT NOT NULL, made_wall INTEGER NOT NULL,
  answer TEXT, answered_wall INTEGER
) STRICT;
`;

/** From the version that is the key to the next one. */
export const UPGRADES: Readonly<Record<number, string>> = {
  1: "ALTER TABLE repairs ADD COLUMN subject TEXT; ALTER TABLE repairs ADD COLUMN evidence TEXT",
};
