// Package paper writes the sheet of a recovery kit, as text and as pages to
// print: what it is, what it opens, the key, and what to do on an empty
// computer.
package paper

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/recoverykit"
)

// A Sheet is what stands on the paper. Text and PDF say the same, and both hold
// the secret: they are for the person and must not be kept.
type Sheet struct {
	Identity     recoverykit.Identity
	Created      time.Time // shown in its zone
	Destinations []Destination
	Texts        *i18n.Texts
}

// Destination is one repository that the kit opens.
type Destination struct {
	Name       string
	URL        string // a password in it is left out
	Repository string
}

// folder: the backups lie in a folder, which only has to be there again.
func (d Destination) folder() bool { return target(d.URL) == folder }

// bucket: whoever wants to read the backups has to sign in first.
func (d Destination) bucket() bool { return !d.folder() }

// The kinds of blocks.
type kind int

const (
	title kind = iota
	heading
	paragraph
	warning // a paragraph that stands out
	step    // a paragraph with a number
	command // as it is typed
	place   // a destination
	secret  // the words, the key as text and as a QR code
)

// A block is one piece of the sheet, from top to bottom.
type block struct {
	kind  kind
	text  string
	lines []string // of a place
}

// blocks is the sheet, for both ways to write it.
func (s Sheet) blocks() []block {
	t := s.Texts.T
	all := []block{
		{kind: title, text: t("kit.title")},
		{kind: paragraph, text: t("kit.made", "date", s.Texts.Date(s.Created))},
		{kind: paragraph, text: t("kit.what")},
		{kind: warning, text: t("kit.keep")},
		{kind: heading, text: t("kit.opens")},
	}
	for _, d := range s.Destinations {
		all = append(all, block{kind: place, lines: []string{
			d.Name, Address(d.URL), t("kit.repository", "id", d.Repository),
		}})
	}
	all = append(all, block{kind: heading, text: t("kit.key")}, block{kind: paragraph, text: t("kit.either")}, block{kind: secret})
	return append(all, s.steps()...)
}

// steps is what to do on an empty computer.
func (s Sheet) steps() []block {
	t := s.Texts.T
	address := "URL"
	if len(s.Destinations) == 1 {
		address = quoted(Address(s.Destinations[0].URL))
	}
	all := []block{{kind: heading, text: t("kit.steps")}}
	add := func(key string, commands ...string) {
		all = append(all, block{kind: step, text: t(key)})
		for _, c := range commands {
			all = append(all, block{kind: command, text: c})
		}
	}
	add("kit.step.program")
	if len(s.Destinations) == 0 || slices.ContainsFunc(s.Destinations, Destination.folder) {
		add("kit.step.disk")
	}
	if slices.ContainsFunc(s.Destinations, Destination.bucket) {
		add("kit.step.bucket")
	}
	add("kit.step.list", "rahat-restore list --url "+address)
	add("kit.step.export", "rahat-restore export --url "+address+" ID -o FILE")
	add("kit.step.postgres", "createdb -T template0 DATABASE", "psql -X -v ON_ERROR_STOP=1 -d DATABASE -f FILE")
	add("kit.step.sqlite")
	return append(all, block{kind: paragraph, text: t("kit.readme")},
		block{kind: heading, text: t("kit.drill")}, block{kind: paragraph, text: t("kit.drill.why")},
		block{kind: command, text: "rahat recovery-kit drill --to " + s.first()})
}

// first is the name of the destination in the example of a drill.
func (s Sheet) first() string {
	if len(s.Destinations) == 0 {
		return "NAME"
	}
	return s.Destinations[0].Name
}

// quoted writes an argument for a shell, quoted only where it must be.
func quoted(s string) string {
	if strings.ContainsAny(s, " '\"\\$&|;<>()*?[]{}`!#~\t") {
		return `"` + s + `"`
	}
	return s
}

// Address is the URL of a destination without the password that it may hold.
func Address(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = url.User(u.User.Username())
	return u.String()
}

// width of the text, in letters.
const width = 76

// Text is the sheet as plain text. The line with the key can be read from it
// again: the file can be given wherever a key is asked for.
func (s Sheet) Text() string {
	var b strings.Builder
	number := 0
	for _, p := range s.blocks() {
		switch p.kind {
		case title:
			fmt.Fprintf(&b, "%s\n%s\n", p.text, strings.Repeat("=", len([]rune(p.text))))
		case heading:
			fmt.Fprintf(&b, "\n%s\n%s\n", p.text, strings.Repeat("-", len([]rune(p.text))))
		case paragraph, warning:
			fmt.Fprintf(&b, "\n%s\n", wrapped(p.text, ""))
		case step:
			number++
			fmt.Fprintf(&b, "\n%s\n", wrapped(strconv.Itoa(number)+". "+p.text, "   "))
		case command:
			fmt.Fprintf(&b, "\n       %s\n", p.text)
		case place:
			fmt.Fprintf(&b, "\n   %s\n", strings.Join(p.lines, "\n   "))
		case secret:
			s.secretText(&b)
		}
	}
	return b.String()
}

// columns of words on the sheet; they are read across.
const columns = 4

func (s Sheet) secretText(b *strings.Builder) {
	b.WriteByte('\n')
	for i, w := range s.Identity.Words() {
		cell := fmt.Sprintf("%2d %s", i+1, w)
		if (i+1)%columns == 0 {
			fmt.Fprintf(b, "%s\n", cell)
		} else if i%columns == 0 {
			fmt.Fprintf(b, "   %-18s", cell)
		} else {
			fmt.Fprintf(b, "%-18s", cell)
		}
	}
	fmt.Fprintf(b, "\n   %s\n\n%s\n\n   %s\n", s.Identity.Secret().Reveal(), s.Texts.T("kit.public"), s.Identity.Recipient())
}

// wrapped breaks a text into lines; those after the first begin with indent.
func wrapped(text, indent string) string {
	var b strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
