package catalog

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// The quick way of searching finds what going through all backups finds.
func TestASearchByTheIndexFindsTheSame(t *testing.T) {
	db := newPlace(t).open(t)
	configure(t, db)
	ctx := t.Context()
	var made []Stored
	labels := map[string]Labelled{}
	for i := range 300 {
		at := noon.Add(time.Duration(i) * time.Minute)
		b := aBackup(string(backup.NewID(at)), at)
		b.Database, b.Server, b.Job = fmt.Sprintf("Veri%d", i%30), fmt.Sprintf("srv%d", i%3), []string{"gece", "GÜNDÜZ"}[i%2]
		made = append(made, Stored{Backup: b})
		if i%7 == 0 {
			labels[b.ID] = Labelled{Label: control.Label{Pinned: i%2 == 0, Tags: []string{"Kalsın"}, Note: fmt.Sprint("note ", i%4)}, Written: at}
		}
	}
	check(t, db.SetBackups(ctx, "r1", nil, made))
	check(t, db.SetLabels(ctx, labels))
	quick := 0
	for _, words := range []string{"veri7", "veri1", "VERİ", "srv2", "gece", "gündüz", "note 3", "kalsin", "none", made[5].ID[:18], made[5].ID, "%", "'"} {
		for _, f := range []BackupFilter{{}, {Limit: 5}, {Server: "srv1"}, {Database: "Veri7"}, {Tag: "kalsın"}, {Pinned: true}, {Pinned: true, Limit: 3}, {Server: "srv1", Tag: "kalsın", Limit: 2}} {
			f.Search = words
			_, _, ok, err := db.search(ctx, f)
			check(t, err)
			if ok {
				quick++
			}
			query, args := f.keys()
			ids := func(row scanner) (id string, err error) {
				var started int64
				err = row.Scan(&id, &started)
				return id, err
			}
			want := must[[]string](t)(list(ctx, db.read, ids, query, args...))
			var got []string
			for _, b := range must[[]control.Backup](t)(db.Backups(ctx, f)) {
				got = append(got, b.ID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: %d found, want %d", f, len(got), len(want))
			}
		}
	}
	pinned := must[[]control.Backup](t)(db.Backups(ctx, BackupFilter{Pinned: true}))
	if len(pinned) != 22 || slices.ContainsFunc(pinned, func(b control.Backup) bool { return !b.Pinned }) {
		t.Errorf("%d pinned, want 22 of the 43 that have a label", len(pinned))
	}
	if quick < 40 {
		t.Errorf("only %d searches by the index", quick)
	}
}

func TestABackupIsOneWhereverItLies(t *testing.T) {
	db := newPlace(t).open(t)
	configure(t, db)
	ctx := t.Context()
	check(t, db.AddDestination(ctx, control.Destination{Name: "cloud", URL: "file:///c", Repository: "r0"})) // an older repository
	b := aBackup(string(backup.NewID(noon)), noon)
	b.PlainBytes = 7
	check(t, db.AddBackup(ctx, "r0", Stored{Backup: b, Copied: true}))
	if got := must[control.Backup](t)(db.Backup(ctx, b.ID)); got.Destination != "cloud" || got.Copies != nil {
		t.Errorf("the copy alone: %+v", got)
	}
	check(t, db.AddBackup(ctx, "r1", Stored{Backup: b}))
	check(t, db.AddProof(ctx, "r0", control.VerifyResult{Backup: b.ID, Status: backup.OK, At: noon, Destination: "cloud"}))
	got := must[control.Backup](t)(db.Backup(ctx, b.ID))
	if got.Destination != "disk" || !slices.Equal(got.Copies, []string{"cloud"}) || got.Proof == nil || got.Proof.Destination != "cloud" {
		t.Errorf("both: %+v", got)
	}
	if h := must[[]History](t)(db.Histories(ctx)); len(h) != 1 || h[0].Backups != 1 || len(h[0].Trend) != 1 {
		t.Errorf("histories %+v", h)
	}
	for name, all := range map[string][]control.Backup{
		"last": must[[]control.Backup](t)(db.LastBackups(ctx)), "proven": must[[]control.Backup](t)(db.LastProven(ctx)), "whole": must[[]control.Backup](t)(db.LastWhole(ctx)),
	} {
		if len(all) != 1 || all[0].Destination != "disk" {
			t.Errorf("%s: %+v", name, all)
		}
	}
	held := func(destination string) Held {
		all := must[[]Held](t)(db.Held(ctx, destination, "", ""))
		if len(all) != 1 {
			t.Fatalf("%s holds %+v", destination, all)
		}
		return all[0]
	}
	// A bad proof of one copy says nothing of the other.
	check(t, db.AddProof(ctx, "r0", control.VerifyResult{Backup: b.ID, Status: backup.Failed, At: noon}))
	if held("cloud").Proof != backup.Failed || held("disk").Proof != "" {
		t.Errorf("cloud %+v, disk %+v", held("cloud"), held("disk"))
	}
	if places := must[[]control.Destination](t)(db.Places(ctx, b.ID)); len(places) != 2 || places[0].Name != "disk" {
		t.Errorf("places %+v", places)
	}
	check(t, db.SetLabels(ctx, map[string]Labelled{b.ID: {Label: control.Label{Pinned: true}, Written: noon}}))
	check(t, db.SetLabels(ctx, map[string]Labelled{b.ID: {Written: noon.Add(-time.Hour)}})) // an older one
	check(t, db.RemoveDestination(ctx, "disk"))
	if got := must[control.Backup](t)(db.Backup(ctx, b.ID)); got.Destination != "cloud" || got.Copies != nil || !got.Pinned {
		t.Errorf("without the first: %+v", got)
	}
	check(t, db.SetBackups(ctx, "r0", []string{b.ID}, nil))
	if all := must[map[string]Labelled](t)(db.Labels(ctx)); len(all) != 0 {
		t.Errorf("a label of nothing: %+v", all)
	}
}
