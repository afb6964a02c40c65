package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/shirou/gopsutil/v4/disk"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What can be wrong with the folder that holds the state.
var (
	// ErrHomeOpen (warning): other users may look into {path}.
	ErrHomeOpen = problem.New("doctor.home_open")
	// ErrHomeUnwritable: nothing can be written to {path}: {cause}.
	ErrHomeUnwritable = problem.New("doctor.home_unwritable")
	// ErrLowSpace: only {free} bytes are left on the disk of {path}.
	ErrLowSpace = problem.New("doctor.low_space")
	// ErrLogErrors (warning): the last day has {count} errors in {path}, the
	// last of them: {last}.
	ErrLogErrors = problem.New("doctor.log_errors")
	// ErrLeftovers (warning): {count} things of earlier work lie in {path}.
	ErrLeftovers = problem.New("doctor.leftovers")
)

// The free space, in bytes, below which a person is warned, and below which
// work fails soon.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

// Home returns the looks at the folder that holds the state. idle says that
// nothing runs, so that what lies in the folder for temporary files was left.
func Home(home paths.Home, now time.Time, idle bool) []Look {
	looks := []Look{
		{Name: "home", Do: func(context.Context) (control.Text, []*problem.Problem, error) { return lookAtHome(string(home)) }},
		{Name: "space", Subject: string(home), Do: func(ctx context.Context) (control.Text, []*problem.Problem, error) {
			return lookAtSpace(ctx, string(home))
		}},
		{Name: "log", Do: func(context.Context) (control.Text, []*problem.Problem, error) { return lookAtLog(home.Log(), now) }},
	}
	if idle {
		looks = append(looks, Look{Name: "leftovers", Do: func(context.Context) (control.Text, []*problem.Problem, error) {
			return lookAtTemp(home.Temp())
		}})
	}
	return looks
}

// lookAtHome writes a file and removes it again.
func lookAtHome(dir string) (text control.Text, warnings []*problem.Problem, err error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return text, nil, nil // nothing was set up yet
	}
	if err != nil {
		return text, nil, unwritable(dir, err)
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return text, nil, unwritable(dir, err)
	}
	_, err = f.WriteString("x")
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return text, nil, unwritable(dir, err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		warnings = append(warnings, ErrHomeOpen.Because(nil, "path", dir))
	}
	return control.Text{Code: "doctor.home", Params: map[string]string{"path": dir}}, warnings, nil
}

func unwritable(dir string, err error) error {
	cause := err
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		cause = e.Err
	}
	return ErrHomeUnwritable.Because(err, "path", dir, "cause", cause.Error())
}

func lookAtSpace(ctx context.Context, dir string) (text control.Text, warnings []*problem.Problem, err error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return text, nil, nil
	}
	usage, err := disk.UsageWithContext(ctx, dir)
	if err != nil {
		return text, nil, fmt.Errorf("measure free space: %w", err)
	}
	free := strconv.FormatUint(usage.Free, 10)
	text = control.Text{Code: "doctor.space", Params: map[string]string{"free": free}}
	low := ErrLowSpace.Because(nil, "path", dir, "free", free)
	switch {
	case usage.Free < noSpace:
		return text, nil, low
	case usage.Free < littleSpace:
		warnings = append(warnings, low)
	}
	return text, warnings, nil
}

// lookAtTemp counts what earlier work left.
func lookAtTemp(dir string) (text control.Text, warnings []*problem.Problem, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return text, nil, nil
	}
	if err != nil {
		return text, nil, unwritable(dir, err)
	}
	if len(entries) > 0 {
		warnings = append(warnings, ErrLeftovers.Because(nil, "path", dir, "count", strconv.Itoa(len(entries))))
	}
	return control.Text{Code: "doctor.leftovers"}, warnings, nil
}

// lookAtLog counts the errors of the last day.
func lookAtLog(file string, now time.Time) (text control.Text, warnings []*problem.Problem, err error) {
	count, last := 0, ""
	err = readLog(file, func(line logLine) {
		if line.Level == "ERROR" && line.Time.After(now.Add(-24*time.Hour)) {
			count, last = count+1, line.Msg
		}
	})
	if errors.Is(err, fs.ErrNotExist) {
		return text, nil, nil
	}
	if count > 0 {
		warnings = append(warnings, ErrLogErrors.Because(nil, "count", strconv.Itoa(count), "path", file, "last", last))
	}
	return control.Text{Code: "doctor.log"}, warnings, err
}
