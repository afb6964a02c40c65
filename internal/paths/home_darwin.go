package paths

func systemHome() (string, error) {
	return underUserHome("Library", "Application Support", "Rahat Backup")
}
