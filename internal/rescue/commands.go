package rescue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/rahatbackup/rahat/internal/agent/restorer"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/version"
)

// errEngine: this program cannot take out backups of {engine}; the agent's own.
var errEngine = problem.New("agent.unknown_engine")

func (a *app) help(context.Context, []string) error {
	_, err := fmt.Fprintln(a.Stdout, a.texts.T("rescue.help"))
	return err
}

func (a *app) version(context.Context, []string) error {
	_, err := fmt.Fprintln(a.Stdout, version.String())
	return err
}

// describeFormat prints how the backups are stored, for whoever must read them
// without any program of ours.
func (a *app) describeFormat(context.Context, []string) error {
	_, err := io.WriteString(a.Stdout, repository.Format)
	return err
}

// print writes a document.
func (a *app) print(v any) error {
	e := json.NewEncoder(a.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// visible takes out of a foreign text what could play tricks on a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}

// line is a backup in a list.
type line struct {
	ID         string      `json:"id"`
	Type       backup.Type `json:"type"`
	Engine     string      `json:"engine"`
	Machine    string      `json:"machine"`
	Server     string      `json:"server"`
	Database   string      `json:"database"`
	Started    time.Time   `json:"started"`
	Finished   time.Time   `json:"finished"`
	PlainBytes int64       `json:"plain_bytes"`
	Rows       int64       `json:"rows"`
}

// listing is what list prints as a document.
type listing struct {
	Repository string   `json:"repository"`
	Backups    []line   `json:"backups"`    // newest first
	Unreadable []string `json:"unreadable"` // their manifests are damaged
}

func (a *app) list(ctx context.Context, _ []string) error {
	return a.with(ctx, func(repo *repository.Repository) error {
		all, err := lines(ctx, repo)
		if err != nil {
			return err
		}
		if a.input.document {
			return a.print(all)
		}
		return a.table(all)
	})
}

func lines(ctx context.Context, repo *repository.Repository) (listing, error) {
	all := listing{Repository: repo.ID(), Backups: []line{}, Unreadable: []string{}}
	ids, err := repo.Backups(ctx)
	if err != nil {
		return all, err
	}
	for _, id := range slices.Backward(ids) {
		m, err := repo.Manifest(ctx, id)
		switch {
		case errors.Is(err, repository.ErrDamaged), errors.Is(err, repository.ErrNewer), errors.Is(err, repository.ErrNoBackup):
			all.Unreadable = append(all.Unreadable, string(id)) // it must not hide the others
		case err != nil:
			return all, err
		default:
			all.Backups = append(all.Backups, line{
				ID: string(m.ID), Type: m.Type, Engine: m.Engine, Machine: m.Machine, Server: m.Server, Database: string(m.Database),
				Started: m.Started, Finished: m.Finished, PlainBytes: m.PlainBytes, Rows: m.Rows(),
			})
		}
	}
	return all, nil
}

func (a *app) table(all listing) error {
	t := a.texts.T
	w := tabwriter.NewWriter(a.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join([]string{"ID", t("rescue.head.when"), t("rescue.head.engine"), t("rescue.head.database"), t("rescue.head.server"), t("rescue.head.size")}, "\t"))
	for _, b := range all.Backups {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, a.texts.Time(b.Started.Local()), b.Engine, visible(b.Database),
			visible(b.Server+" @ "+b.Machine), a.texts.Bytes(b.PlainBytes))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, id := range all.Unreadable {
		fmt.Fprintln(a.Stderr, t("rescue.unreadable", "id", id))
	}
	return nil
}

// exported is what export prints as a document.
type exported struct {
	Backup string `json:"backup"`
	Engine string `json:"engine"`
	Path   string `json:"path"`
	Format string `json:"format"`
	Bytes  int64  `json:"bytes"`
}

func (a *app) export(ctx context.Context, args []string) error {
	if a.input.output == "" {
		return ErrUsage.Because(nil, "what", "--output")
	}
	path, err := filepath.Abs(a.input.output)
	if err != nil {
		return ErrUsage.Because(err, "what", "--output")
	}
	return a.with(ctx, func(repo *repository.Repository) error {
		m, err := choose(ctx, repo, args[0])
		if err != nil {
			return err
		}
		driver, ok := a.Drivers[m.Engine]
		if !ok {
			return errEngine.Because(nil, "engine", m.Engine)
		}
		format := a.input.format
		if x, ok := driver.(engine.Exporter); ok && format == "" {
			format = x.Formats()[0]
		}
		observe, done := a.observe(m.PlainBytes)
		written, n, err := restorer.Export(ctx, repo, m, driver, format, engine.ExportOptions{Observe: observe}, path)
		done()
		if err != nil {
			return err
		}
		if a.input.document {
			return a.print(exported{string(m.ID), m.Engine, written, format, n})
		}
		fmt.Fprintln(a.Stdout, a.texts.T("rescue.exported", "path", visible(written), "size", a.texts.Bytes(n)))
		if next := "rescue.next." + m.Engine + "." + format; a.texts.Has(next) {
			fmt.Fprintln(a.Stdout, a.texts.T(next, "path", visible(written)))
		}
		return nil
	})
}

// checked is what check prints as a document.
type checked struct {
	OK      bool     `json:"ok"`
	Bytes   int64    `json:"bytes"` // plain, read and found right
	Rows    int64    `json:"rows"`
	Damaged []string `json:"damaged"` // "backup part object"
}

// check reads a backup, or all that is stored, and compares every byte with
// its checksums.
func (a *app) check(ctx context.Context, args []string) error {
	return a.with(ctx, func(repo *repository.Repository) error {
		observe, done := a.observe(0)
		rep, err := read(ctx, repo, args, observe)
		done()
		if err != nil {
			return err
		}
		out := checked{OK: len(rep.Damage) == 0, Bytes: rep.Bytes, Rows: rep.Rows, Damaged: []string{}}
		for _, d := range rep.Damage {
			out.Damaged = append(out.Damaged, visible(strings.TrimSpace(string(d.Backup)+" "+string(d.Part)+" "+d.Object)))
		}
		if a.input.document {
			if err := a.print(out); err != nil || out.OK {
				return err
			}
			a.input.document = false // the document is printed
			return ErrDamaged.Because(nil, "damaged", strconv.Itoa(len(out.Damaged)))
		}
		if !out.OK {
			fmt.Fprintln(a.Stdout, strings.Join(out.Damaged, "\n"))
			return ErrDamaged.Because(nil, "damaged", strconv.Itoa(len(out.Damaged)))
		}
		fmt.Fprintln(a.Stdout, a.texts.T("rescue.checked", "size", a.texts.Bytes(rep.Bytes), "rows", a.texts.Count(rep.Rows)))
		return nil
	})
}

func read(ctx context.Context, repo *repository.Repository, args []string, observe backup.Observe) (repository.Report, error) {
	if len(args) == 0 {
		return repo.CheckAll(ctx, observe)
	}
	m, err := choose(ctx, repo, args[0])
	if err != nil {
		return repository.Report{}, err
	}
	return repo.Check(ctx, m.ID, observe)
}

// observe shows progress on a terminal. done ends its line.
func (a *app) observe(total int64) (backup.Observe, func()) {
	if !a.Progress {
		return func(backup.Progress) {}, func() {}
	}
	var shown, any atomic.Int64
	show := func(p backup.Progress) {
		all := max(p.Total, total)
		if all <= 0 {
			return
		}
		percent := min(100, p.Done*100/all)
		if before := shown.Load(); percent > before && shown.CompareAndSwap(before, percent) {
			any.Store(1)
			fmt.Fprintf(a.Stderr, "\r%3d %%", percent)
		}
	}
	return show, func() {
		if any.Load() == 1 {
			fmt.Fprint(a.Stderr, "\r      \r")
		}
	}
}
