package local

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rahatbackup/rahat/internal/store"
)

func TestAddressesBecomeFolders(t *testing.T) {
	for _, c := range []struct {
		url           string
		unix, windows string // "" is refused
	}{
		{"file:///srv/backups", "/srv/backups", ""},
		{"file://localhost/srv", "/srv", ""},
		{"file:///srv/My%20Backups%3F", "/srv/My Backups?", ""},
		{"file:///srv/yede%C4%9Fim", "/srv/yedeğim", ""},
		{"file:///C:/Backups/x", "/C:/Backups/x", `C:\Backups\x`},
		{"file:///d:/", "/d:/", `d:\`},
		{"file://server/share/x", "", `\\server\share\x`},
		{"file://server/", "", ""},
		{"file://server", "", ""},
		{"file:///C:", "/C:", ""},
		{"file:srv", "", ""},
		{"file://", "", ""},
		{"file:", "", ""},
		{"/srv/backups", "", ""},
		{"s3://bucket/x", "", ""},
		{"file:///a?b", "", ""},
		{"file:///a#b", "", ""},
		{"file:///a#", "", ""},
		{"file:///a%00b", "", ""},
		{"file:///a%zz", "", ""},
		{"file://user:pw@localhost/a", "", ""},
		{"", "", ""},
	} {
		if got, ok := parse(c.url, false); ok != (c.unix != "") || ok && got != c.unix {
			t.Errorf("%s: %q, %v, want %q", c.url, got, ok, c.unix)
		}
		if got, ok := parse(c.url, true); ok != (c.windows != "") || ok && got != c.windows {
			t.Errorf("%s on Windows: %q, %v, want %q", c.url, got, ok, c.windows)
		}
	}
	if _, err := Dir("s3://bucket/x"); !errors.Is(err, store.ErrBadURL) {
		t.Errorf("a foreign scheme: %v, want ErrBadURL", err)
	}
}

func TestURLIsTheInverseOfDir(t *testing.T) {
	dirs := []string{"/", "/srv/backups", "/srv/100%/My Backups?", "/srv/#1", "/srv/yedeğim"}
	if runtime.GOOS == "windows" {
		dirs = []string{`C:\`, `C:\Backups\100%`, `\\server\share\My Backups`}
	}
	for _, dir := range dirs {
		if got, err := Dir(URL(dir)); err != nil || got != filepath.Clean(dir) {
			t.Errorf("%s became %s and then %q, %v", dir, URL(dir), got, err)
		}
	}
}
