package message

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// Codes and kinds of other packages that decide what is told.
const (
	proofFailed = "agent.proof_failed"

	noBackup  = "no_backup"
	failed    = "failed"
	disproven = "disproven"
	overdue   = "overdue"
	proofOld  = "proof_old"
)

// severity is the order of the kinds of concerns, the worst first. Of each
// database only the worst is known.
var severity = []string{noBackup, failed, disproven, overdue, proofOld}

// classes are the kinds of concerns that are told, by what channels want. A
// failure is told of the run that failed.
var classes = map[string]string{overdue: OnOverdue, proofOld: OnProof, disproven: OnProof}

// A trouble is something that is wrong until it is well again.
type trouble struct {
	Class   string           `json:"class"` // failure, overdue or proof
	Sign    string           `json:"sign"`  // what is wrong: when it changes, it is told again
	Since   time.Time        `json:"since"`
	Run     *control.Run     `json:"run,omitempty"`
	Concern *control.Concern `json:"concern,omitempty"`
}

// place is the database that a trouble is about.
func (t trouble) place() (server, database string) {
	if t.Run != nil {
		return t.Run.Server, t.Run.Database
	}
	return t.Concern.Server, t.Concern.Database
}

// A book holds what is wrong, what was told of it, and what is new. Nothing in
// it is written down before [Store.Tell].
type book struct {
	now      time.Time
	channels []control.Channel
	jobs     []control.Job
	places   []control.Destination
	report   control.StatusReport
	backups  []control.Backup // the newest of each database
	proven   []control.Backup // the one of each that was proved last

	told     map[string]map[string]string
	troubles map[string]trouble
	well     map[string]trouble // what was wrong, and is well since
	fresh    []control.Run      // what went well since it was last told
	said     map[string]map[string]string
}

// open reads what the book begins with.
func (t *teller) open(ctx context.Context) (*book, error) {
	b := &book{now: t.Now().UTC(), troubles: map[string]trouble{}, well: map[string]trouble{}, said: map[string]map[string]string{}}
	var err error
	read := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	read(func() (err error) { b.channels, err = t.Store.Channels(ctx); return err })
	read(func() (err error) { b.jobs, err = t.Store.Jobs(ctx); return err })
	read(func() (err error) { b.places, err = t.Store.Destinations(ctx); return err })
	read(func() (err error) { b.backups, err = t.Store.LastBackups(ctx); return err })
	read(func() (err error) { b.proven, err = t.Store.LastProven(ctx); return err })
	read(func() (err error) { b.report, err = t.Status(ctx); return err })
	read(func() (err error) { b.told, err = t.Store.Told(ctx); return err })
	if err != nil {
		return nil, fmt.Errorf("read what is to be told: %w", err)
	}
	for subject, text := range b.told[""] {
		var tr trouble
		if err := json.Unmarshal([]byte(text), &tr); err != nil || tr.Run == nil && tr.Concern == nil {
			b.say("", subject, "") // of another version
			continue
		}
		b.troubles[subject] = tr
	}
	return b, nil
}

// say notes what a channel is told; of no channel, what is wrong.
func (b *book) say(channel, subject, text string) {
	if b.said[channel] == nil {
		b.said[channel] = map[string]string{}
	}
	b.said[channel][subject] = text
}

// set notes that something is wrong.
func (b *book) set(subject string, t trouble) {
	if old, ok := b.troubles[subject]; ok {
		if old.Sign == t.Sign {
			return
		}
		t.Since = old.Since
	}
	b.troubles[subject] = t
	text, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("message: encode trouble: %v", err)) // strings and times: cannot fail
	}
	b.say("", subject, string(text))
}

// drop notes that something is no longer wrong; well says that this was seen.
func (b *book) drop(subject string, well bool) {
	t, ok := b.troubles[subject]
	if !ok {
		return
	}
	delete(b.troubles, subject)
	b.say("", subject, "")
	if well {
		b.well[subject] = t
	}
}

// of names the subject of a run. What a job does for a database is one, whatever
// else is done for that database; names of databases may hold anything and come
// last.
func of(r control.Run) string {
	place := r.Destination
	if r.Kind == backup.RunBackup || r.Kind == backup.RunVerify {
		place = "" // which may change: there is one for emergencies
	}
	return strings.Join([]string{OnFailure, string(r.Kind), r.Job, r.Server, place, r.Database}, "|")
}

func ofConcern(class, server, database string) string {
	return strings.Join([]string{class, server, database}, "|")
}

// runs that can be told; the others a person has just asked for.
var toldKinds = []backup.RunKind{backup.RunBackup, backup.RunVerify, backup.RunCopy, backup.RunPrune, backup.RunReread}

// note takes note of a run that is over. One that is not new is told only if it
// is still what matters.
func (b *book) note(r control.Run, isNew bool) {
	if !slices.Contains(toldKinds, r.Kind) {
		return
	}
	// A person at the desktop sees what they have started by hand.
	byItself := r.Job != "" || r.Trigger != "" || r.Dead
	kept := r
	kept.Result, kept.Scripts, kept.Warnings, kept.Progress = nil, nil, nil, nil
	since := b.now
	if r.Finished != nil {
		since = r.Finished.UTC()
	}
	switch {
	case r.Status == backup.OK:
		b.drop(of(r), true)
		if isNew && byItself {
			b.fresh = append(b.fresh, r)
		}
	case r.Status != backup.Failed || r.Problem == nil:
	case r.Problem.Code == proofFailed:
		b.set(ofConcern(OnProof, r.Server, r.Database), trouble{Class: OnProof, Sign: disproven, Since: since, Run: &kept})
		if r.Kind == backup.RunBackup { // it was made all the same
			b.drop(of(r), true)
		}
	case byItself:
		b.set(of(r), trouble{Class: OnFailure, Sign: r.Problem.Code, Since: since, Run: &kept})
	}
}

// concerns takes note of what did not happen, and of what has happened since.
func (b *book) concerns() {
	worst := map[[2]string]string{}
	for _, c := range b.report.Concerns {
		worst[[2]string{c.Server, c.Database}] = c.Kind
		if class := classes[c.Kind]; class != "" {
			b.set(ofConcern(class, c.Server, c.Database), trouble{Class: class, Sign: c.Kind, Since: b.now, Concern: &c})
		}
	}
	for subject, t := range maps.Clone(b.troubles) {
		if t.Class == OnFailure {
			continue
		}
		server, database := t.place()
		kind := worst[[2]string{server, database}]
		hidden := kind != "" && slices.Index(severity, kind) >= 0 && slices.Index(severity, kind) < slices.Index(severity, t.Sign)
		if classes[kind] != t.Class && !hidden {
			b.drop(subject, b.seen(t, server, database))
		}
	}
}

// seen reports whether what was missing has happened. What is no concern any
// more because its job is gone has not.
func (b *book) seen(t trouble, server, database string) bool {
	about := func(v control.Backup) bool {
		return v.Server == server && (v.Database == database || database == "*")
	}
	if t.Class == OnOverdue {
		return slices.ContainsFunc(b.backups, func(v control.Backup) bool { return about(v) && v.Finished.After(t.Since) })
	}
	return slices.ContainsFunc(b.proven, func(v control.Backup) bool {
		return about(v) && v.Proof != nil && v.Proof.Status == backup.OK && v.Proof.At.After(t.Since)
	})
}

// forget drops failures of what nobody wants any more.
func (b *book) forget() {
	for subject, t := range maps.Clone(b.troubles) {
		if t.Class == OnFailure && !b.wanted(*t.Run) {
			b.drop(subject, false)
		}
	}
}

// wanted reports whether what a run did is still to be done.
func (b *book) wanted(r control.Run) bool {
	if r.Job != "" {
		return slices.ContainsFunc(b.jobs, func(j control.Job) bool {
			return j.Name == r.Job && (r.Database == "" || slices.Contains(j.Databases, r.Database) || slices.Contains(j.Databases, "*"))
		})
	}
	return r.Destination == "" || slices.ContainsFunc(b.places, func(d control.Destination) bool { return d.Name == r.Destination })
}

// newest returns the newest backup of a database, nil when there is none.
func (b *book) newest(server, database string) *control.Backup {
	i := slices.IndexFunc(b.backups, func(v control.Backup) bool { return v.Server == server && v.Database == database })
	if i < 0 {
		return nil
	}
	return &b.backups[i]
}

// wants reports whether a channel is told something.
func wants(c control.Channel, what string) bool {
	on := c.On
	if len(on) == 0 {
		on = usual
	}
	return slices.Contains(on, what)
}

// letters writes to every channel what it does not know yet.
func (b *book) letters(w writer) (letters []control.Letter) {
	for _, c := range b.channels {
		if c.Paused {
			continue
		}
		for _, m := range b.messages(w, c) {
			letters = append(letters, letter(c, m))
		}
	}
	return letters
}

func (b *book) messages(w writer, c control.Channel) (all []Message) {
	mine := b.told[c.Name]
	news := map[string][]trouble{} // by what they have in common
	for subject, t := range b.troubles {
		switch {
		case !wants(c, t.Class):
		case mine[subject] != t.Sign:
			b.say(c.Name, subject, t.Sign)
			like := t.Class
			if t.Class == OnFailure {
				like += " " + string(t.Run.Kind)
			}
			news[like] = append(news[like], t)
		}
	}
	for _, like := range slices.Sorted(maps.Keys(news)) {
		all = append(all, w.bad(news[like])...)
	}
	var back []trouble
	for subject := range mine {
		if _, wrong := b.troubles[subject]; wrong || subject == OnDigest {
			continue
		}
		b.say(c.Name, subject, "")
		if t, ok := b.well[subject]; ok && wants(c, t.Class) {
			back = append(back, t)
		}
	}
	all = append(all, w.back(back)...)
	if wants(c, OnSuccess) {
		for _, r := range b.fresh {
			if m, ok := w.good(r); ok {
				all = append(all, m)
			}
		}
	}
	return all
}

// sorted orders troubles by where they are.
func sorted(all []trouble) []trouble {
	slices.SortFunc(all, func(a, b trouble) int {
		as, ad := a.place()
		bs, bd := b.place()
		return cmp.Or(cmp.Compare(as, bs), cmp.Compare(ad, bd), cmp.Compare(a.Class, b.Class), a.Since.Compare(b.Since))
	})
	return all
}
