package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/rahatbackup/rahat/build/firstrun"
	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/build/step"
)

const (
	// windowStarts is how often the window is opened; the median counts.
	windowStarts = 10
	// windowLimit bounds how long a window may take to be seen.
	windowLimit = 30 * time.Second
	// settled is how long programs are left alone before they are measured.
	settled = 6 * time.Second
)

// desktopOptions is how the desktop is measured.
var desktopOptions = Options{
	Keep: "build/bench/RESULTS-desktop.md",
	Intro: "Written by `go run ./build bench desktop`, on a display in memory without graphics hardware, beside a panel of\n" +
		"Xfce. Memory is PSS: what processes share, such as GTK with the panel, counts in equal parts.",
	Tools: []step.Command{step.Cmd("node", "--version"), step.Cmd("pkg-config", "--print-provides", "webkit2gtk-4.1")},
}

// Desktop measures the programs that draw, prints the table and returns an
// error if a bound is broken.
func Desktop(ctx context.Context, out io.Writer) (err error) {
	if runtime.GOOS != "linux" {
		return errors.New("the benchmark reads CPU time and memory from /proc, so it needs Linux")
	}
	if err := setup.ForDesktop(ctx, out); err != nil {
		return err
	}
	if err := product.BuildPages(ctx, out); err != nil {
		return err
	}
	programs, err := product.Build(ctx, out)
	if err != nil {
		return err
	}
	drawing, err := product.BuildDesktop(ctx, out)
	if err != nil {
		return err
	}
	dir, err := folder()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{out: out, opt: desktopOptions, dir: dir, programs: programs}
	b.fact("load average before: %s", load())
	if err := b.desktop(ctx, drawing); err != nil {
		return err
	}
	return b.close(ctx)
}

// desktop measures everything with one agent and one tray.
func (b *bench) desktop(ctx context.Context, programs product.Desktop) (err error) {
	s, err := startScreen(ctx, filepath.Join(b.dir, "screen"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if b.agent, err = product.StartAgent(ctx, b.programs, filepath.Join(b.dir, "home"), nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.agent.Stop()) }()
	if err := b.samples(ctx); err != nil {
		return err
	}
	tray, err := b.launch(s, programs.Tray)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end(tray)) }()
	if err := b.closedWindow(ctx, tray); err != nil {
		return err
	}
	if err := b.openWindow(ctx, s, programs.Window, tray); err != nil {
		return err
	}
	return b.firstPaint(ctx)
}

// samples configures what a small machine has: a few databases and a place.
func (b *bench) samples(ctx context.Context) error {
	for n := range 5 {
		path := filepath.Join(b.dir, fmt.Sprintf("shop%d.sqlite", n))
		if err := firstrun.MakeSample(ctx, path); err != nil {
			return err
		}
		if err := b.agent.CLI.JSON(ctx, nil, "server", "add", fmt.Sprintf("shop%d", n), "--engine", "sqlite", "--address", path); err != nil {
			return err
		}
	}
	_, _, err := b.newPlace(ctx)
	return err
}

// launch starts one of the drawing programs as a client of the agent.
func (b *bench) launch(s *screen, program string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(program, args...) //nolint:noctx // whoever launches it ends it
	cmd.Env = append(append(os.Environ(), s.env...), b.agent.CLI.Env...)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(program), err)
	}
	return cmd, nil
}

// closedWindow measures what is always there: the agent and the tray.
func (b *bench) closedWindow(ctx context.Context, tray *exec.Cmd) error {
	b.say("agent and tray, idle for a minute")
	if err := wait(ctx, settled); err != nil {
		return err
	}
	pids := []int{b.agent.PID(), tray.Process.Pid}
	share, err := busy(ctx, time.Minute, pids...)
	if err != nil {
		return err
	}
	held, each, err := pss(pids...)
	if err != nil {
		return err
	}
	b.add("agent and tray, window closed, memory, MB", float64(held)/1e6, atMost(60), each, "")
	b.add("agent and tray, idle, CPU", share, percent(0.1), "", "")
	return nil
}

// openWindow measures how long the window takes to appear, and what everything
// holds while it is open.
func (b *bench) openWindow(ctx context.Context, s *screen, program string, tray *exec.Cmd) error {
	b.say("start of the window, %d times", windowStarts)
	var visible, words []float64
	for n := range windowStarts {
		window, err := b.launch(s, program)
		if err != nil {
			return err
		}
		seen, read, err := watch(ctx, s, window.Process.Pid)
		if err == nil && n == windowStarts-1 {
			err = b.whileOpen(ctx, window, tray)
		}
		if err = errors.Join(err, end(window)); err != nil {
			return err
		}
		visible, words = append(visible, seen.Seconds()), append(words, read.Seconds())
	}
	b.add("window visible after, s", median(visible), atMost(1.2), "", "")
	b.add("words in the window after, s", median(words), nil, "", "")
	b.fact("window visible after, each start: %s", all(visible))
	return nil
}

// whileOpen measures memory and CPU with the window open.
func (b *bench) whileOpen(ctx context.Context, window, tray *exec.Cmd) error {
	if err := wait(ctx, settled); err != nil {
		return err
	}
	pids := []int{b.agent.PID(), tray.Process.Pid}
	family, err := descendants(ctx, window.Process.Pid)
	if err != nil {
		return err
	}
	pids = append(pids, family...)
	held, each, err := pss(pids...)
	if err != nil {
		return err
	}
	share, err := busy(ctx, 20*time.Second, pids...)
	if err != nil {
		return err
	}
	b.add("with the window open, memory, MB", float64(held)/1e6, atMost(300), each, "")
	b.add("with the window open, idle, CPU", share, nil, "", "")
	return nil
}

// watch waits until the window of a process can be seen, and until there are
// words in it, and says how long that took from now. Windows of other processes
// do not count, such as one that is just going.
func watch(ctx context.Context, s *screen, pid int) (seen, read time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, windowLimit, errors.New("the window does not appear"))
	defer cancel()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond) // to look costs, and the window needs the processors
	defer tick.Stop()
	id := ""
	for {
		if id == "" {
			id = strings.TrimSpace(ask(ctx, s, "xdotool", "search", "--onlyvisible", "--all", "--pid", strconv.Itoa(pid), "--name", "Rahat Backup"))
			seen = time.Since(began)
		} else if colours, err := strconv.Atoi(strings.TrimSpace(ask(ctx, s, "import", "-window", id, "-crop", "400x200+0+0", "-format", "%k", "info:"))); err == nil && colours > 50 {
			return seen, time.Since(began), nil // the edges of letters have many shades
		}
		select {
		case <-ctx.Done():
			return 0, 0, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// ask runs a program that looks at the screen. What it cannot see yet is an
// error to it and nothing to us.
func ask(ctx context.Context, s *screen, name string, args ...string) string {
	said, err := step.Cmd(name, args...).With(s.env...).Output(ctx)
	if err != nil {
		return ""
	}
	return said
}

// firstPaint measures the JavaScript that the first page loads. What belongs to
// it is known to the pages' own script.
func (b *bench) firstPaint(ctx context.Context) error {
	count := step.Cmd("node", "scripts/first-paint.mjs")
	count.Dir = "frontend"
	said, err := count.Output(ctx)
	m := firstPaintSaid.FindStringSubmatch(said)
	if m == nil {
		return fmt.Errorf("count the first page's JavaScript: %q, %w", said, err)
	}
	size, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return fmt.Errorf("count the first page's JavaScript: %w", err)
	}
	b.add("JavaScript of the first page, compressed, kB", size, atMost(200), "", "")
	return nil
}

var firstPaintSaid = regexp.MustCompile(`first paint: ([0-9.]+) kB of JavaScript`)

// busy returns the share of one processor, in percent, that processes use in
// a while.
func busy(ctx context.Context, while time.Duration, pids ...int) (float64, error) {
	before, err := cpuTimes(pids)
	if err != nil {
		return 0, err
	}
	if err := wait(ctx, while); err != nil {
		return 0, err
	}
	after, err := cpuTimes(pids)
	if err != nil {
		return 0, err
	}
	return 100 * float64(after-before) / float64(while), nil
}

func cpuTimes(pids []int) (sum time.Duration, err error) {
	for _, pid := range pids {
		used, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// descendants returns a process and all that it started, however indirectly.
func descendants(ctx context.Context, pid int) ([]int, error) {
	family := []int{pid}
	for n := 0; n < len(family); n++ {
		p, err := process.NewProcessWithContext(ctx, int32(family[n]))
		if err != nil {
			return nil, fmt.Errorf("find processes: %w", err)
		}
		children, err := p.ChildrenWithContext(ctx)
		if err != nil && !errors.Is(err, process.ErrorNoChildren) {
			return nil, fmt.Errorf("find processes: %w", err)
		}
		for _, c := range children {
			family = append(family, int(c.Pid))
		}
	}
	return family, nil
}

// pss returns the memory of processes in bytes, in all and each with its name.
// What several share counts in equal parts (proc(5), smaps_rollup).
func pss(pids ...int) (sum int64, each string, err error) {
	var names []string
	for _, pid := range pids {
		held, err := pssOf(pid)
		if err != nil {
			return 0, "", err
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			return 0, "", fmt.Errorf("read name of process: %w", err)
		}
		sum += held
		names = append(names, fmt.Sprintf("%s %.0f", strings.TrimSpace(string(name)), float64(held)/1e6))
	}
	return sum, strings.Join(names, ", "), nil
}

func pssOf(pid int) (int64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read memory: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, errors.Join(fmt.Errorf("read memory of process %d: no Pss", pid), lines.Err())
}

// all writes numbers beside each other.
func all(numbers []float64) string {
	var s []string
	for _, n := range numbers {
		s = append(s, fmt.Sprintf("%.2f", n))
	}
	return strings.Join(s, " ")
}
