package repository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/store"
)

// A Label is what people say of a backup. It lies beside the backup in the
// store, so that every machine sees it, and goes with it.
type Label struct {
	Pinned  bool      `json:"pinned,omitempty"` // no rule removes it
	Tags    []string  `json:"tags,omitempty"`   // at most MaxTags
	Note    string    `json:"note,omitempty"`
	Written time.Time `json:"written"` // set by SetLabel, by the writer's clock
}

const (
	// MaxTags is how many tags a label may have.
	MaxTags = 100
	// MaxLabel is the size of the largest label as JSON, in bytes.
	MaxLabel = 32 << 10
)

// SetLabel replaces what is said of a backup. When two machines do so at once,
// one of the two labels counts in the end, and it is the same everywhere.
// ErrNoBackup, ErrLabel.
func (r *Repository) SetLabel(ctx context.Context, id backup.ID, l Label) error {
	if !idPattern.MatchString(string(id)) {
		return ErrNoBackup.Because(nil, "id", string(id))
	}
	_, err := r.st.Stat(ctx, manifestName(id))
	if errors.Is(err, store.ErrNotFound) {
		return ErrNoBackup.Because(err, "id", string(id))
	}
	if err != nil {
		return fmt.Errorf("look for backup %s: %w", id, err)
	}
	l.Written = r.opt.Now().UTC().Round(0)
	b, err := encodeJSON(l)
	if err != nil {
		return fmt.Errorf("encode label: %w", err)
	}
	if len(b) > MaxLabel || len(l.Tags) > MaxTags {
		return ErrLabel.Because(nil, "tags", strconv.Itoa(MaxTags), "size", strconv.Itoa(MaxLabel))
	}
	return r.putLabel(ctx, id, b)
}

// putLabel writes a label under the next number that is free; the store, which
// never replaces, decides between machines. Older ones are removed after that.
func (r *Repository) putLabel(ctx context.Context, id backup.ID, b []byte) error {
	for {
		older, err := r.numbered(ctx, labelPrefix+string(id)+"-")
		if err != nil {
			return err
		}
		n := 1
		if len(older) > 0 {
			n += older[len(older)-1].n
		}
		name := numberedName(labelPrefix, string(id), n)
		err = r.putOnce(ctx, name, seal(r.keys.meta, magicLabel, name, b))
		if errors.Is(err, store.ErrExists) {
			continue // another machine was faster
		}
		if err != nil {
			return err
		}
		for _, o := range older {
			_ = r.st.Delete(ctx, o.name) // one that stays does not count; the next label removes it
		}
		return nil
	}
}

// Labels returns what is said of the backups; one of which nothing was ever
// said is not in the map. When labels cannot be read, the error (ErrDamaged,
// ErrNewer) comes with all that could be: enough to show, but no ground to
// remove a backup on, which may be pinned by the label that is missing.
func (r *Repository) Labels(ctx context.Context) (map[backup.ID]Label, error) {
	all, err := r.numbered(ctx, labelPrefix)
	if err != nil {
		return nil, err
	}
	newest := make(map[string]numbered)
	for _, o := range all {
		if o.n > newest[o.id].n {
			newest[o.id] = o
		}
	}
	labels := make(map[backup.ID]Label)
	var broken []error
	for id, o := range newest {
		l, err := r.readLabel(ctx, o)
		switch {
		case errors.Is(err, store.ErrNotFound): // went with its backup
		case isDamage(err):
			broken = append(broken, err)
		case err != nil:
			return labels, err
		default:
			labels[backup.ID(id)] = *l
		}
	}
	return labels, errors.Join(broken...)
}

// readLabel reads a label, or the newer one that has taken its place since it
// was listed.
func (r *Repository) readLabel(ctx context.Context, o numbered) (*Label, error) {
	for {
		l, err := r.openLabel(ctx, o.name)
		if !errors.Is(err, store.ErrNotFound) {
			return l, err
		}
		now, lerr := r.numbered(ctx, labelPrefix+o.id+"-")
		if lerr != nil {
			return nil, lerr
		}
		if len(now) == 0 || now[len(now)-1].n <= o.n {
			return nil, err
		}
		o = now[len(now)-1]
	}
}

func (r *Repository) openLabel(ctx context.Context, name string) (*Label, error) {
	plain, err := r.openSmall(ctx, name, magicLabel, 2*MaxLabel)
	if err != nil {
		return nil, err
	}
	l, err := parseLabel(plain)
	if err != nil {
		return nil, damaged(name, err)
	}
	return l, nil
}

func parseLabel(b []byte) (*Label, error) {
	var l Label
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("parse label: %w", err)
	}
	return &l, nil
}

// openSmall reads and opens one of the small sealed objects.
func (r *Repository) openSmall(ctx context.Context, name, magic string, limit int64) ([]byte, error) {
	b, err := readObject(ctx, r.st, name, limit)
	if err != nil {
		return nil, err
	}
	return unseal(r.keys.meta, magic, name, b)
}

// numbered is an object whose name ends in <uuid>-<n>: its holder replaces it
// by writing n+1 and then removing n.
type numbered struct {
	name     string
	id       string
	n        int
	modified time.Time // by the store's clock
}

func numberedName(prefix, id string, n int) string { return prefix + id + "-" + strconv.Itoa(n) }

// numbered lists such objects, in the order of id and n. It lists twice: an
// object that was replaced in the midst of a listing may not be in it at all,
// neither as n nor as n+1.
func (r *Repository) numbered(ctx context.Context, prefix string) ([]numbered, error) {
	folder := prefix[:strings.IndexByte(prefix, '/')+1]
	found := make(map[string]numbered)
	for range 2 {
		for o, err := range r.st.List(ctx, prefix) {
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", folder, err)
			}
			if id, n, ok := parseNumbered(strings.TrimPrefix(o.Key, folder)); ok {
				found[o.Key] = numbered{name: o.Key, id: id, n: n, modified: o.Modified}
			}
		}
	}
	all := make([]numbered, 0, len(found))
	for _, o := range found {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b numbered) int {
		if a.id != b.id {
			return strings.Compare(a.id, b.id)
		}
		return a.n - b.n
	})
	return all, nil
}

// ours reports whether an object's name has the form of a label, a lease, a
// turn or a mark.
func ours(name string) bool {
	_, rest, _ := strings.Cut(name, "/")
	if strings.HasPrefix(name, marksPrefix) {
		return idPattern.MatchString(strings.TrimSuffix(rest, waitsSuffix))
	}
	_, _, ok := parseNumbered(rest)
	return ok
}

// parseNumbered reads <uuid>-<n>; there is one way to write each.
func parseNumbered(s string) (id string, n int, ok bool) {
	const uuid = 36
	if len(s) < uuid+2 || s[uuid] != '-' || !idPattern.MatchString(s[:uuid]) {
		return "", 0, false
	}
	n, err := strconv.Atoi(s[uuid+1:])
	return s[:uuid], n, err == nil && n > 0 && strconv.Itoa(n) == s[uuid+1:]
}
