package control

import "time"

// Settings are how the agent and its windows behave for this person.
type Settings struct {
	Language     string `json:"language" enum:"system,en,tr"`
	Theme        string `json:"theme" enum:"system,light,dark"`
	Notify       string `json:"notify" enum:"all,problems,none"` // which results the desktop is told
	StartAtLogin bool   `json:"start_at_login"`
	// AtLogin says whether this system can start programs at login; when not,
	// StartAtLogin stays false. What a request says of it changes nothing.
	AtLogin bool `json:"at_login_possible"`
	// Locale is the language that "system" stands for. A request must repeat it,
	// which changes nothing.
	Locale string `json:"locale" enum:"en,tr"`
}

// Text is a text of package i18n without its words: a key, and what stands in
// its gaps (times in RFC 3339, sizes in bytes).
type Text struct {
	Code   string            `json:"code"`
	Params map[string]string `json:"params,omitempty"`
}

// DatabaseStatus is one database and how well it is protected. A database is
// listed when a configured server has it, when discovery found it, when a job
// names it, or when there are backups of it.
type DatabaseStatus struct {
	// Server is the name of the configured server; empty when Found is set.
	Server   string `json:"server,omitempty"`
	Engine   string `json:"engine"`
	Database string `json:"database"` // empty: a server that does not list its databases yet
	State    State  `json:"state"`
	Concern  string `json:"concern,omitempty" enum:"no_backup,failed,disproven,overdue,proof_old,unproven"`
	// Next is when a job backs it up next.
	Next *time.Time `json:"next,omitempty"`
	// Present is false when its server was asked and does not have it (any
	// more), or is no longer configured; Readable is false when the account
	// may not read it.
	Present   bool  `json:"present"`
	Readable  bool  `json:"readable"`
	SizeBytes int64 `json:"size_bytes"` // on the server; 0 when unknown
	Backups   int   `json:"backups"`
	// Last is the newest backup, Proven the newest that was proved whole.
	Last   *Backup `json:"last,omitempty"`
	Proven *Backup `json:"proven,omitempty"`
	// Trend holds the plain sizes of its newest backups, oldest first, at
	// most 30.
	Trend []int64 `json:"trend"`
	// Found is how discovery met the server when it is not configured. Its
	// databases are left out: each has an entry of its own.
	Found *Found `json:"found,omitempty"`
	// Problem is why its last backup failed, or why the server does not
	// answer.
	Problem *Problem `json:"problem,omitempty"`
}

// Databases is the answer to GET /api/databases: what is known now. Looking is
// true while servers are being asked; an event "catalog" follows when they have
// answered.
type Databases struct {
	Databases []DatabaseStatus `json:"databases"`
	Looking   bool             `json:"looking"`
	AsOf      time.Time        `json:"as_of"` // when servers were last asked
}

// RestoreCheck is what would hinder a restore, found without changing
// anything.
type RestoreCheck struct {
	OK bool `json:"ok"`
	// Database is the name asked for, or a free one when none was.
	Database string             `json:"database"`
	Checks   []RestoreCheckItem `json:"checks"`
}

// RestoreCheckItem is one thing that was looked at before a restore. Every name
// is there at least once, in the order of the enumeration; what could not be
// looked at is skipped.
type RestoreCheckItem struct {
	Name    string   `json:"name" enum:"backup,connection,name,version,rights,roles,space"`
	Status  string   `json:"status" enum:"ok,warning,failed,skipped"`
	Problem *Problem `json:"problem,omitempty"` // of a warning or a failure
}

// UILink is the answer to POST /api/ui: where the pages can be opened in a
// browser of this computer. The address works once and for a minute.
type UILink struct {
	URL string `json:"url"`
}
