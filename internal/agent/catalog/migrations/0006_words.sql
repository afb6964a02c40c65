CREATE INDEX backups_words ON backups (words, started, id) WHERE first = 1;
