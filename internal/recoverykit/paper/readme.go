package paper

import (
	"bytes"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/i18n"
)

// ReadmeName is the file that lies beside the backups and says how to restore
// them.
const ReadmeName = "RESTORE-ME.txt"

// ReadmeVersion counts what [Readme] says: a file of a lower version is written
// anew.
const ReadmeVersion = 1

// mark begins the first line of the file; the version follows. The byte order
// mark tells editors of Windows that the letters are UTF-8.
const mark = "\ufeffRESTORE-ME "

// Readme is the text of [ReadmeName] for a destination at this address, in all
// languages, with the ends of line that every editor shows. It holds no secret
// and no name of a database: whoever sees the backups sees it.
func Readme(address string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%d\n", mark, ReadmeVersion)
	for _, lang := range i18n.Languages() {
		readme(&b, i18n.For(lang), target(address))
	}
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n"))
}

// VersionOf returns the version of a file that [Readme] wrote, -1 for any other
// text.
func VersionOf(text []byte) int {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	number, ours := strings.CutPrefix(string(first), mark)
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if !ours || err != nil {
		return -1
	}
	return n
}

// target is how the commands name the destination: a folder may be somewhere
// else by then, a bucket is where it is. Whose key opens the bucket is nobody's
// business.
func target(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "file" || u.Scheme == "" {
		return folder
	}
	u.User = nil
	query := u.Query()
	query.Del("key_id")
	u.RawQuery = query.Encode()
	return `"` + u.String() + `"`
}

const folder = "FOLDER"

func readme(b *strings.Builder, texts *i18n.Texts, where string) {
	t := texts.T
	number := 0
	head := func(key string) { fmt.Fprintf(b, "\n%s\n\n", t(key)) }
	say := func(key string) { fmt.Fprintf(b, "%s\n", wrapped(t(key), "")) }
	item := func(key string) { fmt.Fprintf(b, " - %s\n", wrapped(t(key), "   ")) }
	step := func(key string, commands ...string) {
		number++
		fmt.Fprintf(b, "\n%d. %s\n", number, wrapped(t(key), "   "))
		for _, c := range commands {
			fmt.Fprintf(b, "\n       %s\n", c)
		}
	}
	title := t("readme.title")
	fmt.Fprintf(b, "\n%s\n%s\n", title, strings.Repeat("=", len([]rune(title))))
	head("readme.what")
	say("readme.what.text")
	head("readme.need")
	item("readme.need.key")
	item("readme.need.program")
	item("readme.need.tools")
	head("readme.steps")
	if where == folder {
		say("readme.folder")
	} else {
		say("readme.bucket")
	}
	step("readme.list", "rahat-restore list --url "+where)
	step("readme.check", "rahat-restore check --url "+where+" ID")
	step("readme.export", "rahat-restore export --url "+where+" ID -o FILE")
	step("readme.postgres", "createdb -T template0 DATABASE", "psql -X -v ON_ERROR_STOP=1 -d DATABASE -f FILE")
	step("readme.sqlite")
	b.WriteByte('\n')
	say("readme.onward")
	add := "rahat destination add NAME --url " + where
	if where != folder {
		add += " --secret"
	}
	fmt.Fprintf(b, "\n       %s --passphrase\n", add)
	fmt.Fprintf(b, "\n       %s --identity-file FILE\n", add)
	head("readme.without")
	say("readme.without.text")
}
