package pruner

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// shelf is a repository that only keeps a list.
type shelf struct {
	ids       []backup.ID
	labels    map[backup.ID]repository.Label
	labelsErr error
	broken    map[backup.ID]error // manifests that cannot be read
	stuck     map[backup.ID]error // backups that cannot be removed
	forgotten []string
	pruned    []repository.PruneOptions
}

func (s *shelf) Backups(context.Context) ([]backup.ID, error) { return s.ids, nil }

func (s *shelf) Manifest(_ context.Context, id backup.ID) (*backup.Manifest, error) {
	return &backup.Manifest{ID: id}, s.broken[id]
}

func (s *shelf) Labels(context.Context) (map[backup.ID]repository.Label, error) {
	return s.labels, s.labelsErr
}

func (s *shelf) Forget(_ context.Context, ids ...backup.ID) error {
	for _, id := range ids {
		if err := s.stuck[id]; err != nil {
			return err
		}
		s.forgotten = append(s.forgotten, string(id))
	}
	return nil
}

func (s *shelf) Usage(context.Context) (repository.Usage, error) {
	return repository.Usage{Bytes: 100}, nil
}

func (s *shelf) Prune(_ context.Context, opt repository.PruneOptions) (repository.PruneReport, error) {
	s.pruned = append(s.pruned, opt)
	return repository.PruneReport{BeforeBytes: 100, AfterBytes: 60, FreedBytes: 40, WaitingBytes: 5}, nil
}

// week returns a shelf with the backups a to g of seven days, the oldest first,
// and what is known of them.
func week() (*shelf, []Backup) {
	s := &shelf{labels: map[backup.ID]repository.Label{}, broken: map[backup.ID]error{}, stuck: map[backup.ID]error{}}
	var known []Backup
	for i := range 7 {
		id := string(rune('a' + i))
		s.ids = append(s.ids, backup.ID(id))
		known = append(known, Backup{
			Backup: retention.Backup{ID: id, At: noon.AddDate(0, 0, i-7)}, Job: "nightly", Server: "shop", Database: "orders", StoredBytes: 10,
		})
	}
	return s, known
}

func prune(t *testing.T, s *shelf, known []Backup, p Policy, change ...func(*Request)) (Result, error) {
	t.Helper()
	req := Request{Repository: s, Backups: known, Policy: func(string, string, string) Policy { return p }, Room: true}
	for _, c := range change {
		c(&req)
	}
	return (&Pruner{Now: func() time.Time { return noon }}).Run(t.Context(), req)
}

func want(t *testing.T, got []string, ids string) {
	t.Helper()
	var all []string
	for _, r := range ids {
		all = append(all, string(r))
	}
	if !slices.Equal(got, all) {
		t.Errorf("got %v, want %v", got, all)
	}
}

func TestWhatNoRuleKeepsGoesAndItsRoomIsGivenBack(t *testing.T) {
	s, known := week()
	r, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 2}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, s.forgotten, "abcde")
	want(t, r.Removed, "abcde")
	if len(r.Decisions) != 7 || r.Before != 100 || r.After != 60 || r.Freed != 40 || r.Waiting != 5 || len(s.pruned) != 1 {
		t.Errorf("result %+v, pruned %v", r, s.pruned)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	s, known := week()
	r, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 2}}, func(r *Request) { r.DryRun = true })
	if err != nil || s.forgotten != nil || !s.pruned[0].DryRun {
		t.Errorf("%v, forgotten %v, pruned %+v", err, s.forgotten, s.pruned)
	}
	want(t, r.Removed, "abcde")
}

func TestPinsCountFromWhereverTheyAreNewest(t *testing.T) {
	s, known := week()
	early, late := noon.Add(-time.Hour), noon
	s.labels["a"] = repository.Label{Pinned: true, Written: early}  // pinned there
	s.labels["b"] = repository.Label{Pinned: false, Written: late}  // unpinned there since
	s.labels["c"] = repository.Label{Pinned: true, Written: early}  // unpinned here since
	s.labels["d"] = repository.Label{Pinned: false, Written: early} // pinned here since
	ours := map[string]repository.Label{
		"b": {Pinned: true, Written: early}, "c": {Written: late}, "d": {Pinned: true, Written: late}, "e": {Pinned: true, Written: early},
	}
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 1}}, func(r *Request) { r.Labels = ours }); err != nil {
		t.Fatal(err)
	}
	want(t, s.forgotten, "bcf")
}

func TestNothingGoesWhenAPinMayBeUnreadable(t *testing.T) {
	s, known := week()
	s.labelsErr = repository.ErrDamaged.Because(nil, "object", "x")
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 1}}); !errors.Is(err, repository.ErrDamaged) || s.forgotten != nil || s.pruned != nil {
		t.Errorf("%v, forgotten %v", err, s.forgotten)
	}
}

func TestNothingGoesWhileRunsFail(t *testing.T) {
	s, known := week()
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 1}, Failing: true}); err != nil || s.forgotten != nil {
		t.Errorf("%v, forgotten %v", err, s.forgotten)
	}
}

func TestABackupThatCannotBeReadIsNoReasonToRemoveOthers(t *testing.T) {
	s, known := week()
	for _, id := range []backup.ID{"g", "f"} {
		s.broken[id] = repository.ErrDamaged.Because(nil, "object", string(id))
	}
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 1}}); err != nil {
		t.Fatal(err)
	}
	// e is the newest that is good. Those that are damaged go as the rule has
	// it: they are not the last good ones.
	if slices.Contains(s.forgotten, "e") {
		t.Errorf("forgotten %v", s.forgotten)
	}
	s, known = week()
	s.broken["g"] = store.ErrUnavailable.Because(nil)
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 1}}); !errors.Is(err, store.ErrUnavailable) || s.forgotten != nil {
		t.Errorf("a store that does not answer: %v, forgotten %v", err, s.forgotten)
	}
}

func TestWhatIsGoneDoesNotCount(t *testing.T) {
	s, known := week()
	s.ids = s.ids[:4] // somebody removed the newest three by hand
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 2}}); err != nil {
		t.Fatal(err)
	}
	want(t, s.forgotten, "ab")
}

func TestWhatTheStoreForbidsToRemoveStaysForNow(t *testing.T) {
	s, known := week()
	s.stuck["b"] = store.ErrLocked.Because(nil)
	r, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 4}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r.Removed, "ac")
	want(t, r.Locked, "b")
	s, known = week()
	s.stuck["b"] = store.ErrUnavailable.Because(nil)
	r, err = prune(t, s, known, Policy{Rule: retention.Rule{Last: 4}})
	if !errors.Is(err, store.ErrUnavailable) || len(s.pruned) != 0 {
		t.Errorf("got %v", err)
	}
	want(t, r.Removed, "a") // it is gone, and the caller must know
}

func TestDatabasesAreDecidedOnApart(t *testing.T) {
	s, known := week()
	for i := range known {
		if i%2 == 0 {
			known[i].Database = "crm"
		}
	}
	if _, err := prune(t, s, known, Policy{Rule: retention.Rule{Last: 1}}); err != nil {
		t.Fatal(err)
	}
	want(t, s.forgotten, "abcde")
}
