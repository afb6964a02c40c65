// Package enginetest checks that an engine's driver keeps the promises of
// package engine, on a real server. The driver's test brings the server, and
// [Fixtures] to make and look at databases without the driver.
package enginetest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
)

// Content says what a database of [Fixtures.Create] holds.
type Content int

// The contents the suite asks for.
const (
	// Empty is a database without tables.
	Empty Content = iota
	// Awkward holds what backups get wrong: NULL beside the empty text,
	// emoji, Turkish dotless ı and dotted İ, backslashes, tabs and line ends
	// in text, binary with every byte, moments with time zones, the edge
	// values of numbers, and tables and columns whose names have quotes and
	// spaces, and every kind of object the engine knows that fits.
	Awkward
	// Ledger holds accounts whose sum never changes, in several tables if the
	// engine can move money between them, and at least 4 MB in all, so that
	// work on it can be stopped half-way.
	Ledger
)

// Trouble names a server that something is wrong with.
type Trouble int

// The troubles the suite asks for.
const (
	// WrongPassword: the account exists, the password is another; ErrAuth.
	WrongPassword Trouble = iota
	// MissingRight: the account may log in but not read the database;
	// ErrPrivilege from Snapshot or Dump.
	MissingRight
	// Unreachable: nothing listens at the address; ErrUnreachable.
	Unreachable
)

// Fixtures is what the suite needs from the test of a driver. Methods fail the
// test through t when they cannot do their work. They go to the server by
// other means than the driver.
type Fixtures interface {
	// Create makes a database and returns when it is there.
	Create(t testing.TB, name string, c Content)
	// Drop removes a database; an absent one is not an error.
	Drop(t testing.TB, name string)
	// Text returns a canonical text of everything in a database, schema and
	// content: equal texts mean equal databases. ok is false when there is
	// no such database.
	Text(t testing.TB, name string) (text string, ok bool)
	// Holds returns an error unless the sums of a [Ledger] add up.
	Holds(t testing.TB, name string) error
	// Hammer moves money in a [Ledger], in as many transactions as it can,
	// until stop is called, which waits for the end. writes returns how many
	// were committed so far.
	Hammer(t testing.TB, name string) (writes func() int64, stop func())
	// Leftovers lists what the driver should have cleaned up by now:
	// processes, connections, transactions, temporary files and databases.
	Leftovers(t testing.TB) []string
	// Troubled returns a server with something wrong and a database to ask
	// it for. ok is false when the engine knows no such trouble.
	Troubled(t testing.TB, what Trouble) (s engine.Server, database string, ok bool)
}

// Secretive is implemented by fixtures whose servers want a password. The
// suite looks for it where it must not be.
type Secretive interface {
	// Secret returns the password; it is long and random.
	Secret() string
}

// WithSystem is implemented by fixtures whose servers have databases of their
// own, which Discover must leave out.
type WithSystem interface {
	// System lists them.
	System() []string
}

// WithDriver is implemented by fixtures whose driver can do what needs no
// server, such as showing what is in a backup.
type WithDriver interface {
	// Driver returns the driver under test.
	Driver() engine.Driver
}

// Run checks every promise of [engine.Server] for a driver of a kind. open
// returns a server whose account may do everything; it is called once for each
// subtest, which closes it.
func Run(t *testing.T, kind string, open func(t *testing.T) engine.Server, f Fixtures) {
	for _, c := range []struct {
		name string
		test func(s *suite)
	}{
		{"probe tells the version and changes nothing", testProbe},
		{"discover is sorted and leaves out the system's own", testDiscover},
		{"an unknown database is said to be unknown", testUnknown},
		{"parts are well formed and stay the same", testParts},
		{"a troubled server gets its own error", testTroubles},
		{"what is dumped is restored equal", testRoundTrip},
		{"any name of a database will do", testNames},
		{"two snapshots may be dumped at once", testTwoAtOnce},
		{"a snapshot is consistent under writers and does not stop them", testConsistent},
		{"a failing writer's error comes back and nothing is left", testFailingWriter},
		{"a cancelled dump stops within five seconds", testCancelDump},
		{"a cancelled context stops every method", testCancelled},
		{"an existing target is refused and left alone", testTargetExists},
		{"overwrite replaces", testOverwrite},
		{"a source that fails midway leaves no database", testBrokenSource},
		{"a source that fails midway leaves the old database", testBrokenOverwrite},
		{"a cancelled restore stops within five seconds and leaves nothing", testCancelRestore},
		{"a table the backup lacks is not found", testNoTable},
		{"a preflight tells what would hinder a restore and changes nothing", testPreflight},
		{"what is in a backup can be seen without restoring it", testBrowse},
		{"a person's own statements are run", testRun},
		{"the password is nowhere to be seen", testSecret},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, kind: kind, server: open(t), f: f}
			c.test(s)
			s.clean()
			if err := s.server.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// suite is one subtest.
type suite struct {
	*testing.T
	kind   string
	server engine.Server
	f      Fixtures
}

// patience is how long a driver may take to stop.
const patience = 5 * time.Second

// oddName is a name with all that is legal in few places.
func oddName() string {
	if runtime.GOOS == "windows" {
		return "rahat 'odd' name ıİ 🗝" // no quotes in file names
	}
	return `rahat "odd" 'name' ıİ 🗝`
}

// create makes a database that goes away with the subtest.
func (s *suite) create(name string, c Content) string {
	s.Helper()
	s.forget(name)
	s.f.Create(s.T, name, c)
	return name
}

// forget has a database dropped at the end, and now if it is left from before.
func (s *suite) forget(name string) string {
	s.Helper()
	s.f.Drop(s.T, name)
	s.Cleanup(func() { s.f.Drop(s.T, name) })
	return name
}

func (s *suite) take(name string) *Memory {
	s.Helper()
	m, err := Take(s.Context(), s.server, s.kind, name)
	if err != nil {
		s.Fatalf("back up %s: %v", name, err)
	}
	return m
}

func (s *suite) restore(src engine.Source, target engine.Target) engine.Restored {
	s.Helper()
	target.Streams = streams
	done, err := s.server.Restore(s.Context(), src, target)
	if err != nil {
		s.Fatalf("restore to %s: %v", target.Database, err)
	}
	return done
}

func (s *suite) text(name string) string {
	s.Helper()
	text, ok := s.f.Text(s.T, name)
	if !ok {
		s.Fatalf("database %s is not there", name)
	}
	return text
}

// same fails the test unless two texts are equal, and shows where they differ.
func (s *suite) same(what, got, want string) {
	s.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			s.Errorf("%s: line %d of %d differs, the original has %d\n got %.300q\nwant %.300q",
				what, i+1, len(g), len(w), at(g, i), at(w, i))
			return
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// absent fails the test when a database is to be seen.
func (s *suite) absent(name string) {
	s.Helper()
	if _, ok := s.f.Text(s.T, name); ok {
		s.Errorf("database %s is there", name)
	}
	dbs, err := s.server.Discover(s.Context())
	if err != nil {
		s.Errorf("discover: %v", err)
	}
	if slices.ContainsFunc(dbs, func(d engine.Database) bool { return d.Name == name }) {
		s.Errorf("database %s is listed", name)
	}
}

// clean fails the test when the driver left something behind.
func (s *suite) clean() {
	s.Helper()
	deadline := time.Now().Add(patience)
	left := s.f.Leftovers(s.T)
	for len(left) > 0 && time.Now().Before(deadline) {
		//nolint:forbidigo // Nobody tells when another process has gone.
		time.Sleep(20 * time.Millisecond) // a server notices a hang-up a little later
		left = s.f.Leftovers(s.T)
	}
	if len(left) > 0 {
		s.Errorf("left behind: %q", left)
	}
}

// snapshot opens a snapshot that is closed with the subtest.
func (s *suite) snapshot(name string) engine.Snapshot {
	s.Helper()
	snap, err := s.server.Snapshot(s.Context(), name, engine.SnapshotOptions{Streams: streams})
	if err != nil {
		s.Fatalf("snapshot of %s: %v", name, err)
	}
	return snap
}

func (s *suite) close(snap engine.Snapshot) {
	s.Helper()
	if err := snap.Close(); err != nil {
		s.Errorf("close snapshot: %v", err)
	}
}

// largest returns the part of a backup with the most bytes.
func (m *Memory) largest() backup.StoredPart {
	return slices.MaxFunc(m.Stored.Parts, func(a, b backup.StoredPart) int { return int(a.Bytes - b.Bytes) })
}

var errStop = errors.New("the user said stop")

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(errStop)
	return ctx
}
