package restorer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/repository"
)

// What can go wrong with an export, as a person meets it.
var (
	// ErrFileExists: {path} exists; an export never replaces a file.
	ErrFileExists = problem.New("restorer.file_exists")
	// ErrNotWritable: {path} cannot be written.
	ErrNotWritable = problem.New("restorer.not_writable")
	// ErrFormat: {engine} has no format {format}; it has {formats}.
	ErrFormat = problem.New("restorer.unknown_format")
)

// Export writes a backup as the engine's standard files to path: a file, or a
// folder in which a name is made from the database and the moment. It returns
// where the export lies and how many bytes it has. The file appears under its
// name only when it is complete; an existing one is never replaced.
func Export(ctx context.Context, repo *repository.Repository, m *backup.Manifest, driver engine.Driver, format string,
	opt engine.ExportOptions, path string) (written string, n int64, err error) {
	exporter, ok := driver.(engine.Exporter)
	if !ok {
		return "", 0, engine.ErrUnsupported.Because(nil, "what", "export")
	}
	if format == "" {
		format = exporter.Formats()[0]
	} else if !slices.Contains(exporter.Formats(), format) {
		return "", 0, ErrFormat.Because(nil, "engine", driver.Kind(), "format", format, "formats", strings.Join(exporter.Formats(), ", "))
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, FileName(m)+exporter.Extension(format))
	}
	n, err = writeNew(path, func(w io.Writer) error { return exporter.Export(ctx, repo.Source(m), format, opt, w) })
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return path, n, err
}

// FileName returns <database>_YYYYmmdd_HHMMSS in local time, safe on every file
// system.
func FileName(m *backup.Manifest) string {
	name := strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(string(m.Database), "_"))
	name = strings.Trim(name, " .")
	if len(name) > 150 {
		name = strings.ToValidUTF8(name[:150], "")
	}
	if name == "" {
		name = "backup"
	}
	return name + "_" + m.Started.Local().Format("20060102_150405")
}

// writeNew fills a temporary file beside path and gives it its name when it is
// complete and on the disk.
func writeNew(path string, fill func(io.Writer) error) (n int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, ErrFileExists.Because(nil, "path", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rahat-export-*")
	if err != nil {
		return 0, ErrNotWritable.Because(err, "path", path)
	}
	defer func() {
		if e := os.Remove(f.Name()); err == nil && e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = fmt.Errorf("remove temporary file: %w", e)
		}
	}()
	b := bufio.NewWriterSize(place{f, path}, 256<<10)
	err = fill(b)
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return 0, fmt.Errorf("write export: %w", errors.Join(err, f.Close()))
	}
	err = f.Sync() // a full disk may show only now
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil {
		return 0, ErrNotWritable.Because(err, "path", path)
	}
	return info.Size(), publish(f.Name(), path)
}

// place is where an export goes. Its errors are about the path, whatever the
// engine makes of them.
type place struct {
	file *os.File
	path string
}

// Write implements [io.Writer].
func (p place) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	if err != nil {
		return n, ErrNotWritable.Because(err, "path", p.path)
	}
	return n, nil
}

// publish names the finished file without replacing one that came meanwhile. A
// file system without hard links gets a rename, with a last look before it.
func publish(tmp, path string) error {
	err := os.Link(tmp, path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return ErrFileExists.Because(err, "path", path)
	}
	if _, err := os.Lstat(path); err == nil {
		return ErrFileExists.Because(nil, "path", path)
	}
	if err := os.Rename(tmp, path); err != nil {
		return ErrNotWritable.Because(err, "path", path)
	}
	return nil
}
