package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/engine/postgres/zoo"
)

// The oracle is only worth something if it sees what is planted.
func TestTheOracleSeesEveryPlantedDifference(t *testing.T) {
	s := pgtest.Start(t, pgtest.Options{})
	if err := zoo.Roles(t.Context(), s.Connect(t, "postgres")); err != nil {
		t.Fatal(err)
	}
	a := zoo.Animals(major(t, s))[0]
	a.Name = "original"
	if err := a.Build(t.Context(), major(t, s), func(db string) (*pgconn.PgConn, error) { return pgconn.Connect(t.Context(), s.DSN(db)) }); err != nil {
		t.Fatal(err)
	}
	plant(t, s, "DROP PUBLICATION pub_all") // it forbids updates of tables without a key
	before := facts(t, s, "original")
	for _, m := range []struct{ plant, undo, where string }{
		{"UPDATE zoo.nopk SET b = 'other' WHERE ctid = (SELECT min(ctid) FROM zoo.nopk WHERE b = 'same')", "UPDATE zoo.nopk SET b = 'same' WHERE b = 'other'", "rows zoo.nopk"},
		{"DELETE FROM ONLY zoo.parent", "INSERT INTO zoo.parent VALUES (1, 'p')", "rows zoo.parent"},
		{"INSERT INTO zoo.nocolumns DEFAULT VALUES", "DELETE FROM zoo.nocolumns WHERE ctid = (SELECT max(ctid) FROM zoo.nocolumns)", "rows zoo.nocolumns"},
		{"UPDATE zoo.hashed SET v = -1 WHERE v = 1", "UPDATE zoo.hashed SET v = 1 WHERE v = -1", "rows zoo.hashed"},
		{"UPDATE zoo.every SET f8 = '0' WHERE f8 = '-0'; UPDATE zoo.every SET t = NULL WHERE t = ''", "UPDATE zoo.every SET t = '' WHERE id = 2", "rows zoo.every"},
		{"SELECT setval('zoo.fresh', 1000, true)", "SELECT setval('zoo.fresh', 1000, false)", "sequence zoo.fresh"},
		{"SELECT lo_put(777002, 5, '\\x77')", "SELECT lo_put(777002, 5, '\\xfe')", "large object 777002"},
		{"REVOKE SELECT ON LARGE OBJECT 777002 FROM zoo_reader", "GRANT SELECT ON LARGE OBJECT 777002 TO zoo_reader", "large object 777002"},
		{"REVOKE UPDATE (b) ON zoo.nopk FROM zoo_reader", "GRANT UPDATE (b) ON zoo.nopk TO zoo_reader WITH GRANT OPTION", "column zoo.nopk.b"},
		{"ALTER TABLE zoo.nopk OWNER TO zoo_group", "ALTER TABLE zoo.nopk OWNER TO zoo_owner", "relation zoo.nopk"},
		{"ALTER DATABASE original SET my.setting = 'x'", "ALTER DATABASE original SET my.setting = 'değer \"x\"'", "setting"},
		{"ALTER DATABASE original CONNECTION LIMIT 16", "ALTER DATABASE original CONNECTION LIMIT 17", "database properties"},
		{"ALTER TABLE zoo.trig DISABLE TRIGGER late", "ALTER TABLE zoo.trig ENABLE TRIGGER late", "trigger zoo.trig.late"},
		{"ALTER TABLE zoo.secret NO FORCE ROW LEVEL SECURITY", "ALTER TABLE zoo.secret FORCE ROW LEVEL SECURITY", "relation zoo.secret"},
		{"ALTER POLICY own ON zoo.secret USING (true)", "ALTER POLICY own ON zoo.secret USING (who = current_user)", "policy zoo.secret.own"},
		{"DROP INDEX zoo.brin_idx", "CREATE INDEX brin_idx ON zoo.every USING brin (id) WITH (pages_per_range = 4)", "index zoo.brin_idx"},
		{"COMMENT ON COLUMN zoo.nopk.b IS 'x'", "COMMENT ON COLUMN zoo.nopk.b IS 'sütun'", "column zoo.nopk.b"},
		{"ALTER TABLE zoo.uuidkey ALTER t SET STATISTICS 78", "ALTER TABLE zoo.uuidkey ALTER t SET STATISTICS 77", "column zoo.uuidkey.t"},
		{"ALTER TYPE zoo.color RENAME VALUE 'mavi' TO 'lacivert'", "ALTER TYPE zoo.color RENAME VALUE 'lacivert' TO 'mavi'", "type zoo.color"},
		{"ALTER FUNCTION zoo.next(int) VOLATILE", "ALTER FUNCTION zoo.next(int) IMMUTABLE", "function zoo.zoo.next(integer)"},
		{"ALTER EVENT TRIGGER on_ddl DISABLE", "ALTER EVENT TRIGGER on_ddl ENABLE ALWAYS", "event trigger on_ddl"},
		{"REFRESH MATERIALIZED VIEW zoo.mat_empty", "REFRESH MATERIALIZED VIEW zoo.mat_empty WITH NO DATA", "rows zoo.mat_empty"},
		{"ALTER TABLE zoo.z_self DROP CONSTRAINT small", "ALTER TABLE zoo.z_self ADD CONSTRAINT small CHECK (id < 2) NOT VALID; COMMENT ON CONSTRAINT small ON zoo.z_self IS 'kısıt'", "constraint zoo.z_self..small"},
		{"ALTER USER MAPPING FOR zoo_reader SERVER away OPTIONS (SET user 'w')", "ALTER USER MAPPING FOR zoo_reader SERVER away OPTIONS (SET user 'u')", "user mapping away zoo_reader"},
		{"ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner IN SCHEMA zoo REVOKE SELECT ON TABLES FROM zoo_reader", "ALTER DEFAULT PRIVILEGES FOR ROLE zoo_owner IN SCHEMA zoo GRANT SELECT ON TABLES TO zoo_reader", "default acl"},
	} {
		plant(t, s, m.plant)
		diff := strings.Join(zoo.Diff(before, facts(t, s, "original")), "\n")
		if !strings.Contains(diff, m.where) {
			t.Errorf("%s is not seen at %s:\n%s", m.plant, m.where, diff)
		}
		plant(t, s, m.undo)
		if strings.Contains(m.plant, "f8 = '-0'") {
			plant(t, s, "UPDATE zoo.every SET f8 = '-0' WHERE id = 4")
			before = facts(t, s, "original") // signs of zero are told apart; start anew from here
		}
	}
	if d := zoo.Diff(before, facts(t, s, "original")); len(d) > 0 {
		t.Errorf("undone, but: %s", strings.Join(d, "\n"))
	}
}

// plant runs SQL whatever the database says of read-only.
func plant(t *testing.T, s *pgtest.Server, sql string) {
	t.Helper()
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, s.DSN("original")+" default_transaction_read_only=off")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
		t.Fatal(fmt.Errorf("%w: %s", err, sql))
	}
}
