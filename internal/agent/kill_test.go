package agent_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rahatbackup/rahat/internal/agent"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/file"
)

// childHome makes the test program an agent whose dumps never end.
const childHome = "RAHAT_TEST_CHILD_HOME"

func child(home paths.Home) int {
	if hold := os.Getenv(childHold); hold != "" {
		return holdingChild(home, hold)
	}
	if os.Getenv(childSteps) != "" {
		return steppingChild(home)
	}
	h := &house{home: home, engine: enginemem.New()}
	h.driver = h.engine
	h.engine.Host("db").Set("orders", enginemem.Database{"items": table(10)})
	h.engine.Host("db").SetHook(func(step string) error {
		if step == "dump table/items" {
			select {}
		}
		return nil
	})
	cfg := h.config()
	cfg.OpenVault = fileVault(home)
	if agent.Run(context.Background(), cfg) != nil {
		return 1
	}
	return 0
}

func fileVault(home paths.Home) func(context.Context) (vault.Vault, error) {
	return func(ctx context.Context) (vault.Vault, error) {
		return file.Open(ctx, home.Vault(), file.Passphrase(vault.NewSecret("p")))
	}
}

func TestKilledAgentLeavesAnInterruptedRunAndTheNextBackupSucceeds(t *testing.T) {
	home, disk := paths.Home(t.TempDir()), local.URL(filepath.Join(t.TempDir(), "disk"))
	ctx := t.Context()
	var r control.Runs
	killed(t, home, func(c *client.Client) {
		must[control.Server](t)(c.AddServer(ctx, control.NewServer{Server: control.Server{Name: "shop", Engine: engine.Postgres, Address: "db"}}))
		must[control.Destination](t)(c.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: "disk", URL: disk}}))
		status := must[control.StatusReport](t)(c.Status(ctx))
		r = must[control.Runs](t)(c.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders", "orders"}}))
		for e, err := range c.Events(ctx, status.Seq, status.Epoch) { // until the dump is on
			if err != nil {
				t.Fatal(err)
			}
			if e.Run != nil && e.Run.Progress != nil {
				break
			}
		}
		check(t, c.Pause(ctx)) // so that what the next agent finds to do can be looked at
	})
	h := &house{home: home, disk: disk, engine: enginemem.New()}
	h.driver = h.engine
	h.engine.Host("db").Set("orders", enginemem.Database{"items": table(10)})
	h.vault = must[vault.Vault](t)(fileVault(home)(ctx))
	l := h.start(t)
	for _, id := range r.Runs {
		run := must[control.Run](t)(l.Run(ctx, id))
		if run.Status != backup.Interrupted || run.Problem == nil || run.Problem.Code != "agent.interrupted" || run.Finished == nil {
			t.Errorf("run %+v", run)
		}
	}
	met := map[string]bool{}
	for _, run := range must[control.StatusReport](t)(l.Status(ctx)).Active {
		if met[run.ID] {
			t.Errorf("run %s is in the queue twice: %+v", run.ID, run)
		}
		met[run.ID] = true
	}
	if len(met) != 1 {
		t.Errorf("%d runs wait, want the look at what the destination holds", len(met))
	}
	check(t, l.Resume(ctx))
	again, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	if made := result[control.BackupResult](l, again, err); made.Rows != 10 {
		t.Errorf("made %+v", made)
	}
}
