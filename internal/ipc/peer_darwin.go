package ipc

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer returns the user at the other end, as the kernel knows it.
func peer(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Xucred
	var optErr error
	err = raw.Control(func(fd uintptr) {
		cred, optErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	})
	if err == nil {
		err = optErr
	}
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
