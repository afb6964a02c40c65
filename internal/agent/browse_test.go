package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store/local"
)

func TestABackupIsLookedIntoWithoutItsServer(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	r, err := l.Backup(ctx, control.BackupRequest{Server: "shop", Databases: []string{"orders"}, Destination: "disk", Type: backup.Full})
	made := result[control.BackupResult](l, r, err)
	h.engine.Host("db").SetPassword("changed: nobody gets in")

	tables := must[[]control.BackupTable](t)(l.BackupTables(ctx, "latest"))
	if len(tables) != 1 || tables[0].Name != "items" || tables[0].Rows != 200 || tables[0].Bytes == 0 || strings.Join(tables[0].Columns, " ") != "id name" {
		t.Errorf("tables %+v", tables)
	}
	page := must[control.BackupRows](t)(l.BackupRows(ctx, made.Backup, "", "items", 150, 10))
	if len(page.Rows) != 10 || !page.More || page.Offset != 150 || *page.Rows[0][0] != "00000150" || page.Name != "items" {
		t.Errorf("rows %+v", page)
	}
	if page = must[control.BackupRows](t)(l.BackupRows(ctx, made.Backup, "", "items", 195, 0)); len(page.Rows) != 5 || page.More {
		t.Errorf("%d rows, more %t", len(page.Rows), page.More)
	}
	if page = must[control.BackupRows](t)(l.BackupRows(ctx, made.Backup, "", "items", 200, 5)); page.Rows == nil || len(page.Rows) != 0 {
		t.Errorf("beyond the end: %+v", page)
	}
	for code, ask := range map[problem.Code]func() error{
		"agent.no_backup":        func() error { _, err := l.BackupTables(ctx, "ffffffff"); return err },
		"engine.table_not_found": func() error { _, err := l.BackupRows(ctx, "latest", "", "nothing", 0, 5); return err },
		"agent.invalid":          func() error { _, err := l.BackupRows(ctx, "latest", "", "items", -1, 5); return err },
	} {
		p := problem.Of(ask())
		if p == nil || p.Code != code {
			t.Errorf("%v, want %s", p, code)
		}
	}
	damage(t, h)
	if p := problem.Of(func() error { _, err := l.BackupRows(ctx, "latest", "", "items", 0, 5); return err }()); p == nil || p.Code != "repository.damaged" {
		t.Errorf("damaged: %v", p)
	}
}

// damage changes a byte in the middle of every pack.
func damage(t *testing.T, h *house) {
	t.Helper()
	dir := must[string](t)(local.Dir(h.disk))
	n := 0
	check(t, filepath.WalkDir(filepath.Join(dir, "packs"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		n++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		b[60] ^= 1
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, b, 0o600)
	}))
	if n == 0 {
		t.Fatal("there are no packs")
	}
}
