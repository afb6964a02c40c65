//go:build unix

package clienttool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"
)

// A User is whom to run a program as. Only root can run as another.
type User struct {
	Name     string
	UID, GID int
}

// LookupUser finds a user of this machine by name.
func LookupUser(name string) (*User, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	return &User{Name: name, UID: uid, GID: gid}, nil
}

// isolate puts the program into its own process group, so that it can be
// stopped with its children, and gives it its user.
func isolate(cmd *exec.Cmd, u *User) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithUs(cmd.SysProcAttr)
	if u == nil || u.UID == os.Geteuid() {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("run %s as %s: only root can", base(cmd.Path), u.Name)
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}
	return nil
}

// stop asks the group to end, and kills it if it has not after the grace time.
func stop(cmd *exec.Cmd, ended <-chan struct{}) {
	group := -cmd.Process.Pid
	// ESRCH, the group has gone by itself, is what we want.
	if err := syscall.Kill(group, syscall.SIGTERM); errors.Is(err, syscall.ESRCH) {
		return
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // whoever of the group is left; ESRCH: nobody
}
