package message

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
)

const (
	// many of the same sort are told as one.
	many = 3
	// named is how many of them such a message names.
	named = 20
)

// A writer puts what happened into words.
type writer struct {
	*i18n.Texts
	machine string
	now     time.Time
	newest  func(server, database string) *control.Backup // nil: none
}

// message makes a message fit for every kind of channel: no line is empty or
// holds what a name may hold and a mail must not.
func (w writer) message(kind, severity, title string, lines []string, facts ...[2]string) Message {
	m := Message{
		Kind: kind, At: w.now, Severity: severity, Language: w.Lang(), Machine: w.machine,
		Title: oneLine(title), Lines: []string{}, Facts: []Fact{},
	}
	for _, l := range lines {
		if l = oneLine(l); l != "" {
			m.Lines = append(m.Lines, l)
		}
	}
	for _, f := range append(facts, [2]string{"machine", w.machine}) {
		if v := oneLine(f[1]); v != "" {
			m.Facts = append(m.Facts, Fact{f[0], w.T("message.fact." + f[0]), v})
		}
	}
	return m
}

// oneLine takes out what breaks lines.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// stamp is a moment as texts take it.
func stamp(at time.Time) string { return at.Format(time.RFC3339) }

// bad tells what is wrong and alike, one by one, or as one message if it is
// much.
func (w writer) bad(all []trouble) []Message {
	all = sorted(all)
	if len(all) < many {
		var out []Message
		for _, t := range all {
			out = append(out, w.trouble(t))
		}
		return out
	}
	n := int64(len(all))
	title := w.N("message.several."+all[0].Class, n)
	lines := w.titles(all)
	reason, remedy, same := w.sameReason(all)
	if same {
		lines = append(lines, reason, remedy)
	} else {
		lines = append(lines, w.T("notify.several.look"))
	}
	m := w.message(all[0].Class, Bad, title, lines)
	if same && all[0].Run != nil {
		m.Code = all[0].Sign
	}
	return []Message{m}
}

// titles lists what is wrong in a line each.
func (w writer) titles(all []trouble) (lines []string) {
	for _, t := range all[:min(len(all), named)] {
		title, _ := w.words(t)
		if server, _ := t.place(); server != "" {
			title += " (" + server + ")"
		}
		lines = append(lines, "• "+title)
	}
	if rest := len(all) - named; rest > 0 {
		lines = append(lines, w.N("message.more", int64(rest)))
	}
	return lines
}

// sameReason returns why all runs failed, if it was for the same reason.
func (w writer) sameReason(all []trouble) (reason, remedy string, same bool) {
	for i, t := range all {
		if t.Run == nil {
			return "", "", false
		}
		why, what := w.Problem(problem.Of(t.Run.Problem.Err()))
		if i > 0 && (why != reason || what != remedy) {
			return "", "", false
		}
		reason, remedy = why, what
	}
	return reason, remedy, true
}

// trouble tells one thing that is wrong: what happened, whether the data is
// safe, what to do.
func (w writer) trouble(t trouble) Message {
	title, lines := w.words(t)
	server, database := t.place()
	facts := [][2]string{{"server", server}, {"database", database}}
	m := Message{}
	if r := t.Run; r != nil {
		facts = append(facts, [2]string{"job", r.Job}, [2]string{"destination", r.Destination})
		m.Code = r.Problem.Code
	}
	facts = append(facts, [2]string{"when", w.Time(t.Since.In(w.now.Location()))})
	code := m.Code
	severity := Bad
	if t.Sign == proofOld {
		severity = Warn
	}
	m = w.message(t.Class, severity, title, lines, facts...)
	m.Code = code
	return m
}

// words are the title of a trouble, and its lines.
func (w writer) words(t trouble) (title string, lines []string) {
	server, database := t.place()
	if t.Run != nil {
		reason, remedy := w.Problem(problem.Of(t.Run.Problem.Err()))
		if t.Sign == disproven {
			return w.T("notify.disproven", "database", database), []string{reason, remedy}
		}
		return w.failure(*t.Run), []string{reason, w.safety(*t.Run), remedy}
	}
	title = w.Say(t.Concern.Text.Code, t.Concern.Text.Params, w.now)
	reason, _ := w.Problem(problem.Of(t.Concern.Problem.Err()))
	lines = []string{reason}
	if t.Sign == overdue {
		lines = append(lines, w.safety(control.Run{Kind: backup.RunBackup, Server: server, Database: database}))
	}
	return title, append(lines, w.T("message."+t.Sign+".remedy"))
}

// failure is the title of a run that failed.
func (w writer) failure(r control.Run) string {
	key := "notify." + string(r.Kind) + ".failed"
	if !w.Has(key) {
		key = "message." + string(r.Kind) + ".failed"
	}
	return w.T(key, "database", r.Database, "destination", r.Destination)
}

// safety says what the person still has.
func (w writer) safety(r control.Run) string {
	switch r.Kind {
	case backup.RunBackup:
	case backup.RunVerify:
		return w.T("notify.safe.untouched")
	default:
		return w.T("notify.several.safe")
	}
	b := w.newest(r.Server, r.Database)
	if b == nil {
		return w.T("notify.safe.none")
	}
	return w.T("notify.safe.newest", "at", stamp(b.Finished))
}

// back tells what is well again, each database once.
func (w writer) back(all []trouble) []Message {
	all = slices.CompactFunc(sorted(all), func(a, b trouble) bool {
		as, ad := a.place()
		bs, bd := b.place()
		return as == bs && ad == bd && ad != ""
	})
	if len(all) < many {
		var out []Message
		for _, t := range all {
			out = append(out, w.well(t))
		}
		return out
	}
	var lines []string
	for _, t := range all[:min(len(all), named)] {
		lines = append(lines, "• "+w.well(t).Title)
	}
	if rest := len(all) - named; rest > 0 {
		lines = append(lines, w.N("message.more", int64(rest)))
	}
	return []Message{w.message(again, Good, w.N("message.several.again", int64(len(all))), lines)}
}

// well tells one thing that is well again.
func (w writer) well(t trouble) Message {
	kind := "backup"
	switch {
	case t.Class == OnProof:
		kind = "verify"
	case t.Run != nil:
		kind = string(t.Run.Kind)
	}
	server, database := t.place()
	destination := ""
	if t.Run != nil {
		destination = t.Run.Destination
	}
	title := w.T("message.again."+kind, "database", database, "destination", destination)
	lines := []string{w.T("message.again.since", "since", stamp(t.Since))}
	return w.message(again, Good, title, lines, [2]string{"server", server}, [2]string{"database", database})
}

// result reads the result of a run, which its kind wrote.
func result[T any](r control.Run) (v T, ok bool) {
	return v, json.Unmarshal(r.Result, &v) == nil
}

// good tells a run that went well; only backups and proofs are told.
func (w writer) good(r control.Run) (Message, bool) {
	title, lines := w.T("notify."+string(r.Kind)+".ok", "database", r.Database), []string(nil)
	switch r.Kind {
	case backup.RunBackup:
		b, _ := result[control.BackupResult](r)
		if b.Verify != nil {
			title = w.T("notify.backup.proven", "database", r.Database)
		}
		lines = []string{w.proof(b.Verify), w.T("notify.backup.size", "plain", strconv.FormatInt(b.PlainBytes, 10),
			"added", strconv.FormatInt(b.AddedBytes, 10), "seconds", strconv.FormatFloat(b.Seconds, 'f', -1, 64))}
	case backup.RunVerify:
		if v, ok := result[control.VerifyResult](r); ok {
			lines = []string{w.proof(&v)}
		}
	default:
		return Message{}, false
	}
	return w.message(OnSuccess, Good, title, lines, [2]string{"server", r.Server}, [2]string{"database", r.Database},
		[2]string{"job", r.Job}, [2]string{"destination", r.Destination}), true
}

// proof says what was proved; v is nil when nothing was.
func (w writer) proof(v *control.VerifyResult) string {
	if v == nil {
		return w.T("notify.proof.none")
	}
	key := "notify.proof." + v.Level
	if v.Level == "full" && v.Rows > 0 { // some engines compare pages and not rows
		key += ".rows"
	}
	return w.T(key, "rows", strconv.FormatInt(v.Rows, 10))
}

// Test is the message by which a person tries a channel.
func Test(lang, machine, channel string, now time.Time) Message {
	w := writer{Texts: i18n.For(lang), machine: machine, now: now}
	m := w.message(test, Good, w.T("message.test.title"), []string{w.T("message.test.line", "channel", channel)},
		[2]string{"channel", channel})
	m.ID = string(backup.NewID(now))
	return m
}
