package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
)

// listed asks for the databases until no server is being asked, and leaves out
// those of other servers of this computer.
func (l *living) listed(refresh bool) control.Databases {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	s := must[control.StatusReport](l.t)(l.Status(ctx))
	d := must[control.Databases](l.t)(l.Databases(ctx, refresh))
	for d.Looking {
		for e, err := range l.Events(ctx, s.Seq, s.Epoch) {
			check(l.t, err)
			if s.Seq = e.Seq; e.Kind == "catalog" {
				break
			}
		}
		d = must[control.Databases](l.t)(l.Databases(ctx, false))
	}
	d.Databases = slices.DeleteFunc(d.Databases, func(d control.DatabaseStatus) bool { return d.Found != nil })
	return d
}

func TestDatabasesComeFromServersJobsAndBackups(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	ctx := t.Context()
	if d := l.listed(false); len(d.Databases) != 0 || d.AsOf.IsZero() {
		t.Errorf("at first %+v", d)
	}
	l.furnish(h)
	names := func(d control.Databases) string {
		var all []string
		for _, x := range d.Databases {
			all = append(all, fmt.Sprintf("%s/%s %s %v", x.Server, x.Database, x.State, x.Present))
		}
		return strings.Join(all, ", ")
	}
	if got := names(l.listed(false)); got != "shop/empty not_protected true, shop/orders not_protected true" {
		t.Errorf("a new server: %s", got)
	}
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Verify: "full"})
	made := result[control.BackupResult](l, r, err)
	d := l.listed(false).Databases[1]
	if d.State != control.Protected || d.Last == nil || d.Last.ID != made.Backup || d.Proven == nil || d.Backups != 1 || len(d.Trend) != 1 || d.Trend[0] != made.PlainBytes {
		t.Errorf("proven: %+v", d)
	}
	if s := must[control.StatusReport](t)(l.Status(ctx)); s.Headline.Code != "state.protected.some" || s.Facts.Code != "state.facts.bare" || s.Facts.Params["n"] != "1" {
		t.Errorf("status %+v %+v", s.Headline, s.Facts)
	}
	r, err = l.Restore(ctx, made.Backup, control.RestoreRequest{Server: "shop", Database: "copy"})
	result[control.RestoreResult](l, r, err)
	if got := names(l.listed(false)); got != "shop/copy not_protected true, shop/empty not_protected true, shop/orders protected true" {
		t.Errorf("restored: %s", got)
	}
	h.engine.Host("db").Drop("orders")
	h.engine.Host("db").Drop("copy")
	if got := names(l.listed(true)); got != "shop/empty not_protected true, shop/orders protected false" {
		t.Errorf("dropped: %s", got)
	}
	h.engine.Host("db").SetHook(func(string) error { panic("planted") })
	if d := l.listed(true); len(d.Databases) != 2 || d.Databases[0].Problem == nil || d.Databases[0].Problem.Code != "agent.internal" || !d.Databases[1].Present {
		t.Errorf("a driver that panics: %+v", d)
	}
	h.engine.Host("db").SetHook(nil)
	h.engine.Host("db").SetPassword("another")
	if d := l.listed(true); len(d.Databases) != 2 || d.Databases[0].Problem == nil || d.Databases[0].Problem.Code != "engine.auth_failed" {
		t.Errorf("a server that refuses us: %+v", d)
	}
	shop := must[[]control.Server](t)(l.Servers(ctx))[0]
	must[control.Server](t)(l.EditServer(ctx, control.NewServer{Server: shop, Password: "another"}))
	if d := l.listed(false); len(d.Databases) != 2 || d.Databases[0].Problem != nil {
		t.Errorf("with the new password: %+v", d)
	}
	check(t, l.RemoveServer(ctx, "shop"))
	if got := names(l.listed(false)); got != "shop/orders protected false" {
		t.Errorf("removed: %s", got)
	}
}

func TestAServerThatDoesNotAnswerDelaysNobody(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	open := make(chan struct{})
	asked := make(chan struct{}, 10)
	h.engine.Host("db").SetHook(func(step string) error {
		if step == "discover" {
			asked <- struct{}{}
			<-open
		}
		return nil
	})
	defer close(open)
	d := must[control.Databases](t)(l.Databases(t.Context(), false))
	<-asked
	if len(d.Databases) == 0 || d.Databases[0].Server != "shop" && d.Databases[0].Found == nil || !d.Looking {
		t.Errorf("got %+v", d)
	}
	if d := must[control.Databases](t)(l.Databases(t.Context(), false)); !d.Looking {
		t.Errorf("again %+v", d)
	}
}

// What 200 databases with 20 proven backups each cost is measured from the
// client, with all of the catalog's work in it the first time.
func TestTwoHundredDatabasesAnswerAtOnce(t *testing.T) {
	h := newHouse(t)
	host := h.engine.Host("db")
	check(t, h.home.Make())
	db := must[*catalog.DB](t)(catalog.Open(t.Context(), h.home.Catalog(), h.home.Config(), time.Now()))
	check(t, db.AddDestination(t.Context(), control.Destination{Name: "disk", URL: h.disk, Repository: "r1"}))
	n := 200
	if testing.Short() {
		n = 20
	}
	for i := range n {
		name := fmt.Sprintf("db%03d", i)
		host.Set(name, enginemem.Database{})
		var all []catalog.Stored
		for range 20 {
			b := control.Backup{ID: string(backup.NewID(time.Now())), Engine: "postgres", Server: "shop", Database: name, Started: time.Now(), Finished: time.Now()}
			all = append(all, catalog.Stored{Backup: b})
		}
		check(t, db.SetBackups(t.Context(), "r1", nil, all))
		for _, b := range all[18:] {
			check(t, db.AddProof(t.Context(), "r1", control.VerifyResult{Backup: b.ID, Status: backup.OK, Level: "full", At: time.Now()}))
		}
	}
	check(t, db.Close())
	l := h.start(t)
	must[control.Server](t)(l.AddServer(t.Context(), control.NewServer{Server: control.Server{Name: "shop", Engine: "postgres", Address: "db"}, Password: "hunter2"}))
	if d := l.listed(false); len(d.Databases) != n+2 || d.Databases[n+1].Backups != 20 || d.Databases[n+1].Proven == nil {
		t.Fatalf("%d databases", len(d.Databases))
	}
	first, best := time.Duration(0), time.Hour
	for i := range 10 {
		begun := time.Now()
		must[control.Databases](t)(l.Databases(t.Context(), false))
		took := time.Since(begun)
		if i == 0 {
			first = took
		}
		best = min(best, took)
	}
	t.Logf("first %v, best of ten %v", first, best)
	if !raced && best > 50*time.Millisecond {
		t.Errorf("the best of ten took %v", best)
	}
}
