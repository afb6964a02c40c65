//go:build integration && unix

package e2e

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// sample makes a SQLite database of n rows.
func sample(t *testing.T, path string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{
		`CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)`,
		`WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM s WHERE i<20000) INSERT INTO t SELECT i, 'değer '||i FROM s`,
	} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`DELETE FROM t WHERE id > ?`, n); err != nil {
		t.Fatal(err)
	}
}

// Two agents, each with several runs at once, write into one folder. Both see
// all backups, and every one is whole from either side.
func TestTwoAgentsShareOneRepository(t *testing.T) {
	a, b := newRig(t), newRig(t)
	data, disk := filepath.Join(a.home, "data"), filepath.Join(a.home, "disk")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	names := []string{"dükkân 1.db", "'b'.db", "c.db"}
	for i, name := range names {
		sample(t, filepath.Join(data, name), 5000*(i+1))
	}
	for _, r := range []*rig{a, b} {
		r.ok(nil, "server", "add", "shop", "--engine", "sqlite", "--address", data)
		r.ok(nil, "destination", "add", "disk", "--url", disk, "--passphrase-file", filepath.Join(r.home, "passphrase"))
	}
	const rounds = 3
	for range rounds {
		var all sync.WaitGroup
		for _, r := range []*rig{a, b} {
			for _, name := range names {
				all.Go(func() {
					if s := r.run("", "backup", "--server", "shop", "--database", name, "--json"); s.code != 0 {
						t.Errorf("backup of %s: exit %d\n%s%s", name, s.code, s.out, s.err)
					}
				})
			}
		}
		all.Wait()
	}
	for _, r := range []*rig{a, b} {
		r.ok(nil, "catalog", "rebuild")
		list := r.backups()
		if want := 2 * rounds * len(names); len(list) != want {
			t.Errorf("%d backups, want %d", len(list), want)
		}
		for _, backup := range list {
			var v control.VerifyResult
			if r.ok(&v, "verify", backup.ID, "--level", "full"); v.Status != "ok" {
				t.Errorf("%s: %+v", backup.ID, v)
			}
		}
	}
}

// A password is seen by nobody but pg_dump, which takes it from its
// environment; it is neither in arguments nor in what the programs write.
func TestNoSecretIsInProcessListsFilesOrOutput(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", "CREATE DATABASE shop")
	pg.Exec(t, "shop", shop)
	r := newRig(t)
	stop, watched := make(chan struct{}), make(chan []string, 1)
	go func() { watched <- watch(stop, r.home, pg.Password, passphrase) }()
	r.addServer(pg)
	dir := filepath.Join(r.home, "backups")
	r.ok(nil, "destination", "add", "disk", "--url", dir, "--passphrase-file", filepath.Join(r.home, "passphrase"))
	said := r.run("", "backup", "--server", "pg", "--database", "shop", "--verify", "full", "--json")
	more := r.run("", "restore", "latest", "--to-server", "pg", "--to-database", "again")
	close(stop)
	for _, leak := range <-watched {
		t.Error(leak)
	}
	for _, text := range []string{said.out, said.err, more.out, more.err} {
		if strings.Contains(text, pg.Password) || strings.Contains(text, passphrase) {
			t.Errorf("a secret in the output:\n%s", text)
		}
	}
	if said.code != 0 || more.code != 0 {
		t.Fatalf("backup %d %s%s\nrestore %d %s%s", said.code, said.out, said.err, more.code, more.out, more.err)
	}
	err := filepath.WalkDir(r.home, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "passphrase" {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(pg.Password)) || bytes.Contains(text, []byte(passphrase)) {
			t.Errorf("a secret in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// watch reads the arguments and environments of our processes until stop is
// closed and says where it saw a secret.
func watch(stop <-chan struct{}, home string, secrets ...string) (leaks []string) {
	seen := map[string]bool{}
	for {
		select {
		case <-stop:
			return leaks
		default:
		}
		all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
		for _, p := range all {
			// Processes come and go while they are read.
			args, _ := os.ReadFile(p + "/cmdline")
			env, _ := os.ReadFile(p + "/environ")
			if !bytes.Contains(env, []byte("RAHAT_HOME="+home)) && !bytes.Contains(args, []byte("pg_")) {
				continue
			}
			for _, secret := range secrets {
				for line := range bytes.SplitSeq(env, []byte{0}) {
					if bytes.Contains(line, []byte(secret)) && !bytes.HasPrefix(line, []byte("PGPASSWORD=")) {
						args = append(args, line...)
					}
				}
				if leak := "a secret in " + strings.ReplaceAll(string(args), "\x00", " "); bytes.Contains(args, []byte(secret)) && !seen[leak] {
					seen[leak] = true
					leaks = append(leaks, leak)
				}
			}
		}
	}
}
