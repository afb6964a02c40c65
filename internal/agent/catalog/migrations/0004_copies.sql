CREATE TABLE places (
  id         TEXT NOT NULL,
  repository TEXT NOT NULL,
  copied     INTEGER NOT NULL DEFAULT 0,
  first      INTEGER NOT NULL DEFAULT 1,
  server     TEXT NOT NULL,
  database   TEXT NOT NULL,
  started    INTEGER NOT NULL,
  words      TEXT NOT NULL DEFAULT '',
  backup     TEXT NOT NULL,
  plain      INTEGER NOT NULL DEFAULT 0,
  proof      INTEGER,
  whole      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (id, repository)
) STRICT;
INSERT INTO places (id, repository, server, database, started, words, backup, plain, proof, whole)
  SELECT id, repository, server, database, started,
    lower(server || char(10) || database || char(10) || coalesce(json_extract(backup, '$.job'), '')), backup, plain, proof, whole FROM backups;
DROP TABLE backups;
ALTER TABLE places RENAME TO backups;
CREATE INDEX backups_started ON backups (started, id, words) WHERE first = 1;
CREATE INDEX backups_database ON backups (database, started, id) WHERE first = 1;
CREATE INDEX backups_repository ON backups (repository, started, id);
CREATE INDEX backups_held ON backups (repository, server, database, started, id);
CREATE INDEX backups_source ON backups (server, database, started, id, plain) WHERE first = 1;
CREATE INDEX backups_proven ON backups (server, database, proof, id) WHERE proof IS NOT NULL AND first = 1;
CREATE INDEX backups_whole ON backups (server, database, started, id) WHERE whole = 1 AND first = 1;
ALTER TABLE proofs ADD COLUMN repository TEXT NOT NULL DEFAULT '';
CREATE TABLE labels (
  backup  TEXT PRIMARY KEY,
  written INTEGER NOT NULL,
  words   TEXT NOT NULL,
  label   TEXT NOT NULL
) STRICT;
CREATE TABLE tags (
  tag    TEXT NOT NULL,
  backup TEXT NOT NULL,
  PRIMARY KEY (tag, backup)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_backup ON tags (backup);
