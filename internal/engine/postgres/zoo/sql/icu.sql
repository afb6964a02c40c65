CREATE TABLE t (k text PRIMARY KEY, v int);
INSERT INTO t VALUES ('ı', 1), ('i', 2), ('I', 3), ('İ', 4), ('ç', 5), ('c', 6), ('z', 7), ('😀', 8);
CREATE INDEX ON t (lower(k));
