package control

import "time"

// RecoveryKitRequest makes a new recovery kit: a key that no computer keeps,
// which opens the repositories of the named destinations, or of all.
type RecoveryKitRequest struct {
	Destinations []string `json:"destinations,omitempty"`
	Language     string   `json:"language,omitempty" enum:"en,tr"`
}

// RecoveryKit is the kit itself. It is told once and kept nowhere.
type RecoveryKit struct {
	Identity  string    `json:"identity"`  // age identity, AGE-SECRET-KEY-1...
	Recipient string    `json:"recipient"` // its public half, age1...
	Words     []string  `json:"words"`     // the same key as 24 words (BIP 39, English list)
	Created   time.Time `json:"created"`
	// Destinations that it opens.
	Destinations []KitDestination `json:"destinations"`
	Text         string           `json:"text"` // to print or keep, in the language asked for
	PDF          []byte           `json:"pdf"`  // the same as A4 pages, with the key as a QR code
}

// KitDestination is one repository that a kit opens.
type KitDestination struct {
	Name       string `json:"name"`
	URL        string `json:"url"`
	Repository string `json:"repository"`
}

// RecoveryState says whether a destination's backups can be opened without this
// computer, as far as is known here.
type RecoveryState struct {
	Destination string `json:"destination"`
	// Kit is when the newest recovery kit that opens it was made here;
	// absent: none was.
	Kit *time.Time `json:"kit,omitempty"`
	// Drilled is when a key that somebody typed opened it last.
	Drilled *time.Time `json:"drilled,omitempty"`
	// DrillDue: for more than a year no key was tried, nor a kit made that
	// could have been.
	DrillDue bool `json:"drill_due,omitempty"`
}

// KeySlot is one way into a destination's repository.
type KeySlot struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" enum:"passphrase,secret,age"`
	Recipient string     `json:"recipient,omitempty"`
	Created   *time.Time `json:"created,omitempty"` // by the store's clock
	// This: it is this computer's own.
	This bool `json:"this,omitempty"`
}

// NewKey adds a way into a destination's repository.
type NewKey struct {
	Passphrase string `json:"passphrase,omitempty"`
	Recipient  string `json:"recipient,omitempty"`
}

// KeyDrill tries a key as if this computer were lost: only the destination and
// the key are used.
type KeyDrill struct {
	Destination string `json:"destination"`
	// One of them. Key is any of the others as a person typed it; which it is
	// is found out. Words are the 24 words of a kit, in order.
	Key        string   `json:"key,omitempty"`
	Identity   string   `json:"identity,omitempty"`
	Words      []string `json:"words,omitempty"`
	Passphrase string   `json:"passphrase,omitempty"`
}

// KeyDrilled is how a drill went.
type KeyDrilled struct {
	OK      bool     `json:"ok"`
	Backups int      `json:"backups"`          // that the key can read
	Newest  string   `json:"newest,omitempty"` // the one that was read for proof
	Bytes   int64    `json:"bytes"`            // plain, read and found right
	Problem *Problem `json:"problem,omitempty"`
	Seconds float64  `json:"seconds"`
}
