package notify

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
)

// proofFailed is the agent's word that a backup is not what the database held.
const proofFailed = "agent.proof_failed"

// named is how many databases a message names that is about several.
const named = 5

// A writer puts results into words.
type writer struct {
	*i18n.Texts
	newest func(ctx context.Context, server, database string) *control.Backup // nil: none
}

// one tells one result: what happened, whether the data is safe, what to do.
func (w writer) one(ctx context.Context, r control.Run) Message {
	m := Message{About: about(r), Problem: r.Status != backup.OK, Label: w.T("notify.open")}
	var lines []string
	if m.Problem {
		m.Title, lines = w.failure(ctx, r)
	} else {
		m.Title, lines = w.success(r)
	}
	m.Title, m.Body = oneLine(m.Title), text(lines)
	return m
}

func (w writer) failure(ctx context.Context, r control.Run) (title string, lines []string) {
	reason, remedy := w.Problem(problem.Of(r.Problem.Err()))
	if r.Problem != nil && r.Problem.Code == proofFailed {
		return w.T("notify.disproven", "database", r.Database), []string{reason, remedy}
	}
	return w.T("notify."+string(r.Kind)+".failed", "database", r.Database), []string{reason, w.safety(ctx, r), remedy}
}

// safety says what the person still has.
func (w writer) safety(ctx context.Context, r control.Run) string {
	if r.Kind != backup.RunBackup {
		return w.T("notify.safe.untouched")
	}
	b := w.newest(ctx, r.Server, r.Database)
	if b == nil {
		return w.T("notify.safe.none")
	}
	return w.T("notify.safe.newest", "at", b.Finished.Format(time.RFC3339))
}

// result reads the result of a run, which its kind wrote.
func result[T any](r control.Run) (v T, ok bool) {
	return v, json.Unmarshal(r.Result, &v) == nil
}

func (w writer) success(r control.Run) (title string, lines []string) {
	title = w.T("notify."+string(r.Kind)+".ok", "database", r.Database)
	switch r.Kind {
	case backup.RunBackup:
		b, _ := result[control.BackupResult](r)
		if b.Verify != nil {
			title = w.T("notify.backup.proven", "database", r.Database)
		}
		return title, []string{w.proof(b.Verify), w.T("notify.backup.size",
			"plain", strconv.FormatInt(b.PlainBytes, 10), "added", strconv.FormatInt(b.AddedBytes, 10), "seconds", seconds(b.Seconds))}
	case backup.RunVerify:
		v, ok := result[control.VerifyResult](r)
		if ok {
			lines = []string{w.proof(&v)}
		}
	case backup.RunRestore:
		v, _ := result[control.RestoreResult](r)
		lines = []string{w.T("notify.restore.size", "bytes", strconv.FormatInt(v.PlainBytes, 10), "server", r.Server, "seconds", seconds(v.Seconds))}
	case backup.RunExport:
		v, _ := result[control.ExportResult](r)
		lines = []string{w.T("notify.export.size", "path", v.Path, "bytes", strconv.FormatInt(v.Bytes, 10))}
	case backup.RunRebuild, backup.RunCopy, backup.RunPrune, backup.RunReread: // are not told
	}
	return title, lines
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', -1, 64) }

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

// several tells results of one subject as one.
func (w writer) several(s subject, runs []control.Run) Message {
	outcome := ".failed"
	if s.ok {
		outcome = ".ok"
	}
	m := Message{
		About: "several " + string(s.kind) + outcome, Problem: !s.ok, Label: w.T("notify.open"),
		Title: w.T("notify.several."+string(s.kind)+outcome, "n", strconv.Itoa(len(runs))),
	}
	lines := []string{w.names(runs)}
	switch reason, remedy, same := w.sameReason(runs); {
	case s.ok:
	case same:
		lines = append(lines, reason, w.T("notify.several.safe"), remedy)
	default:
		lines = append(lines, w.T("notify.several.safe"), w.T("notify.several.look"))
	}
	m.Body = text(lines)
	return m
}

// names lists the databases of runs, the latest first.
func (w writer) names(runs []control.Run) string {
	var names []string
	for i := len(runs) - 1; i >= 0 && len(names) < named; i-- {
		if name := runs[i].Database; name != "" {
			names = append(names, name)
		}
	}
	list := strings.Join(names, ", ")
	if rest := len(runs) - len(names); rest > 0 && list != "" {
		return w.N("notify.several.more", int64(rest), "names", list)
	}
	return list
}

// sameReason returns why all runs failed, if it was for the same reason.
func (w writer) sameReason(runs []control.Run) (reason, remedy string, same bool) {
	for i, r := range runs {
		why, what := w.Problem(problem.Of(r.Problem.Err()))
		if i > 0 && (why != reason || what != remedy) {
			return "", "", false
		}
		reason, remedy = why, what
	}
	return reason, remedy, true
}

// text joins lines, each of them one line that every desktop can take.
func text(lines []string) string {
	var whole []string
	for _, l := range lines {
		if l = oneLine(l); l != "" {
			whole = append(whole, l)
		}
	}
	return strings.Join(whole, "\n")
}

// oneLine takes out what a name may hold and a desktop refuses.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
