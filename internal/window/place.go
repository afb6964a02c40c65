package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/rahatbackup/rahat/internal/paths"
)

// The size of a window nobody has changed, and the least it may have, in pixels
// of the screen as the person scaled it.
const (
	Width, Height       = 1280, 820
	MinWidth, MinHeight = 800, 600
)

// grip is how much of a window, in both directions, must be on a screen so that
// a hand can get hold of it.
const grip = 64

// A Rect is a part of the screens, in pixels; screens beside each other have one
// set of coordinates.
type Rect struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// A Place is where a window was when it was closed, and how large.
type Place struct {
	Rect
	// Placed is false for a window that has been nowhere yet, or whose place
	// the system keeps to itself; it is put in the middle.
	Placed    bool `json:"placed"`
	Maximised bool `json:"maximised"` // then Rect is where it was before
}

// DefaultPlace is the place of the first window.
func DefaultPlace() Place { return Place{Rect: Rect{Width: Width, Height: Height}} }

// ReadPlace returns the place that was saved in home, or the default one with
// an error if what is there makes no sense. Nothing saved is no error.
func ReadPlace(home paths.Home) (Place, error) {
	data, err := os.ReadFile(home.WindowPlace())
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultPlace(), nil
	}
	if err != nil {
		return DefaultPlace(), fmt.Errorf("read place of the window: %w", err)
	}
	var p Place
	if err := json.Unmarshal(data, &p); err != nil {
		return DefaultPlace(), fmt.Errorf("read place of the window: %w", err)
	}
	if p.Width <= 0 || p.Height <= 0 {
		return DefaultPlace(), fmt.Errorf("read place of the window: %d by %d pixels", p.Width, p.Height)
	}
	return p, nil
}

// Save keeps p in home. A file that is being replaced stays whole.
func (p Place) Save(home paths.Home) error {
	data, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode place of the window: %w", err)
	}
	next := home.WindowPlace() + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("save place of the window: %w", err)
	}
	if err := os.Rename(next, home.WindowPlace()); err != nil {
		return fmt.Errorf("save place of the window: %w", err)
	}
	return nil
}

// Fit returns the place nearest to p that can be seen and held on screens,
// which may have become fewer or smaller since p was saved. Without screens,
// nothing is known and only the size is kept within bounds.
func (p Place) Fit(screens []Rect) Place {
	p.Width, p.Height = max(p.Width, MinWidth), max(p.Height, MinHeight)
	if len(screens) == 0 {
		p.Width, p.Height = min(p.Width, 1<<14), min(p.Height, 1<<14)
		return p
	}
	screen, held := screens[0], false
	for _, s := range screens {
		if p.Placed && s.holds(p.Rect) {
			screen, held = s, true
			break
		}
	}
	// A screen smaller than the least size is left to the system.
	p.Width, p.Height = min(p.Width, max(screen.Width, MinWidth)), min(p.Height, max(screen.Height, MinHeight))
	if !held {
		p.Placed, p.X, p.Y = false, 0, 0
		return p
	}
	p.X = min(p.X, screen.X+screen.Width-grip)
	p.Y = min(p.Y, screen.Y+screen.Height-grip)
	return p
}

// holds reports whether enough of the upper edge of a window is on screen s.
func (s Rect) holds(window Rect) bool {
	left, right := max(s.X, window.X), min(s.X+s.Width, window.X+window.Width)
	return right-left >= grip && window.Y >= s.Y && window.Y+grip <= s.Y+s.Height
}
