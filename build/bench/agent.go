package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// serverName is the bench database's server in the agent.
const serverName = "bench"

func (b *bench) addServer(ctx context.Context) error {
	user, password := b.db.Login()
	return b.agent.CLI.WithStdin(password+"\n").JSON(ctx, nil, "server", "add", serverName, "--engine", "postgres",
		"--address", b.db.Address(), "--user", user, "--password-stdin")
}

// newPlace makes an empty destination and returns its name and folder.
func (b *bench) newPlace(ctx context.Context) (name, folder string, err error) {
	b.places++
	name = fmt.Sprintf("place%d", b.places)
	folder = filepath.Join(b.dir, name)
	return name, folder, b.agent.CLI.JSON(ctx, nil, "destination", "add", name, "--url", "file://"+folder)
}

// dropPlace forgets a destination and removes its files.
func (b *bench) dropPlace(ctx context.Context, name, folder string) error {
	if err := b.agent.CLI.JSON(ctx, nil, "destination", "remove", name); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("remove destination: %w", err)
	}
	return nil
}

// A cost is what one piece of work took.
type cost struct {
	wall time.Duration
	cpu  time.Duration // of the agent and the tools it started; not of the server
	peak int64         // most memory the agent held, bytes
}

// backup makes one backup and says what it cost.
func (b *bench) backup(ctx context.Context, place, kind string) (control.BackupResult, cost, error) {
	var result control.BackupResult
	spent, err := b.measured(func() error {
		return b.agent.CLI.JSON(ctx, &result, "backup", "--server", serverName, "--database", b.db.Name, "--to", place, "--type", kind, "--verify", "none")
	})
	return result, spent, err
}

// measured runs work and says what it cost the agent. The time is that of the
// whole command, as a person waits for it.
func (b *bench) measured(work func() error) (cost, error) {
	pid := b.agent.PID()
	if err := resetPeak(pid); err != nil {
		return cost{}, err
	}
	before, err := cpuTime(pid)
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	if err := work(); err != nil {
		return cost{}, err
	}
	spent := cost{wall: time.Since(began)}
	after, err := cpuTime(pid)
	if err != nil {
		return cost{}, err
	}
	spent.cpu = after - before
	spent.peak, err = memory(pid, "VmHWM")
	return spent, err
}

// ticks is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on every
// architecture Go knows.
const tick = time.Second / 100

// cpuTime returns the CPU time that a process and the children it has waited for
// have used (proc(5): fields 14 to 17 of stat).
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("read CPU time: %w", err)
	}
	// The second field is the program's name in parentheses and may hold spaces.
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const first = 14 - 3 // fields begins with the third
	if len(fields) < first+4 {
		return 0, fmt.Errorf("read CPU time: %d fields", len(fields))
	}
	var sum time.Duration
	for _, field := range fields[first : first+4] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// memory returns a size in /proc/PID/status, in bytes: VmRSS is what a process
// holds now, VmHWM the most it held.
func memory(pid int, name string) (int64, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		rest, ok := strings.CutPrefix(line, name+":")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read memory: %w", err)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("read memory: no %s", name)
}

// resetPeak makes the kernel count VmHWM anew (proc(5): 5 in clear_refs).
func resetPeak(pid int) error {
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(pid), "clear_refs"), []byte("5"), 0o600); err != nil {
		return fmt.Errorf("reset peak of memory: %w", err)
	}
	return nil
}
