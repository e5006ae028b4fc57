/** Raise with every change of shape. A journal with a higher number was written by a newer watchdog and is set aside, not touched. */
export const SCHEMA_VERSION = 4;

const NEWS_TABLES = `
CREATE TABLE news (
  id INTEGER PRIMARY KEY AUTOINCREMENT, thread TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,
  incident INTEGER, ref INTEGER NOT NULL, at_wall INTEGER NOT NULL
) STRICT;
CREATE TABLE receivers (
  name TEXT PRIMARY KEY, since INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0, not_before_wall INTEGER NOT NULL DEFAULT 0, last_error TEXT
) STRICT;
CREATE TABLE nflog (
  receiver TEXT NOT NULL, thread TEXT NOT NULL, upto INTEGER NOT NULL, remote TEXT, at_wall INTEGER NOT NULL, PRIMARY KEY (receiver, thread)
) STRICT;
`;

/**
 * What people are to hear, in the order in which it happened, written by the very statement that makes it so, whoever issues it. A thread is one
 * incident, or one warning. `nflog` says up to which of a thread's news a receiver has it, and by what name the receiver knows the message.
 */
const NEWS = `${NEWS_TABLES}
CREATE INDEX news_by_thread ON news (thread, id);
CREATE TRIGGER news_of_opening AFTER INSERT ON incidents BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall) VALUES ('incident-' || NEW.id, 'opened', 'critical', NEW.id, NEW.id, NEW.opened_wall);
END;
CREATE TRIGGER news_of_closing AFTER UPDATE OF outcome ON incidents WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall) VALUES ('incident-' || NEW.id, 'closed', 'info', NEW.id, NEW.id, coalesce(NEW.closed_wall, NEW.opened_wall));
END;
CREATE TRIGGER news_of_repair AFTER INSERT ON repairs BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall)
    VALUES ('incident-' || NEW.incident, 'repair-started', 'critical', NEW.incident, NEW.id, NEW.started_wall);
END;
CREATE TRIGGER news_of_repair_end AFTER UPDATE OF outcome ON repairs WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall)
    VALUES ('incident-' || NEW.incident, 'repair-ended', 'critical', NEW.incident, NEW.id, coalesce(NEW.ended_wall, NEW.started_wall));
END;
CREATE TRIGGER news_of_tell AFTER INSERT ON tells BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall)
    VALUES (CASE WHEN NEW.incident IS NULL THEN 'warning-' || NEW.id ELSE 'incident-' || NEW.incident END, 'told', NEW.severity, NEW.incident, NEW.id, NEW.at_wall);
END;
`;

/** What a diagnosis proposed, whoever may answer it; `rest` is JSON of what nobody asks for by itself; `repair`: by which it was carried out. `forgotten`: repairs up to that one count no more as experience. */
const PROPOSAL_TABLES = `
CREATE TABLE proposals (
  id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL, cause TEXT NOT NULL, at_wall INTEGER NOT NULL, until_wall INTEGER NOT NULL,
  state TEXT NOT NULL, answer TEXT, actions TEXT NOT NULL, secret TEXT NOT NULL UNIQUE, repair INTEGER, rest TEXT NOT NULL
) STRICT;
CREATE TABLE forgotten (cause TEXT PRIMARY KEY, upto INTEGER NOT NULL) STRICT;
`;

const PROPOSALS = `${PROPOSAL_TABLES}
CREATE INDEX proposals_by_incident ON proposals (incident, id);
CREATE TRIGGER news_of_proposal AFTER INSERT ON proposals BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall)
    VALUES ('incident-' || NEW.incident, 'proposed', iif(NEW.state = 'waiting', 'critical', 'warning'), NEW.incident, NEW.id, NEW.at_wall);
END;
CREATE TRIGGER news_of_answer AFTER UPDATE OF state ON proposals WHEN OLD.state IS NOT NEW.state BEGIN
  INSERT INTO news (thread, kind, severity, incident, ref, at_wall)
    VALUES ('incident-' || NEW.incident, 'answered', iif(NEW.state = 'waiting', 'critical', 'warning'), NEW.incident, NEW.id, NEW.at_wall);
END;
CREATE TRIGGER end_of_proposals AFTER UPDATE OF outcome ON incidents WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL BEGIN
  UPDATE proposals SET state = 'rejected', answer = 'the incident is over' WHERE incident = NEW.id AND state = 'waiting';
END;
`;

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
${NEWS}${PROPOSALS}`;

/** From the version that is the key to the next one. */
export const UPGRADES: Readonly<Record<number, string>> = {
  1: "ALTER TABLE repairs ADD COLUMN subject TEXT; ALTER TABLE repairs ADD COLUMN evidence TEXT",
  2: NEWS,
  3: PROPOSALS,
};

const empty = (tables: string) => tables.replaceAll("CREATE TABLE", "CREATE TEMP TABLE");

/** The same for a reader, who may change nothing: what an older journal has not is empty, in the reader's own connection. */
export const READ_AS: Readonly<Record<number, string>> = {
  1: "CREATE TEMP VIEW repairs AS SELECT *, NULL AS subject, NULL AS evidence FROM main.repairs",
  2: empty(NEWS_TABLES),
  3: empty(PROPOSAL_TABLES),
};
