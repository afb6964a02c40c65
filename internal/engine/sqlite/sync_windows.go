package sqlite

// syncDir has nothing to do: folders cannot be flushed on Windows, where NTFS
// logs new names itself.
func syncDir(string) error { return nil }
