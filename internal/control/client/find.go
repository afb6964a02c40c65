package client

// FindAgent returns the path of the agent's program: rahat-agent beside this
// program, else the one in PATH. [ErrNoAgent] when there is none.
func FindAgent() (string, error) { return findAgent("") }
