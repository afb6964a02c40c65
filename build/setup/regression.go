package setup

import (
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// regressionFolder returns where PostgreSQL's own regression suite lies, or
// nothing when it was not fetched.
func regressionFolder() string {
	cache, err := CacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(cache, "pg-regress")
	if !isFile(filepath.Join(dir, "parallel_schedule")) {
		return ""
	}
	return dir
}

// Regression fetches the source of the distribution's PostgreSQL and keeps its
// regression suite (the SQL, the data and the order; the C functions are not
// built). It returns the folder with parallel_schedule, sql and data.
func Regression(ctx context.Context, out io.Writer) (string, error) {
	unlock, err := lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if dir := regressionFolder(); dir != "" {
		return dir, nil
	}
	major, err := systemPostgres()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(out, "fetching the regression suite of PostgreSQL %s\n", major)
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	err = makeFolder(filepath.Join(cache, "pg-regress"), func(temp string) error {
		return fetchRegression(ctx, temp, major)
	})
	if err != nil {
		return "", err
	}
	dir := regressionFolder()
	if dir == "" {
		return "", errors.New("the source package holds no regression suite")
	}
	return dir, nil
}

// systemPostgres returns the newest major version the distribution installed.
func systemPostgres() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server is installed; run the setup first")
	}
	slices.Sort(found)
	return strings.Split(found[len(found)-1], "/")[4], nil
}

// suiteFile matches the files of src/test/regress in the source tree; the first
// group is the path below it.
var suiteFile = regexp.MustCompile(`^[^/]+/src/test/regress/((?:sql|data|input|expected)/.*|parallel_schedule|resultmap)$`)

func fetchRegression(ctx context.Context, temp, major string) error {
	dir, err := os.MkdirTemp("", "rahat-apt")
	if err != nil {
		return fmt.Errorf("make package root: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder
	root, err := openDebRoot(ctx, dir, systemSuite(), true)
	if err != nil {
		return err
	}
	source := root.apt("source", "-qq", "--download-only", "postgresql-"+major)
	source.Dir = dir
	if _, err := source.Output(ctx); err != nil {
		return err
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.orig.tar.bz2"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("find the source archive: %d found", len(archives))
	}
	f, err := os.Open(archives[0])
	if err != nil {
		return fmt.Errorf("open source archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return untarRenamed(bzip2.NewReader(f), temp)
}

// untarRenamed unpacks the regression suite out of a source tree to dir.
func untarRenamed(r io.Reader, dir string) error {
	if err := untar(r, dir, suiteFile.MatchString); err != nil {
		return err
	}
	trees, err := filepath.Glob(filepath.Join(dir, "*/src/test/regress/*"))
	if err != nil {
		return fmt.Errorf("find the regression suite: %w", err)
	}
	for _, path := range trees {
		if err := os.Rename(path, filepath.Join(dir, filepath.Base(path))); err != nil {
			return fmt.Errorf("move the regression suite: %w", err)
		}
	}
	emptied, err := filepath.Glob(filepath.Join(dir, "postgresql-*"))
	if err != nil {
		return fmt.Errorf("find the source tree: %w", err)
	}
	for _, path := range emptied {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the source tree: %w", err)
		}
	}
	return nil
}
