// Package tray is the tray of the desktop without its icon: what the icon, the
// tooltip and the menu say, and what a click does. It is a client of the
// control API and starts the agent when there is none. How all that is drawn is
// up to the program.
package tray

// An Icon is the state that the shape of the icon tells.
type Icon string

// The icons. Unknown: nobody answers who could say how things stand.
const (
	Protected    Icon = "protected"
	Attention    Icon = "attention"
	NotProtected Icon = "not_protected"
	Running      Icon = "running"
	Unknown      Icon = "unknown"
)

// A View is all that can be seen of the tray.
type View struct {
	Icon    Icon
	Tooltip string // at most two lines, the more important one first; see [Fit]
	// Menu always has the same rows, and each of them as many rows below it;
	// those that are not wanted are hidden. Menus of some systems cannot lose
	// a row again, nor get one in between.
	Menu []Row
}

// A Row is one line of the menu.
type Row struct {
	Label     string
	Action    Action
	Hidden    bool
	Disabled  bool
	Separator bool // always visible, without label
	Rows      []Row
}

// Do says what a click means.
type Do string

// What a click can mean.
const (
	Nothing   Do = ""
	Open      Do = "open"
	BackUp    Do = "back_up" // Server and Database
	Pause     Do = "pause"
	Resume    Do = "resume"
	Reconnect Do = "reconnect" // start the agent now; one of another version is stopped first
	Quit      Do = "quit"      // unless something runs
	QuitNow   Do = "quit_now"  // and stop what runs
	QuitLater Do = "quit_later"
	Stay      Do = "stay" // not QuitLater after all
)

// An Action is what a row does when it is clicked.
type Action struct {
	Do               Do
	Server, Database string
}
