package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain lets scripts run this program as rahat, at the tests' moment.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rahat": func() {
			interrupts := make(chan os.Signal, 2)
			signal.Notify(interrupts, os.Interrupt)
			os.Exit(Run(background(), Options{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
				Interrupts: interrupts, Now: func() time.Time { return now }, Zone: time.UTC, Browse: Browse}))
		},
	})
}

// call runs a command line in this process.
func call(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Run(t.Context(), Options{Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs,
		Now: func() time.Time { return now }, Zone: time.UTC})
	return code, out.String(), errs.String()
}

// mask takes the texts of other packages' problems out of an output, so that
// the golden files change only with this package.
func mask(lang, s string) string {
	x := i18n.For(lang)
	for _, p := range []*control.Problem{wrongPassword, diskGone, diskFull, waited, noJob, notProven, linkGone, scriptFailed} {
		title, remedy := x.Problem(problem.Of(p.Err()))
		s = strings.NewReplacer(title, "<title of "+p.Code+">", remedy, "<remedy of "+p.Code+">",
			quoted(title), "<title of "+p.Code+">", quoted(remedy), "<remedy of "+p.Code+">").Replace(s)
	}
	return s
}

// quoted is s as it stands in a JSON string.
func quoted(s string) string {
	j := string(raw(s))
	return j[1 : len(j)-1]
}

// golden compares text with a file of testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update if that is meant)\n--- got\n%s--- want\n%s", path, got, want)
	}
}

// jsonCommands are all commands that print a document, with the runs their
// request starts and the exit code.
var jsonCommands = []struct {
	file string
	line string
	runs string
	code int
}{
	{"overview", "", "", 0},
	{"status", "status", "", 0},
	{"discover", "discover --folder /srv", "", 0},
	{"server_add", "server add local --engine postgres --address /var/run/postgresql --user postgres", "", 0},
	{"server_list", "server list", "", 0},
	{"server_test", "server test local", "", 0},
	{"server_test_failed", "server test erp", "", 5},
	{"server_remove", "server remove local", "", 0},
	{"destination_add", "destination add disk --url file:///mnt/backup", "", 0},
	{"destination_list", "destination list", "", 0},
	{"destination_test", "destination test disk", "", 0},
	{"destination_test_failed", "destination test gone", "", 1},
	{"destination_test_careless", "destination test careless", "", 1},
	{"destination_remove", "destination remove disk", "", 0},
	{"keys_list", "destination keys list disk", "", 0},
	{"keys_add", "destination keys add disk --passphrase-stdin", "", 0},
	{"keys_remove", "destination keys remove disk 5f0c", "", 0},
	{"keys_rotate", "destination keys rotate disk", "", 0},
	{"recovery_kit", "recovery-kit --to disk", "", 0},
	{"recovery_kit_drill", "recovery-kit drill --to disk --key-stdin", "", 0},
	{"recovery_kit_drill_failed", "recovery-kit drill --to gone --key-stdin", "", 1},
	{"job_add", "job add nightly --server local --database shop,crm --to disk --verify full", "", 0},
	{"job_list", "job list", "", 0},
	{"job_show", "job show nightly", "", 0},
	{"job_show_unknown", "job show hourly", "", 4},
	{"job_edit", "job edit nightly --verify none", "", 0},
	{"job_pause", "job pause weekly", "", 0},
	{"job_resume", "job resume nightly", "", 0},
	{"job_remove", "job remove nightly", "", 0},
	{"channel_add", "channel add mail --kind email --set host=smtp.example.com --set user=rahat --secret-stdin", "", 0},
	{"channel_list", "channel list", "", 0},
	{"channel_show", "channel show team", "", 0},
	{"channel_edit", "channel edit mail --on failure", "", 0},
	{"channel_test", "channel test mail", "", 0},
	{"channel_test_failed", "channel test team", "", 5},
	{"channel_remove", "channel remove mail", "", 0},
	{"backup", "backup --server local --database shop --to disk", "shop", 0},
	{"backup_several", "backup nightly", "shop crm", 0},
	{"backup_failed", "backup nightly", "failing", 1},
	{"backup_some_failed", "backup nightly", "shop failing", 1},
	{"backup_disproved", "backup nightly", "unproven", 1},
	{"runs", "runs", "", 0},
	{"run_show", "run show failing", "", 0},
	{"run_cancel", "run cancel running", "", 0},
	{"backups", "backups", "", 0},
	{"backups_from", "backups --from /mnt/backup --database shop.db --passphrase-stdin", "", 0},
	{"browse", "browse latest", "", 0},
	{"browse_rows", "browse latest public.orders --offset 1000 --limit 3", "", 0},
	{"verify", "verify latest", "proving", 0},
	{"verify_failed", "verify latest", "disproving", 1},
	{"restore", "restore latest --to-server local --to-database shop_copy", "restoring", 0},
	{"restore_failed", "restore latest --to-server local --to-database shop_copy", "failing", 1},
	{"restore_refused", "restore latest --to-server local --to-database shop --overwrite", "", 5},
	{"export", "export latest -o /tmp/shop.sql", "exporting", 0},
	{"catalog_rebuild", "catalog rebuild", "rebuilding", 0},
	{"doctor", "doctor", "", 0},
	{"agent_status", "agent status", "", 0},
	{"ui", "ui", "", 0},
	{"version", "version", "", 0},
	{"usage", "server add", "", 2},
}

func TestEveryDocumentIsAsWrittenDown(t *testing.T) {
	for _, c := range jsonCommands {
		t.Run(c.file, func(t *testing.T) {
			startFake(t, starting(c.runs)).use(t)
			code, stdout, stderr := call(t, "open sesame\n", append(strings.Fields(c.line), "--json")...)
			if code != c.code {
				t.Errorf("exit code %d, want %d; stderr: %s", code, c.code, stderr)
			}
			if c.file == "version" {
				stdout = strings.NewReplacer(platform(), "linux/amd64").Replace(stdout)
			}
			d := json.NewDecoder(strings.NewReader(stdout))
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatalf("no document: %v\n%s", err, stdout)
			}
			if d.More() {
				t.Error("more than one document")
			}
			golden(t, c.file+".json", mask("en", stdout))
		})
	}
}

// starting lets requests start these runs.
func starting(runs string) func(*fakeAgent) {
	return func(f *fakeAgent) { f.queue = strings.Fields(runs) }
}

func TestEmptyListsAreEmptyListsInJSON(t *testing.T) {
	for _, line := range []string{"server list", "destination list", "job list", "channel list", "runs", "backups"} {
		startFake(t, func(f *fakeAgent) { f.empty = true }).use(t)
		if code, out, _ := call(t, "", append(strings.Fields(line), "--json")...); code != 0 || strings.TrimSpace(out) != "[]" {
			t.Errorf("%s: exit code %d, %q", line, code, out)
		}
	}
}

// peopleCommands are what people read.
var peopleCommands = []struct{ file, line, runs string }{
	{"overview", "", ""},
	{"discover", "discover", ""},
	{"server_list", "server list", ""},
	{"server_test", "server test local", ""},
	{"destination_test", "destination test disk", ""},
	{"destination_test_careless", "destination test careless", ""},
	{"keys_list", "destination keys list disk", ""},
	{"keys_rotate", "destination keys rotate disk", ""},
	{"recovery_kit", "recovery-kit", ""},
	{"recovery_kit_drill", "recovery-kit drill --key-stdin", ""},
	{"job_list", "job list", ""},
	{"job_show", "job show weekly", ""},
	{"channel_list", "channel list", ""},
	{"channel_show", "channel show team", ""},
	{"channel_test", "channel test mail", ""},
	{"backup", "backup nightly", "shop"},
	{"backup_several", "backup nightly", "shop crm failing"},
	{"runs", "runs", ""},
	{"run_show", "run show failing", ""},
	{"run_show_disproved", "run show unproven", ""},
	{"run_show_running", "run show running", ""},
	{"backups", "backups", ""},
	{"browse", "browse latest", ""},
	{"browse_rows", "browse latest public.orders --offset 1000 --limit 3", ""},
	{"browse_csv", "browse latest public.orders --offset 1000 --limit 5 --csv", ""},
	{"verify", "verify latest", "proving"},
	{"verify_failed", "verify latest", "disproving"},
	{"restore", "restore latest --to-server local", "restoring"},
	{"export", "export latest -o /tmp/shop.sql", "exporting"},
	{"catalog_rebuild", "catalog rebuild", "rebuilding"},
	{"doctor", "doctor", ""},
	{"agent_status", "agent status", ""},
	{"ui", "ui", ""},
}

func TestPeopleReadWhatIsMeant(t *testing.T) {
	for _, lang := range []string{"en", "tr"} {
		for _, c := range peopleCommands {
			t.Run(c.file+"."+lang, func(t *testing.T) {
				startFake(t, starting(c.runs)).use(t)
				code, stdout, stderr := call(t, "open sesame\n", append(strings.Fields(c.line), "--lang", lang)...)
				golden(t, c.file+"."+lang+".txt", fmt.Sprintf("$ rahat %s\n%s--- stderr\n%s--- exit code %d\n", c.line, mask(lang, stdout), mask(lang, stderr), code))
			})
		}
	}
}
