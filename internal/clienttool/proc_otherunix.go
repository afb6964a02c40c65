//go:build unix && !linux

package clienttool

import "syscall"

// dieWithUs has no counterpart here: a program whose reader died ends when it
// writes to the closed pipe.
func dieWithUs(*syscall.SysProcAttr) {}
