package zoo

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed sql/*.sql
var scripts embed.FS

// An Animal is one database of the zoo.
type Animal struct {
	Name    string // of the database, as it comes in the tests' names too
	Options string // of CREATE DATABASE
	script  string
	Since   int // first major version that can have it
}

// Animals returns the databases of the zoo that a server of a major version can
// have.
func Animals(major int) []Animal {
	all := []Animal{
		{Name: `zoo "büyük" çarşı`, script: "main"},
		{Name: "empty"},
		{Name: "latin5", Options: "ENCODING 'LATIN5' LC_COLLATE 'C' LC_CTYPE 'C'", script: "latin5"},
		{Name: "sql_ascii", Options: "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'", script: "sql_ascii"},
		{Name: "icu", Options: "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LC_COLLATE 'C' LC_CTYPE 'C'", script: "icu", Since: 15},
		{Name: "nopublic", script: "nopublic"},
	}
	var out []Animal
	for _, a := range all {
		if major >= a.Since {
			out = append(out, a)
		}
	}
	return out
}

// Roles makes the roles the zoo speaks of; it is run once a server.
func Roles(ctx context.Context, c *pgconn.PgConn) error { return run(ctx, c, "roles", 99) }

// Build makes the database. dial connects a superuser to a database of the
// server.
func (a Animal) Build(ctx context.Context, major int, dial func(database string) (*pgconn.PgConn, error)) error {
	admin, err := dial("postgres")
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close(ctx) }() // what it did is committed
	name := `"` + strings.ReplaceAll(a.Name, `"`, `""`) + `"`
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0 "+a.Options).ReadAll(); err != nil {
		return fmt.Errorf("make %s: %w", a.Name, err)
	}
	if a.script == "" {
		return nil
	}
	c, err := dial(a.Name)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }() // what it did is committed
	return run(ctx, c, a.script, major)
}

// run runs a script: pieces are parted by lines of "---", each may begin with the
// first major version that understands it, "--- 15", or, negative, with the last:
// "--- -16".
func run(ctx context.Context, c *pgconn.PgConn, script string, major int) error {
	text, err := scripts.ReadFile("sql/" + script + ".sql")
	if err != nil {
		return fmt.Errorf("read script: %w", err)
	}
	for i, piece := range strings.Split("\n"+string(text), "\n---") {
		head, sql, _ := strings.Cut(piece, "\n")
		if i == 0 {
			sql = piece
		} else if head = strings.TrimSpace(head); head != "" {
			since, err := strconv.Atoi(head)
			if err != nil {
				return fmt.Errorf("script %s: %q is no version", script, head)
			}
			if since > 0 && major < since || since < 0 && major > -since {
				continue
			}
		}
		if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
			return fmt.Errorf("script %s: %w: %.200s", script, err, strings.TrimSpace(sql))
		}
	}
	return nil
}
