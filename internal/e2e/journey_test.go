//go:build integration && unix

package e2e

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// shop makes a database worth backing up.
const shop = `
CREATE TABLE müşteriler (id bigserial PRIMARY KEY, ad text NOT NULL, şehir text, doğum date);
INSERT INTO müşteriler (ad, şehir, doğum) SELECT 'Işıl İğne ' || i, (ARRAY['İzmir','Iğdır','Şırnak',NULL])[1+i%4], date '1960-01-01' + i FROM generate_series(1, 20000) i;
CREATE TABLE siparişler (id bigint PRIMARY KEY, müşteri bigint REFERENCES müşteriler, tutar numeric(12,2), not_ text);
INSERT INTO siparişler SELECT i, 1 + i % 20000, (i % 977) * 1.25, md5(i::text) FROM generate_series(1, 60000) i;
CREATE INDEX ON siparişler (müşteri);
CREATE VIEW toplam AS SELECT müşteri, sum(tutar) FROM siparişler GROUP BY 1;
`

const shopSum = `SELECT (SELECT count(*)||' '||md5(string_agg(m::text, '|' ORDER BY id)) FROM müşteriler m),
 (SELECT count(*)||' '||md5(string_agg(s::text, '|' ORDER BY id)) FROM siparişler s), (SELECT md5(string_agg(t::text, '|' ORDER BY müşteri)) FROM toplam t)`

func TestJourneyOfAPersonWithPostgreSQL(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", `CREATE DATABASE "dükkan"`)
	pg.Exec(t, "dükkan", shop)
	want := pg.Query(t, "dükkan", shopSum)

	r := newRig(t)
	r.addServer(pg)
	dir := r.addFolder()

	full := r.backup("dükkan", "--verify", "full")
	if full.Verify == nil || full.Verify.Status != "ok" || full.Verify.Rows != 80000 || full.Type != "full" {
		t.Fatalf("the first backup is not proven: %+v %+v", full, full.Verify)
	}
	same := r.backup("dükkan", "--type", "incremental")
	if same.Type != "incremental" || same.Base != full.Backup || same.AddedBytes > 30_000 {
		t.Errorf("an unchanged backup added %d bytes on %q: %+v", same.AddedBytes, same.Base, same)
	}
	pg.Exec(t, "dükkan", `UPDATE siparişler SET tutar = tutar + 1 WHERE id % 100 = 7`)
	changed := pg.Query(t, "dükkan", shopSum)
	inc := r.backup("dükkan", "--type", "incremental", "--verify", "full")
	if inc.AddedBytes > full.AddedBytes/10 {
		t.Errorf("1 %% of changes added %d of %d bytes", inc.AddedBytes, full.AddedBytes)
	}

	for id, want := range map[string][][]string{full.Backup: want, inc.Backup: changed} {
		name := "geri " + id[len(id)-4:]
		res := r.restore(id, name)
		if res.Rows != 80000 || !strings.Contains(res.Connection, "postgres") || strings.Contains(res.Connection, pg.Password) {
			t.Errorf("restored %+v", res)
		}
		if got := pg.Query(t, name, shopSum); !reflect.DeepEqual(got, want) {
			t.Errorf("restored rows differ: %v, want %v", got, want)
		}
	}
	r.fails(5, "engine.target_exists", "restore", full.Backup, "--to-server", "pg", "--to-database", "dükkan")
	r.fails(5, "", "restore", full.Backup, "--to-server", "pg", "--to-database", "dükkan", "--overwrite=dukkan")
	if got := pg.Query(t, "dükkan", shopSum); !reflect.DeepEqual(got, changed) {
		t.Fatal("a refused restore changed the database")
	}
	r.restore(full.Backup, "dükkan", "--overwrite=dükkan")
	if got := pg.Query(t, "dükkan", shopSum); !reflect.DeepEqual(got, want) {
		t.Error("overwritten database differs from the backup")
	}
	one := r.restore("latest", "yalnız", "--table", "siparişler")
	if n := pg.Query(t, "yalnız", `SELECT count(*) FROM siparişler`)[0][0]; one.Rows != 60000 || n != "60000" {
		t.Errorf("one table: %+v, %s rows", one, n)
	}
	exportLoads(t, r, pg, full.Backup, want)
	if list := r.backups(); len(list) != 3 || list[2].Proof == nil || list[2].Rows != 80000 {
		t.Errorf("backups: %+v", list)
	}
	rebuilt(t, r)
	noSecrets(t, r, dir, pg.Password)
}

// exportLoads turns a backup into a script that psql alone can load.
func exportLoads(t *testing.T, r *rig, pg *pgtest.Server, id string, want [][]string) {
	t.Helper()
	out := t.TempDir()
	var x control.ExportResult
	r.ok(&x, "export", id, "-o", out)
	if filepath.Dir(x.Path) != out || !strings.HasPrefix(filepath.Base(x.Path), "dükkan_2") {
		t.Errorf("exported to %q", x.Path)
	}
	script, err := os.ReadFile(x.Path)
	if err != nil {
		t.Fatal(err)
	}
	pg.Exec(t, "postgres", "CREATE DATABASE loaded TEMPLATE template0")
	pg.Psql(t, "loaded", string(script))
	if got := pg.Query(t, "loaded", shopSum); !reflect.DeepEqual(got, want) {
		t.Errorf("the exported script loads to %v, want %v", got, want)
	}
	r.fails(5, "restorer.file_exists", "export", id, "-o", x.Path)
}

// rebuilt takes the catalog away: the repository says everything about backups.
func rebuilt(t *testing.T, r *rig) {
	t.Helper()
	before := r.backups()
	r.ok(nil, "agent", "stop")
	for _, f := range []string{"catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db.copy"} {
		if err := os.RemoveAll(filepath.Join(r.home, f)); err != nil {
			t.Fatal(err)
		}
	}
	r.ok(nil, "catalog", "rebuild")
	after := r.backups()
	if len(after) != len(before) {
		t.Fatalf("%d backups after the catalog was lost, want %d", len(after), len(before))
	}
	for i := range after {
		if after[i].ID != before[i].ID || after[i].Rows != before[i].Rows || after[i].Server != before[i].Server {
			t.Errorf("rebuilt %+v, was %+v", after[i], before[i])
		}
	}
	var servers []control.Server
	r.ok(&servers, "server", "list")
	if len(servers) != 1 {
		t.Errorf("servers are lost with the catalog: %+v", servers)
	}
}

// noSecrets looks for the passwords wherever the program writes.
func noSecrets(t *testing.T, r *rig, dir, password string) {
	t.Helper()
	for _, root := range []string{r.home, dir} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !d.Type().IsRegular() || filepath.Base(path) == "passphrase" {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, secret := range []string{password, passphrase} {
				if strings.Contains(string(b), secret) {
					t.Errorf("%s holds a secret", path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A machine burnt down: what is left is the folder and a passphrase.
func TestRestoreNeedsOnlyTheRepositoryAndAKey(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", `CREATE DATABASE shop`)
	pg.Exec(t, "shop", shop)
	want := pg.Query(t, "shop", shopSum)
	first := newRig(t)
	first.addServer(pg)
	dir := filepath.Join(first.home, "usb")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	first.okInput(nil, "kurtar beni\n", "destination", "add", "disk", "--url", "file://"+dir, "--passphrase-stdin")
	b := first.backup("shop")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	first.ok(nil, "agent", "stop")

	second := newRig(t)
	second.addServer(pg)
	url := "file://" + moved
	var list []control.Backup
	second.okInput(&list, "kurtar beni\n", "backups", "--from", url, "--passphrase-stdin")
	if len(list) != 1 || list[0].ID != b.Backup {
		t.Fatalf("backups in the repository: %+v", list)
	}
	var res control.RestoreResult
	second.okInput(&res, "kurtar beni\n", "restore", "latest", "--from", url, "--passphrase-stdin", "--to-server", "pg", "--to-database", "yeni")
	if got := pg.Query(t, "yeni", shopSum); !reflect.DeepEqual(got, want) {
		t.Error("restored rows differ")
	}
	out := filepath.Join(t.TempDir(), "shop.sql")
	second.okInput(nil, "kurtar beni\n", "export", b.Backup, "--from", url, "--passphrase-stdin", "-o", out)
	if info, err := os.Stat(out); err != nil || info.Size() < 1<<20 {
		t.Errorf("export: %v", err)
	}
	second.failsInput(5, "repository.wrong_key", "yanlış\n", "backups", "--from", url, "--passphrase-stdin")
}
