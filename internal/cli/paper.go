package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// paper is an output: standard output or standard error.
type paper struct {
	w        io.Writer
	terminal *os.File // nil when it is none
	colour   bool
	broken   error // the first write that failed
}

func newPaper(w io.Writer, noColour bool) *paper {
	p := &paper{w: w}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" || !enableEscapes(f) {
		return p
	}
	p.terminal = f
	p.colour = !noColour && os.Getenv("NO_COLOR") == ""
	return p
}

// Write implements [io.Writer]. A failure is also kept for the end, because
// printing is seldom checked.
func (p *paper) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if err != nil && p.broken == nil {
		p.broken = err
	}
	return n, err
}

// failed returns why what was printed did not arrive, or nil.
func (p *paper) failed() error {
	if p.broken == nil {
		return nil
	}
	return errOutput.Because(p.broken, "cause", p.broken.Error())
}

// document prints v as one indented JSON document.
func (p *paper) document(v any) error {
	e := json.NewEncoder(p)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return errOutput.Because(err, "cause", err.Error())
	}
	return nil
}

// size returns the columns and rows of the terminal.
func (p *paper) size() (width, height int) {
	if p.terminal != nil {
		if w, h, err := term.GetSize(int(p.terminal.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// hue is a colour of the terminal's own palette (ECMA-48 SGR), so that it fits
// light and dark ones. It only repeats what a shape and a word already say.
type hue string

const (
	none   hue = ""
	red    hue = "31"
	green  hue = "32"
	yellow hue = "33"
	dim    hue = "2"
	bold   hue = "1"
)

func (p *paper) paint(h hue, s string) string {
	if !p.colour || h == none || s == "" {
		return s
	}
	return "\x1b[" + string(h) + "m" + s + "\x1b[0m"
}

// visible makes text from outside safe for a terminal and keeps it on one
// line: control characters, and those that turn the direction of writing, are
// shown as escapes. Names of databases and messages of servers can hold any.
func visible(s string) string {
	odd := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar || r == '\u2028' || r == '\u2029'
	}
	if strings.IndexFunc(s, odd) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case !odd(r):
			b.WriteRune(r)
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], string(r)):
			fmt.Fprintf(&b, `\x%02x`, s[i]) // a byte that is not UTF-8
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
