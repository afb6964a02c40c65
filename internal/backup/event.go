package backup

import "time"

// RunKind says what a run does. Its values are stored.
type RunKind string

// The kinds of runs.
const (
	RunBackup  RunKind = "backup"
	RunVerify  RunKind = "verify"
	RunRestore RunKind = "restore"
	RunExport  RunKind = "export"
	RunRebuild RunKind = "rebuild"
	RunCopy    RunKind = "copy"   // a backup to another destination
	RunPrune   RunKind = "prune"  // what may go, by the rule of retention
	RunReread  RunKind = "reread" // what is stored, a piece at a time
)

// Status says how a run stands. Its values are stored.
type Status string

// The states of a run. Interrupted: the agent stopped or died while the run
// was on.
const (
	Queued      Status = "queued"
	Running     Status = "running"
	OK          Status = "ok"
	Failed      Status = "failed"
	Cancelled   Status = "cancelled"
	Interrupted Status = "interrupted"
)

// Over reports whether the run has ended.
func (s Status) Over() bool { return s != Queued && s != Running }

// Phase is what a run is doing. Its values go over the wire.
type Phase string

// The phases of runs.
const (
	PhaseConnect Phase = "connect" // reaching server and destination
	PhaseDump    Phase = "dump"    // reading the database
	PhaseCommit  Phase = "commit"  // writing the manifest
	PhaseRead    Phase = "read"    // reading a backup back
	PhaseSchema  Phase = "schema"  // making tables
	PhaseLoad    Phase = "load"    // filling tables
	PhaseIndex   Phase = "index"   // indexes and constraints
	PhaseCompare Phase = "compare" // comparing row checksums
	PhaseScript  Phase = "script"  // running the person's own commands
	PhaseDelete  Phase = "delete"  // removing what nobody needs
)

// Progress is where a run stands. Total is an estimate and may be passed; 0
// means unknown.
type Progress struct {
	Phase Phase  `json:"phase"`
	Item  string `json:"item,omitempty"` // the table or part at hand
	Done  int64  `json:"done"`           // plain bytes, or items in PhaseIndex
	Total int64  `json:"total"`
}

// Observe receives progress. It must return quickly and may be called from
// several goroutines.
type Observe func(Progress)

// Clock returns the current time. Use cases take it as a field so that tests
// can choose the moment.
type Clock func() time.Time
