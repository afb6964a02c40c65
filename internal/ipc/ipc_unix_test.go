//go:build unix

package ipc

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func listening(t *testing.T) (net.Listener, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "deep", "agent.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, path
}

// owner is the listener as Listen made it.
func owner(t *testing.T, l net.Listener) *guarded {
	t.Helper()
	g, ok := l.(*guarded)
	if !ok {
		t.Fatalf("Listen returned a %T", l)
	}
	return g
}

// call says what a stranger gets at a socket.
func call(path string) {
	c, err := net.Dial("unix", path)
	switch {
	case errors.Is(err, os.ErrPermission):
		os.Stdout.WriteString("denied\n")
		return
	case err != nil:
		os.Stdout.WriteString(err.Error())
		return
	}
	b, _ := io.ReadAll(c) // what came before an error is what counts
	os.Stdout.WriteString(string(b) + "hung up\n")
}

// echo answers every connection with "hello".
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("hello")) // a peer that is gone shows in its own test
		c.Close()
	}
}

func read(t *testing.T, path string) (string, error) {
	t.Helper()
	c, err := Dial(t.Context(), path)
	if err != nil {
		return "", err
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	return string(b), err
}

func TestSocketIsPrivateAndAnswersItsOwner(t *testing.T) {
	l, path := listening(t)
	go echo(l)
	if got, err := read(t, path); got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
}

func TestStaleSocketIsReplacedAndNothingElse(t *testing.T) {
	l, path := listening(t)
	if err := owner(t, l).now.Close(); err != nil { // as after kill -9
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("dead socket: %v", err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	go echo(l)
	if got, err := read(t, path); got != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	l.Close()
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrListen) {
		t.Errorf("file in the way: %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("file was removed: %q, %v", text, err)
	}
}

func TestFolderOthersMayWriteToIsRefused(t *testing.T) {
	l, path := listening(t)
	go echo(l)
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, path); !errors.Is(err, ErrRefused) {
		t.Errorf("dial: %v", err)
	}
	if _, err := Listen(filepath.Join(filepath.Dir(path), "other.sock")); !errors.Is(err, ErrRefused) {
		t.Errorf("listen: %v", err)
	}
}

// Another user cannot even open the socket; one who gets through because its
// rights were changed is turned away by the kernel's word on who it is.
func TestOtherUsersAreTurnedAway(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("only root can become another user; the guard is tested with a false owner")
	}
	l, path := listening(t)
	owner(t, l).uid = 12345 // we are strangers now
	if os.Getuid() != 0 {
		go echo(l)
		if got, err := read(t, path); got != "" {
			t.Errorf("stranger got %q, %v", got, err)
		}
		return
	}
	go echo(l)
	program := filepath.Join(t.TempDir(), "stranger")
	text, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(program, text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	open := func(p string) {
		for ; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
			if err := os.Chmod(p, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	open(program)
	stranger := func() string {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env, cmd.Dir = []string{caller + "=" + path}, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		var errs strings.Builder // a test program with coverage complains there
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, errs.String())
		}
		return string(out)
	}
	if got := stranger(); got != "denied\n" {
		t.Errorf("by rights: %q", got)
	}
	open(path)
	if got := stranger(); got != "hung up\n" {
		t.Errorf("by identity: %q", got)
	}
}

func TestListenerEndsWhenClosed(t *testing.T) {
	l, _ := listening(t)
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	l.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Accept goes on")
	}
}

// A socket that a cleaner removed is made again; one that another agent made
// in its place is left alone when ours is closed.
func TestALostSocketComesBack(t *testing.T) {
	g, path := listening(t)
	l := owner(t, g)
	go echo(l)
	for range 3 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), path); err == nil {
			t.Fatal("a removed socket answers")
		}
		if err := l.Keep(); err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, path); got != "hello" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("a socket that is there was made again: %v", err)
	}
	other, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	go echo(other)
	if got, err := read(t, path); got != "hello" || err != nil {
		t.Errorf("the other agent: %q, %v", got, err)
	}
}

func TestALockIsLostWithItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	path := filepath.Join(dir, "lock")
	take := func() *Lock {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		l, err := TryLock(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Unlock() }) // the end of the test would do it as well
		return l
	}
	first := take()
	if !first.Held() {
		t.Error("a lock just taken is not held")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if first.Held() {
		t.Error("held without a folder")
	}
	if Locked(path) {
		t.Error("locked without a file")
	}
	second := take()
	if !second.Held() || first.Held() || !Locked(path) {
		t.Error("the new lock is not told from the old one")
	}
	if err := second.Unlock(); err != nil || Locked(path) {
		t.Errorf("locked after its end: %v", err)
	}
}
