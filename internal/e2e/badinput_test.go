//go:build integration && unix

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/paths"
)

func TestConnectionErrorsSayWhatToDo(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	r := newRig(t)
	r.addFolder()
	add := func(name, address, user, password string) {
		r.okInput(nil, password+"\n", "server", "add", name, "--engine", "postgres", "--address", address, "--user", user, "--password-stdin")
	}
	add("wrong", pg.Addr, pg.User, "nicht-das")
	add("closed", "127.0.0.1:1", "u", "p")
	add("nohost", "no-such-host.invalid:5432", "u", "p")
	add("pg", pg.Addr, pg.User, pg.Password)
	for name, want := range map[string]struct {
		code    int
		problem string
	}{
		"wrong":  {5, "engine.auth_failed"},
		"closed": {1, "engine.unreachable"},
		"nohost": {1, "engine.unknown_host"},
	} {
		r.fails(want.code, want.problem, "server", "test", name)
		r.fails(want.code, want.problem, "backup", "--server", name, "--database", "shop", "--to", "disk")
	}
	r.fails(4, "engine.no_database", "backup", "--server", "pg", "--database", "yok böyle", "--to", "disk")
	r.fails(4, "", "backup", "--server", "nobody", "--database", "x", "--to", "disk")
	r.fails(4, "", "backup", "--server", "pg", "--database", "postgres", "--to", "nowhere")
	r.fails(2, "", "server", "add", "x/y", "--engine", "postgres", "--address", "a")
	if n := len(r.backups()); n != 0 {
		t.Errorf("%d backups after nothing but failures", n)
	}
}

func TestMissingRightsAreNamed(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", "CREATE DATABASE gizli", "CREATE ROLE az LOGIN PASSWORD 'az-parola-9'", "CREATE DATABASE lo")
	pg.Exec(t, "gizli", "CREATE TABLE t(i int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY; GRANT SELECT ON t TO az")
	pg.Exec(t, "lo", "CREATE TABLE t(i int); GRANT SELECT ON t TO az; SELECT lo_from_bytea(0, 'x')")
	r := newRig(t)
	r.addFolder()
	r.okInput(nil, "az-parola-9\n", "server", "add", "pg", "--engine", "postgres", "--address", pg.Addr, "--user", "az", "--password-stdin")
	for db, problem := range map[string]string{"gizli": "postgres.rls", "lo": "engine.privilege_missing"} {
		r.fails(5, problem, "backup", "--server", "pg", "--database", db, "--to", "disk")
	}
}

func TestDestinationGoneAndFull(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", "CREATE DATABASE shop")
	pg.Exec(t, "shop", shop)
	r := newRig(t)
	r.addServer(pg)
	dir := r.addFolder()
	first := r.backup("shop")
	if err := os.Rename(dir, dir+".unplugged"); err != nil {
		t.Fatal(err)
	}
	r.fails(1, "store.unavailable", "backup", "--server", "pg", "--database", "shop", "--to", "disk")
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder of an unplugged disk was made anew")
	}
	if err := os.Rename(dir+".unplugged", dir); err != nil {
		t.Fatal(err)
	}
	r.ok(nil, "verify", first.Backup)

	disk := filepath.Join(r.home, "small")
	small(t, r, disk, "512k")
	r.ok(nil, "destination", "add", "small", "--url", "file://"+disk)
	r.fails(1, "store.no_space", "backup", "--server", "pg", "--database", "shop", "--to", "small")
	if list := r.backups(); len(list) != 1 {
		t.Errorf("%d backups, want the first alone", len(list))
	}
}

func TestADamagedObjectIsFoundAndTheNextBackupIsWhole(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", "CREATE DATABASE shop")
	pg.Exec(t, "shop", shop)
	r := newRig(t)
	r.addServer(pg)
	dir := r.addFolder()
	b := r.backup("shop")
	packs, err := filepath.Glob(filepath.Join(dir, "packs", "*", "*"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("no packs: %v", err)
	}
	for _, p := range packs {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/3] ^= 0x20
		if err := os.WriteFile(p, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := r.run("", "verify", b.Backup, "--level", "basic")
	if s.code != 1 {
		t.Errorf("verify of a damaged backup: exit %d\n%s%s", s.code, s.out, s.err)
	}
	if s = r.run("", "restore", b.Backup, "--to-server", "pg", "--to-database", "yarım"); s.code == 0 {
		t.Error("a damaged backup was restored")
	}
	for _, row := range pg.Query(t, "postgres", "SELECT datname FROM pg_database") {
		if strings.Contains(row[0], "yarım") {
			t.Errorf("a failed restore left database %q", row[0])
		}
	}
	if next := r.backup("shop", "--type", "incremental", "--verify", "full"); next.Verify.Status != "ok" {
		t.Errorf("the backup after the damage: %+v", next.Verify)
	}
}

// slow makes a database whose dump takes long enough to be interrupted.
func slow(t *testing.T, pg *pgtest.Server) {
	t.Helper()
	pg.Exec(t, "postgres", "CREATE DATABASE uzun")
	pg.Exec(t, "uzun", `CREATE TABLE t AS SELECT i id, md5(i::text) a, md5((i*7)::text) b FROM generate_series(1, 1500000) i; ALTER TABLE t ADD PRIMARY KEY (id)`)
}

// running starts a backup in the background and halts it in the midst of the
// rows that the server sends, until the gate is opened.
func running(t *testing.T, r *rig, g *gate, database string) (cmd *exec.Cmd, run control.Run) {
	t.Helper()
	g.set(false)
	cmd = exec.Command(filepath.Join(bin, "rahat"), "backup", "--server", "pg", "--database", database, "--to", "disk", "--json")
	cmd.Env = r.env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	agent := client.Default(paths.Home(r.home))
	defer agent.Close()
	soon(t, "the backup reads rows", func() bool {
		runs, err := agent.Runs(t.Context(), 1)
		if err != nil || len(runs) == 0 {
			return false
		}
		run = runs[0]
		return run.Status == "running" && run.Progress != nil && run.Progress.Phase == "dump" && run.Progress.Done > 1<<20
	})
	return cmd, run
}

func TestKilledAgentLeavesACompleteBackupOrNone(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	slow(t, pg)
	r := newRig(t)
	g := newGate(t, pg)
	r.addServerAt(pg, g.addr)
	r.addFolder()
	cmd, run := running(t, r, g, "uzun")
	if err := syscall.Kill(r.agentPID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the command says a killed backup went well")
	}
	g.set(true)
	var after control.Run
	r.ok(&after, "run", "show", run.ID)
	if after.Status != "interrupted" {
		t.Errorf("the killed run is %q", after.Status)
	}
	if n := len(r.backups()); n != 0 {
		t.Errorf("%d backups after a kill", n)
	}
	if next := r.backup("uzun", "--verify", "full"); next.Verify.Rows != 1500000 {
		t.Errorf("the next backup: %+v", next)
	}
}

func TestCancelAndKilledServer(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	slow(t, pg)
	r := newRig(t)
	g := newGate(t, pg)
	r.addServerAt(pg, g.addr)
	r.addFolder()
	cmd, run := running(t, r, g, "uzun")
	start := time.Now()
	r.ok(nil, "run", "cancel", run.ID)
	g.set(true)
	err := cmd.Wait()
	if took := time.Since(start); err == nil || cmd.ProcessState.ExitCode() != 130 || took > 5*time.Second {
		t.Errorf("cancelled backup: %v after %v", err, took)
	}
	if left := pg.Query(t, "postgres", "SELECT query FROM pg_stat_activity WHERE datname='uzun'"); len(left) != 0 {
		t.Errorf("connections left behind: %v", left)
	}
	cmd, run = running(t, r, g, "uzun")
	pg.Kill(t)
	g.set(true)
	if err := cmd.Wait(); err == nil {
		t.Error("the backup of a killed server went well")
	}
	var after control.Run
	r.ok(&after, "run", "show", run.ID)
	if after.Status != "failed" || after.Problem == nil || !strings.HasPrefix(after.Problem.Code, "engine.") {
		t.Errorf("run on a killed server: %s %+v", after.Status, after.Problem)
	}
	if n := len(r.backups()); n != 0 {
		t.Errorf("%d backups", n)
	}
}

func TestCrashingPgDumpFailsTheRun(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	pg.Exec(t, "postgres", "CREATE DATABASE shop")
	pg.Exec(t, "shop", shop)
	tools, err := os.MkdirTemp("", "rahat-tools-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tools)
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *--version*) exec %s/pg_dump --version;; esac\n%s/pg_dump \"$@\" | head -c 3000\nkill -SEGV $$\n", pg.BinDir, pg.BinDir)
	for name, text := range map[string]string{"pg_dump": script, "pg_restore": "#!/bin/sh\nexec " + pg.BinDir + "/pg_restore \"$@\"\n"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t)
	r.addFolder()
	r.okInput(nil, pg.Password+"\n", "server", "add", "pg", "--engine", "postgres", "--address", pg.Addr, "--user", pg.User, "--password-stdin", "--option", "tools="+tools)
	r.fails(1, "engine.tool_failed", "backup", "--server", "pg", "--database", "shop", "--to", "disk")
	if n := len(r.backups()); n != 0 {
		t.Errorf("%d backups", n)
	}
}

func TestTenThousandTablesAndHugeValues(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t, pgtest.Options{Settings: map[string]string{"max_locks_per_transaction": "2048"}})
	pg.Exec(t, "postgres", "CREATE DATABASE çok", "CREATE DATABASE koca")
	for i := range 20 { // in pieces, for the lock table of the test server
		pg.Exec(t, "çok", fmt.Sprintf(`DO $$ BEGIN FOR i IN %d..%d LOOP EXECUTE format('CREATE TABLE "tablo %%s" AS SELECT %%s i, %%L::text t', i, i, 'değer '||i); END LOOP; END $$`, i*500, i*500+499))
	}
	pg.Exec(t, "koca", `CREATE TABLE t(id int PRIMARY KEY, v text); INSERT INTO t SELECT i, repeat(md5(i::text), 32*1024*200) FROM generate_series(1,2) i`) // 2 x 200 MiB
	r := newRig(t)
	r.addServer(pg)
	r.addFolder()
	many := r.backup("çok", "--verify", "full")
	if many.Verify.Status != "ok" || many.Rows != 10000 {
		t.Errorf("10,000 tables: %+v %+v", many, many.Verify)
	}
	// What is added is the list of the tables: about 20 bytes each.
	if again := r.backup("çok", "--type", "incremental"); again.AddedBytes > 25*10_000 {
		t.Errorf("10,000 unchanged tables added %d bytes", again.AddedBytes)
	}
	huge := r.backup("koca", "--verify", "full")
	if huge.Verify.Status != "ok" {
		t.Errorf("huge values: %+v", huge.Verify)
	}
	t.Logf("10,000 tables: %d bytes stored, %.1f s; peak memory %d MB", many.AddedBytes, many.Seconds, r.peakMemory()>>20)
}

// A proof that had no room says nothing of the backup, and must not call it bad.
func TestAProofWithoutRoomSaysSo(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	slow(t, pg)                                  // 130 MB
	tmp, err := os.MkdirTemp("", "rahat-small-") // t.TempDir is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	r := newRig(t, "TMPDIR="+tmp)
	r.addServer(pg)
	r.addFolder()
	b := r.backup("uzun")
	for size, problem := range map[string]string{"8m": "engine.no_room", "100m": "verifier.no_room"} {
		small(t, r, tmp, size)
		r.fails(1, problem, "verify", b.Backup, "--level", "full")
	}
	if list := r.backups(); len(list) != 1 || list[0].Proof != nil {
		t.Errorf("a proof that was not made is kept: %+v", list)
	}
}

// small mounts a small disk on dir, in place of one mounted by an earlier call.
func small(t *testing.T, r *rig, dir, size string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	exec.Command("umount", dir).Run() //nolint:errcheck // there may be none
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=1777,size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount a small disk (needs root): %v %s", err, out)
	}
	t.Cleanup(func() {
		r.run("", "agent", "stop")
		exec.Command("umount", dir).Run() //nolint:errcheck // an earlier clean-up has done it
	})
}
