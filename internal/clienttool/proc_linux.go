package clienttool

import "syscall"

// dieWithUs lets the kernel end the program when we die, however we die.
func dieWithUs(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }
