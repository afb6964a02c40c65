ALTER TABLE backups ADD COLUMN plain INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backups ADD COLUMN proof INTEGER;
ALTER TABLE backups ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
UPDATE backups SET
  plain = coalesce(json_extract(backup, '$.plain_bytes'), 0),
  proof = (SELECT max(seq) FROM proofs p WHERE p.backup = backups.id);
UPDATE backups SET whole = (SELECT p.status = 'ok' FROM proofs p WHERE p.seq = backups.proof) WHERE proof IS NOT NULL;
DROP INDEX backups_source;
CREATE INDEX backups_source ON backups (server, database, started, id, plain);
CREATE INDEX backups_proven ON backups (server, database, proof, id) WHERE proof IS NOT NULL;
CREATE INDEX backups_whole ON backups (server, database, started, id) WHERE whole = 1;
