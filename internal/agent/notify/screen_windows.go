package notify

import (
	"context"
	"fmt"
	"sync"

	"git.sr.ht/~jackmordaunt/go-toast/v2/wintoast"
)

// The program as the list of notifications knows it.
const (
	appName = "Rahat Backup"
	appGUID = "{6E5B1F0C-7C53-4B0B-9E2C-7F6C3B5D2A41}"
)

// NewScreen returns the notifications of Windows. They cannot be withdrawn.
func NewScreen() Screen { return &screen{open: map[string]func(string){}} }

type screen struct {
	mu    sync.Mutex
	known bool                    // the system knows the program
	open  map[string]func(string) // by what the message is about
}

// Show implements [Screen].
func (s *screen) Show(_ context.Context, m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known {
		if err := wintoast.SetAppData(wintoast.AppData{AppID: appName, GUID: appGUID}); err != nil {
			return fmt.Errorf("introduce the program: %w", err)
		}
		wintoast.SetActivationCallback(func(_, about string, _ []wintoast.UserData) { s.pressed(about) })
		s.known = true
	}
	s.open[m.About] = m.Open
	if err := wintoast.Push(appName, toast(m)); err != nil {
		return fmt.Errorf("%w: %w", ErrNobody, err)
	}
	return nil
}

// pressed opens what a message is about.
func (s *screen) pressed(about string) {
	s.mu.Lock()
	open := s.open[about]
	s.mu.Unlock()
	if open != nil {
		go open("") // which may take as long as a window does
	}
}

// Withdraw implements [Screen].
func (*screen) Withdraw(context.Context, string) error { return nil }

// Close implements [Screen].
func (*screen) Close() error { return nil }
