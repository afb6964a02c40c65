package archiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store"
)

// shelf is a repository of manifests only; an entry may be an error.
type shelf map[backup.ID]any

func (s shelf) Backups(context.Context) (ids []backup.ID, err error) {
	for id := range s {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

func (s shelf) Manifest(_ context.Context, id backup.ID) (*backup.Manifest, error) {
	switch x := s[id].(type) {
	case *backup.Manifest:
		return x, nil
	case error:
		return nil, x
	}
	return nil, repository.ErrNoBackup.Because(nil, "id", string(id))
}

func chain(links int) shelf {
	s := shelf{}
	for i := range links {
		id := backup.ID(fmt.Sprint("b", i))
		m := &backup.Manifest{ID: id, Root: "b0", Depth: i, Database: "shop", Type: backup.Incremental}
		if i == 0 {
			m.Type = backup.Full
		} else {
			m.Base = backup.ID(fmt.Sprint("b", i-1))
		}
		s[id] = m
	}
	return s
}

func TestPickBase(t *testing.T) {
	with := func(s shelf, id backup.ID, x any) shelf { s[id] = x; return s }
	without := func(s shelf, ids ...backup.ID) shelf {
		for _, id := range ids {
			delete(s, id)
		}
		return s
	}
	for name, c := range map[string]struct {
		repo shelf
		typ  backup.Type
		base backup.ID
		warn error
	}{
		"a full leans on nothing":                      {chain(3), backup.Full, "", nil},
		"the first incremental becomes a full":         {shelf{}, backup.Incremental, "", nil},
		"an incremental leans on the last":             {chain(3), backup.Incremental, "b2", nil},
		"the eighth link is still allowed":             {chain(8), backup.Incremental, "b7", nil},
		"the ninth link leans on the root":             {chain(9), backup.Incremental, "b0", nil},
		"a differential leans on the root":             {chain(5), backup.Differential, "b0", nil},
		"a differential after a full":                  {chain(1), backup.Differential, "b0", nil},
		"a lost root makes a full":                     {with(chain(3), "b0", repository.ErrDamaged.Because(nil, "object", "x")), backup.Differential, "", WarnBaseLost},
		"without its root the ninth leans on the next": {without(chain(9), "b0", "b1"), backup.Incremental, "b2", nil},
		"of two as near the newest":                    {with(without(chain(9), "b0", "b1"), "b3x", &backup.Manifest{ID: "b3x", Root: "b0", Depth: 2, Database: "shop"}), backup.Incremental, "b3x", nil},
		"a damaged root is said":                       {with(chain(9), "b0", repository.ErrDamaged.Because(nil, "object", "x")), backup.Incremental, "b1", WarnBaseLost},
		"the ends of chains make a full":               {without(chain(9), "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"), backup.Incremental, "", nil},
		"a differential without its root is a full":    {without(chain(5), "b0"), backup.Differential, "", nil},
		"a damaged last is passed over":                {with(chain(3), "b2", repository.ErrDamaged.Because(nil, "object", "x")), backup.Incremental, "b1", WarnBaseLost},
		"all damaged makes a full":                     {with(shelf{}, "b0", repository.ErrMissing.Because(nil, "object", "x")), backup.Incremental, "", WarnBaseLost},
		"backups of other databases are not leant on":  {with(chain(2), "b9", &backup.Manifest{ID: "b9", Root: "b9", Database: "other"}), backup.Incremental, "b1", nil},
		"another database's first is a full, not b1's": {with(shelf{}, "b9", &backup.Manifest{ID: "b9", Root: "b9", Database: "other"}), backup.Incremental, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			m, warn, err := pickBase(t.Context(), c.repo, c.typ, func(m *backup.Manifest) bool { return m.Database == "shop" })
			if err != nil {
				t.Fatal(err)
			}
			var got backup.ID
			if m != nil {
				got = m.ID
			}
			if got != c.base {
				t.Errorf("base %q, want %q", got, c.base)
			}
			if (warn != nil) != (c.warn != nil) || warn != nil && !errors.Is(warn, c.warn) {
				t.Errorf("warning %v, want %v", warn, c.warn)
			}
		})
	}
}

// A store that does not answer must fail the run: a full made out of a passing
// fault would be a hundred times as large.
func TestPickBaseStoreAwayIsNoReasonForAFull(t *testing.T) {
	s := chain(2)
	s["b1"] = store.ErrUnavailable
	_, _, err := pickBase(t.Context(), s, backup.Incremental, func(*backup.Manifest) bool { return true })
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
}
