//go:build race

package agent_test

// raced says that the race detector makes everything slow.
const raced = true
