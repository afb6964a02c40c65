// Package version says which build this is.
package version

// Version and Commit are set by the linker (-X) when a program is built by
// go run ./build; a plain go build leaves the defaults.
var (
	Version = "0.1.0-dev"
	Commit  = ""
)

// API is the version of the control API. Client and agent compare it in the
// handshake; it grows when a change would break an older client.
const API = 1

// String returns the version with the commit, for people and logs.
func String() string {
	if Commit == "" {
		return Version
	}
	return Version + " (" + Commit + ")"
}
