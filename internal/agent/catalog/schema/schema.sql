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

-- What the manifests in the repositories say; made again by a rebuild. A backup
-- has a row for each repository that holds it, and is counted and listed by the
-- first of them.
CREATE TABLE backups (
  id         TEXT NOT NULL,
  repository TEXT NOT NULL,
  copied     INTEGER NOT NULL DEFAULT 0,  -- 1: it was made in another repository
  first      INTEGER NOT NULL DEFAULT 1,  -- 1: it speaks for the backup
  server     TEXT NOT NULL,
  database   TEXT NOT NULL,
  started    INTEGER NOT NULL,
  words      TEXT NOT NULL DEFAULT '',    -- what is searched, folded
  backup     TEXT NOT NULL,  -- control.Backup without destinations, label and proof
  -- What is asked of all databases at once is not looked for in documents.
  plain      INTEGER NOT NULL DEFAULT 0,  -- plain_bytes of the document
  proof      INTEGER,                     -- seq of the newest proof, of whichever copy
  whole      INTEGER NOT NULL DEFAULT 0,  -- 1 if that one succeeded
  PRIMARY KEY (id, repository)
) STRICT;
-- With words, so that a search need not look into the rows.
CREATE INDEX backups_started ON backups (started, id, words) WHERE first = 1;
CREATE INDEX backups_words ON backups (words, started, id) WHERE first = 1;
CREATE INDEX backups_database ON backups (database, started, id) WHERE first = 1;
CREATE INDEX backups_repository ON backups (repository, started, id);
CREATE INDEX backups_held ON backups (repository, server, database, started, id);
CREATE INDEX backups_source ON backups (server, database, started, id, plain) WHERE first = 1;
CREATE INDEX backups_proven ON backups (server, database, proof, id) WHERE proof IS NOT NULL AND first = 1;
CREATE INDEX backups_whole ON backups (server, database, started, id) WHERE whole = 1 AND first = 1;

-- Proofs of backups, the newest last.
CREATE TABLE proofs (
  seq        INTEGER PRIMARY KEY,
  backup     TEXT NOT NULL,
  status     TEXT NOT NULL,
  at         INTEGER NOT NULL,
  proof      TEXT NOT NULL,  -- control.VerifyResult
  repository TEXT NOT NULL DEFAULT ''  -- that was read; '': that it was made in
) STRICT;
CREATE INDEX proofs_backup ON proofs (backup, seq);

-- What people wrote on backups. The truth lies beside the backups.
CREATE TABLE labels (
  backup  TEXT PRIMARY KEY,
  written INTEGER NOT NULL,
  words   TEXT NOT NULL,  -- what is searched, folded
  label   TEXT NOT NULL   -- control.Label
) STRICT;
CREATE TABLE tags (
  tag    TEXT NOT NULL,
  backup TEXT NOT NULL,
  PRIMARY KEY (tag, backup)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_backup ON tags (backup);

-- Single values the agent keeps about itself.
CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Ways to tell people who are elsewhere.
CREATE TABLE channels (
  name       TEXT PRIMARY KEY,
  definition TEXT NOT NULL,              -- control.Channel
  state      TEXT NOT NULL DEFAULT '{}'  -- control.ChannelState
) STRICT;

-- The outbox: messages that channels have not taken yet, the oldest first.
CREATE TABLE letters (
  seq     INTEGER PRIMARY KEY,
  id      TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  letter  TEXT NOT NULL  -- control.Letter
) STRICT;
CREATE INDEX letters_channel ON letters (channel, seq);

-- What each channel was told of what is wrong; of no channel: what is wrong.
CREATE TABLE told (
  channel TEXT NOT NULL,
  subject TEXT NOT NULL,
  said    TEXT NOT NULL,
  PRIMARY KEY (channel, subject)
) STRICT;
