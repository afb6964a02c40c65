package postgres

import (
	"testing"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
)

// T10, T11: an extension brings its tables back itself, and we the rows that it
// declared as people's.
func TestConfigurationRowsOfExtensionsComeBackAndNothingElseOfThem(t *testing.T) {
	dirs := pgtest.BinDirs(t)
	bin := pgtest.WithExtension(t, dirs[len(dirs)-1], map[string]string{
		"rahat_zoo.control": "comment = 'test'\ndefault_version = '2.0'\nrelocatable = false\nschema = rahat_zoo\n",
		"rahat_zoo--1.0.sql": `CREATE TABLE conf (k text PRIMARY KEY, v text, standard boolean DEFAULT false);
INSERT INTO conf VALUES ('a', '1', true), ('b', '2', true);
CREATE TABLE every (i int); INSERT INTO every VALUES (1);
CREATE TABLE own (i int); INSERT INTO own VALUES (7);
CREATE SEQUENCE counter;
SELECT pg_catalog.pg_extension_config_dump('conf', 'WHERE NOT standard');
SELECT pg_catalog.pg_extension_config_dump('every', '');
SELECT pg_catalog.pg_extension_config_dump('counter', '');`,
		"rahat_zoo--1.0--2.0.sql": "CREATE TABLE newer (i int);",
	})
	s := pgtest.Start(t, pgtest.Options{BinDir: bin})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE EXTENSION rahat_zoo VERSION '1.0'", "INSERT INTO rahat_zoo.conf VALUES ('mine', 'x'); UPDATE rahat_zoo.every SET i = 2; SELECT setval('rahat_zoo.counter', 41)",
		"CREATE TABLE rahat_zoo.users (i int); INSERT INTO rahat_zoo.users VALUES (1)")
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	restore(t, srv, m, engine.Target{Database: "d2"})
	for _, d := range zoo.Diff(facts(t, s, "d"), facts(t, s, "d2")) {
		t.Error(d)
	}
}

func TestAnExtensionTheServerLacksIsNamedBeforeAnythingIsChanged(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	s.Exec(t, "postgres", "CREATE DATABASE d")
	s.Exec(t, "d", "CREATE EXTENSION hstore")
	srv := open(t, s, nil)
	m := take(t, srv, "d")
	m.m.Detail = []byte(replaceOnce(t, string(m.m.Detail), `"name":"hstore"`, `"name":"postgis"`))
	_, err := srv.Restore(t.Context(), m, engine.Target{Database: "d2"})
	if !isProblem(err, ErrExtension, "extensions", "postgis") {
		t.Errorf("%v", err)
	}
}
