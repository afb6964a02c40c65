package restorer

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store/mem"
)

func made(t *testing.T) (*enginemem.Engine, engine.Server, *repository.Repository, *backup.Manifest) {
	t.Helper()
	e := enginemem.New()
	e.Host("h").Set("shop", enginemem.Database{"t": {Columns: []string{"id"}, Key: 1, Rows: [][]enginemem.Value{{enginemem.Text("1")}, {enginemem.Text("ığ")}}}})
	s, err := e.Open(enginemem.Config("h", ""))
	if err != nil {
		t.Fatal(err)
	}
	repo, err := repository.Create(t.Context(), mem.New(), repository.Slots{Secret: repository.NewSecret()}, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := archiver.Archiver{Now: time.Now}
	m, err := a.Run(t.Context(), archiver.Request{ID: backup.NewID(time.Now()), Server: s, Engine: enginemem.Kind, Database: "shop", Type: backup.Full, Repository: repo})
	if err != nil {
		t.Fatal(err)
	}
	return e, s, repo, m
}

func TestRunRestoresUnderANewNameAndNeverReplaces(t *testing.T) {
	e, s, repo, m := made(t)
	done, err := Run(t.Context(), repo, m, s, engine.Target{Database: "again", Streams: 1})
	if err != nil || done.Rows != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if d, ok := e.Host("h").Get("again"); !ok || len(d["t"].Rows) != 2 {
		t.Errorf("restored %v", d)
	}
	if _, err := Run(t.Context(), repo, m, s, engine.Target{Database: "again", Streams: 1}); !errors.Is(err, engine.ErrTargetExists) {
		t.Errorf("onto an existing database: %v", err)
	}
}

func TestACancelledRestoreSaysWhyAndLeavesNothing(t *testing.T) {
	e, s, repo, m := made(t)
	why := errors.New("the person said so")
	ctx, cancel := context.WithCancelCause(t.Context())
	e.Host("h").SetHook(func(step string) error {
		if step == "restore commit" {
			cancel(why)
			return context.Cause(ctx)
		}
		return nil
	})
	if _, err := Run(ctx, repo, m, s, engine.Target{Database: "again", Streams: 1}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if _, ok := e.Host("h").Get("again"); ok {
		t.Error("a cancelled restore left a database")
	}
}

func TestExportMakesANameAndNeverReplaces(t *testing.T) {
	e, _, repo, m := made(t)
	dir := t.TempDir()
	path, n, err := Export(t.Context(), repo, m, e, "", engine.ExportOptions{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^shop_\d{8}_\d{6}`).MatchString(filepath.Base(path)) {
		t.Errorf("name %q", path)
	}
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) != n || !strings.Contains(string(b), "ığ") {
		t.Errorf("%d bytes said, %d there, %v", n, len(b), err)
	}
	if _, _, err := Export(t.Context(), repo, m, e, "", engine.ExportOptions{}, path); !errors.Is(err, ErrFileExists) {
		t.Errorf("onto a file: %v", err)
	}
	if _, _, err := Export(t.Context(), repo, m, e, "docx", engine.ExportOptions{}, dir); !errors.Is(err, ErrFormat) {
		t.Errorf("unknown format: %v", err)
	}
	if _, _, err := Export(t.Context(), repo, m, e, "", engine.ExportOptions{}, filepath.Join(dir, "no", "such", "x")); !errors.Is(err, ErrNotWritable) {
		t.Errorf("no such folder: %v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// broken is an exporter that stops half-way.
type broken struct{ *enginemem.Engine }

var errHalf = errors.New("half-way")

func (broken) Export(_ context.Context, _ engine.Source, _ string, _ engine.ExportOptions, w io.Writer) error {
	if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
		return err
	}
	return errHalf
}

func TestAnExportThatFailsLeavesNoFile(t *testing.T) {
	e, _, repo, m := made(t)
	dir := t.TempDir()
	if _, _, err := Export(t.Context(), repo, m, broken{e}, "", engine.ExportOptions{}, filepath.Join(dir, "x")); !errors.Is(err, errHalf) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAFailedWriteIsToldByThePathOfTheExport(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "tmp"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil { // stands in for a full disk
		t.Fatal(err)
	}
	if _, err := (place{f, "/mnt/x.sql"}).Write([]byte("x")); !errors.Is(err, ErrNotWritable) || problem.Of(err).Params["path"] != "/mnt/x.sql" {
		t.Errorf("got %v", err)
	}
}

func TestFileNamesAreSafeEverywhere(t *testing.T) {
	at := time.Date(2026, 11, 21, 13, 18, 5, 0, time.Local)
	for database, want := range map[string]string{
		"dükkan":                 "dükkan_20261121_131805",
		"../../etc/passwd":       "_.._etc_passwd_20261121_131805",
		"a\nb\"c":                "a_b_c_20261121_131805",
		"\xff\xfe":               "__20261121_131805",
		" . ":                    "backup_20261121_131805",
		strings.Repeat("ğ", 200): strings.Repeat("ğ", 75) + "_20261121_131805",
	} {
		if got := FileName(&backup.Manifest{Database: backup.Name(database), Started: at}); got != want {
			t.Errorf("%q: %q, want %q", database, got, want)
		}
	}
}
