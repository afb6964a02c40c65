//go:build unix

package client

import (
	"os"
	"syscall"
)

// detached gives the agent a session of its own, so that it survives the
// terminal.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// exited reports whether our child is gone, without waiting for it.
func exited(p *os.Process) bool {
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(p.Pid, &status, syscall.WNOHANG, nil)
	return pid == p.Pid || err == syscall.ECHILD
}
