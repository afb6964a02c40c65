package doctor

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// recentLog is how much of the end of a log is read, in bytes.
const recentLog = 4 << 20

// logLine is what the doctor reads of a line of the agent's log.
type logLine struct {
	Time    time.Time        `json:"time"`
	Level   string           `json:"level"`
	Msg     string           `json:"msg"`
	Err     string           `json:"err"`
	Problem *control.Problem `json:"problem"`
}

// readLog hands the recent lines of a log to each, the oldest first.
// [fs.ErrNotExist] when there is none yet.
func readLog(file string, each func(logLine)) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if info, err := f.Stat(); err == nil && info.Size() > recentLog {
		if _, err := f.Seek(-recentLog, io.SeekEnd); err != nil {
			return fmt.Errorf("read log: %w", err)
		}
	}
	if err := logLines(f, each); err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	return nil
}

// logLines leaves out lines that are none of ours, or cut off.
func logLines(r io.Reader, each func(logLine)) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := lines.ReadSlice('\n')
		var line logLine
		if json.Unmarshal(text, &line) == nil {
			each(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}
