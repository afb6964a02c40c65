//go:build integration && linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/i18n"
)

// An emptyMachine has the folder with the backups, rahat-restore and the
// databases' own programs, and nothing else: no agent, no catalog, no vault.
type emptyMachine struct {
	t    *testing.T
	home string
	env  []string
	read []string // commands of RESTORE-ME.txt, in order
}

// newEmptyMachine makes one that has RESTORE-ME.txt of a destination, in one of
// its languages.
func newEmptyMachine(t *testing.T, pg *pgtest.Server, backups string, language int) *emptyMachine {
	t.Helper()
	home, programs := t.TempDir(), t.TempDir()
	for name, from := range map[string]string{
		"rahat-restore": bin, "psql": pg.BinDir, "createdb": pg.BinDir,
	} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(programs, name)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(backups, "RESTORE-ME.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(text, []byte("\ufeffRESTORE-ME 1\r\n")) {
		t.Errorf("RESTORE-ME.txt begins with %q", text[:20])
	}
	host, port, _ := strings.Cut(pg.Addr, ":")
	return &emptyMachine{
		t: t, home: home, read: commands(t, string(text))[language],
		env: []string{"HOME=" + home, "PATH=" + programs, "LC_ALL=C.UTF-8", "PGHOST=" + host, "PGPORT=" + port, "PGUSER=" + pg.User, "PGPASSWORD=" + pg.Password, "SHELL=/bin/sh", "RAHAT_LANG=" + i18n.Languages()[language]},
	}
}

// commands are the lines of RESTORE-ME.txt that are set off as commands, for
// each language.
func commands(t *testing.T, text string) (all [][]string) {
	t.Helper()
	for _, part := range strings.Split(text, "=\r\n")[1:] {
		var found []string
		for _, m := range regexp.MustCompile(`(?m)^ {7}(\S.*?)\r$`).FindAllStringSubmatch(part, -1) {
			found = append(found, m[1])
		}
		all = append(all, found)
	}
	if len(all) != 2 || len(all[0]) != 7 || !slices.Equal(all[0], all[1]) {
		t.Fatalf("commands of RESTORE-ME.txt: %q", all)
	}
	return all
}

// command finds the command that begins like this and fills in the names that a
// person is told to choose.
func (m *emptyMachine) command(begin string, names ...string) string {
	m.t.Helper()
	i := slices.IndexFunc(m.read, func(c string) bool { return strings.HasPrefix(c, begin) })
	if i < 0 {
		m.t.Fatalf("RESTORE-ME.txt has no command %q", begin)
	}
	filled := m.read[i]
	for i := 0; i < len(names); i += 2 {
		filled = regexp.MustCompile(`\b`+names[i]+`\b`).ReplaceAllString(filled, names[i+1])
	}
	return filled
}

// run types a command at a terminal, and answers the question for the key.
func (m *emptyMachine) run(command, key string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "/usr/bin/script", "-qefc", command, "/dev/null")
	c.Env, c.Dir = m.env, m.home
	in, err := c.StdinPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	screen := &typist{key: key, keyboard: in}
	c.Stdout, c.Stderr = screen, screen
	if err := c.Run(); err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, screen.seen.String())
	}
	if screen.key != "" {
		m.t.Errorf("%s: nobody asked for the key", command)
	}
	return screen.seen.String()
}

// A typist looks at the screen and types the key when the question is there.
type typist struct {
	seen     bytes.Buffer
	key      string // empty once it is typed
	keyboard io.Writer
}

// Write implements [io.Writer].
func (y *typist) Write(b []byte) (int, error) {
	y.seen.Write(b)
	if y.key != "" && bytes.HasSuffix(y.seen.Bytes(), []byte("): ")) {
		// The question is there a moment before the echo is gone; nobody types
		// as soon as that. If this fails, the program never gets its key.
		key := y.key + "\n"
		time.AfterFunc(time.Second/4, func() { _, _ = io.WriteString(y.keyboard, key) })
		y.key = ""
	}
	return len(b), nil
}

// newest finds the ID of a database's backup in what list printed.
func (m *emptyMachine) newest(list, database string) string {
	m.t.Helper()
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) > 4 && slices.Contains(f, database) {
			return f[0]
		}
	}
	m.t.Fatalf("no backup of %s in\n%s", database, list)
	return ""
}

const restorePassphrase = "Işığı kapat, şöyle bir düşün"

// The whole point of the program: the computer is gone, and what is left is
// the folder with the backups and a piece of paper. Every command is the one in
// RESTORE-ME.txt.
func TestRestoreMeIsTrue(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", `CREATE DATABASE dukkan TEMPLATE template0`)
	pg.Exec(t, "dukkan", shop)
	want := pg.Query(t, "dukkan", shopSum)
	file := filepath.Join(t.TempDir(), "kasa.db")
	sqlite := func(file, statement string) string {
		t.Helper()
		out, err := exec.Command("sqlite3", file, statement).CombinedOutput()
		if err != nil {
			t.Fatalf("sqlite3 (go run ./build setup installs it): %v\n%s", err, out)
		}
		return string(out)
	}
	sqlite(file, `CREATE TABLE fiş(id INTEGER PRIMARY KEY, ne TEXT, tutar REAL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 5000) INSERT INTO fiş SELECT i, 'çay ' || i, i * 1.5 FROM n;`)
	const rows = `SELECT count(*), sum(tutar), group_concat(ne) FROM (SELECT * FROM fiş ORDER BY id)`
	wantRows := sqlite(file, rows)

	backups := filepath.Join(t.TempDir(), "yedek diski")
	words := backThemUp(t, pg, file, backups)

	for language, key := range []string{words, restorePassphrase} {
		name := []string{"kitle", "parolayla"}[language]
		m := newEmptyMachine(t, pg, backups, language)
		quoted := `"` + backups + `"`
		list := m.run(m.command("rahat-restore list", "FOLDER", quoted), key)
		if strings.Contains(list, key[:9]) {
			t.Errorf("the key is shown:\n%s", list)
		}
		id := m.newest(list, "dukkan")
		m.run(m.command("rahat-restore check", "FOLDER", quoted, "ID", id[:13]), key)
		m.run(m.command("rahat-restore export", "FOLDER", quoted, "ID", id, "FILE", "dukkan.sql"), key)
		m.run(m.command("createdb", "DATABASE", name), "")
		m.run(m.command("psql", "DATABASE", name, "FILE", "dukkan.sql"), "")
		if got := pg.Query(t, name, shopSum); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: PostgreSQL: restored %v, want %v", name, got, want)
		}
		m.run(m.command("rahat-restore export", "FOLDER", quoted, "ID", m.newest(list, "kasa.db"), "FILE", "kasa.db"), key)
		if got := sqlite(filepath.Join(m.home, "kasa.db"), rows); got != wantRows {
			t.Errorf("%s: SQLite: restored %q, want %q", name, got, wantRows)
		}
		left, err := os.ReadDir(m.home)
		if err != nil || len(left) != 2 {
			t.Errorf("%s: the home of the empty machine has %v, %v", name, left, err)
		}
	}
	goOn(t, backups, words)
}

// backThemUp makes the backups on a computer that is gone when it returns, and
// returns the words of the kit.
func backThemUp(t *testing.T, pg *pgtest.Server, file, backups string) string {
	t.Helper()
	r := newRig(t)
	r.addServer(pg)
	r.ok(nil, "server", "add", "kasa", "--engine", "sqlite", "--address", file)
	r.okInput(nil, restorePassphrase+"\n", "destination", "add", "disk", "--url", backups, "--passphrase-stdin")
	var kit control.RecoveryKit
	r.ok(&kit, "recovery-kit")
	r.ok(nil, "backup", "--server", "pg", "--database", "dukkan", "--to", "disk")
	r.ok(nil, "backup", "--server", "kasa", "--to", "disk", "--database", "kasa.db")
	var drilled control.KeyDrilled
	r.okInput(&drilled, strings.Join(kit.Words, "\n"), "recovery-kit", "drill", "--to", "disk", "--key-stdin")
	if !drilled.OK || drilled.Backups != 2 || drilled.Bytes == 0 {
		t.Errorf("drill: %+v", drilled)
	}
	r.ok(nil, "agent", "stop")
	if err := os.RemoveAll(r.home); err != nil {
		t.Fatal(err)
	}
	return strings.Join(kit.Words, " ")
}

// goOn installs Rahat Backup on a new computer and adds the folder with the
// words of the kit, as RESTORE-ME.txt says at its end.
func goOn(t *testing.T, backups, words string) {
	t.Helper()
	r := newRig(t)
	kit := filepath.Join(t.TempDir(), "words.txt")
	if err := os.WriteFile(kit, []byte(words), 0o600); err != nil {
		t.Fatal(err)
	}
	r.ok(nil, "destination", "add", "disk", "--url", backups, "--identity-file", kit)
	r.ok(nil, "catalog", "rebuild")
	if list := r.backups(); len(list) != 2 {
		j, _ := json.Marshal(list) // came from JSON just now
		t.Errorf("backups on the new computer: %s", j)
	}
}
