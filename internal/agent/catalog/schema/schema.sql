-- The newest form of the catalog, for a new one. migrations/ holds the steps
-- from older forms; a test keeps both equal.
--
-- What is searched or sorted by has a column; the rest of a record is one JSON
-- document in the words of the control API, so that a new field needs no
-- migration. Moments are Unix milliseconds.

-- Database servers; the password is in the vault.
CREATE TABLE servers (
  name    TEXT PRIMARY KEY,
  engine  TEXT NOT NULL,
  address TEXT NOT NULL,
  user    TEXT NOT NULL,
  options TEXT NOT NULL  -- JSON object
) STRICT;

-- Places for backups.
CREATE TABLE destinations (
  name       TEXT PRIMARY KEY,
  url        TEXT NOT NULL,
  repository TEXT NOT NULL UNIQUE,  -- ID of the repository on it
  options    TEXT NOT NULL DEFAULT '{}'  -- the rest of control.Destination
) STRICT;

CREATE TABLE jobs (
  name       TEXT PRIMARY KEY,
  definition TEXT NOT NULL  -- control.Job
) STRICT;

-- One row for each execution, in the order they were asked for.
CREATE TABLE runs (
  seq      INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  status   TEXT NOT NULL,
  kind     TEXT NOT NULL,
  server   TEXT NOT NULL,
  database TEXT NOT NULL,
  run      TEXT NOT NULL,  -- control.Run
  dead     INTEGER NOT NULL DEFAULT 0  -- 1: failed for good, and nobody has seen to it
) STRICT;
-- Few are under way at any time: this index stays tiny.
CREATE INDEX runs_status ON runs (status) WHERE status IN ('queued', 'running');
-- The last run of a kind for each database, for the state of protection.
CREATE INDEX runs_ended ON runs (kind, server, database, seq) WHERE status NOT IN ('queued', 'running', 'cancelled');
CREATE INDEX runs_dead ON runs (seq) WHERE dead = 1;

-- When what is done by a schedule last began.
CREATE TABLE schedules (
  task  TEXT PRIMARY KEY,
  spec  TEXT NOT NULL,     -- the schedule the rest is about
  since INTEGER NOT NULL,  -- when it got that schedule
  begun INTEGER NOT NULL
) STRICT;

-- What the manifests in the repositories say; made again by a rebuild.
CREATE TABLE backups (
  id         TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  server     TEXT NOT NULL,
  database   TEXT NOT NULL,
  started    INTEGER NOT NULL,
  backup     TEXT NOT NULL,  -- control.Backup without destination and proof
  -- What is asked of all databases at once is not looked for in documents.
  plain      INTEGER NOT NULL DEFAULT 0,  -- plain_bytes of the document
  proof      INTEGER,                     -- seq of the newest proof
  whole      INTEGER NOT NULL DEFAULT 0   -- 1 if that one succeeded
) STRICT;
CREATE INDEX backups_started ON backups (started, id);
CREATE INDEX backups_database ON backups (database, started, id);
CREATE INDEX backups_repository ON backups (repository, started, id);
CREATE INDEX backups_source ON backups (server, database, started, id, plain);
CREATE INDEX backups_proven ON backups (server, database, proof, id) WHERE proof IS NOT NULL;
CREATE INDEX backups_whole ON backups (server, database, started, id) WHERE whole = 1;

-- Proofs of backups, the newest last.
CREATE TABLE proofs (
  seq    INTEGER PRIMARY KEY,
  backup TEXT NOT NULL,
  status TEXT NOT NULL,
  at     INTEGER NOT NULL,
  proof  TEXT NOT NULL  -- control.VerifyResult
) STRICT;
CREATE INDEX proofs_backup ON proofs (backup, seq);

-- Single values the agent keeps about itself.
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
