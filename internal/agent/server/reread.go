package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/queue"
	"github.com/rahatbackup/rahat/internal/agent/scheduler"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
)

// ErrRereadDamaged: {objects} objects in destination {destination} are not what
// was written; {backups} backups of {databases} need them, and of those the
// tables {tables}.
var ErrRereadDamaged = problem.New("agent.reread_damaged")

const (
	taskReread = "reread/"
	// rereadAt is when the day's piece of a destination is read.
	rereadAt = "04:30"
	day      = 24 * time.Hour
	// mostNamed is how many backups or tables a message names.
	mostNamed = 8
	// mostChecked is how many backups are read through to say which of their
	// tables are damaged.
	mostChecked = 2
)

// A rereading is how far the re-read of a repository is. It is kept in the
// catalog; without it a round begins anew.
type rereading struct {
	Next   string    `json:"next"`   // where to go on; empty: at the beginning
	Round  time.Time `json:"round"`  // when the present round began
	Whole  time.Time `json:"whole"`  // when the last round that was completed had begun
	Pieces []piece   `json:"pieces"` // the latest, as far as they count
}

type piece struct {
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes"`
}

// share returns how much of so many bytes was read since a moment, 0 to 1.
func (r *rereading) share(total int64, since time.Time) float64 {
	if !r.Whole.Before(since) {
		return 1
	}
	var sum int64
	for _, p := range r.Pieces {
		if !p.At.Before(since) {
			sum += p.Bytes
		}
	}
	return min(1, float64(sum)/float64(max(total, 1)))
}

// due returns how many bytes are to be read now so that all is read within so
// many days: a piece for every day since the last one.
func (r *rereading) due(total int64, days int, now time.Time) int64 {
	since := time.Duration(0)
	if n := len(r.Pieces); n > 0 {
		since = now.Sub(r.Pieces[n-1].At)
	}
	pieces := min(max(1, int64((since+day/2)/day)), int64(days))
	return (total*pieces + int64(days) - 1) / int64(days)
}

// note adds a piece that was read and forgets those that count no more.
func (r *rereading) note(p piece, next string, since time.Time) {
	if r.Next == "" {
		r.Round = p.At
	}
	if r.Next = next; next == "" {
		r.Whole = r.Round
	}
	r.Pieces = append(slices.DeleteFunc(r.Pieces, func(old piece) bool { return old.At.Before(since) }), p)
}

func rereadKey(repository string) string { return "reread/" + repository }

// rereadOf is the run that reads a piece of a destination.
func rereadOf(destination string) control.Run {
	return control.Run{Kind: backup.RunReread, Destination: destination}
}

// startReread queues the piece of a destination that is due now.
func (s *Server) startReread(ctx context.Context, in *named) (control.Runs, error) {
	d, err := s.destinationOf(ctx, in.Name)
	if err != nil {
		return control.Runs{}, err
	}
	w, err := s.workOf(ctx, rereadOf(d.Name))
	if err != nil {
		return control.Runs{}, err
	}
	return s.start(ctx, w)
}

// beginReread queues the day's piece.
func (p plan) beginReread(ctx context.Context, destination string, o scheduler.Occasion) (bool, error) {
	busy := slices.ContainsFunc(p.Queue.Active(), func(r control.Run) bool { return r.Kind == backup.RunReread && r.Destination == destination })
	if busy {
		return false, nil // it reads what is due, however long that takes
	}
	r := runOf(control.Job{}, backup.RunReread, o)
	r.Destination = destination
	w, err := p.workOf(ctx, r)
	if err != nil {
		return false, err
	}
	_, err = p.Queue.Add(ctx, w)
	return true, err
}

// reread reads a piece of a destination and compares it with its checksums. Of a
// destination without a time for it, all is read.
func (s *Server) reread(d control.Destination) do {
	return func(ctx context.Context, run control.Run, report backup.Observe) (out queue.Outcome, err error) {
		begun := s.Now()
		report(backup.Progress{Phase: backup.PhaseConnect, Item: d.Name})
		repo, done, err := s.repos.use(ctx, d)
		if err != nil {
			return out, err
		}
		defer done()
		at, err := s.rereading(ctx, repo.ID())
		if err != nil {
			return out, err
		}
		usage, err := repo.Usage(ctx)
		if err != nil {
			return out, fmt.Errorf("measure repository: %w", err)
		}
		days := max(1, d.RereadDays)
		since := begun.Add(-time.Duration(days) * day)
		next, found, err := repo.Reread(ctx, at.Next, at.due(usage.Bytes, days, begun), report)
		if err != nil {
			return out, fmt.Errorf("read destination: %w", err)
		}
		at.note(piece{At: begun.UTC(), Bytes: found.Bytes}, next, since)
		if err := s.keepRereading(ctx, repo.ID(), at); err != nil {
			return out, err
		}
		result := control.RereadResult{
			Run: run.ID, Status: backup.OK, Destination: d.Name, Bytes: found.Bytes, Packs: found.Packs,
			Covered: at.share(usage.Bytes, since), Damaged: len(objects(found.Damage)), Seconds: s.Now().Sub(begun).Seconds(),
		}
		if len(found.Damage) > 0 {
			result.Status = backup.Failed
			err = s.tellDamage(ctx, repo, d, found.Damage, report)
		}
		out.Result = result
		return out, err
	}
}

// rereading returns how far a repository is.
func (s *Server) rereading(ctx context.Context, id string) (r rereading, err error) {
	text, err := s.Catalog.Setting(ctx, rereadKey(id))
	if err != nil {
		return r, fmt.Errorf("read position: %w", err)
	}
	if text == "" || json.Unmarshal([]byte(text), &r) != nil {
		return rereading{}, nil // at the beginning, which is never wrong
	}
	return r, nil
}

func (s *Server) keepRereading(ctx context.Context, id string, r rereading) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode position: %w", err)
	}
	if err := s.Catalog.SetSetting(context.WithoutCancel(ctx), rereadKey(id), string(text)); err != nil {
		return fmt.Errorf("save position: %w", err)
	}
	return nil
}

// objects are the damaged objects, each once.
func objects(damage []repository.Damage) []string {
	var names []string
	for _, d := range damage {
		names = append(names, d.Object)
	}
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// tellDamage says in a problem which backups cannot be counted on any more, and
// of the newest of them which tables.
func (s *Server) tellDamage(ctx context.Context, repo *repository.Repository, d control.Destination, damage []repository.Damage, report backup.Observe) error {
	var ids []backup.ID
	for _, x := range damage {
		if x.Backup != "" {
			ids = append(ids, x.Backup)
		}
	}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	var names, tables []string
	for n, id := range slices.Backward(ids) { // the newest first
		m, err := repo.Manifest(ctx, id)
		if err != nil {
			continue // damaged itself
		}
		names = append(names, m.Server+"/"+string(m.Database))
		if n < len(ids)-mostChecked {
			continue
		}
		found, err := repo.Check(ctx, id, report)
		if err != nil {
			return fmt.Errorf("look which tables are damaged: %w", err)
		}
		for _, x := range found.Damage {
			tables = append(tables, string(m.Database)+": "+string(x.Part))
		}
	}
	return ErrRereadDamaged.Because(nil, "destination", d.Name, "objects", strconv.Itoa(len(objects(damage))),
		"backups", strconv.Itoa(len(ids)), "databases", some(names), "tables", some(tables))
}

// some lists names, each once, and not too many.
func some(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	switch {
	case len(names) == 0:
		return "–"
	case len(names) > mostNamed:
		return strings.Join(names[:mostNamed], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
