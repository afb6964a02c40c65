package agent_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/store/local"
	"github.com/rahatbackup/rahat/internal/vault"
)

// victim is a home in which one agent after the other is killed, with a SQLite
// database and two folders for its backups, and what the test itself knows of
// them.
type victim struct {
	t     *testing.T
	rng   *rand.Rand
	home  paths.Home
	root  string
	keys  vault.Vault
	dests map[string]string // ID of the repository in each folder

	// Of the agent that lives.
	c      *client.Client
	cmd    *exec.Cmd
	exited chan error
	dead   bool
	dying  bool // what is struck dies
	struck bool // the last agent died in its work

	version int               // of the database
	before  []byte            // the database at the last version but one
	now     []byte            // and at the last
	plain   map[int][32]byte  // what sum it had at each version
	holds   map[string]int    // version that each backup must hold
	whole   map[string]idsSet // what each folder had when it was last looked at
	latest  string            // newest run that was looked at
	target  string            // database that the last restore was to make
	wants   [][]byte          // what may be there
	span    time.Duration     // how long the unharmed work took
	steps   int64             // and how many steps
	packs   idsSet            // that were there when it was last looked
	freed   int               // packs that have gone
	bySteps int
	byTime  int
	late    int
}

type idsSet map[string]bool

// kept is how many backups the rule keeps.
const kept = 2

func newVictim(t *testing.T, rng *rand.Rand) *victim {
	t.Helper()
	v := &victim{
		t: t, rng: rng, home: paths.Home(t.TempDir()), root: t.TempDir(), dests: map[string]string{},
		plain: map[int][32]byte{}, holds: map[string]int{}, whole: map[string]idsSet{},
	}
	check(t, os.Mkdir(v.path("db"), 0o700))
	v.keys = must[vault.Vault](t)(fileVault(v.home)(t.Context()))
	return v
}

func (v *victim) path(names ...string) string {
	return filepath.Join(append([]string{v.root}, names...)...)
}

// live runs an agent while f uses it, after a look at what the last one left.
func (v *victim) live(f func()) {
	v.t.Helper()
	v.age()
	v.cmd = exec.CommandContext(v.t.Context(), must[string](v.t)(os.Executable()))
	v.cmd.Env = append(os.Environ(), childHome+"="+string(v.home), childSteps+"=1")
	v.cmd.Stderr = os.Stderr
	check(v.t, v.cmd.Start())
	v.exited, v.dead = make(chan error, 1), false
	cmd, exited := v.cmd, v.exited
	go func() { exited <- cmd.Wait() }()
	v.t.Cleanup(func() { _ = cmd.Process.Kill() })
	v.c = client.Default(v.home)
	defer v.c.Close()
	answers(v.t, v.c, func() error { return nil })
	v.look()
	f()
	v.kill()
}

func (v *victim) kill() {
	v.t.Helper()
	if v.dead {
		return
	}
	v.dead = true
	_ = v.cmd.Process.Kill() // it may have died by itself: that is what the steps are for
	if err := <-v.exited; err == nil {
		v.t.Error("the agent ended by itself")
	}
}

// age makes everything 40 hours older, so that the leases of the dead run out and
// their litter is swept.
func (v *victim) age() {
	v.t.Helper()
	check(v.t, filepath.WalkDir(v.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		at := info.ModTime().Add(-40 * time.Hour)
		return os.Chtimes(path, at, at)
	}))
}

func (v *victim) setUp(kind string) {
	v.t.Helper()
	ctx := v.t.Context()
	must[control.Server](v.t)(v.c.AddServer(ctx, control.NewServer{Server: control.Server{Name: "shop", Engine: engine.SQLite, Address: v.path("db")}}))
	names := []string{"disk"}
	if kind == "copy" {
		names = append(names, "cloud")
	}
	for _, name := range names {
		d := must[control.Destination](v.t)(v.c.AddDestination(ctx, control.NewDestination{Destination: control.Destination{Name: name, URL: local.URL(v.path(name))}}))
		v.dests[name] = d.Repository
	}
	must[control.Job](v.t)(v.c.AddJob(ctx, control.Job{
		Name: "nightly", Server: "shop", Databases: []string{"shop.db"}, Destinations: names, Type: backup.Incremental, Rule: retention.Rule{Last: kept},
	}))
	for range kept {
		v.whileUnharmed(v.makeBackup)
	}
}

// change makes the next version of the database.
func (v *victim) change() {
	v.t.Helper()
	v.version++
	db := must[*sql.DB](v.t)(sql.Open("sqlite", v.path("db", "shop.db")))
	defer db.Close()
	do := func(text string, args ...any) {
		v.t.Helper()
		_, err := db.ExecContext(v.t.Context(), text, args...)
		check(v.t, err)
	}
	db.SetMaxOpenConns(1)
	do("PRAGMA synchronous = off")
	do("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name BLOB)")
	const rows = 1500
	first, changed := 0, rows
	if v.version > 1 { // all rows of one place, so that packs are needed in part
		first, changed = v.rng.IntN(rows), rows/3
	}
	do("BEGIN")
	for i := range changed {
		id := (first + i) % rows
		name := make([]byte, 1000)
		for j := range name {
			name[j] = byte(v.rng.Uint32())
		}
		do("INSERT OR REPLACE INTO items VALUES (?, ?)", id, name)
	}
	do("COMMIT")
	check(v.t, db.Close())
	v.before, v.now = v.now, must[[]byte](v.t)(os.ReadFile(v.path("db", "shop.db")))
	v.plain[v.version] = sha256.Sum256(v.now)
}

// rows is the content of a database, however its pages lie.
func (v *victim) rows(path string) (out []byte) {
	v.t.Helper()
	db := must[*sql.DB](v.t)(sql.Open("sqlite", path))
	defer db.Close()
	list, err := db.QueryContext(v.t.Context(), "SELECT id || ':' || hex(name) FROM items ORDER BY id")
	check(v.t, err)
	defer list.Close()
	for list.Next() {
		var line string
		check(v.t, list.Scan(&line))
		out = append(append(out, line...), '\n')
	}
	check(v.t, list.Err())
	return out
}

func (v *victim) makeBackup() (control.Runs, error) {
	v.change()
	return v.c.Backup(v.t.Context(), control.BackupRequest{Job: "nightly"})
}

func (v *victim) whileUnharmed(f func() (control.Runs, error)) {
	v.t.Helper()
	runs := must[control.Runs](v.t)(f())
	must[[]control.Run](v.t)(v.c.Follow(v.t.Context(), runs.Runs, nil))
	quiet(v.t, v.c)
	v.note()
}

func (v *victim) backup() { v.strike(v.makeBackup) }

func (v *victim) prune() {
	for range kept { // so that there is something to repack
		v.whileUnharmed(v.makeBackup)
	}
	v.strike(func() (control.Runs, error) { return v.c.Prune(v.t.Context(), control.PruneRequest{}) })
}

// settled is how many packs at most are left of the backups that are kept when
// nothing is waiting any more.
const settled = 12

// settle prunes until there is nothing more to do: what a prune that died has
// marked is told what it waits for by the next one, deleted by the one after
// that, and what that leaves half empty is written anew.
func (v *victim) settle() {
	for range 4 {
		v.live(func() {
			v.whileUnharmed(func() (control.Runs, error) { return v.c.Prune(v.t.Context(), control.PruneRequest{}) })
		})
	}
}

// copy strikes when the backup is made, of which the copies follow.
func (v *victim) copy() {
	v.strike(func() (control.Runs, error) {
		runs, err := v.makeBackup()
		if err == nil {
			_, err = v.c.Follow(v.t.Context(), runs.Runs, nil)
		}
		return runs, err
	})
}

// restore makes a new database, or replaces one.
func (v *victim) restore() {
	v.whileUnharmed(v.makeBackup)
	ctx := v.t.Context()
	req := control.RestoreRequest{Server: "shop", Database: fmt.Sprintf("new %d.db", v.version)}
	v.target, v.wants = v.path("db", req.Database), [][]byte{nil, v.rows(v.path("db", "shop.db"))}
	if over := v.path("db", "over.db"); v.rng.IntN(3) == 0 {
		check(v.t, errorsButNotThere(os.Remove(over)))
		check(v.t, os.WriteFile(over, v.before, 0o600))
		req.Database, req.Overwrite = "over.db", "over.db"
		v.target, v.wants[0] = over, v.rows(over)
	}
	v.strike(func() (control.Runs, error) { return v.c.Restore(ctx, "latest", req) })
}

func errorsButNotThere(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// strike begins work and kills the agent somewhere in it: at a step or after a
// time. While nobody is dying it only sees how much there is to do.
func (v *victim) strike(work func() (control.Runs, error)) {
	v.t.Helper()
	v.struck = v.dying
	armed, count := filepath.Join(string(v.home), "armed"), filepath.Join(string(v.home), "steps")
	at := ""
	if v.dying && v.rng.IntN(2) == 0 {
		at = strconv.FormatInt(1+v.rng.Int64N(v.steps), 10)
		v.bySteps++
	} else if v.dying {
		v.byTime++
	}
	check(v.t, os.WriteFile(armed, []byte(at), 0o600))
	begun := time.Now()
	_, err := work()
	switch {
	case !v.dying:
		check(v.t, err)
		quiet(v.t, v.c)
		v.span, v.steps = time.Since(begun), must[fs.FileInfo](v.t)(os.Stat(count)).Size()
		v.note()
	case at == "":
		select {
		case <-time.After(time.Duration(v.rng.Int64N(int64(v.span))) - time.Since(begun)):
		case err := <-v.exited:
			v.exited <- err
			v.t.Error("the agent died by itself")
		}
	default:
		v.untilDead()
	}
	v.kill()
	check(v.t, os.Remove(armed))
	check(v.t, errorsButNotThere(os.Remove(count)))
}

// untilDead waits until the agent has died at its step, or has nothing left to do.
func (v *victim) untilDead() {
	for {
		select {
		case err := <-v.exited:
			v.exited <- err
			return
		case <-time.After(5 * time.Millisecond):
		}
		if s, err := v.c.Status(v.t.Context()); err == nil && len(s.Active) == 0 {
			return
		}
	}
}

// note takes down what the catalog says is there.
func (v *victim) note() map[string]idsSet {
	v.t.Helper()
	there := map[string]idsSet{}
	for name := range v.dests {
		there[name] = idsSet{}
	}
	for _, b := range must[[]control.Backup](v.t)(v.c.Backups(v.t.Context(), client.BackupFilter{})) {
		for _, place := range append([]string{b.Destination}, b.Copies...) {
			there[place][b.ID] = true
		}
		if _, known := v.holds[b.ID]; !known {
			v.holds[b.ID] = v.version
		}
	}
	v.whole = there
	return there
}

// look compares what an agent that has just begun finds with what was there.
func (v *victim) look() {
	v.t.Helper()
	ctx := v.t.Context()
	hit := false
	for _, r := range must[control.StatusReport](v.t)(v.c.Status(ctx)).Active {
		if r.RetryAt != nil { // what killed the agent is not done again at once
			hit = true
			must[control.Runs](v.t)(v.c.RetryRun(ctx, r.ID))
		}
	}
	quiet(v.t, v.c)
	hit = v.lookAtRuns() || hit
	if v.struck && !hit {
		v.late++
	}
	before := v.whole
	said := v.note()
	for name, id := range v.dests {
		there := v.read(name, id)
		if !maps.Equal(there, said[name]) {
			v.t.Errorf("%s has %v, the catalog says %v", name, there, said[name])
		}
		all := slices.Sorted(maps.Keys(union(before[name], there))) // by time
		for i, b := range all {
			if !there[b] && i >= len(all)-kept {
				v.t.Errorf("%s has lost %s of %v", name, b, all)
			}
		}
	}
	if cloud, ok := said["cloud"]; ok {
		if disk := slices.Sorted(maps.Keys(said["disk"])); len(disk) > 0 && !cloud[disk[len(disk)-1]] {
			v.t.Errorf("%s is not copied", disk[len(disk)-1])
		}
	}
	v.lookAtPacks()
	v.lookAtTarget()
}

// lookAtPacks sees that prunes do give back room.
func (v *victim) lookAtPacks() {
	v.t.Helper()
	now := idsSet{}
	for _, path := range must[[]string](v.t)(filepath.Glob(v.path("disk", "packs", "*", "*"))) {
		now[path] = true
	}
	for path := range v.packs {
		if !now[path] {
			v.freed++
		}
	}
	v.packs = now
}

func union(a, b idsSet) idsSet {
	c := maps.Clone(b)
	maps.Copy(c, a)
	return c
}

// lookAtRuns sees that what was cut off is told as that, and nothing else went
// wrong.
func (v *victim) lookAtRuns() (cut bool) {
	v.t.Helper()
	runs := must[[]control.Run](v.t)(v.c.Runs(v.t.Context(), 30))
	for _, r := range runs {
		if r.ID <= v.latest {
			break
		}
		switch {
		case r.Status == backup.OK && r.Finished != nil:
		case r.Status == backup.Interrupted && r.Finished != nil && r.Problem != nil && (r.Problem.Code == "agent.interrupted" || r.Problem.Code == "agent.restore_cut_off"):
			cut = true
		default:
			v.t.Errorf("run %+v: %+v", r, r.Problem)
		}
	}
	if len(runs) > 0 {
		v.latest = runs[0].ID
	}
	return cut
}

// read reads every backup that a folder holds and compares it with the copies
// that the test kept.
func (v *victim) read(name, id string) idsSet {
	v.t.Helper()
	ctx := context.Background()
	key := must[vault.Secret](v.t)(v.keys.Get(ctx, "repository/"+id+"/key"))
	st := must[*local.Store](v.t)(local.Open(v.path(name)))
	repo := must[*repository.Repository](v.t)(repository.Open(ctx, st, repository.Options{}, repository.SecretKey(key)))
	defer repo.Close()
	there := idsSet{}
	for _, b := range must[[]backup.ID](v.t)(repo.Backups(ctx)) {
		there[string(b)] = true
		m := must[*backup.Manifest](v.t)(repo.Manifest(ctx, b))
		in := must[io.ReadCloser](v.t)(repo.Source(m).Open(ctx, m.Parts[0]))
		got, err := io.ReadAll(in)
		_ = in.Close()
		if want := v.plain[v.holds[string(b)]]; err != nil || sha256.Sum256(got) != want {
			v.t.Errorf("%s on %s is not the database as it was: %d bytes, %v", b, name, len(got), err)
		}
	}
	return there
}

func (v *victim) lookAtTarget() {
	v.t.Helper()
	if v.target == "" {
		return
	}
	var got []byte
	if _, err := os.Stat(v.target); err == nil {
		got = v.rows(v.target)
	}
	if !slices.ContainsFunc(v.wants, func(w []byte) bool { return bytes.Equal(got, w) }) {
		v.t.Errorf("%s holds %d bytes of rows: neither what was there nor what was to come", v.target, len(got))
	}
	v.target = ""
}
