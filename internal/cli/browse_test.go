package cli

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
)

func TestATableIsFittedToTheTerminal(t *testing.T) {
	wide := strings.Repeat("geniş 宽 ", 20)
	for _, c := range []struct {
		heads string
		width int
		fits  bool
	}{{"id note", 40, true}, {"id a b c", 60, true}, {"a b c d e f g h", 70, false}, {"id", 9, true}, {"", 10, true}} {
		heads := strings.Fields(c.heads)
		row := make([]cell, len(heads))
		for i := range row {
			row[i] = word(wide)
		}
		if len(row) > 0 {
			row[0] = word("7")
		}
		total := 2 * (len(heads) - 1)
		fits := fit(heads, [][]cell{row}, c.width)
		for i := range row {
			total += runewidth.StringWidth(row[i].text)
		}
		if fits != c.fits || fits && total > c.width {
			t.Errorf("%q in %d: fits %t, is %d wide", c.heads, c.width, fits, total)
		}
	}
}

func TestNullIsToldFromTheText(t *testing.T) {
	seen := map[string]bool{}
	null, quoted := "NULL", `"NULL"`
	for _, v := range []*string{nil, &null, &quoted} {
		seen[value(v).text] = true
	}
	if len(seen) != 3 {
		t.Errorf("shown as %v", seen)
	}
}

func TestCSVTellsNullFromEmpty(t *testing.T) {
	var b strings.Builder
	p := newPaper(&b, true)
	empty, odd, quote, plain := "", " x", "a\"b\nc,", "ığüş"
	p.csvLine([]*string{nil, &empty, &odd, &quote, &plain, nil})
	if want := ",\"\",\" x\",\"a\"\"b\nc,\",ığüş,\r\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
