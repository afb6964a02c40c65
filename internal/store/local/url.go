package local

import (
	"net/url"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rahatbackup/rahat/internal/store"
)

// Dir returns the folder of an address like "file:///srv/backups",
// "file:///C:/Backups" or, on Windows, "file://server/share/backups". Anything
// else is [store.ErrBadURL]. Special characters in the path are escaped as in
// any URL (RFC 8089).
func Dir(address string) (string, error) {
	dir, ok := parse(address, runtime.GOOS == "windows")
	if !ok {
		return "", store.ErrBadURL.Because(nil, "url", address)
	}
	return filepath.Clean(dir), nil
}

// URL returns the address of a folder, the inverse of [Dir].
func URL(dir string) string {
	p := filepath.ToSlash(dir)
	u := url.URL{Scheme: "file", Path: p}
	if host, rest, ok := strings.Cut(strings.TrimPrefix(p, "//"), "/"); ok && strings.HasPrefix(p, "//") {
		u.Host, u.Path = host, "/"+rest
	} else if !strings.HasPrefix(p, "/") {
		u.Path = "/" + p
	}
	return u.String()
}

func parse(address string, windows bool) (dir string, ok bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || u.Opaque != "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(address, "#") ||
		u.Path == "" || strings.ContainsRune(u.Path, 0) {
		return "", false
	}
	local := u.Host == "" || u.Host == "localhost"
	if !windows {
		return u.Path, local && strings.HasPrefix(u.Path, "/")
	}
	if !local {
		return `\\` + u.Host + strings.ReplaceAll(u.Path, "/", `\`), len(u.Path) > 1
	}
	p := strings.TrimPrefix(u.Path, "/")
	if len(p) < 3 || p[1] != ':' || p[2] != '/' || !isLetter(p[0]) {
		return "", false
	}
	return strings.ReplaceAll(p, "/", `\`), true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
