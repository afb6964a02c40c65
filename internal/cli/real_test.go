package cli

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite" // the scripts make and read databases

	"github.com/rahatbackup/rahat/internal/paths"
)

// programs builds rahat and rahat-agent as they are shipped, once, and returns
// the folder they are in.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "rahat-programs")
	if err != nil {
		return "", err
	}
	for name, app := range map[string]string{"rahat": "rahat", "rahat-agent": "agent"} {
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "github.com/rahatbackup/rahat/app/"+app)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return dir, nil
})

// TestRealProgramsDoTheMainJob runs testdata/real with the real agent and an
// SQLite database. PostgreSQL's turn is in package e2e.
func TestRealProgramsDoTheMainJob(t *testing.T) {
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "real"),
		Setup: func(e *testscript.Env) error { return setupReal(e, dir) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":   codeCommand,
			"sqlite": sqliteCommand,
		},
	})
}

// setupReal gives a script a home of its own, whose agent is stopped at its
// end.
func setupReal(e *testscript.Env, programs string) error {
	home, err := os.MkdirTemp("", "rahat") // short, for the socket
	if err != nil {
		return err
	}
	key := filepath.Join(e.WorkDir, "vault-passphrase")
	if err := os.WriteFile(key, []byte("open the vault\n"), 0o600); err != nil {
		return err
	}
	e.Setenv(paths.HomeVariable, home)
	e.Setenv("RAHAT_VAULT", "file")
	e.Setenv("RAHAT_VAULT_PASSPHRASE_FILE", key)
	e.Setenv("RAHAT_LANG", "en")
	e.Setenv("PATH", programs+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Defer(func() {
		stop := exec.Command(filepath.Join(programs, "rahat"), "agent", "stop")
		stop.Env = append(os.Environ(), paths.HomeVariable+"="+home)
		if out, err := stop.CombinedOutput(); err != nil {
			e.T().Log("stop agent:", err, string(out))
			e.T().FailNow()
		}
		if err := os.RemoveAll(home); err != nil {
			e.T().Log(err)
			e.T().FailNow()
		}
	})
	return nil
}

// sqliteCommand is "sqlite FILE STATEMENTS [WANT]": it executes statements, or
// asks a question that must be answered with WANT.
func sqliteCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: sqlite FILE STATEMENTS [WANT]")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	if len(args) == 2 {
		_, err := db.Exec(args[1])
		ts.Check(err)
		return
	}
	var got string
	ts.Check(db.QueryRow(args[1]).Scan(&got))
	if strings.TrimSpace(got) != args[2] {
		ts.Fatalf("%s: %s answers %q, want %q", args[0], args[1], got, args[2])
	}
}
