package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/internal/control"
)

const (
	// soakHours is how many hours of an agent's life are lived through, each of
	// them in so many rounds.
	soakHours  = 24
	soakRounds = 4
	// soakTime is how long that takes.
	soakTime = 20 * time.Minute
	// soakDatabases are backed up in every round.
	soakDatabases = 4
	// soakKept is how many backups of each are kept.
	soakKept = 6
)

// soakOptions is how an agent's day is measured.
var soakOptions = Options{
	Scale: 0.02,
	Keep:  "build/bench/RESULTS-soak.md",
	Intro: fmt.Sprintf("Written by `go run ./build bench soak`: %d hours of an agent's work in %s. %d times an hour %d databases change, are backed up\n"+
		"to one place and copied to another; old backups go, room is given back, backups are proved.", soakHours, soakTime, soakRounds, soakDatabases),
}

// Soak lives through a day in twenty minutes, prints what the agent held over
// time and returns an error if that grew, or if a run failed.
func Soak(ctx context.Context, out io.Writer) (err error) {
	if runtime.GOOS != "linux" {
		return errors.New("the benchmark reads memory from /proc, so it needs Linux")
	}
	if err := setup.ForBench(ctx, out); err != nil {
		return err
	}
	programs, err := product.Build(ctx, out)
	if err != nil {
		return err
	}
	dir, err := folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{out: out, opt: soakOptions, dir: dir, programs: programs}
	if err := b.soak(ctx); err != nil {
		return err
	}
	return b.close(ctx)
}

func (b *bench) soak(ctx context.Context) (err error) {
	server := filepath.Join(b.dir, "pg")
	if err := os.Mkdir(server, 0o755); err != nil {
		return fmt.Errorf("make server folder: %w", err)
	}
	if b.db, err = StartDatabase(ctx, server, b.opt.Scale); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.db.Close()) }()
	if b.agent, err = product.StartAgent(ctx, b.programs, filepath.Join(b.dir, "home"), nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.agent.Stop()) }()
	if err := b.soakSetup(ctx); err != nil {
		return err
	}
	var day []moment
	began := time.Now()
	const rounds = soakHours * soakRounds
	last := ""
	for round := range rounds {
		m, err := b.round(ctx, round)
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		if err := b.count(ctx, &m, &last); err != nil {
			return err
		}
		day = append(day, m)
		b.say("round %2d: %.1f MB (%.1f of its own, %.1f of that free), %d files open, %d threads, %.1f MB stored", round, float64(m.held)/1e6, float64(m.own)/1e6, float64(m.spare)/1e6, m.files, m.threads, float64(m.stored)/1e6)
		if err := wait(ctx, time.Until(began.Add(time.Duration(round+1)*soakTime/rounds))); err != nil {
			return err
		}
	}
	b.soaked(day)
	return nil
}

// soakNames are the databases: the generated one and others like it.
func soakNames() []string {
	names := []string{"shop"}
	for i := 2; i <= soakDatabases; i++ {
		names = append(names, "shop"+strconv.Itoa(i))
	}
	return names
}

func (b *bench) soakSetup(ctx context.Context) error {
	for _, name := range soakNames()[1:] {
		if err := b.db.SQL(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE shop"); err != nil {
			return err
		}
	}
	if err := b.addServer(ctx); err != nil {
		return err
	}
	for _, place := range []string{"first", "second"} {
		if err := b.agent.CLI.JSON(ctx, nil, "destination", "add", place, "--url", "file://"+filepath.Join(b.dir, place)); err != nil {
			return err
		}
	}
	return b.agent.CLI.JSON(ctx, nil, "job", "add", "always", "--server", serverName, "--database", "*", "--to", "first,second",
		"--type", "incremental", "--verify", "basic", "--keep-last", strconv.Itoa(soakKept))
}

// A moment is what the agent held at the end of a round.
type moment struct {
	held    int64 // bytes of memory
	own     int64 // of them without the program itself, whose pages the kernel reads as they are first needed and can drop
	spare   int64 // of its own what is free: the Go runtime does not find all of it at once to give it back, which goes up and down
	files   int
	threads int
	stored  int64 // bytes on both destinations
	runs    int   // of the round
	failed  int   // of them
}

// recent is more runs than a round has.
const recent = 100

// count counts the runs that are newer than the last one that was counted.
func (b *bench) count(ctx context.Context, m *moment, last *string) error {
	var runs []control.Run
	if err := b.agent.CLI.JSON(ctx, &runs, "runs", "--limit", strconv.Itoa(recent)); err != nil {
		return err
	}
	newest := *last
	for i := range runs {
		if runs[i].ID <= *last {
			continue
		}
		newest = max(newest, runs[i].ID)
		m.runs++
		if p := runs[i].Problem; p != nil {
			b.say("%s of %s failed: %s", runs[i].Kind, runs[i].Database, p.Code)
			m.failed++
		}
	}
	if m.runs == recent {
		return fmt.Errorf("a round had %d runs or more", recent)
	}
	*last = newest
	return nil
}

// round is what happens in one: rows change, the job runs, people look, and in
// every fourth there is more to do.
func (b *bench) round(ctx context.Context, round int) (m moment, err error) {
	for _, name := range soakNames() {
		change := fmt.Sprintf("UPDATE orders SET status = 'round %d' WHERE id %% 97 = %d", round, round)
		if err := b.db.SQL(ctx, name, change, fmt.Sprintf("DELETE FROM events WHERE id %% 1009 = %d", round)); err != nil {
			return m, err
		}
	}
	var made struct {
		Runs []control.BackupResult `json:"runs"`
	}
	if err := b.agent.CLI.JSON(ctx, &made, "backup", "always"); err != nil {
		return m, err
	}
	if len(made.Runs) != soakDatabases {
		return m, fmt.Errorf("%d backups of %d were made", len(made.Runs), soakDatabases)
	}
	commands := [][]string{{"status"}, {"runs"}, {"backups"}, {"discover"}, {"job", "show", "always"}}
	if round%4 == 3 {
		commands = append(commands, []string{"prune", "--yes"}, []string{"verify", made.Runs[round/4%soakDatabases].Backup, "--level", "full"})
	}
	if round%8 == 7 {
		commands = append(commands, []string{"doctor"}, []string{"catalog", "rebuild"})
	}
	for _, c := range commands {
		if err := b.agent.CLI.JSON(ctx, nil, c...); err != nil {
			return m, err
		}
	}
	return b.rested(ctx)
}

// rested waits until nothing is going on and looks at what the agent holds.
func (b *bench) rested(ctx context.Context) (m moment, err error) {
	for busy := true; busy; {
		var status control.StatusReport
		if err := b.agent.CLI.JSON(ctx, &status, "status"); err != nil {
			return m, err
		}
		if busy = len(status.Active) > 0; busy {
			err = wait(ctx, time.Second/4)
		}
		if err != nil {
			return m, err
		}
	}
	if err := wait(ctx, settled); err != nil {
		return m, err
	}
	pid := b.agent.PID()
	for name, count := range map[string]*int64{"VmRSS": &m.held, "RssAnon": &m.own} {
		if *count, err = memory(pid, name); err != nil {
			return m, err
		}
	}
	var hello control.Hello
	if err := b.agent.CLI.JSON(ctx, &hello, "agent", "status"); err != nil {
		return m, err
	}
	m.spare = hello.Memory.Spare
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	for sub, count := range map[string]*int{"fd": &m.files, "task": &m.threads} {
		entries, err := os.ReadDir(filepath.Join(proc, sub))
		if err != nil {
			return m, fmt.Errorf("look at the agent: %w", err)
		}
		*count = len(entries)
	}
	for _, place := range []string{"first", "second"} {
		n, err := sizeOf(filepath.Join(b.dir, place))
		if err != nil {
			return m, err
		}
		m.stored += n
	}
	return m, nil
}

// sizeOf adds up the files of a folder.
func sizeOf(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure destination: %w", err)
	}
	return sum, nil
}

// soaked compares the end of the day with its second quarter, when everything had
// happened once.
func (b *bench) soaked(day []moment) {
	runs, failed := 0, 0
	for _, m := range day {
		runs += m.runs
		failed += m.failed
	}
	of := func(part []moment, what func(moment) float64) float64 {
		var all []float64
		for _, m := range part {
			all = append(all, what(m))
		}
		slices.Sort(all)
		return median(all)
	}
	quarter := len(day) / 4
	early, late := day[quarter:2*quarter], day[3*quarter:]
	growth := func(what func(moment) float64) float64 { return 100 * (of(late, what)/of(early, what) - 1) }
	held := func(m moment) float64 { return float64(m.held) / 1e6 }
	own := func(m moment) float64 { return float64(m.own) / 1e6 }
	used := func(m moment) float64 { return float64(m.own-m.spare) / 1e6 }
	b.add("runs", float64(runs), nil, "", "")
	b.add("of them failed", float64(failed), atMost(0), "", "")
	b.add("memory of the agent after a round of work, MB", of(late, held), nil, "", "")
	b.add("memory, last quarter of the day over the second", growth(held), percent(5), "", "")
	b.add("of it its own, without the program's pages, MB", of(late, own), nil, "", "")
	b.add("its own memory, last quarter over the second", growth(own), percent(5), "", "")
	b.add("of that in use, without what is free, MB", of(late, used), nil, "", "")
	b.add("in use, last quarter over the second", growth(used), percent(5), "", "")
	b.fact("memory by the hour, MB: %s", byHour(day, held))
	b.fact("of it its own: %s", byHour(day, own))
	b.fact("of that in use: %s", byHour(day, used))
	b.add("open files, last quarter over the second", growth(func(m moment) float64 { return float64(m.files) }), percent(0), "", "")
	b.add("threads, last quarter over the second", growth(func(m moment) float64 { return float64(m.threads) }), percent(20), "", "")
	b.add("stored, last quarter over the second", growth(func(m moment) float64 { return float64(m.stored) }), percent(10), "", "")
}

// byHour lists the medians of a figure in every hour.
func byHour(day []moment, what func(moment) float64) string {
	var all []string
	for hour := range slices.Chunk(day, soakRounds) {
		var of []float64
		for _, m := range hour {
			of = append(of, what(m))
		}
		all = append(all, strconv.FormatFloat(median(of), 'f', 1, 64))
	}
	return strings.Join(all, " ")
}
