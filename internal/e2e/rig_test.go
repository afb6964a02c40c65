//go:build integration && unix

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// bin is the folder of the programs, built once for all tests.
var bin string

func TestMain(m *testing.M) {
	if os.Getenv(ahead) != "" {
		if err := agentAhead(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "rahat-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	bin = dir
	for _, program := range [][2]string{{"rahat", "rahat"}, {"rahat-agent", "agent"}, {"rahat-restore", "restore"}} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, program[0]), "github.com/rahatbackup/rahat/app/"+program[1])
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", program[0], err, out)
			os.Exit(1)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const passphrase = "zor-bir-parola-7"

// A rig is one person's machine: a home with an agent of its own.
type rig struct {
	t    *testing.T
	home string
	env  []string
}

func newRig(t *testing.T, env ...string) *rig {
	t.Helper()
	home, err := os.MkdirTemp("", "rahat-home-") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	pass := filepath.Join(home, "passphrase")
	if err := os.WriteFile(pass, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, home: home, env: append(os.Environ(), "RAHAT_HOME="+home, "RAHAT_VAULT=file", "RAHAT_VAULT_PASSPHRASE_FILE="+pass,
		"RAHAT_LANG=en", "LC_ALL=C.UTF-8", "PGPASSFILE=/nonexistent")}
	r.env = append(r.env, env...)
	t.Cleanup(func() {
		r.run("", "agent", "stop")
		if t.Failed() {
			if log, err := os.ReadFile(filepath.Join(home, "log", "agent.log")); err == nil {
				t.Logf("agent.log:\n%s", log[max(0, len(log)-6000):])
			}
		}
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	return r
}

// commandTime is more than any command of these tests needs on a busy machine.
const commandTime = 5 * time.Minute

// said is what a command printed and how it ended.
type said struct {
	out, err string
	code     int
}

func (r *rig) run(stdin string, args ...string) said {
	r.t.Helper()
	// One that hangs ends with what its goroutines wait for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "rahat"), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = r.env
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if ctx.Err() != nil {
		r.t.Fatalf("rahat %v did not end in %v: %v\n%s%s", args, commandTime, err, out.String(), errs.String())
	}
	s := said{out: out.String(), err: errs.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		s.code = exit.ExitCode()
	} else if err != nil {
		r.t.Fatalf("rahat %v: %v", args, err)
	}
	return s
}

// ok runs a command that must succeed, with --json, and decodes what it says.
func (r *rig) ok(into any, args ...string) {
	r.t.Helper()
	r.okInput(into, "", args...)
}

func (r *rig) okInput(into any, stdin string, args ...string) {
	r.t.Helper()
	s := r.run(stdin, append(args, "--json")...)
	if s.code != 0 {
		r.t.Fatalf("rahat %s: exit %d\n%s%s", strings.Join(args, " "), s.code, s.out, s.err)
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal([]byte(s.out), into); err != nil {
		r.t.Fatalf("rahat %s: %v\n%s", strings.Join(args, " "), err, s.out)
	}
}

// fails runs a command that must end with this exit code and this problem, and
// say so with a title and a remedy that people can read.
func (r *rig) fails(code int, problem string, args ...string) {
	r.t.Helper()
	r.failsInput(code, problem, "", args...)
}

func (r *rig) failsInput(code int, problem, stdin string, args ...string) {
	r.t.Helper()
	s := r.run(stdin, args...)
	if s.code != code || !strings.Contains(s.err, problem) {
		r.t.Fatalf("rahat %s: exit %d, want %d and %s\n%s%s", strings.Join(args, " "), s.code, code, problem, s.out, s.err)
	}
	if lines := strings.Split(strings.TrimSpace(s.err), "\n"); len(lines) < 2 || strings.Contains(s.err, "{") {
		r.t.Errorf("rahat %s: no title and remedy for people:\n%s", strings.Join(args, " "), s.err)
	}
	if strings.Contains(s.out+s.err, "panic") || strings.Contains(s.out+s.err, "goroutine ") {
		r.t.Errorf("rahat %s panics:\n%s%s", strings.Join(args, " "), s.out, s.err)
	}
}

// addServer configures a test server under the name "pg".
func (r *rig) addServer(pg *pgtest.Server) {
	r.t.Helper()
	r.addServerAt(pg, pg.Addr)
}

// addServerAt configures it at another address that leads to it.
func (r *rig) addServerAt(pg *pgtest.Server, addr string) {
	r.t.Helper()
	r.okInput(nil, pg.Password+"\n", "server", "add", "pg", "--engine", "postgres", "--address", addr, "--user", pg.User, "--password-stdin")
}

// addFolder configures a folder destination under the name "disk" and returns it.
func (r *rig) addFolder() string {
	r.t.Helper()
	dir := filepath.Join(r.home, "backups")
	if err := os.Mkdir(dir, 0o700); err != nil {
		r.t.Fatal(err)
	}
	r.ok(nil, "destination", "add", "disk", "--url", "file://"+dir)
	return dir
}

func (r *rig) backup(database string, more ...string) (b control.BackupResult) {
	r.t.Helper()
	r.ok(&b, append([]string{"backup", "--server", "pg", "--database", database, "--to", "disk"}, more...)...)
	return b
}

func (r *rig) restore(id, database string, more ...string) (b control.RestoreResult) {
	r.t.Helper()
	r.ok(&b, append([]string{"restore", id, "--to-server", "pg", "--to-database", database}, more...)...)
	return b
}

func (r *rig) backups() (list []control.Backup) {
	r.t.Helper()
	r.ok(&list, "backups")
	return list
}

// agentPID returns the process of the rig's agent.
func (r *rig) agentPID() int {
	r.t.Helper()
	var s struct {
		PID int `json:"pid"`
	}
	r.ok(&s, "agent", "status")
	if s.PID == 0 {
		r.t.Fatal("agent status gives no pid")
	}
	return s.PID
}

// peakMemory returns the agent's highest resident memory in bytes.
func (r *rig) peakMemory() int64 {
	r.t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(r.agentPID()) + "/status")
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				r.t.Fatal(err)
			}
			return kb << 10
		}
	}
	r.t.Fatal("no VmHWM")
	return 0
}
