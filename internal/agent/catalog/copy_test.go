package catalog

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/schedule"
)

// fillAll puts something into every table.
func fillAll(t *testing.T, db *DB) {
	t.Helper()
	ctx := t.Context()
	configure(t, db)
	check(t, db.AddChannel(ctx, control.Channel{Name: "mail", Kind: "email"}))
	check(t, db.Tell(ctx, []control.Letter{{ID: "l1", Channel: "mail", Message: json.RawMessage("{}")}}, map[string]map[string]string{"mail": {"shop/orders": "failed"}}))
	check(t, db.Delivered(ctx, "mail", control.ChannelState{Failures: 3}, ""))
	for i := range 200 {
		id := fmt.Sprintf("%08x", i)
		check(t, db.SaveRuns(ctx, control.Run{ID: id, Kind: backup.RunBackup, Server: "shop", Database: "orders", Status: backup.Failed, Dead: i%50 == 0, Finished: &noon}))
	}
	check(t, db.SaveRuns(ctx, control.Run{ID: "waits", Kind: backup.RunCopy, Status: backup.Queued}))
	check(t, db.SetSchedule(ctx, "backup/nightly", schedule.Record{Spec: "02:00 UTC", Since: noon, Begun: noon}))
	b := Stored{Backup: control.Backup{ID: "0190aaaa", Server: "shop", Database: "orders", Job: "nightly", Started: noon, Finished: noon}}
	check(t, db.AddBackup(ctx, "r1", b))
	check(t, db.AddProof(ctx, "r1", control.VerifyResult{Backup: "0190aaaa", Status: backup.OK, Level: "full", At: noon}))
	check(t, db.SetLabels(ctx, map[string]Labelled{"0190aaaa": {Label: control.Label{Pinned: true, Tags: []string{"önemli"}}, Written: noon}}))
	check(t, db.SetSetting(ctx, "pruned/disk", "yesterday"))
	check(t, db.Settle(ctx))
}

// everything is the content of all tables, but for whether it has been read.
func everything(t *testing.T, db *DB) string {
	t.Helper()
	tables := func(query string) (out []string) {
		rows, err := db.read.QueryContext(t.Context(), query)
		check(t, err)
		defer rows.Close()
		names := must[[]string](t)(rows.Columns())
		for rows.Next() {
			values, into := make([]sql.NullString, len(names)), make([]any, len(names))
			for i := range values {
				into[i] = &values[i]
			}
			check(t, rows.Scan(into...))
			line := ""
			for _, v := range values {
				line += v.String + "|"
			}
			out = append(out, line)
		}
		check(t, rows.Err())
		return out
	}
	var out strings.Builder
	for _, name := range tables("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
		name = strings.TrimSuffix(name, "|")
		lines := tables("SELECT * FROM " + name)
		if len(lines) == 0 {
			t.Errorf("table %s is empty: that shows nothing", name)
		}
		lines = slices.DeleteFunc(lines, func(l string) bool { return name == "settings" && strings.HasPrefix(l, keyUnread+"|") })
		slices.Sort(lines)
		fmt.Fprintln(&out, name, lines)
	}
	return out.String()
}

// harmed makes a catalog with everything, copies it and closes it.
func harmed(t *testing.T) (p place, want string) {
	t.Helper()
	p = newPlace(t)
	db := p.open(t)
	fillAll(t, db)
	want = everything(t, db)
	check(t, db.KeepCopy(t.Context(), noon))
	check(t, db.Close())
	return p, want
}

func TestWhateverHappensToACatalogNothingIsLost(t *testing.T) {
	overwrite := func(t *testing.T, p place, at int64, with []byte) {
		f := must[*os.File](t)(os.OpenFile(p.file, os.O_RDWR, 0))
		_, err := f.WriteAt(with, at)
		check(t, errors.Join(err, f.Close()))
	}
	for name, c := range map[string]struct {
		harm func(t *testing.T, p place)
		want error
	}{
		"deleted":    {func(t *testing.T, p place) { check(t, os.Remove(p.file)) }, ErrMissingCopied},
		"empty":      {func(t *testing.T, p place) { check(t, os.Truncate(p.file, 0)) }, ErrMissingCopied},
		"garbage":    {func(t *testing.T, p place) { check(t, os.WriteFile(p.file, bytes.Repeat([]byte("x!"), 9999), 0o600)) }, ErrCopied},
		"header":     {func(t *testing.T, p place) { overwrite(t, p, 0, make([]byte, 100)) }, ErrCopied},
		"cut off":    {func(t *testing.T, p place) { check(t, os.Truncate(p.file, 10_000)) }, ErrCopied},
		"begun only": {func(t *testing.T, p place) { begunOnly(t, p) }, ErrMissingCopied},
		"a stale WAL": {func(t *testing.T, p place) {
			check(t, errors.Join(os.Rename(p.file, p.file+"-wal"), os.WriteFile(p.file, nil, 0o600)))
		}, ErrMissingCopied},
		"and mirror": {func(t *testing.T, p place) {
			check(t, errors.Join(os.Remove(p.file), os.WriteFile(p.config, []byte("{"), 0o600)))
		}, ErrMissingCopied},
		"and no mirror": {func(t *testing.T, p place) { check(t, errors.Join(os.Remove(p.file), os.Remove(p.config))) }, ErrMissingCopied},
	} {
		t.Run(name, func(t *testing.T) {
			p, want := harmed(t)
			c.harm(t, p)
			db := p.open(t)
			got := db.Recovered()
			if !db.Fresh() || !errors.Is(got, c.want) || got.Params["at"] != "2026-11-21T12:00:00Z" {
				t.Errorf("fresh %v, recovered %v", db.Fresh(), got)
			}
			if errors.Is(got, ErrCopied) {
				must[os.FileInfo](t)(os.Stat(got.Params["path"])) // it is kept
			}
			if now := everything(t, db); now != want {
				t.Errorf("there was\n%s\nthere is\n%s", want, now)
			}
			check(t, db.Settle(t.Context()))
			check(t, db.Close())
			if db = p.open(t); db.Fresh() || db.Recovered() != nil {
				t.Error("the next start is not an ordinary one")
			}
		})
	}
}

// begunOnly leaves a file as of an agent that died before it had made its tables.
func begunOnly(t *testing.T, p place) {
	t.Helper()
	check(t, os.Remove(p.file))
	db := must[*sql.DB](t)(connect(p.file, "immediate", 1, cached))
	_, err := db.ExecContext(t.Context(), "PRAGMA application_id = 0")
	check(t, err)
	check(t, db.Close())
}

// Any page may be lost: it is noticed, or nothing was on it.
func TestAnyPageOfACatalogMayBeLost(t *testing.T) {
	p, want := harmed(t)
	good := must[[]byte](t)(os.ReadFile(p.file))
	copied := must[[]byte](t)(os.ReadFile(copyOf(p.file)))
	const page = 4096
	noticed := 0
	for at := 0; at < len(good); at += page {
		bad := slices.Clone(good)
		for i := at; i < at+page; i++ {
			bad[i] ^= 0x5a
		}
		check(t, os.WriteFile(p.file, bad, 0o600))
		check(t, os.WriteFile(copyOf(p.file), copied, 0o600))
		check(t, os.Chtimes(copyOf(p.file), noon, noon))
		db := p.open(t)
		if db.Recovered() != nil {
			noticed++
		}
		if now := everything(t, db); now != want {
			t.Errorf("page %d: noticed %v, there is\n%s", at/page, db.Recovered(), now)
		}
		check(t, db.Close())
	}
	if noticed < len(good)/page*9/10 {
		t.Errorf("of %d pages only %d were missed", len(good)/page, noticed)
	}
}

func TestADamagedCopyIsNoCatalog(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, p place){
		"garbage": func(t *testing.T, p place) {
			check(t, os.WriteFile(copyOf(p.file), bytes.Repeat([]byte("x!"), 9999), 0o600))
		},
		"cut off": func(t *testing.T, p place) { check(t, os.Truncate(copyOf(p.file), 10_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			db := p.open(t)
			configure(t, db)
			check(t, db.KeepCopy(t.Context(), noon))
			check(t, db.Close())
			harm(t, p)
			check(t, os.WriteFile(p.file, bytes.Repeat([]byte("y?"), 9999), 0o600))
			db = p.open(t)
			if !db.Fresh() || !errors.Is(db.Recovered(), ErrRecovered) {
				t.Errorf("fresh %v, recovered %v", db.Fresh(), db.Recovered())
			}
			wantConfig(t, db)
		})
	}
}

// What was configured after the copy was made is in the mirror.
func TestTheNewerOfMirrorAndCatalogCounts(t *testing.T) {
	p, _ := harmed(t)
	db := p.open(t)
	check(t, db.AddServer(t.Context(), control.Server{Name: "late", Engine: "postgres", Address: "x"}))
	check(t, db.RemoveJob(t.Context(), "nightly"))
	check(t, db.Close())
	check(t, os.Remove(p.file))
	db = p.open(t)
	if all := must[[]control.Server](t)(db.Servers(t.Context())); len(all) != 2 || all[0].Name != "late" {
		t.Errorf("servers %+v", all)
	}
	if all := must[[]control.Job](t)(db.Jobs(t.Context())); len(all) != 0 {
		t.Errorf("jobs %+v", all)
	}
	if s := must[map[string]control.ChannelState](t)(db.ChannelStates(t.Context()))["mail"]; s.Failures != 3 || s.Waiting != 1 {
		t.Errorf("channel %+v", s)
	}
	if all := must[[]control.Run](t)(db.Runs(t.Context(), 0)); len(all) == 0 {
		t.Error("the history is gone")
	}
}

// The power goes, and with it the write-ahead log: the catalog is that of its
// last checkpoint. What a person had set up is in the mirror.
func TestALostLogCostsNoConfiguration(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	_, err := db.write.ExecContext(t.Context(), "PRAGMA wal_checkpoint(truncate)")
	check(t, err)
	configure(t, db)
	old := must[[]byte](t)(os.ReadFile(p.file))
	mirrored := must[[]byte](t)(os.ReadFile(p.config))
	check(t, db.Close())
	check(t, os.WriteFile(p.file, old, 0o600))
	check(t, os.WriteFile(p.config, mirrored, 0o600))
	wantConfig(t, p.open(t))
}

func TestACopyIsMadeWhenItIsTime(t *testing.T) {
	p := newPlace(t)
	db := p.open(t)
	ctx := t.Context()
	at := func(now time.Time) (written bool) {
		t.Helper()
		check(t, db.KeepCopy(ctx, now))
		info := must[os.FileInfo](t)(os.Stat(copyOf(p.file)))
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
		return info.ModTime().Equal(now)
	}
	change := func() { check(t, db.SetSetting(ctx, "k", "v")) }
	for i, step := range []struct {
		after   time.Duration
		changed bool
		want    bool
	}{{0, false, true}, {time.Hour, false, false}, {time.Minute, true, false}, {time.Hour, true, true}, {-time.Hour, true, true}} {
		if step.changed {
			change()
		}
		if got := at(noon.Add(step.after)); got != step.want {
			t.Errorf("step %d: written %v", i, got)
		}
	}
	change()
	check(t, db.LastCopy(ctx, noon.Add(2*time.Hour)))
	if info := must[os.FileInfo](t)(os.Stat(copyOf(p.file))); !info.ModTime().Equal(noon.Add(2 * time.Hour)) {
		t.Errorf("the last copy is of %v", info.ModTime())
	}
	good := must[[]byte](t)(os.ReadFile(copyOf(p.file)))
	_, err := db.write.ExecContext(ctx, "PRAGMA wal_checkpoint(truncate)")
	check(t, err)
	check(t, os.Truncate(p.file, 10_000))
	change()
	if err := db.KeepCopy(ctx, noon.AddDate(0, 0, 9)); err == nil {
		t.Error("a damaged catalog was copied")
	}
	if !bytes.Equal(good, must[[]byte](t)(os.ReadFile(copyOf(p.file)))) {
		t.Error("a damaged catalog got over the copy")
	}
}
