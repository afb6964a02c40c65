// Package logging sets up the agent's log: JSON lines in a file that is
// rotated, with secrets taken out before anything is written.
package logging

import (
	"errors"
	"io"
	"log/slog"

	"gopkg.in/natefinch/lumberjack.v2"
)

// The log takes at most (Backups+1) * MaxMegabytes of disk.
const (
	MaxMegabytes = 10
	Backups      = 5
)

// Options says where the log goes.
type Options struct {
	File  string     // path of the log; its folder exists
	Level slog.Level // least level that is written
	// Console gets the same lines as text, for a person who runs the agent
	// in a terminal; nil: nobody.
	Console io.Writer
}

// Open returns a logger and what closes its file.
func Open(opt Options) (*slog.Logger, io.Closer, error) {
	if opt.File == "" {
		return nil, nil, errors.New("open log: no file named")
	}
	file := &lumberjack.Logger{Filename: opt.File, MaxSize: MaxMegabytes, MaxBackups: Backups}
	h := &slog.HandlerOptions{Level: opt.Level, ReplaceAttr: redact}
	var handler slog.Handler = slog.NewJSONHandler(file, h)
	if opt.Console != nil {
		handler = slog.NewMultiHandler(handler, slog.NewTextHandler(opt.Console, h))
	}
	return slog.New(handler), file, nil
}
