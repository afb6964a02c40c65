// Package e2e holds the tests that use the finished programs as a person does:
// the real rahat and rahat-agent against real database servers. It has no code
// of its own.
package e2e
