package tray

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

// longestName is how much of a name is shown, in characters.
const longestName = 48

// clean makes a text of any origin fit for one line: what would break it, or
// turn its direction, shows as a replacement character.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// short is a clean name that is not too long. Names that differ only at their
// end are told apart by it, so the middle is left out.
func short(name string) string {
	r := []rune(clean(name))
	if len(r) <= longestName {
		return string(r)
	}
	const head = longestName * 2 / 3
	return string(r[:head]) + "…" + string(r[len(r)-(longestName-head-1):])
}

// wrap breaks a text between words into lines of at most width characters; a
// word that is longer has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line, length := "", 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		if length > 0 && length+1+n > width {
			lines, line, length = append(lines, line), "", 0
		}
		if length > 0 {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	if length > 0 {
		lines = append(lines, line)
	}
	return lines
}

// Fit shortens a tooltip to so many UTF-16 units, for systems that show no more:
// lines that do not fit are left out, and the first is cut if need be.
func Fit(text string, units int) string {
	for {
		long := utf16.Encode([]rune(text))
		if len(long) <= units {
			return text
		}
		end := strings.LastIndexByte(text, '\n')
		if end < 0 {
			// Half a pair at the cut would show as a replacement character.
			return strings.TrimSuffix(string(utf16.Decode(long[:units-1])), "\uFFFD") + "…"
		}
		text = text[:end]
	}
}
