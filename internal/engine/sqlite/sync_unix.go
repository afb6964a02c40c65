//go:build !windows

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// syncDir makes a new name survive a power cut. Some network file systems
// cannot flush folders; they do so on their own.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flush folder: %w", err)
	}
	err = ignore(f.Sync(), syscall.EINVAL, syscall.ENOTSUP)
	return errors.Join(err, f.Close())
}
