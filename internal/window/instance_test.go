package window

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/ipc"
	"github.com/rahatbackup/rahat/internal/paths"
)

func claim(t *testing.T, home paths.Home) *Instance {
	t.Helper()
	i, err := Claim(t.Context(), home, "/ignored")
	if err != nil || i == nil {
		t.Fatalf("the first window was refused: %v", err)
	}
	return i
}

func TestTheSecondWindowHandsOverAndTheNextIsTheFirstAgain(t *testing.T) {
	home := shortHome(t)
	first := claim(t, home)
	for _, route := range []string{"", "/databases/pg/shop"} {
		handed := make(chan error, 1)
		go func() {
			second, err := Claim(t.Context(), home, route)
			if second != nil {
				err = errors.Join(err, second.Close(), errors.New("two windows of one home"))
			}
			handed <- err
		}()
		if got := <-first.Opened(); got != route {
			t.Errorf("got %q, want %q", got, route)
		}
		if err := <-handed; err != nil {
			t.Error(err)
		}
	}
	other := claim(t, shortHome(t)) // of another home
	for _, i := range []*Instance{first, other} {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := claim(t, home).Close(); err != nil {
		t.Error(err)
	}
}

func TestAWindowThatDoesNotAnswerIsSaidToBeBusy(t *testing.T) {
	home := shortHome(t)
	first := claim(t, home) // and nobody takes what it is asked
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if i, err := Claim(ctx, home, ""); i != nil || !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, %v", i, err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
}

func TestCallersThatTalkNonsenseDoNotDisturb(t *testing.T) {
	home := shortHome(t)
	first := claim(t, home)
	path, err := home.WindowSocket()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "\n", "GET / HTTP/1.1\r\n\r\n", "{"} {
		conn, err := ipc.Dial(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	done := make(chan error, 1)
	go func() { _, err := Claim(t.Context(), home, "/x"); done <- err }()
	if got := <-first.Opened(); got != "/x" {
		t.Errorf("got %q", got)
	}
	if err := errors.Join(<-done, first.Close()); err != nil {
		t.Error(err)
	}
}
