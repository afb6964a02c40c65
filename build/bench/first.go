package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/build/step"
	"github.com/rahatbackup/rahat/internal/control"
)

// first measures the first backup against the two pipelines that a person would
// write: a dump that is compressed and encrypted, and a dump into restic.
func (b *bench) first(ctx context.Context) error {
	peer, err := newPipeline(ctx, b.db, b.dir)
	if err != nil {
		return err
	}
	var ours, cpu, pipeline, restic []float64
	var made control.BackupResult
	var peerBytes, resticBytes, peak int64
	ourTurn := func() error {
		place, folder, err := b.newPlace(ctx)
		if err != nil {
			return err
		}
		if err := settle(ctx); err != nil {
			return err
		}
		var spent cost
		if made, spent, err = b.backup(ctx, place, "full"); err != nil {
			return err
		}
		ours, cpu, peak = append(ours, spent.wall.Seconds()), append(cpu, spent.cpu.Seconds()), max(peak, spent.peak)
		return b.dropPlace(ctx, place, folder)
	}
	peerTurn := func() error {
		if err := settle(ctx); err != nil {
			return err
		}
		wall, bytes, err := peer.encrypted(ctx)
		if err != nil {
			return err
		}
		pipeline, peerBytes = append(pipeline, wall.Seconds()), bytes
		return nil
	}
	resticTurn := func() error {
		if err := settle(ctx); err != nil {
			return err
		}
		wall, bytes, err := peer.restic(ctx, true)
		if err != nil {
			return err
		}
		restic, resticBytes = append(restic, wall.Seconds()), bytes
		return nil
	}
	turns := []func() error{ourTurn, peerTurn, resticTurn}
	for round := range b.opt.Rounds {
		b.say("first backup, round %d of %d", round+1, b.opt.Rounds)
		for i := range turns { // each begins a round once: nobody always runs after the same one
			if err := turns[(round+i)%len(turns)](); err != nil {
				return err
			}
		}
	}
	b.fact("first backup, rows and schema, of %s plain: %s, %.1f s CPU", megabytes(made.PlainBytes), seconds(median(ours)), median(cpu))
	b.add("first backup, time / pg_dump, zstd -1, age", median(ours)/median(pipeline), atMost(1.0), seconds(median(ours)), seconds(median(pipeline)))
	b.add("first backup, time / pg_dump, restic", median(ours)/median(restic), atMost(0.7), seconds(median(ours)), seconds(median(restic)))
	b.add("first backup, bytes / zstd -1", ratio(made.AddedBytes, peerBytes), atMost(0.78), megabytes(made.AddedBytes), megabytes(peerBytes))
	b.add("first backup, bytes / restic", ratio(made.AddedBytes, resticBytes), nil, megabytes(made.AddedBytes), megabytes(resticBytes))
	b.add("first backup, most memory of the agent", float64(peak)/1e6, atMost(200), megabytes(peak), "")
	return nil
}

// settle waits until what others wrote is on the disk, so that nobody pays for
// another's writing.
func settle(ctx context.Context) error {
	_, err := step.Cmd("sync").Output(ctx)
	return err
}

// A change is what happens to the database before a backup that leans on
// another.
type change struct {
	name  string
	sql   func(round int) []string
	share float64 // bound on the bytes added, as a share of the full
	cpu   *bound  // bound on CPU, as a share of the full's
}

// changes are the backups after the first: nothing changed, 1 % of the rows of
// every table, scattered, and a new column.
var changes = []change{
	{"unchanged", func(int) []string { return nil }, 0.0005, nil},
	{"1 % scattered updates", func(int) []string { return scattered }, 0.006, atMost(0.7)},
	{"ADD COLUMN", func(round int) []string {
		return []string{fmt.Sprintf("ALTER TABLE orders ADD COLUMN channel%d text DEFAULT 'web'", round)}
	}, 0.05, nil},
}

// next measures the backups after the first, each round beginning with a full.
func (b *bench) next(ctx context.Context) error {
	added, spent := make([][]float64, len(changes)), make([][]float64, len(changes))
	var full, fullCPU []float64
	for round := range b.opt.Rounds {
		b.say("backups after changes, round %d of %d", round+1, b.opt.Rounds)
		place, folder, err := b.newPlace(ctx)
		if err != nil {
			return err
		}
		whole, cost, err := b.backup(ctx, place, "full")
		if err != nil {
			return err
		}
		full, fullCPU = append(full, float64(whole.AddedBytes)), append(fullCPU, cost.cpu.Seconds())
		for i, c := range changes {
			bytes, cpu, err := b.after(ctx, place, c.sql(round))
			if err != nil {
				return err
			}
			added[i], spent[i] = append(added[i], bytes), append(spent[i], cpu)
		}
		if err := b.dropPlace(ctx, place, folder); err != nil {
			return err
		}
	}
	for i, c := range changes {
		some, all, cpu := median(added[i]), median(full), median(spent[i])
		b.add(c.name+", added / full", 100*some/all, percent(100*c.share), kilobytes(int64(some)), megabytes(int64(all)))
		b.add(c.name+", CPU / full", cpu/median(fullCPU), c.cpu, seconds(cpu), seconds(median(fullCPU)))
	}
	return nil
}

// after changes the database and returns the bytes that an incremental backup
// then adds, and its CPU seconds.
func (b *bench) after(ctx context.Context, place string, sql []string) (bytes, cpu float64, err error) {
	if err := b.db.SQL(ctx, b.db.Name, sql...); err != nil {
		return 0, 0, err
	}
	made, spent, err := b.backup(ctx, place, "incremental")
	if err != nil {
		return 0, 0, err
	}
	if made.Type != "incremental" {
		return 0, 0, fmt.Errorf("asked for an incremental backup and got a %s one", made.Type)
	}
	return float64(made.AddedBytes), spent.cpu.Seconds(), nil
}

// scattered changes one row in a hundred of every table, chosen by a hash of its
// key.
var scattered = []string{
	"UPDATE customers SET balance = balance + 1 WHERE hashint8(id) % 100 = 0",
	"UPDATE orders SET total = total + 1, updated_at = updated_at + interval '1 day' WHERE hashint8(id) % 100 = 0",
	"UPDATE events SET payload = payload || '{\"v\": 1}' WHERE hashint8(id) % 100 = 0",
}

// A pipeline runs the peers of a backup.
type pipeline struct {
	db        *Database
	dir       string
	recipient string
}

func newPipeline(ctx context.Context, db *Database, dir string) (*pipeline, error) {
	p := &pipeline{db: db, dir: dir}
	said, err := step.Cmd("age-keygen").Output(ctx)
	if err != nil {
		return nil, err
	}
	_, key, ok := strings.Cut(said, "# public key: ")
	if !ok {
		return nil, errors.New("make key for age: age-keygen named none")
	}
	p.recipient = strings.Fields(key)[0]
	return p, nil
}

// dump is the uncompressed dump that both peers read, as a shell command.
func (p *pipeline) dump() step.Command {
	return p.db.tool("pg_dump", p.db.Name, "-Fc", "-Z0")
}

// shell runs dump | rest and returns how long it took. Any part that fails fails
// the whole.
func (p *pipeline) shell(ctx context.Context, rest string, env ...string) (time.Duration, error) {
	dump := p.dump()
	script := `set -o pipefail; "$@" | ` + rest
	cmd := step.Cmd("bash", append([]string{"-c", script, "bash", dump.Name}, dump.Args...)...)
	began := time.Now()
	_, err := cmd.With(dump.Env...).With(env...).Output(ctx)
	return time.Since(began), err
}

// encrypted runs pg_dump | zstd -1 | age into a file and returns its size.
func (p *pipeline) encrypted(ctx context.Context) (time.Duration, int64, error) {
	file := filepath.Join(p.dir, "dump.zst.age")
	wall, err := p.shell(ctx, `zstd -1 -q -c | age -r "$KEY" >"$FILE"`, "KEY="+p.recipient, "FILE="+file)
	if err != nil {
		return 0, 0, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return 0, 0, fmt.Errorf("measure the peer's file: %w", err)
	}
	return wall, info.Size(), os.Remove(file)
}

// restic runs pg_dump into a restic repository, a new one if fresh, and returns
// the size of the repository.
func (p *pipeline) restic(ctx context.Context, fresh bool) (time.Duration, int64, error) {
	repo := filepath.Join(p.dir, "restic")
	env := []string{"RESTIC_PASSWORD=bench", "RESTIC_REPOSITORY=" + repo, "RESTIC_CACHE_DIR=" + filepath.Join(p.dir, "restic-cache")}
	if fresh {
		if err := os.RemoveAll(repo); err != nil {
			return 0, 0, fmt.Errorf("remove the peer's repository: %w", err)
		}
		if _, err := step.Cmd("restic", "init", "-q").With(env...).Output(ctx); err != nil {
			return 0, 0, err
		}
	}
	wall, err := p.shell(ctx, "restic backup -q --stdin --stdin-filename shop.dump", env...)
	if err != nil {
		return 0, 0, err
	}
	size, err := folderSize(repo)
	return wall, size, err
}

func folderSize(dir string) (int64, error) {
	var sum int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure folder: %w", err)
	}
	return sum, nil
}
