//go:build !windows && !(cgo && (linux || darwin))

package main

import (
	"context"

	"github.com/rahatbackup/rahat/internal/tray"
)

// Without cgo there is nothing on these systems that could draw an icon.

func screen() error { return ErrNotBuilt }

func show(context.Context, tray.Config) error { return ErrNotBuilt }
