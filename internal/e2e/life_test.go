//go:build integration && unix

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// patience is how long a test waits for what takes a second on a machine that has
// nothing else to do.
const patience = 30 * time.Second

// soon waits until cond holds.
func soon(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

func TestAnAgentWhoseSocketIsRemovedCanBeReachedAgain(t *testing.T) {
	r := newRig(t)
	r.ok(nil, "server", "list")
	pid := r.agentPID()
	if err := os.Remove(filepath.Join(r.home, "agent.sock")); err != nil {
		t.Fatal(err)
	}
	soon(t, "the agent answers again", func() bool { return r.run("", "agent", "status").code == 0 })
	if now := r.agentPID(); now != pid {
		t.Errorf("agent %d was replaced by %d", pid, now)
	}
}

func TestAnAgentWhoseHomeIsRemovedEnds(t *testing.T) {
	r := newRig(t)
	r.ok(nil, "server", "list")
	old := r.agentPID()
	if err := os.RemoveAll(r.home); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.home, "passphrase"), []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.ok(nil, "server", "add", "shop", "--engine", "sqlite", "--address", filepath.Join(r.home, "shop.db"))
	soon(t, "the old agent ends", func() bool { return !alive(old) })
	// The old one has left the new one's files alone.
	var list []control.Server
	if r.ok(&list, "server", "list"); len(list) != 1 {
		t.Errorf("%d servers", len(list))
	}
}

// alive reports whether a process does more than wait to be reaped.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err == nil {
		for i := len(stat) - 1; i > 0; i-- {
			if stat[i] == ')' {
				return stat[i+2] != 'Z'
			}
		}
	}
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// When rahat agent stop returns, nothing touches the home any more.
func TestStopReturnsWhenTheAgentHasEnded(t *testing.T) {
	r := newRig(t)
	for range 10 {
		r.ok(nil, "server", "list")
		pid := r.agentPID()
		r.ok(nil, "agent", "stop")
		if _, err := os.Stat(filepath.Join(r.home, "catalog.db-wal")); err == nil {
			t.Fatalf("agent %d has not closed its catalog yet", pid)
		}
	}
}
