package sqlite

import "os"

// mayWrite looks at the attribute that Windows calls read-only. Its lists of
// rights are left to the restore itself.
func mayWrite(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && info.Mode().Perm()&0o200 == 0 {
		return &os.PathError{Op: "write", Path: path, Err: os.ErrPermission}
	}
	return err
}
