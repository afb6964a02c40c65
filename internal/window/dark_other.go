//go:build !linux && !windows

package window

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// Dark reports whether the person set macOS to dark colours.
func Dark(ctx context.Context) (dark, known bool) {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond) // the window waits for it
	defer cancel()
	// It fails when the colours are light: then the setting is not there.
	style, err := exec.CommandContext(ctx, "defaults", "read", "-g", "AppleInterfaceStyle").Output()
	return err == nil && strings.TrimSpace(string(style)) == "Dark", err == nil
}
