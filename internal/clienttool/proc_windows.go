package clienttool

import (
	"errors"
	"os/exec"
	"strconv"
	"syscall"
)

// A User is whom to run a program as. On Windows programs run as ourselves.
type User struct{ Name string }

// LookupUser always fails on Windows.
func LookupUser(string) (*User, error) {
	return nil, errors.New("look up user: not on Windows")
}

// isolate puts the program into its own process group, without a window.
func isolate(cmd *exec.Cmd, u *User) error {
	const createNoWindow = 0x08000000
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | createNoWindow}
	if u != nil {
		return errors.New("run as another user: not on Windows")
	}
	return nil
}

// stop kills the program and its children.
func stop(cmd *exec.Cmd, _ <-chan struct{}) {
	kill := exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)) //nolint:noctx // must run after the context has ended
	kill.SysProcAttr = &syscall.SysProcAttr{HideWindow: true}
	if kill.Run() != nil {
		_ = cmd.Process.Kill() // already gone is fine
	}
}
