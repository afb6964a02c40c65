package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/agent"
	"github.com/rahatbackup/rahat/internal/agent/notify"
	"github.com/rahatbackup/rahat/internal/agent/server"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/mem"
)

func TestMain(m *testing.M) {
	if home := os.Getenv(childHome); home != "" {
		os.Exit(child(paths.Home(home)))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// house is a home with an engine in memory and a folder for backups. Agents
// may live in it one after the other.
type house struct {
	home      paths.Home
	disk      string // address of the destination
	engine    *enginemem.Engine
	driver    engine.Driver
	vault     vault.Vault
	login     server.Login
	screen    notify.Screen // nil: none
	opened    chan string   // what the screen opens
	shift     atomic.Int64  // of its clock from the true time
	heartbeat time.Duration // 0: the usual
	// open opens stores; nil: as folders.
	open func(context.Context, string, vault.Secret, bool) (store.Store, error)
}

func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.shift.Load())) }

func newHouse(t *testing.T) *house {
	t.Helper()
	e := enginemem.New()
	e.Host("db").Set("orders", enginemem.Database{"items": table(200)})
	e.Host("db").Set("empty", enginemem.Database{})
	e.Host("db").SetPassword("hunter2")
	return &house{home: paths.Home(t.TempDir()), disk: local.URL(filepath.Join(t.TempDir(), "disk")), engine: e, driver: e, vault: mem.New()}
}

func table(rows int) enginemem.Table {
	t := enginemem.Table{Columns: []string{"id", "name"}, Key: 1}
	for i := range rows {
		t.Rows = append(t.Rows, []enginemem.Value{enginemem.Text(fmt.Sprintf("%08d", i)), enginemem.Text(strings.Repeat("x", i%50))})
	}
	return t
}

func (h *house) config() agent.Config {
	open := h.open
	if open == nil {
		open = openStore
	}
	return agent.Config{
		Home: h.home, Now: h.now, Heartbeat: h.heartbeat, VaultKind: "file",
		// The API knows the engines of this version; the one in memory
		// stands in for one of them.
		Drivers:   map[string]engine.Driver{engine.Postgres: h.driver},
		OpenVault: func(context.Context) (vault.Vault, error) { return h.vault, nil },
		OpenStore: open,
		Login:     h.login,
		Screen:    h.screen,
		OpenWindow: func(_ context.Context, database, activation string) error {
			h.opened <- database + " " + activation
			return nil
		},
	}
}

func openStore(_ context.Context, url string, _ vault.Secret, create bool) (store.Store, error) {
	dir, err := local.Dir(url)
	if err != nil {
		return nil, err
	}
	if create {
		return local.Create(dir)
	}
	return local.Open(dir)
}

// living is an agent that runs in this process.
type living struct {
	*client.Client
	t    *testing.T
	stop context.CancelFunc
	done chan error
	once sync.Once
	err  error
}

func (h *house) start(t *testing.T) *living {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &living{Client: client.Default(h.home), t: t, stop: stop, done: make(chan error, 1)}
	go func() { l.done <- agent.Run(ctx, h.config()) }()
	t.Cleanup(l.close)
	answers(t, l.Client, func() error {
		select {
		case err := <-l.done:
			l.done <- err
			return fmt.Errorf("agent ended: %w", err)
		default:
			return nil
		}
	})
	return l
}

// answers waits until the agent answers.
func answers(t *testing.T, c *client.Client, alive func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := c.Hello(ctx)
		if err == nil {
			return
		}
		if err := errors.Join(alive(), ctx.Err()); err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
}

// close ends the agent if the test has not; end reports what is wrong.
func (l *living) close() { _ = l.end() }

// end stops the agent as a signal would, and returns what Run returned.
func (l *living) end() error {
	l.once.Do(func() {
		l.stop()
		l.err = <-l.done
		l.Close()
		if l.err != nil {
			l.t.Errorf("agent ended with %v", l.err)
		}
	})
	return l.err
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const passphrase = "correct horse battery staple"

// furnish adds the server "shop" and the destination "disk".
func (l *living) furnish(h *house) {
	l.t.Helper()
	must[control.Server](l.t)(l.AddServer(l.t.Context(), control.NewServer{Server: control.Server{Name: "shop", Engine: engine.Postgres, Address: "db", User: "ali"}, Password: "hunter2"}))
	must[control.Destination](l.t)(l.AddDestination(l.t.Context(), control.NewDestination{Destination: control.Destination{Name: "disk", URL: h.disk}, Passphrase: passphrase}))
}

// wait follows runs to their end.
func (l *living) wait(r control.Runs) []control.Run {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	return must[[]control.Run](l.t)(l.Follow(ctx, r.Runs, nil))
}

// result waits for one run, which must be ok, and reads its result.
func result[T any](l *living, r control.Runs, err error) (out T) {
	l.t.Helper()
	check(l.t, err)
	runs := l.wait(r)
	if len(runs) != 1 || runs[0].Status != backup.OK {
		l.t.Fatalf("runs %+v, problem %+v", runs, runs[0].Problem)
	}
	check(l.t, json.Unmarshal(runs[0].Result, &out))
	return out
}

func TestFromAnEmptyHomeToAProvenBackupAndBack(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	ctx := t.Context()
	if s := must[control.StatusReport](t)(l.Status(ctx)); s.State != control.NotProtected || s.Active == nil {
		t.Errorf("empty: %+v", s)
	}
	l.furnish(h)
	test := must[control.ServerTest](t)(l.TestServer(ctx, "shop"))
	if !test.OK || len(test.Databases) != 2 || test.Databases[1].Name != "orders" {
		t.Errorf("test: %+v", test)
	}
	must[control.Job](t)(l.AddJob(ctx, control.Job{Name: "nightly", Server: "shop", Databases: []string{"orders"}, Destinations: []string{"disk"}, Type: backup.Incremental, Verify: "full"}))

	r, err := l.Backup(ctx, control.BackupRequest{Job: "nightly"})
	made := result[control.BackupResult](l, r, err)
	if made.Type != backup.Full || made.Rows != 200 || made.Verify == nil || made.Verify.Status != backup.OK || made.Verify.Rows != 200 {
		t.Errorf("made %+v, proof %+v", made, made.Verify)
	}
	if s := must[control.StatusReport](t)(l.Status(ctx)); s.State != control.Protected || s.Last == nil || s.Last.ID != made.Backup || s.Jobs != 1 || s.Servers != 1 {
		t.Errorf("proven: %+v", s)
	}
	r, err = l.Backup(ctx, control.BackupRequest{Job: "nightly"})
	if second := result[control.BackupResult](l, r, err); second.Type != backup.Incremental || second.Base != made.Backup {
		t.Errorf("second %+v", second)
	}
	list := must[[]control.Backup](t)(l.Backups(ctx, client.BackupFilter{Database: "orders"}))
	if len(list) != 2 || list[1].ID != made.Backup || list[1].Proof == nil || list[1].Job != "nightly" || list[1].Destination != "disk" || list[1].Tables != 1 {
		t.Errorf("list %+v", list)
	}

	r, err = l.Restore(ctx, made.Backup, control.RestoreRequest{Server: "shop", Database: "copy"})
	back := result[control.RestoreResult](l, r, err)
	if copied, ok := h.engine.Host("db").Get("copy"); !ok || len(copied["items"].Rows) != 200 || back.Rows != 200 || back.Connection != "postgresql://ali@db/copy" {
		t.Errorf("restored %+v", back)
	}
	r, err = l.Verify(ctx, "latest", control.VerifyRequest{Level: "basic"})
	if v := result[control.VerifyResult](l, r, err); v.Level != "basic" || len(v.Checks) == 0 {
		t.Errorf("verify %+v", v)
	}
	r, err = l.Export(ctx, made.Backup, control.ExportRequest{Path: t.TempDir()})
	out := result[control.ExportResult](l, r, err)
	if info := must[os.FileInfo](t)(os.Stat(out.Path)); info.Size() != out.Bytes || out.Bytes == 0 || out.Format == "" {
		t.Errorf("export %+v", out)
	}
	runs := must[[]control.Run](t)(l.Runs(ctx, 0))
	if len(runs) != 5 || runs[0].Kind != backup.RunExport || runs[4].Backup != made.Backup {
		t.Errorf("runs %+v", runs)
	}
	if d := must[control.DestinationTest](t)(l.TestDestination(ctx, "disk")); !d.OK || d.Backups != 2 || d.FreeBytes <= 0 {
		t.Errorf("destination %+v", d)
	}
}

func TestAllDatabasesOfAServerAreBackedUpWithoutAJob(t *testing.T) {
	h := newHouse(t)
	h.engine.Host("db").Set("closed", enginemem.Database{})
	h.engine.Host("db").Forbid("closed")
	l := h.start(t)
	l.furnish(h)
	r := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop"}))
	runs := l.wait(r)
	if len(runs) != 2 || runs[0].Database != "empty" || runs[1].Database != "orders" {
		t.Fatalf("runs %+v", runs)
	}
	for _, run := range runs {
		if run.Status != backup.OK {
			t.Errorf("%s: %+v", run.Database, run.Problem)
		}
	}
	if s := must[control.StatusReport](t)(l.Status(t.Context())); s.State != control.Attention {
		t.Errorf("unproven backups are %s", s.State)
	}
}

func TestAServerGetsANewLoginAndKeepsItsNameAndEngine(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	h.engine.Host("db").SetPassword("moonrise")
	shop := must[[]control.Server](t)(l.Servers(ctx))[0]
	tested := func() control.ServerTest { return must[control.ServerTest](t)(l.TestServer(ctx, shop.Name)) }
	if r := tested(); r.OK {
		t.Fatal("the old password still works: the test shows nothing")
	}
	must[control.Server](t)(l.EditServer(ctx, control.NewServer{Server: shop, Password: "moonrise"}))
	if r := tested(); !r.OK {
		t.Errorf("the new password does not work: %+v", r.Problem)
	}
	shop.Options = map[string]string{"x": "y"}
	must[control.Server](t)(l.EditServer(ctx, control.NewServer{Server: shop}))
	if r := tested(); !r.OK {
		t.Errorf("a change without a password lost it: %+v", r.Problem)
	}
	if now := must[[]control.Server](t)(l.Servers(ctx))[0]; now.Options["x"] != "y" {
		t.Errorf("kept as %+v", now)
	}
	other := shop
	other.Engine = engine.SQLite
	if _, err := l.EditServer(ctx, control.NewServer{Server: other}); !errors.Is(err, server.ErrInvalid) {
		t.Errorf("another engine: %v", err)
	}
	other.Name = "nobody"
	if _, err := l.EditServer(ctx, control.NewServer{Server: other}); !errors.Is(err, server.ErrNoServer) {
		t.Errorf("a server that is not there: %v", err)
	}
}

func TestFailedProofFailsTheRunThoughTheBackupExists(t *testing.T) {
	h := newHouse(t)
	h.driver = &badSandbox{h.engine}
	l := h.start(t)
	l.furnish(h)
	r := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Verify: "full"}))
	run := l.wait(r)[0]
	if run.Status != backup.Failed || run.Problem.Code != "agent.proof_failed" || run.Problem.Params["checks"] != "restore" || run.Backup == "" {
		t.Fatalf("run %+v, problem %+v", run, run.Problem)
	}
	var made control.BackupResult
	check(t, json.Unmarshal(run.Result, &made))
	if made.Verify == nil || made.Verify.Status != backup.Failed || made.Status != backup.Failed {
		t.Errorf("result %s", run.Result)
	}
	b := must[control.Backup](t)(l.GetBackup(t.Context(), run.Backup[:12]))
	if b.Proof == nil || b.Proof.Status != backup.Failed {
		t.Errorf("backup %+v", b)
	}
	if s := must[control.StatusReport](t)(l.Status(t.Context())); s.State != control.Attention {
		t.Errorf("state %s", s.State)
	}
}

// badSandbox is an engine whose throw-away servers cannot restore.
type badSandbox struct{ *enginemem.Engine }

func (b *badSandbox) Sandbox(ctx context.Context, dir, version string) (engine.Server, error) {
	b.Host(dir).SetHook(func(step string) error {
		if step == "restore" {
			return errors.New("planted")
		}
		return nil
	})
	return b.Engine.Sandbox(ctx, dir, version)
}

func TestPanicInARunFailsTheRunAndNotTheAgent(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	h.engine.Host("db").SetHook(func(step string) error {
		if step == "snapshot" {
			panic("planted")
		}
		return nil
	})
	failing := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
	if run := l.wait(failing)[0]; run.Status != backup.Failed || run.Problem.Code != "agent.internal" {
		t.Errorf("got %+v", run.Problem)
	}
	h.engine.Host("db").SetHook(nil)
	r, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	result[control.BackupResult](l, r, err)
}

// gate makes dumps wait until the returned function is called, and tells when
// one has begun.
func gate(h *house) (begun <-chan struct{}, open func()) {
	b, o := make(chan struct{}, 100), make(chan struct{})
	h.engine.Host("db").SetHook(func(step string) error {
		if strings.HasPrefix(step, "dump") {
			b <- struct{}{}
			<-o
		}
		return nil
	})
	return b, sync.OnceFunc(func() { close(o) })
}

func TestCancelEndsARunAndLeavesNoBackup(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	begun, open := gate(h)
	defer open()
	r := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
	<-begun
	if run := must[control.Run](t)(l.Cancel(t.Context(), r.Runs[0])); run.Status != backup.Running {
		t.Errorf("at once %+v", run)
	}
	open()
	if run := l.wait(r)[0]; run.Status != backup.Cancelled || run.Problem.Code != "agent.cancelled" {
		t.Errorf("then %+v", run)
	}
	if list := must[[]control.Backup](t)(l.Backups(t.Context(), client.BackupFilter{})); len(list) != 0 {
		t.Errorf("backups %+v", list)
	}
	if _, err := l.Cancel(t.Context(), r.Runs[0]); err == nil || !strings.Contains(err.Error(), "agent.run_over") {
		t.Errorf("again: %v", err)
	}
}

func TestStopInMidRunInterruptsItAndTheNextAgentGoesOn(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	begun, open := gate(h)
	defer open()
	r := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders", "orders"}}))
	<-begun
	start := time.Now()
	check(t, l.Client.Stop(t.Context()))
	_, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	if err == nil {
		t.Error("a stopping agent took work")
	}
	// The second run waits for the first. When the stop has ended it, it has
	// reached the first as well, which may not go on to its end before.
	l.wait(control.Runs{Runs: r.Runs[1:]})
	open()
	if err := <-l.done; err != nil || time.Since(start) > 10*time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(start))
	}
	l.done <- nil
	h.engine.Host("db").SetHook(nil)
	l = h.start(t)
	for _, id := range r.Runs {
		if run := must[control.Run](t)(l.Run(t.Context(), id)); run.Status != backup.Interrupted || run.Finished == nil {
			t.Errorf("run %+v", run)
		}
	}
	again, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	result[control.BackupResult](l, again, err)
}

// loseCatalog leaves of a catalog nothing but the mirror of the configuration.
func (h *house) loseCatalog(t *testing.T) {
	t.Helper()
	check(t, errors.Join(os.Remove(h.home.Catalog()), os.Remove(h.home.Catalog()+".copy")))
}

func TestLostAndDamagedCatalogsAreMadeAnewFromTheDestinations(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	r, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	made := result[control.BackupResult](l, r, err)
	history := len(must[[]control.Run](t)(l.Runs(t.Context(), 0)))
	for name, harm := range map[string]func() error{
		"deleted": func() error { return os.Remove(h.home.Catalog()) },
		"emptied": func() error { return os.Truncate(h.home.Catalog(), 0) },
		"a page of it lost": func() error {
			f, err := os.OpenFile(h.home.Catalog(), os.O_WRONLY, 0)
			if err == nil {
				_, err = f.WriteAt(make([]byte, 4096), 4096)
			}
			return errors.Join(err, f.Close())
		},
		"damaged": func() error { return os.WriteFile(h.home.Catalog(), []byte(strings.Repeat("nonsense", 2000)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			check(t, l.end())
			check(t, harm())
			l = h.start(t)
			runs := must[[]control.Run](t)(l.Runs(t.Context(), 0))
			if len(runs) != history+1 || runs[0].Kind != backup.RunRebuild || len(runs[0].Warnings) != 1 || !strings.HasPrefix(runs[0].Warnings[0].Code, "catalog.") {
				t.Fatalf("runs %+v", runs)
			}
			l.wait(control.Runs{Runs: []string{runs[0].ID}})
			if list := must[[]control.Backup](t)(l.Backups(t.Context(), client.BackupFilter{})); len(list) != 1 || list[0].ID != made.Backup {
				t.Errorf("backups %+v", list)
			}
			r, err := l.Restore(t.Context(), "latest", control.RestoreRequest{Server: "shop", Database: "after " + name})
			result[control.RestoreResult](l, r, err)
			history += 2
		})
	}
}

func TestARepositoryIsReadWithoutCatalogAndState(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	r, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	made := result[control.BackupResult](l, r, err)
	check(t, l.end())

	h.home, h.vault = paths.Home(t.TempDir()), mem.New()
	l = h.start(t)
	ctx := t.Context()
	from := control.Repository{URL: h.disk, Passphrase: passphrase}
	list := must[[]control.Backup](t)(l.RepositoryBackups(ctx, from))
	if len(list) != 1 || list[0].ID != made.Backup || list[0].Rows != 200 {
		t.Fatalf("list %+v", list)
	}
	must[control.Server](t)(l.AddServer(ctx, control.NewServer{Server: control.Server{Name: "new", Engine: engine.Postgres, Address: "db"}, Password: "hunter2"}))
	r, err = l.Restore(ctx, "latest", control.RestoreRequest{Server: "new", Database: "rescued", From: &from})
	if back := result[control.RestoreResult](l, r, err); back.Rows != 200 {
		t.Errorf("restored %+v", back)
	}
	r, err = l.Export(ctx, made.Backup[:13], control.ExportRequest{Path: t.TempDir(), From: &from})
	result[control.ExportResult](l, r, err)
	if d := must[[]control.Destination](t)(l.Destinations(ctx)); len(d) != 0 {
		t.Errorf("state was made: %+v", d)
	}
	wrong := control.Repository{URL: h.disk, Passphrase: "wrong"}
	if _, err := l.RepositoryBackups(ctx, wrong); err == nil || !strings.Contains(err.Error(), "repository.wrong_key") {
		t.Errorf("wrong passphrase: %v", err)
	}
	// Adding it as a destination reads its backups into the catalog.
	must[control.Destination](t)(l.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: "old", URL: h.disk}, Passphrase: passphrase}))
	runs := must[[]control.Run](t)(l.Runs(ctx, 1))
	l.wait(control.Runs{Runs: []string{runs[0].ID}})
	if b := must[control.Backup](t)(l.GetBackup(ctx, "latest")); b.ID != made.Backup || b.Destination != "old" {
		t.Errorf("backup %+v", b)
	}
}

func TestRemovedDestinationComesBackWithoutItsPassphrase(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	made := result[control.BackupResult](l, r, err)
	check(t, l.RemoveDestination(ctx, "disk"))
	if list := must[[]control.Backup](t)(l.Backups(ctx, client.BackupFilter{})); len(list) != 0 {
		t.Errorf("backups %+v", list)
	}
	must[control.Destination](t)(l.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: "again", URL: h.disk}}))
	l.wait(control.Runs{Runs: []string{must[[]control.Run](t)(l.Runs(ctx, 1))[0].ID}})
	if b := must[control.Backup](t)(l.GetBackup(ctx, made.Backup)); b.Destination != "again" {
		t.Errorf("backup %+v", b)
	}
}

func TestADiskThatWasUnpluggedKeepsItsKey(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	ctx := t.Context()
	dir := must[string](t)(local.Dir(h.disk))
	add := func() string {
		d := must[control.Destination](t)(l.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: "usb", URL: h.disk}}))
		check(t, l.RemoveDestination(ctx, "usb"))
		return d.Repository
	}
	first := add()
	check(t, os.Rename(dir, dir+".unplugged"))
	if second := add(); second == first {
		t.Error("an empty folder is the old repository")
	}
	check(t, os.Rename(dir, dir+".other"))
	check(t, os.Rename(dir+".unplugged", dir))
	if third := add(); third != first {
		t.Errorf("got repository %s, want %s", third, first)
	}
}

func TestTestsSayWhatIsWrongAndAreNoErrors(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	h.engine.Host("db").SetPassword("changed")
	if r := must[control.ServerTest](t)(l.TestServer(ctx, "shop")); r.OK || r.Problem == nil || r.Problem.Code != "engine.auth_failed" || r.Databases == nil {
		t.Errorf("server %+v", r)
	}
	dir := must[string](t)(local.Dir(h.disk))
	check(t, os.Rename(dir, dir+".unplugged"))
	if r := must[control.DestinationTest](t)(l.TestDestination(ctx, "disk")); r.OK || r.Problem == nil || r.Problem.Code != "store.unavailable" {
		t.Errorf("destination %+v, problem %+v", r, r.Problem)
	}
	r := must[control.Runs](t)(l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}}))
	if run := l.wait(r)[0]; run.Status != backup.Failed || run.Result != nil {
		t.Errorf("run %+v", run)
	}
	if _, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"*"}}); err == nil || !strings.Contains(err.Error(), "engine.auth_failed") {
		t.Errorf("all databases: %v", err)
	}
	rebuild := must[control.Runs](t)(l.RebuildCatalog(ctx))
	if run := l.wait(rebuild)[0]; run.Status != backup.Failed || run.Problem.Code != "store.unavailable" {
		t.Errorf("rebuild %+v", run)
	}
}

func TestJobsAreEditedPausedAndRemoved(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	j := control.Job{Name: "a", Server: "shop", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: backup.Full}
	must[control.Job](t)(l.AddJob(ctx, j))
	if p := must[control.Job](t)(l.PauseJob(ctx, "a")); !p.Paused {
		t.Errorf("paused %+v", p)
	}
	if p := must[control.Job](t)(l.ResumeJob(ctx, "a")); p.Paused {
		t.Errorf("resumed %+v", p)
	}
	j.Name, j.Type = "b", backup.Differential
	must[control.Job](t)(l.EditJob(ctx, "a", j))
	if all := must[[]control.Job](t)(l.Jobs(ctx)); len(all) != 1 || all[0].Name != "b" || all[0].Type != backup.Differential {
		t.Errorf("jobs %+v", all)
	}
	check(t, l.RemoveJob(ctx, "b"))
	check(t, l.RemoveServer(ctx, "shop"))
	if all := must[[]control.Server](t)(l.Servers(ctx)); len(all) != 0 {
		t.Errorf("servers %+v", all)
	}
	if _, err := h.vault.Get(ctx, "server/73686f70/password"); !errors.Is(err, vault.ErrNotFound) {
		t.Errorf("the password stayed: %v", err)
	}
	if found, err := l.Discover(ctx, control.DiscoverRequest{Folders: []string{t.TempDir()}}); err != nil || found.Servers == nil {
		t.Errorf("discovery %+v, %v", found, err)
	}
}

func TestSecondAgentOfAHomeIsRefused(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	if err := agent.Run(t.Context(), h.config()); !errors.Is(err, ipc.ErrRunning) {
		t.Errorf("got %v", err)
	}
	must[control.Hello](t)(l.Hello(t.Context())) // the first is unharmed
}

func TestEventsHaveNoGapsAcrossReconnects(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	status := must[control.StatusReport](t)(l.Status(t.Context()))
	done := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		defer close(done)
		l.furnish(h)
		for range 5 {
			r, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := l.Follow(t.Context(), r.Runs, nil); err != nil {
				t.Error(err)
			}
		}
	})
	var readers sync.WaitGroup
	for n := 1; n <= 4; n++ {
		readers.Go(func() {
			after, over := status.Seq, 0
			for over < 5 {
				read := 0
				for e, err := range l.Events(t.Context(), after, status.Epoch) { // hangs up after n events
					if err != nil || e.Seq != after+1 || e.Kind == "reset" {
						t.Errorf("after %d: %+v, %v", after, e, err)
						return
					}
					after = e.Seq
					if e.Run != nil && e.Run.Status.Over() {
						over++
					}
					if read++; read == n || over == 5 {
						break
					}
				}
			}
		})
	}
	readers.Wait()
	working.Wait()
	<-done
}

func TestEventStreamEndsWithTheAgent(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	status := must[control.StatusReport](t)(l.Status(t.Context()))
	ended := make(chan error, 1)
	go func() {
		for _, err := range l.Events(context.Background(), status.Seq, status.Epoch) {
			ended <- err
		}
	}()
	// The stream must be there before the agent goes; a second one proves
	// nothing about it, but an event that both could see does.
	must[control.Server](t)(l.AddServer(t.Context(), control.NewServer{Server: control.Server{Name: "x", Engine: engine.Postgres, Address: "db"}}))
	if err := <-ended; err != nil {
		t.Fatalf("first event: %v", err)
	}
	check(t, l.end())
	if err := <-ended; !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	for _, err := range l.Events(t.Context(), status.Seq, status.Epoch) {
		if !errors.Is(err, client.ErrUnreachable) {
			t.Errorf("agent gone: %v", err)
		}
	}
}

func TestNoSecretIsWrittenInTheHome(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	r, err := l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Verify: "full"})
	result[control.BackupResult](l, r, err)
	check(t, l.end())
	seen := 0
	check(t, filepath.WalkDir(string(h.home), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, secret := range []string{"hunter2", passphrase} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds %q", path, secret)
			}
		}
		seen++
		return err
	}))
	if seen < 3 {
		t.Errorf("only %d files seen", seen)
	}
}

// raw speaks HTTP to the agent without our client.
func raw(t *testing.T, home paths.Home, method, path, body string, header ...string) (int, string, http.Header) {
	t.Helper()
	socket := must[string](t)(home.Socket())
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return ipc.Dial(ctx, socket) }}
	defer transport.CloseIdleConnections()
	req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), method, "http://agent"+path, strings.NewReader(body)))
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := transport.RoundTrip(req)
	check(t, err)
	defer resp.Body.Close()
	return resp.StatusCode, string(must[[]byte](t)(io.ReadAll(resp.Body))), resp.Header
}

func TestABackupOfAllNamesWhatItLeavesOut(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	h.engine.Host("db").Forbid("empty")
	runs := must[control.Runs](t)(l.Backup(t.Context(), control.BackupRequest{Server: "shop", Databases: []string{"*"}}))
	if len(runs.Runs) != 1 || len(runs.Skipped) != 1 || runs.Skipped[0] != "empty" {
		t.Errorf("got %+v", runs)
	}
	result[control.BackupResult](l, runs, nil)
}

func TestErrorsAreProblemsWithTheRightStatus(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	must[control.Job](t)(l.AddJob(ctx, control.Job{Name: "j", Server: "shop", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: backup.Full}))
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}})
	id := result[control.BackupResult](l, r, err).Backup
	job := `{"name":"k","server":"shop","databases":["*"],"destinations":["disk"],"type":"full","paused":false}`
	cases := []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"no server", "POST", "/api/servers/x/test", "", 404, "agent.no_server"},
		{"remove no server", "DELETE", "/api/servers/x", "", 404, "agent.no_server"},
		{"server twice", "POST", "/api/servers", `{"name":"shop","engine":"postgres","address":"db"}`, 409, "agent.server_exists"},
		{"bad name", "POST", "/api/servers", `{"name":"a b","engine":"postgres","address":"db","password":"geheim"}`, 422, "agent.bad_name"},
		{"bad engine", "POST", "/api/servers", `{"name":"o","engine":"oracle","address":"db","password":"geheim"}`, 422, "agent.invalid"},
		{"engine not linked", "POST", "/api/servers", `{"name":"o","engine":"sqlite","address":"db"}`, 422, "agent.unknown_engine"},
		{"bad settings", "POST", "/api/servers", `{"name":"o","engine":"postgres","address":""}`, 422, "engine.bad_config"},
		{"URL with a password", "POST", "/api/servers", `{"name":"o","engine":"postgres","address":"postgres://u:geheim@db"}`, 422, "agent.invalid"},
		{"unknown field", "POST", "/api/servers", `{"name":"o","engine":"postgres","address":"db","pasword":"geheim"}`, 422, "agent.invalid"},
		{"no JSON", "POST", "/api/servers", `{"password":"geheim`, 400, "agent.invalid"},
		{"server in use", "DELETE", "/api/servers/shop", "", 409, "agent.in_use"},
		{"destination in use", "DELETE", "/api/destinations/disk", "", 409, "agent.in_use"},
		{"destination twice", "POST", "/api/destinations", `{"name":"disk","url":"` + h.disk + `"}`, 409, "agent.destination_exists"},
		{"repository twice", "POST", "/api/destinations", `{"name":"d2","url":"` + h.disk + `"}`, 409, "agent.repository_in_use"},
		{"bad address", "POST", "/api/destinations", `{"name":"d3","url":"gopher://x"}`, 422, "store.bad_url"},
		{"bad recipient", "POST", "/api/destinations", `{"name":"d4","url":"` + local.URL(filepath.Join(t.TempDir(), "x")) + `","recipients":["age1x"]}`, 422, "repository.bad_recipient"},
		{"no destination", "POST", "/api/destinations/x/test", "", 404, "agent.no_destination"},
		{"job twice", "POST", "/api/jobs", strings.Replace(job, `"k"`, `"j"`, 1), 409, "agent.job_exists"},
		{"job without server", "POST", "/api/jobs", strings.Replace(job, "shop", "x", 1), 404, "agent.no_server"},
		{"job without destination", "POST", "/api/jobs", strings.Replace(job, "disk", "x", 1), 404, "agent.no_destination"},
		{"job without databases", "POST", "/api/jobs", strings.Replace(job, `["*"]`, `[]`, 1), 422, "agent.invalid"},
		{"job with a database twice", "POST", "/api/jobs", strings.Replace(job, `["*"]`, `["a","b","a"]`, 1), 422, "agent.invalid"},
		{"job with all and one", "POST", "/api/jobs", strings.Replace(job, `["*"]`, `["*","a"]`, 1), 422, "agent.invalid"},
		{"no job", "PUT", "/api/jobs/x", job, 404, "agent.no_job"},
		{"pause no job", "POST", "/api/jobs/x/pause", "", 404, "agent.no_job"},
		{"remove no job", "DELETE", "/api/jobs/x", "", 404, "agent.no_job"},
		{"backup of no job", "POST", "/api/backups", `{"job":"x"}`, 404, "agent.no_job"},
		{"backup of no server", "POST", "/api/backups", `{"server":"x"}`, 404, "agent.no_server"},
		{"backup to nowhere", "POST", "/api/backups", `{"server":"shop","destination":"x"}`, 404, "agent.no_destination"},
		{"no backup", "GET", "/api/backups/ffff", "", 404, "agent.no_backup"},
		{"no level", "POST", "/api/backups/latest/verify", `{"level":"deep"}`, 422, "agent.invalid"},
		{"overwrite unsaid", "POST", "/api/backups/" + id + "/restore", `{"server":"shop","database":"orders","overwrite":"order"}`, 422, "agent.overwrite_mismatch"},
		{"restore to no server", "POST", "/api/backups/" + id + "/restore", `{"server":"x","database":"orders"}`, 404, "agent.no_server"},
		{"restore without name", "POST", "/api/backups/" + id + "/restore", `{"server":"shop","database":""}`, 422, "agent.invalid"},
		{"export to relative path", "POST", "/api/backups/" + id + "/export", `{"path":"x"}`, 422, "agent.path_not_absolute"},
		{"no run", "GET", "/api/runs/ffff", "", 404, "agent.no_run"},
		{"cancel no run", "POST", "/api/runs/ffff/cancel", "", 404, "agent.no_run"},
		{"cancel ended run", "POST", "/api/runs/latest/cancel", "", 409, "agent.run_over"},
		{"no repository", "POST", "/api/repository/backups", `{"url":"` + local.URL(t.TempDir()) + `","passphrase":"geheim"}`, 404, "repository.not_found"},
		{"repository without key", "POST", "/api/repository/backups", `{"url":"` + h.disk + `"}`, 422, "agent.invalid"},
		{"list too long", "GET", "/api/runs?limit=1001", "", 422, "agent.invalid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, text, header := raw(t, h.home, c.method, c.path, c.body)
			var p control.Problem
			if err := json.Unmarshal([]byte(text), &p); err != nil {
				t.Fatalf("%d %s: %v", status, text, err)
			}
			if status != c.status || p.Code != c.code || p.Status != status || header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %s, want %d %s", status, text, c.status, c.code)
			}
			if strings.Contains(text, "geheim") {
				t.Errorf("the answer repeats a secret: %s", text)
			}
		})
	}
}

func TestClientsOfAnotherVersionAreTurnedAway(t *testing.T) {
	h := newHouse(t)
	h.start(t)
	status, text, header := raw(t, h.home, "GET", "/api/servers", "", control.HeaderAPI, "99", control.HeaderVersion, "9.9")
	if status != http.StatusPreconditionFailed || !strings.Contains(text, "control.version_mismatch") || !strings.Contains(text, "9.9") || header.Get(control.HeaderAPI) != "1" {
		t.Errorf("got %d %s %v", status, text, header)
	}
	if status, text, _ = raw(t, h.home, "GET", "/api/hello", "", control.HeaderAPI, "99"); status != 200 {
		t.Errorf("hello: %d %s", status, text)
	}
	if status, text, _ = raw(t, h.home, "GET", "/api/status", ""); status != 200 {
		t.Errorf("curl: %d %s", status, text)
	}
}
