package agent_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// killed starts an agent as a process of its own, lets f use it, and kills it. Its
// dumps never end, unless env says otherwise.
func killed(t *testing.T, home paths.Home, f func(c *client.Client), env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), must[string](t)(os.Executable()))
	cmd.Env = append(os.Environ(), childHome+"="+string(home))
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	check(t, cmd.Start())
	t.Cleanup(func() { // however the test ends
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := client.Default(home)
	defer c.Close()
	answers(t, c, func() error { return nil })
	f(c)
	check(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("the agent ended by itself")
	}
}

// seen follows the agent's events until a run is as wanted.
func seen(t *testing.T, c *client.Client, ok func(control.Run) bool) control.Run {
	t.Helper()
	status := must[control.StatusReport](t)(c.Status(t.Context()))
	for _, r := range status.Active {
		if ok(r) {
			return r
		}
	}
	for e, err := range c.Events(t.Context(), status.Seq, status.Epoch) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Run != nil && ok(*e.Run) {
			return *e.Run
		}
	}
	t.Fatal("the events ended")
	return control.Run{}
}

func TestAnAgentKilledWhileARunWaitsOrRunsLosesNoneOfThem(t *testing.T) {
	home, folder := paths.Home(t.TempDir()), filepath.Join(t.TempDir(), "disk")
	ctx := t.Context()
	var id string
	killed(t, home, func(c *client.Client) {
		must[control.Server](t)(c.AddServer(ctx, control.NewServer{Server: control.Server{Name: "shop", Engine: engine.Postgres, Address: "db"}}))
		must[control.Destination](t)(c.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: "disk", URL: local.URL(folder)}}))
		check(t, os.Rename(folder, folder+".away"))
		r := must[control.Runs](t)(c.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
		failed := must[[]control.Run](t)(c.Follow(ctx, r.Runs, nil))[0]
		if failed.Status != backup.Failed || failed.Dead || failed.Attempt != 0 {
			t.Errorf("one that somebody waits for: %+v", failed)
		}
		id = must[control.Runs](t)(c.RetryRun(ctx, failed.ID)).Runs[0]
		seen(t, c, func(r control.Run) bool { return r.ID == id && r.RetryAt != nil })
	})
	// The second agent dies while the run runs.
	check(t, os.Rename(folder+".away", folder))
	killed(t, home, func(c *client.Client) {
		r := must[control.Run](t)(c.Run(ctx, id))
		if r.Status != backup.Queued || r.Attempt != 1 || r.RetryAt == nil || r.Problem == nil || r.Problem.Code != "store.unavailable" {
			t.Errorf("after it was killed in the wait: %+v", r)
		}
		must[control.Runs](t)(c.RetryRun(ctx, id))
		seen(t, c, func(r control.Run) bool {
			return r.ID == id && r.Progress != nil && r.Progress.Phase == backup.PhaseDump
		})
	})
	h := &house{home: home, disk: local.URL(folder), engine: enginemem.New()}
	h.driver = h.engine
	h.engine.Host("db").Set("orders", enginemem.Database{"items": table(10)})
	h.vault = must[vault.Vault](t)(fileVault(home)(context.Background()))
	l := h.start(t)
	r := must[control.Run](t)(l.Run(ctx, id))
	if r.Status != backup.Queued || r.Attempt != 2 || r.RetryAt == nil || r.Problem == nil || r.Problem.Code != "agent.interrupted" {
		t.Errorf("after it was killed in the run: %+v", r)
	}
	must[control.Runs](t)(l.RetryRun(ctx, id))
	over := l.wait(control.Runs{Runs: []string{id}})[0]
	if over.Status != backup.OK || over.Attempt != 3 || over.Problem != nil || over.Backup == "" {
		t.Errorf("in the end: %+v", over)
	}
}
