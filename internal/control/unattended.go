package control

import (
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/retention"
)

// Script is a command or SQL of the person's own, run before or after a backup.
type Script struct {
	Kind string `json:"kind" enum:"command,sql"`
	// Text is a command line for this system's shell, or SQL for the database
	// that is backed up. Commands are told about the run by variables:
	// RAHAT_JOB, RAHAT_SERVER, RAHAT_DATABASE, RAHAT_DESTINATION, RAHAT_RUN and,
	// after the backup, RAHAT_STATUS, RAHAT_BACKUP, RAHAT_PROBLEM.
	Text string `json:"text" minLength:"1"`
	// Seconds is how long it may take; 0: 600.
	Seconds int `json:"seconds,omitempty" minimum:"0" maximum:"86400"`
	// OnFailure says what its failure does: stop the run (before) or make it
	// count as failed (after), or no more than a warning. Empty: stop.
	OnFailure string `json:"on_failure,omitempty" enum:"stop,warn"`
	// When says after what an After script is run; empty: always.
	When string `json:"when,omitempty" enum:"always,ok,failed"`
}

// ScriptResult is how a script ended.
type ScriptResult struct {
	Place   string   `json:"place" enum:"before,after"`
	Number  int      `json:"number"` // from 1
	Status  string   `json:"status" enum:"ok,failed,skipped"`
	Seconds float64  `json:"seconds"`
	Output  string   `json:"output,omitempty"` // the end of it, at most 8 KiB, secrets redacted
	Problem *Problem `json:"problem,omitempty"`
}

// Label is what a person wrote on a backup. It is kept beside the backup.
type Label struct {
	Pinned bool     `json:"pinned,omitempty"` // no rule removes it
	Tags   []string `json:"tags,omitempty"`
	Note   string   `json:"note,omitempty" maxLength:"4096"`
}

// JobPreview is what a job would do from now on.
type JobPreview struct {
	Next     []time.Time `json:"next"`      // its next 10 runs
	NextFull []time.Time `json:"next_full"` // those of them that are full
	Prove    []time.Time `json:"prove"`     // the next 10 proofs
	// Clocks are those of the next runs that meet a change of the clocks.
	Clocks  []ClockChange    `json:"clocks,omitempty"`
	Removed []RetentionEntry `json:"removed"` // present backups that its rule would remove now
	Kept    int              `json:"kept"`
}

// ClockChange is a run whose time of day the clocks skip, so that it begins when
// they are put forward, or show twice, so that it begins the first time only.
type ClockChange struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind" enum:"skipped,repeated"`
	Time string    `json:"time"` // of day, such as 02:30, in the zone of the job
}

// RetentionEntry is what becomes of one backup.
type RetentionEntry struct {
	Backup      string          `json:"backup"`
	Server      string          `json:"server"`
	Database    string          `json:"database"`
	Destination string          `json:"destination"`
	At          time.Time       `json:"at"`
	StoredBytes int64           `json:"stored_bytes"`
	Keep        bool            `json:"keep"`
	Why         []retention.Why `json:"why,omitempty"` // it is kept
}

// PruneRequest applies the rules of all jobs to a destination, or to all, and
// gives back the room of what is needed no more.
type PruneRequest struct {
	Destination string `json:"destination,omitempty"`
	// DryRun only says what would be done.
	DryRun bool `json:"dry_run,omitempty"`
}

// PrunePreview is the answer to POST /api/prune/preview.
type PrunePreview struct {
	Backups []RetentionEntry `json:"backups"`
}

// PruneResult is what `rahat prune --json` prints for one destination.
type PruneResult struct {
	Run         string        `json:"run"`
	Status      backup.Status `json:"status"`
	Destination string        `json:"destination"`
	Removed     []string      `json:"removed"` // backups
	Kept        int           `json:"kept"`
	// What packs took before and after; the difference is FreedBytes.
	BeforeBytes int64 `json:"before_bytes"`
	AfterBytes  int64 `json:"after_bytes"`
	FreedBytes  int64 `json:"freed_bytes"`
	// WaitingBytes are marked, and go with a later prune: runs that may need
	// them are on, or the store still forbids it.
	WaitingBytes int64   `json:"waiting_bytes"`
	Seconds      float64 `json:"seconds"`
}

// CopyRequest asks for a copy of a backup on another destination.
type CopyRequest struct {
	Destination string `json:"destination"`
}

// CopyResult is what a copy of a backup to another destination brought.
type CopyResult struct {
	Run         string        `json:"run"`
	Status      backup.Status `json:"status"`
	Backup      string        `json:"backup"`
	Destination string        `json:"destination"`
	AddedBytes  int64         `json:"added_bytes"`
	StoredBytes int64         `json:"stored_bytes"`
	Seconds     float64       `json:"seconds"`
}

// DestinationEdit changes a destination. What is not given stays. A new address
// or secret is kept only if the destination's repository is found with it.
type DestinationEdit struct {
	URL        string `json:"url,omitempty"`    // where the repository is now
	Secret     string `json:"secret,omitempty"` // of the store itself
	LockDays   *int   `json:"lock_days,omitempty" minimum:"0" maximum:"36500"`
	RereadDays *int   `json:"reread_days,omitempty" minimum:"0" maximum:"3650"`
}

// DestinationUsage is what the repository of a destination takes.
type DestinationUsage struct {
	Backups   int   `json:"backups"`
	Bytes     int64 `json:"bytes"`      // of everything stored there
	FreeBytes int64 `json:"free_bytes"` // -1 when unknown
}

// RereadResult is what reading a piece of a destination found.
type RereadResult struct {
	Run         string        `json:"run"`
	Status      backup.Status `json:"status"`
	Destination string        `json:"destination"`
	Bytes       int64         `json:"bytes"` // read by this run
	Packs       int64         `json:"packs"`
	// Covered is the share of everything stored, 0 to 1, that was read within
	// the destination's RereadDays.
	Covered float64 `json:"covered"`
	Damaged int     `json:"damaged"`
	Seconds float64 `json:"seconds"`
}

// ConfigFile is all that a person has set up, without secrets: the one file of
// `rahat config export`.
type ConfigFile struct {
	Kind    string `json:"kind" enum:"rahat configuration"`
	Version int    `json:"version"` // of this form: 1
	Program string `json:"program"` // version that wrote it
	// Written is when; Machine is the computer's name.
	Written      time.Time     `json:"written"`
	Machine      string        `json:"machine"`
	Servers      []Server      `json:"servers"`
	Destinations []Destination `json:"destinations"`
	Jobs         []Job         `json:"jobs"`
	Channels     []Channel     `json:"channels"`
}

// ConfigImport brings a file in. What is there under the same name stays as it
// is unless Replace is set; nothing is ever removed. All of it or nothing.
type ConfigImport struct {
	File    ConfigFile `json:"file"`
	Replace bool       `json:"replace,omitempty"`
	DryRun  bool       `json:"dry_run,omitempty"`
}

// ConfigImported says what an import did, or would do, in names such as
// "job/nightly".
type ConfigImported struct {
	Added   []string `json:"added"`
	Changed []string `json:"changed"`
	Same    []string `json:"same"`
	Left    []string `json:"left"` // there already and different
	// NeedSecrets are those that will not work until a password or key is
	// given again: secrets never travel.
	NeedSecrets []string `json:"need_secrets"`
}

// Unlock opens a destination's repository to this computer, which has no key to
// it: one that came in with a configuration.
type Unlock struct {
	Passphrase string `json:"passphrase,omitempty"`
	Identity   string `json:"identity,omitempty"` // as in NewDestination
	Secret     string `json:"secret,omitempty"`   // of the store; empty: the present one stays
}

// JobTemplate is a ready-made job to begin with: its Server, Databases and
// Destinations are empty.
type JobTemplate struct {
	Name string `json:"name"`
	Text Text   `json:"text"` // says in a sentence what it is good for
	Job  Job    `json:"job"`
}
