package notify

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// NewScreen returns the notifications of macOS. They cannot be withdrawn, and
// pressing them opens nothing: both need an application bundle that shows them.
func NewScreen() Screen { return screen{} }

type screen struct{}

// Show implements [Screen]. The words are arguments of the script and never
// part of it.
func (screen) Show(ctx context.Context, m Message) error {
	out, err := exec.CommandContext(ctx, "osascript",
		"-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run",
		"--", m.Title, m.Body).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %w: %s", ErrNobody, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Withdraw implements [Screen].
func (screen) Withdraw(context.Context, string) error { return nil }

// Close implements [Screen].
func (screen) Close() error { return nil }
