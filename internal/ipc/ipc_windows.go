package ipc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// Listen opens the named pipe at path for this user alone.
func Listen(path string) (Listener, error) {
	l, err := listen(path)
	if err != nil {
		return nil, ErrListen.Because(err, "path", path, "cause", err.Error())
	}
	return pipe{l}, nil
}

type pipe struct{ net.Listener }

// Keep implements [Listener]: a pipe is there as long as its listener.
func (pipe) Keep() error { return nil }

func listen(path string) (net.Listener, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read user of process: %w", err)
	}
	// Protected list (P) with one entry: all access (GA) for this user.
	sddl := "D:P(A;;GA;;;" + user.User.Sid.String() + ")"
	return winio.ListenPipe(path, &winio.PipeConfig{SecurityDescriptor: sddl})
}

// Dial connects to the named pipe at path. [ErrRefused] when it belongs to
// another user; any other error means that nobody listens.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	conn, err := winio.DialPipeContext(ctx, path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, ErrRefused.Because(err, "path", path)
	}
	return conn, err
}
