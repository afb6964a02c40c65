package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// place is a folder with a catalog.
type place struct{ file, config string }

func newPlace(t *testing.T) place {
	dir := filepath.Join(t.TempDir(), "a b%20ç?x#") // a path that must be quoted in a URL
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return place{filepath.Join(dir, "catalog.db"), filepath.Join(dir, "config.json")}
}

func (p place) open(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), p.file, p.config, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
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

var (
	aServer = control.Server{Name: "shop", Engine: "postgres", Address: "localhost:5432", User: "ali", Options: map[string]string{"sslmode": "require"}}
	aPlace  = control.Destination{Name: "disk", URL: "file:///mnt/disk", Repository: "r1"}
	aChoice = Preferences{Language: "tr", Theme: "dark", Notify: "problems"}
	aJob    = control.Job{Name: "nightly", Server: "shop", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: backup.Incremental, Verify: "full"}
)

func configure(t *testing.T, db *DB) {
	t.Helper()
	check(t, db.AddServer(t.Context(), aServer))
	check(t, db.AddDestination(t.Context(), aPlace))
	check(t, db.AddJob(t.Context(), aJob))
	check(t, db.SetPreferences(t.Context(), aChoice))
	check(t, db.SetPaused(t.Context(), true, time.Now()))
}

func wantConfig(t *testing.T, db *DB) {
	t.Helper()
	got := must[Config](t)(db.Config(t.Context()))
	want := Config{Version: 1, Servers: []control.Server{aServer}, Destinations: []control.Destination{aPlace}, Jobs: []control.Job{aJob}, Preferences: aChoice, Paused: true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConfigurationSurvivesReopening(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	if !db.Fresh() {
		t.Error("a new catalog is not fresh")
	}
	configure(t, db)
	check(t, db.Close())
	db = p.open(t)
	if !db.Fresh() || db.Recovered() != nil {
		t.Error("the backups were not read yet, but it is not fresh, or recovered")
	}
	check(t, db.Settle(t.Context()))
	check(t, db.Close())
	db = p.open(t)
	if db.Fresh() || db.Recovered() != nil {
		t.Error("an old catalog is fresh or recovered")
	}
	wantConfig(t, db)
}

func TestLostCatalogComesBackFromTheMirror(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	configure(t, db)
	check(t, db.Close())
	check(t, os.Remove(p.file))
	db = p.open(t)
	if !db.Fresh() || !errors.Is(db.Recovered(), ErrMissing) {
		t.Errorf("fresh %v, recovered %v", db.Fresh(), db.Recovered())
	}
	wantConfig(t, db)
}

func TestDamagedCatalogIsPutAsideAndMadeAnew(t *testing.T) {
	garbage := []byte(strings.Repeat("this is no database ", 1000))
	damage := map[string]func(t *testing.T, file string){
		"overwritten": func(t *testing.T, file string) { check(t, os.WriteFile(file, garbage, 0o600)) },
		"middle": func(t *testing.T, file string) {
			f := must[*os.File](t)(os.OpenFile(file, os.O_RDWR, 0))
			_, err := f.WriteAt(garbage[:12000], 4096)
			check(t, errors.Join(err, f.Close()))
		},
		"cut off": func(t *testing.T, file string) { check(t, os.Truncate(file, 4096+100)) },
	}
	for name, f := range damage {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			db := p.open(t)
			configure(t, db)
			check(t, db.Close())
			f(t, p.file)
			db = p.open(t)
			if !db.Fresh() || !errors.Is(db.Recovered(), ErrRecovered) {
				t.Fatalf("fresh %v, recovered %v", db.Fresh(), db.Recovered())
			}
			if _, err := os.Stat(db.Recovered().Params["path"]); err != nil {
				t.Errorf("damaged catalog is gone: %v", err)
			}
			wantConfig(t, db)
		})
	}
}

func TestLostCatalogWithDamagedMirrorKeepsTheMirror(t *testing.T) {
	p := newPlace(t)
	check(t, os.WriteFile(p.config, []byte("{nonsense"), 0o600))
	for range 2 { // the second start must not take the catalog of the first for good
		if db, err := Open(t.Context(), p.file, p.config, noon); !errors.Is(err, ErrMirror) {
			t.Fatalf("got %v, %v", db, err)
		}
	}
	if text := must[[]byte](t)(os.ReadFile(p.config)); string(text) != "{nonsense" {
		t.Errorf("mirror was overwritten: %s", text)
	}
}

func TestMirrorHoldsEveryChangeAndIsPrivate(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	configure(t, db)
	must[control.Job](t)(db.EditJob(t.Context(), "nightly", func(j control.Job) (control.Job, error) {
		j.Name, j.Paused = "daily", true
		return j, nil
	}))
	check(t, db.RemoveServer(t.Context(), "shop"))
	var c Config
	check(t, json.Unmarshal(must[[]byte](t)(os.ReadFile(p.config)), &c))
	if len(c.Servers) != 0 || len(c.Destinations) != 1 || len(c.Jobs) != 1 || c.Jobs[0].Name != "daily" || !c.Jobs[0].Paused || c.Preferences != aChoice {
		t.Errorf("got %+v", c)
	}
	for _, file := range []string{p.config, p.file, p.file + "-wal"} {
		if info := must[os.FileInfo](t)(os.Stat(file)); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	if rest := must[[]string](t)(filepath.Glob(filepath.Join(filepath.Dir(p.config), ".config-*"))); len(rest) != 0 {
		t.Errorf("left behind: %v", rest)
	}
}

func TestNewerCatalogIsLeftAlone(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	_, err := db.write.ExecContext(t.Context(), "PRAGMA user_version = 99")
	check(t, errors.Join(err, db.Close()))
	if _, err := Open(t.Context(), p.file, p.config, noon); !errors.Is(err, ErrTooNew) {
		t.Errorf("got %v", err)
	}
}

func TestUnreadableCatalogIsAProblemNotDamage(t *testing.T) {
	p := newPlace(t)
	check(t, os.Mkdir(p.file, 0o700))
	if _, err := Open(t.Context(), p.file, p.config, noon); !errors.Is(err, ErrOpen) {
		t.Errorf("got %v", err)
	}
}

func TestAFullDiskIsAProblemOfItsOwn(t *testing.T) {
	db := newPlace(t).open(t)
	check(t, db.AddServer(t.Context(), control.Server{Name: "a", Engine: "postgres", Address: "x"}))
	if _, err := db.write.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	big := control.Server{Name: "b", Engine: "postgres", Address: strings.Repeat("x", 100_000)}
	if err := db.AddServer(t.Context(), big); !errors.Is(err, ErrNoSpace) {
		t.Errorf("got %v", err)
	}
	if all := must[[]control.Server](t)(db.Servers(t.Context())); len(all) != 1 {
		t.Errorf("%d servers", len(all))
	}
}

func TestNamesAreUniqueAndMissingOnesAreNotFound(t *testing.T) {
	db := newPlace(t).open(t)
	configure(t, db)
	ctx := t.Context()
	other := aPlace
	other.Name = "same repository"
	for what, err := range map[string]error{
		"server": db.AddServer(ctx, aServer), "destination": db.AddDestination(ctx, aPlace), "job": db.AddJob(ctx, aJob),
		"repository": db.AddDestination(ctx, other),
	} {
		if !errors.Is(err, ErrExists) {
			t.Errorf("%s twice: %v", what, err)
		}
	}
	_, e1 := db.Server(ctx, "x")
	_, e2 := db.Destination(ctx, "x")
	_, e3 := db.Job(ctx, "x")
	_, e4 := db.EditJob(ctx, "x", func(j control.Job) (control.Job, error) { return j, nil })
	_, e5 := db.Run(ctx, "0190")
	_, e6 := db.Backup(ctx, Latest)
	for i, err := range []error{e1, e2, e3, e4, e5, e6, db.RemoveServer(ctx, "x"), db.RemoveDestination(ctx, "x"), db.RemoveJob(ctx, "x")} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%d: got %v", i, err)
		}
	}
}

func TestMigratedEqualsFresh(t *testing.T) {
	fresh := newPlace(t).open(t)
	migrated := must[*sql.DB](t)(connect(filepath.Join(t.TempDir(), "m.db"), "immediate", 1, cached))
	defer migrated.Close()
	steps := must[[]string](t)(migrations())
	for _, step := range steps {
		_, err := migrated.ExecContext(t.Context(), step)
		check(t, err)
	}
	want, got := shape(t, fresh.read), shape(t, migrated)
	if !maps.Equal(want, got) {
		t.Errorf("fresh    %v\nmigrated %v", want, got)
	}
	_, err := migrated.ExecContext(t.Context(), "ALTER TABLE jobs ADD COLUMN x TEXT")
	check(t, err)
	if maps.Equal(want, shape(t, migrated)) {
		t.Error("the comparison does not see a new column")
	}
}

// shape describes all tables, columns and indexes.
func shape(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	scan := func(row scanner) (kv [2]string, err error) {
		err = row.Scan(&kv[0], &kv[1])
		return kv, err
	}
	rows := must[[][2]string](t)(list(t.Context(), db, scan, `SELECT m.type || ' ' || m.name || '.' || coalesce(c.name, ''),
		coalesce(c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '-') || ' ' || c.pk, x.cols, '') || coalesce(m.sql LIKE '%STRICT%', '') || coalesce(m.sql LIKE '%WHERE%', '')
		FROM sqlite_schema m LEFT JOIN pragma_table_info(m.name) c ON m.type = 'table'
		LEFT JOIN (SELECT i.name, group_concat(ii.name) cols FROM sqlite_schema i, pragma_index_info(i.name) ii WHERE i.type = 'index' GROUP BY i.name) x ON x.name = m.name`))
	out := map[string]string{}
	for _, kv := range rows {
		out[kv[0]] = kv[1]
	}
	if len(out) < 20 {
		t.Fatalf("shape sees nothing: %v", out)
	}
	return out
}

func aBackup(id string, started time.Time) control.Backup {
	return control.Backup{ID: id, Type: backup.Full, Engine: "postgres", Server: "shop", Database: "orders", Destination: "disk", Started: started, Finished: started, Rows: 7}
}

func stored(all []control.Backup) []Stored {
	out := make([]Stored, len(all))
	for i, b := range all {
		out[i].Backup = b
	}
	return out
}

func TestBackupsAreListedNewestFirstWithTheirNewestProof(t *testing.T) {
	db := newPlace(t).open(t)
	configure(t, db)
	ctx := t.Context()
	ids := []string{}
	for i := range 5 {
		at := noon.Add(time.Duration(i) * time.Hour)
		b := aBackup(string(backup.NewID(at)), at)
		if i == 4 {
			b.Database = "other"
		}
		check(t, db.AddBackup(ctx, "r1", Stored{Backup: b}))
		ids = append(ids, b.ID)
	}
	check(t, db.AddBackup(ctx, "unknown repository", Stored{Backup: aBackup(string(backup.NewID(noon)), noon)}))
	for _, status := range []backup.Status{backup.Failed, backup.OK} {
		check(t, db.AddProof(ctx, "r1", control.VerifyResult{Backup: ids[3], Status: status, Level: "full", At: noon, Checks: []control.Check{}}))
	}
	all := must[[]control.Backup](t)(db.Backups(ctx, BackupFilter{}))
	if len(all) != 5 || all[0].ID != ids[4] || all[4].ID != ids[0] || all[0].Destination != "disk" {
		t.Fatalf("got %+v", all)
	}
	if all[0].Proof != nil || all[1].Proof == nil || all[1].Proof.Status != backup.OK {
		t.Errorf("proofs: %+v %+v", all[0].Proof, all[1].Proof)
	}
	if got := must[[]control.Backup](t)(db.Backups(ctx, BackupFilter{Database: "orders", Destination: "disk", Limit: 2})); len(got) != 2 || got[0].ID != ids[3] {
		t.Errorf("filtered: %+v", got)
	}
	if last := must[[]control.Backup](t)(db.LastBackups(ctx)); len(last) != 2 || last[0].ID != ids[4] || last[1].ID != ids[3] {
		t.Errorf("last: %+v", last)
	}
	if b := must[control.Backup](t)(db.Backup(ctx, Latest)); b.ID != ids[4] {
		t.Errorf("latest is %s", b.ID)
	}
	if b := must[control.Backup](t)(db.Backup(ctx, strings.ToUpper(ids[2]))); b.ID != ids[2] {
		t.Errorf("by ID: %s", b.ID)
	}
	if _, err := db.Backup(ctx, ids[0][:3]); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("ambiguous: %v", err)
	}
	for _, bad := range []string{"", "%", "zz", "0190'--"} {
		if _, err := db.Backup(ctx, bad); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if proven := must[[]control.Backup](t)(db.LastProven(ctx)); len(proven) != 1 || proven[0].ID != ids[3] || proven[0].Proof.Status != backup.OK {
		t.Errorf("proven: %+v", proven)
	}
	known := must[[]string](t)(db.BackupIDs(ctx, "r1"))
	if slices.Sort(known); !slices.Equal(known, ids) {
		t.Errorf("known: %v", known)
	}
	check(t, db.SetBackups(ctx, "r1", []string{ids[4], ids[1], ids[0]}, stored(all[1:3])))
	if got := must[[]control.Backup](t)(db.Backups(ctx, BackupFilter{})); len(got) != 2 || got[0].Proof == nil {
		t.Errorf("after rebuild: %+v", got)
	}
	check(t, db.RemoveDestination(ctx, "disk"))
	if got := must[[]control.Backup](t)(db.Backups(ctx, BackupFilter{})); len(got) != 0 {
		t.Errorf("after removal: %+v", got)
	}
}

func TestHistoriesAndWholeBackups(t *testing.T) {
	db := newPlace(t).open(t)
	configure(t, db)
	ctx := t.Context()
	var ids []string
	for i := range MaxTrend + 5 {
		at := noon.Add(time.Duration(i) * time.Hour)
		b := aBackup(string(backup.NewID(at)), at)
		b.PlainBytes = int64(1000 + i)
		check(t, db.AddBackup(ctx, "r1", Stored{Backup: b}))
		ids = append(ids, b.ID)
	}
	other := aBackup(string(backup.NewID(noon)), noon)
	other.Server, other.PlainBytes = "erp", 7
	check(t, db.AddBackup(ctx, "r1", Stored{Backup: other}))
	got := must[[]History](t)(db.Histories(ctx))
	if len(got) != 2 || got[0].Server != "erp" || got[0].Backups != 1 || !slices.Equal(got[0].Trend, []int64{7}) {
		t.Fatalf("got %+v", got)
	}
	if h := got[1]; h.Database != "orders" || h.Backups != len(ids) || len(h.Trend) != MaxTrend || h.Trend[0] != 1005 || h.Trend[MaxTrend-1] != 1034 {
		t.Errorf("got %+v", h)
	}

	prove := func(i int, s backup.Status) {
		check(t, db.AddProof(ctx, "r1", control.VerifyResult{Backup: ids[i], Status: s, At: noon}))
	}
	prove(2, backup.OK)
	prove(4, backup.OK)
	prove(6, backup.Failed)
	prove(3, backup.OK) // an older one, later
	whole, last := must[[]control.Backup](t)(db.LastWhole(ctx)), must[[]control.Backup](t)(db.LastProven(ctx))
	if len(whole) != 1 || whole[0].ID != ids[4] || len(last) != 1 || last[0].ID != ids[3] {
		t.Errorf("whole %+v, last %+v", whole, last)
	}
	prove(4, backup.Failed)
	check(t, db.SetBackups(ctx, "r1", nil, stored(must[[]control.Backup](t)(db.Backups(ctx, BackupFilter{}))))) // as a rebuild does
	if whole := must[[]control.Backup](t)(db.LastWhole(ctx)); len(whole) != 1 || whole[0].ID != ids[3] {
		t.Errorf("after a failed proof: %+v", whole)
	}
}

func TestAnOlderCatalogIsBroughtToTheNewestForm(t *testing.T) {
	p := newPlace(t)
	old := must[*sql.DB](t)(connect(p.file, "immediate", 1, cached))
	steps := must[[]string](t)(migrations())
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := old.ExecContext(t.Context(), query, args...)
		check(t, err)
	}
	exec(steps[0])
	exec("PRAGMA user_version = 1")
	exec("INSERT INTO destinations VALUES ('disk', 'file:///d', 'r1')")
	for i, id := range []string{"a0", "a1", "a2"} {
		exec("INSERT INTO backups VALUES (?, 'r1', 's', 'd', ?, ?)", id, i, fmt.Sprintf(`{"id": %q, "plain_bytes": %d}`, id, 10+i))
	}
	exec(`INSERT INTO proofs (backup, status, at, proof) VALUES ('a0', 'failed', 1, '{}'), ('a0', 'ok', 2, '{"status": "ok"}'), ('a1', 'ok', 3, '{}'), ('a1', 'failed', 4, '{}')`)
	check(t, old.Close())
	db := p.open(t)
	if h := must[[]History](t)(db.Histories(t.Context())); len(h) != 1 || h[0].Backups != 3 || !slices.Equal(h[0].Trend, []int64{10, 11, 12}) {
		t.Errorf("histories %+v", h)
	}
	whole, last := must[[]control.Backup](t)(db.LastWhole(t.Context())), must[[]control.Backup](t)(db.LastProven(t.Context()))
	if len(whole) != 1 || whole[0].ID != "a0" || whole[0].Proof.Status != backup.OK || len(last) != 1 || last[0].ID != "a1" {
		t.Errorf("whole %+v, last %+v", whole, last)
	}
	if db.Fresh() {
		t.Error("it is taken for a new one")
	}
}

func TestChangesAreCounted(t *testing.T) {
	db := newPlace(t).open(t)
	before := db.Changes()
	must[[]control.Server](t)(db.Servers(t.Context()))
	if db.Changes() != before {
		t.Error("reading counts")
	}
	check(t, db.AddServer(t.Context(), aServer))
	if db.Changes() == before {
		t.Error("writing does not count")
	}
}

func TestUnfinishedRunsAreFoundAndTheLastThatEnded(t *testing.T) {
	db := newPlace(t).open(t)
	ctx := t.Context()
	runs := []control.Run{}
	for i, s := range []backup.Status{backup.OK, backup.Running, backup.Queued, backup.Cancelled} {
		r := control.Run{ID: fmt.Sprintf("0%d", i), Kind: backup.RunBackup, Status: s, Server: "shop", Database: "orders", Queued: noon, Progress: &backup.Progress{Done: 1}}
		runs = append(runs, r)
	}
	check(t, db.SaveRuns(ctx, runs...))
	got := must[[]control.Run](t)(db.UnfinishedRuns(ctx))
	if len(got) != 2 || got[0].ID != "01" || got[1].ID != "02" || got[0].Progress != nil {
		t.Fatalf("got %+v", got)
	}
	for i := range got {
		got[i].Status = backup.Interrupted
	}
	check(t, db.SaveRuns(ctx, got...))
	if again := must[[]control.Run](t)(db.UnfinishedRuns(ctx)); len(again) != 0 {
		t.Errorf("unfinished: %+v", again)
	}
	last := must[[]control.Run](t)(db.LastRuns(ctx, backup.RunBackup))
	if len(last) != 1 || last[0].ID != "02" {
		t.Errorf("last: %+v", last)
	}
}

func TestTheLastRunsAreThoseOfEveryDatabase(t *testing.T) {
	db := newPlace(t).open(t)
	ctx := t.Context()
	kinds := []backup.RunKind{backup.RunBackup, backup.RunVerify}
	states := []backup.Status{backup.OK, backup.Failed, backup.Cancelled, backup.Queued, backup.Running, backup.Interrupted}
	names := []string{"", "*", "a", "b", "Ş"}
	want := map[string]string{}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 500 {
		r := control.Run{
			ID: fmt.Sprintf("%03d", i), Kind: kinds[random.IntN(2)], Status: states[random.IntN(len(states))],
			Server: names[random.IntN(len(names))], Database: names[random.IntN(len(names))],
		}
		check(t, db.SaveRuns(ctx, r))
		if r.Kind == backup.RunBackup && r.Status.Over() && r.Status != backup.Cancelled {
			want[r.Server+"/"+r.Database] = r.ID
		}
	}
	got, last := map[string]string{}, ""
	for _, r := range must[[]control.Run](t)(db.LastRuns(ctx, backup.RunBackup)) {
		got[r.Server+"/"+r.Database] = r.ID
		if r.ID < last {
			t.Errorf("%s comes after %s", r.ID, last)
		}
		last = r.ID
	}
	if !maps.Equal(got, want) || len(want) != len(names)*len(names) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTheDeadAreListedUntilARunMakesUpForThem(t *testing.T) {
	db := newPlace(t).open(t)
	ctx := t.Context()
	run := func(id string, kind backup.RunKind, database, id2 string) control.Run {
		return control.Run{ID: id, Kind: kind, Status: backup.Failed, Server: "shop", Database: database, Destination: "disk", Backup: id2, Dead: true}
	}
	all := []control.Run{
		run("01", backup.RunBackup, "orders", ""), run("02", backup.RunBackup, "other", ""), run("03", backup.RunBackup, "*", ""),
		run("04", backup.RunVerify, "orders", ""), run("05", backup.RunCopy, "orders", "b1"), run("06", backup.RunCopy, "orders", "b2"),
	}
	check(t, db.SaveRuns(ctx, all...))
	dead := func() (ids []string) {
		for _, r := range must[[]control.Run](t)(db.DeadRuns(ctx, 0)) {
			ids = append(ids, r.ID)
		}
		return ids
	}
	if got := dead(); !slices.Equal(got, []string{"06", "05", "04", "03", "02", "01"}) {
		t.Errorf("dead: %v", got)
	}
	elsewhere := control.Run{ID: "07", Kind: backup.RunBackup, Status: backup.OK, Server: "shop", Database: "orders", Destination: "cloud"}
	check(t, db.SaveRuns(ctx, elsewhere))
	if got := dead(); len(got) != 6 {
		t.Errorf("after a backup to another place: %v", got)
	}
	here, copied := elsewhere, elsewhere
	here.ID, here.Destination = "08", "disk"
	copied.ID, copied.Destination, copied.Kind, copied.Backup = "09", "disk", backup.RunCopy, "b2"
	check(t, db.SaveRuns(ctx, here, copied))
	if got := dead(); !slices.Equal(got, []string{"05", "04", "02"}) {
		t.Errorf("after a backup of orders and a copy of b2: %v", got)
	}
	if r := must[control.Run](t)(db.Run(ctx, "01")); r.Dead || r.Status != backup.Failed {
		t.Errorf("made up for: %+v", r)
	}
	all[1].Dead = false
	check(t, db.SaveRuns(ctx, all[1]))
	if got := dead(); !slices.Equal(got, []string{"05", "04"}) {
		t.Errorf("after one was dismissed: %v", got)
	}
}

func TestSchedulesAndDestinationsAreRemembered(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	ctx := t.Context()
	configure(t, db)
	want := schedule.Record{Spec: "02:00 UTC", Since: noon, Begun: noon.Add(time.Hour)}
	check(t, db.SetSchedule(ctx, "backup/nightly", schedule.Record{Spec: "03:00 UTC", Since: noon, Begun: noon}))
	check(t, db.SetSchedule(ctx, "backup/nightly", want))
	check(t, db.SetSchedule(ctx, "backup/gone", want))
	check(t, db.DropSchedule(ctx, "backup/gone"))
	check(t, db.DropSchedule(ctx, "backup/gone"))
	place := aPlace
	place.RereadDays, place.LockDays = 30, 7
	check(t, db.EditDestination(ctx, place))
	if err := db.EditDestination(ctx, control.Destination{Name: "nowhere"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("edit of none: %v", err)
	}
	check(t, db.Close())
	db = p.open(t)
	if got := must[map[string]schedule.Record](t)(db.Schedules(ctx)); len(got) != 1 || got["backup/nightly"] != want {
		t.Errorf("got %+v", got)
	}
	if got := must[control.Destination](t)(db.Destination(ctx, "disk")); got != place {
		t.Errorf("got %+v", got)
	}
}

// The plans must use an index, so that lists stay fast with 100,000 runs; a
// clock would prove less on a busy machine.
func TestListsUseIndexes(t *testing.T) {
	db := newPlace(t).open(t)
	keysOf := func(f BackupFilter) string {
		query, args := f.keys()
		for _, a := range args {
			query = strings.Replace(query, "?", fmt.Sprintf("'%v'", a), 1)
		}
		return query
	}
	for _, query := range []string{
		"SELECT run FROM runs ORDER BY seq DESC LIMIT 10",
		"SELECT run FROM runs WHERE status IN ('queued', 'running') ORDER BY seq",
		"SELECT run FROM runs WHERE id >= 'a' AND id < 'b' LIMIT 2",
		"SELECT max(seq) FROM runs WHERE kind = 'backup' AND server = 's' AND database = 'd' AND status NOT IN ('queued', 'running', 'cancelled')",
		"SELECT min(database) FROM runs WHERE kind = 'backup' AND server = 's' AND database > 'd' AND status NOT IN ('queued', 'running', 'cancelled')",
		"SELECT run FROM runs WHERE dead = 1 ORDER BY seq DESC LIMIT 10",
		keysOf(BackupFilter{}),
		keysOf(BackupFilter{Database: "x"}),
		keysOf(BackupFilter{Server: "s", Database: "x"}),
		keysOf(BackupFilter{Destination: "d"}),
		keysOf(BackupFilter{Search: "x"}),
		selectBackups + " AND b.id >= 'a' AND b.id < 'b' LIMIT 2",
		"SELECT id, max(proof) FROM backups WHERE proof IS NOT NULL AND first = 1 GROUP BY server, database",
		"SELECT id, max(started) FROM backups WHERE whole = 1 AND first = 1 GROUP BY server, database",
		"SELECT server, database, count(*) n FROM backups WHERE first = 1 GROUP BY server, database",
		"SELECT plain, started, id FROM backups b WHERE b.first = 1 AND b.server = 's' AND b.database = 'd' ORDER BY started DESC, id DESC LIMIT 30",
	} {
		scan := func(row scanner) (plan string, err error) {
			var id, parent, unused int
			err = row.Scan(&id, &parent, &unused, &plan)
			return plan, err
		}
		for _, plan := range must[[]string](t)(list(t.Context(), db.read, scan, "EXPLAIN QUERY PLAN "+query)) {
			whole := strings.HasPrefix(plan, "SCAN") && !strings.Contains(plan, "INDEX") && !strings.Contains(plan, "labels") && !strings.Contains(query, "BY seq DESC")
			sorts := strings.Contains(plan, "TEMP B-TREE") && !strings.Contains(query, "status IN (")
			if whole || sorts {
				t.Errorf("%s\n\t%s", query, plan)
			}
		}
	}
}

func TestSettings(t *testing.T) {
	db := newPlace(t).open(t)
	for _, want := range []string{"", "a", "b"} {
		if want != "" {
			check(t, db.SetSetting(t.Context(), "k", want))
		}
		if got := must[string](t)(db.Setting(t.Context(), "k")); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAMirrorOfEarlierVersionsHasNoPreferences(t *testing.T) {
	p := newPlace(t)
	check(t, os.WriteFile(p.config, []byte(`{"version": 1, "servers": [], "destinations": [], "jobs": []}`), 0o600))
	if c := must[Config](t)(p.open(t).Config(t.Context())); c.Preferences != (Preferences{}) || c.Paused {
		t.Errorf("got %+v", c)
	}
	if text := must[[]byte](t)(os.ReadFile(p.config)); strings.Contains(string(text), "pre") || strings.Contains(string(text), "paused") {
		t.Errorf("what was never chosen is in the mirror: %s", text)
	}
}

func TestCancelledContextChangesNothing(t *testing.T) {
	db := newPlace(t).open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.AddServer(ctx, aServer); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if s := must[[]control.Server](t)(db.Servers(t.Context())); len(s) != 0 {
		t.Errorf("got %+v", s)
	}
}
