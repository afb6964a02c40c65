//go:build !windows

package file

import (
	"errors"
	"os"
)

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
