CREATE TABLE servers (
  name    TEXT PRIMARY KEY,
  engine  TEXT NOT NULL,
  address TEXT NOT NULL,
  user    TEXT NOT NULL,
  options TEXT NOT NULL
) STRICT;

CREATE TABLE destinations (
  name       TEXT PRIMARY KEY,
  url        TEXT NOT NULL,
  repository TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE jobs (
  name       TEXT PRIMARY KEY,
  definition TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
  seq      INTEGER PRIMARY KEY,
  id       TEXT NOT NULL UNIQUE,
  status   TEXT NOT NULL,
  kind     TEXT NOT NULL,
  server   TEXT NOT NULL,
  database TEXT NOT NULL,
  run      TEXT NOT NULL
) STRICT;
CREATE INDEX runs_status ON runs (status) WHERE status IN ('queued', 'running');
CREATE INDEX runs_ended ON runs (kind, server, database, seq) WHERE status NOT IN ('queued', 'running', 'cancelled');

CREATE TABLE backups (
  id         TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  server     TEXT NOT NULL,
  database   TEXT NOT NULL,
  started    INTEGER NOT NULL,
  backup     TEXT NOT NULL
) STRICT;
CREATE INDEX backups_started ON backups (started, id);
CREATE INDEX backups_database ON backups (database, started, id);
CREATE INDEX backups_repository ON backups (repository, started, id);
CREATE INDEX backups_source ON backups (server, database, started, id);

CREATE TABLE proofs (
  seq    INTEGER PRIMARY KEY,
  backup TEXT NOT NULL,
  status TEXT NOT NULL,
  at     INTEGER NOT NULL,
  proof  TEXT NOT NULL
) STRICT;
CREATE INDEX proofs_backup ON proofs (backup, seq);

CREATE TABLE settings (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
