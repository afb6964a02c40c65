package message

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// A Digest is what was made in some time.
type Digest struct {
	Backups, Databases     int
	PlainBytes, AddedBytes int64
	Proofs                 int       // that succeeded
	Next                   time.Time // the next backup; zero: none is planned
}

// evening is the hour, on this computer's clock, at which digests are told.
const evening = 18

// lastEvening is the last moment, up to now, at which a digest was due.
func lastEvening(now time.Time) time.Time {
	at := time.Date(now.Year(), now.Month(), now.Day(), evening, 0, 0, 0, now.Location())
	if at.After(now) {
		at = time.Date(now.Year(), now.Month(), now.Day()-1, evening, 0, 0, 0, now.Location())
	}
	return at
}

// digests writes the digests that are due. One that was missed, because no
// agent ran, is told once, with all that was made since the last one.
func (t *teller) digests(ctx context.Context, w writer, b *book) (letters []control.Letter, err error) {
	for _, c := range b.channels {
		if c.Paused || !wants(c, OnDigest) {
			continue
		}
		last, err := time.Parse(time.RFC3339, b.told[c.Name][OnDigest])
		if err != nil || last.After(w.now) { // a new channel, or the clock was ahead
			b.say(c.Name, OnDigest, stamp(w.now))
			continue
		}
		if !last.Before(lastEvening(w.now)) {
			continue
		}
		d, err := t.Digest(ctx, last, w.now)
		if err != nil {
			return nil, fmt.Errorf("sum up the day: %w", err)
		}
		b.say(c.Name, OnDigest, stamp(w.now))
		letters = append(letters, letter(c, w.digest(d, last, b)))
	}
	return letters, nil
}

func (w writer) digest(d Digest, since time.Time, b *book) Message {
	title := w.N("message.digest.title", int64(d.Backups))
	severity := Good
	lines := []string{w.T("message.digest.since", "since", stamp(since))}
	if d.Backups > 0 {
		lines = append(lines, w.N("message.digest.backups", int64(d.Databases),
			"plain", strconv.FormatInt(d.PlainBytes, 10), "added", strconv.FormatInt(d.AddedBytes, 10)))
	} else {
		title, severity = w.T("message.digest.none"), Warn
	}
	if d.Proofs > 0 {
		lines = append(lines, w.N("message.digest.proofs", int64(d.Proofs)))
	} else {
		lines = append(lines, w.T("message.digest.unproven"))
	}
	if n := len(b.report.Concerns); n > 0 {
		severity = Warn
		lines = append(lines, w.N("message.digest.concerns", int64(n)))
		for _, c := range b.report.Concerns[:min(n, named)] {
			lines = append(lines, "• "+w.Say(c.Text.Code, c.Text.Params, w.now))
		}
	}
	if !d.Next.IsZero() {
		lines = append(lines, w.T("message.digest.next", "at", stamp(d.Next)))
	}
	return w.message(OnDigest, severity, title, lines)
}
