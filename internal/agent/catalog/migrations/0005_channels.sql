CREATE TABLE channels (
  name       TEXT PRIMARY KEY,
  definition TEXT NOT NULL,
  state      TEXT NOT NULL DEFAULT '{}'
) STRICT;

CREATE TABLE letters (
  seq     INTEGER PRIMARY KEY,
  id      TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  letter  TEXT NOT NULL
) STRICT;
CREATE INDEX letters_channel ON letters (channel, seq);

CREATE TABLE told (
  channel TEXT NOT NULL,
  subject TEXT NOT NULL,
  said    TEXT NOT NULL,
  PRIMARY KEY (channel, subject)
) STRICT;
