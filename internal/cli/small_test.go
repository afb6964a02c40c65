package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

func TestTextFromOutsideCannotSteerTheTerminal(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"mağaza İŞ 日本":    "mağaza İŞ 日本",
		"a\nb\tc":         `a\nb\tc`,
		"\x1b[2J":         `\x1b[2J`,
		"\u009b31m":       `\u009b31m`,
		"a\u202eb":        `a\u202eb`,
		"bad\xffbyte":     `bad\xffbyte`,
		"written \ufffd":  `written \ufffd`,
		"line\u2028break": `line\u2028break`,
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTablesAlignWhatIsWide(t *testing.T) {
	var out bytes.Buffer
	p := newPaper(&out, true)
	p.table([]string{"Name", "Size", "Note"}, [][]cell{
		{word("日本"), number("1 B"), word("x")},
		{word("mağaza"), number("100 MB"), word("")},
	})
	want := "Name      Size  Note\n日本       1 B  x\nmağaza  100 MB\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

func TestPlacesBecomeURLs(t *testing.T) {
	here, err := filepath.Abs("backups here")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"/mnt/backup":          "file:///mnt/backup",
		"file:///mnt/backup":   "file:///mnt/backup",
		"/mnt/a b#c?d":         "file:///mnt/a%20b%23c%3Fd",
		"backups here":         "file://" + strings.ReplaceAll(here, " ", "%20"),
		"sftp://user@host/dir": "sftp://user@host/dir",
		"file:relative":        "file:relative", // the agent refuses it
	} {
		if got, err := placeURL(in); err != nil || got != want {
			t.Errorf("placeURL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	if _, err := placeURL("sftp://user:geheim@host/dir"); !errors.Is(err, errSecretInURL) {
		t.Errorf("a password in a URL: %v", err)
	}
}

func TestFolderStaysAFolderWhenItsPathIsMadeAbsolute(t *testing.T) {
	sep := string(os.PathSeparator)
	for in, folder := range map[string]bool{"out": false, "out" + sep: true, sep: true} {
		got, err := absolute(in)
		if err != nil || !filepath.IsAbs(got) || strings.HasSuffix(got, sep) != folder || strings.HasSuffix(got, sep+sep) {
			t.Errorf("absolute(%q) = %q, %v", in, got, err)
		}
	}
}

func TestProposedNamesAreAllowedAndNotTaken(t *testing.T) {
	taken := map[string]bool{"postgres": true}
	allowed := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$`)
	for _, c := range []struct{ engine, address, want string }{
		{"postgres", "/var/run/postgresql", "postgres2"},
		{"postgres", "127.0.0.1:5433", "postgres3"},
		{"sqlite", "/srv/my shop.db", "my-shop"},
		{"sqlite", "/home/a/my shop.db", "my-shop2"},
		{"sqlite", "/srv/.db", "sqlite"},
		{"sqlite", "/srv/ğ.db", "sqlite2"},
		{"sqlite", "/srv/" + strings.Repeat("x", 99) + ".db", strings.Repeat("x", 50)},
	} {
		got := serverName(control.Found{Engine: c.engine, Address: c.address}, taken)
		if got != c.want || !allowed.MatchString(got) {
			t.Errorf("%s: %q, want %q", c.address, got, c.want)
		}
	}
}

func TestNamesOfRestoredDatabasesFitTheirServer(t *testing.T) {
	const stamp = "_restored_20261121_131800"
	for _, c := range []struct{ name, engine, want string }{
		{"shop", "postgres", "shop" + stamp},
		{strings.Repeat("ş", 30), "postgres", strings.Repeat("ş", 19) + stamp},
		{"data/shop.db", "sqlite", "data/shop" + stamp + ".db"},
		{"shop", "sqlite", "shop" + stamp},
	} {
		if got := stamped(c.name, c.engine, stamp); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSuggestedCommandsAreOneWordAnArgument(t *testing.T) {
	for in, want := range map[string]string{"": "''", "/a/b.db": "/a/b.db", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "a;b": "'a;b'"} {
		if got := shellQuote(in); got != want {
			t.Errorf("shellQuote(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestShortIDsTellApart(t *testing.T) {
	ids := []string{"019e5f3a-b2c1-7abc-9def-0123456789ab", "019e5f3a-b2c1-7abd-9def-0123456789ab", "019e5f00-0000-7abc-9def-0123456789ab"}
	got := shortIDs(ids)
	if want := []string{"019e5f3a-b2c1-7abc", "019e5f3a-b2c1-7abd", "019e5f00-0000-7abc"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := shortIDs([]string{"x", "x", ""}); !slices.Equal(got, []string{"x", "x", ""}) {
		t.Errorf("%q", got)
	}
}

func TestCodesOfFailuresAreJoined(t *testing.T) {
	one := func(code string) failure { return failure{problem: problem.New(problem.Code(code))} }
	for _, c := range []struct {
		codes string
		want  int
	}{
		{"store.no_space", exitFailed},
		{"engine.auth_failed engine.target_exists", exitRefused},
		{"engine.auth_failed store.no_space", exitFailed},
		{"store.no_space agent.cancelled", exitInterrupted},
		{"agent.no_server", exitNotFound},
		{"agent.job_exists agent.in_use", exitRefused},
		{"store.not_found", exitFailed}, // a lost object is a damaged backup, not a mistyped name
	} {
		f := &failures{}
		for code := range strings.FieldsSeq(c.codes) {
			f.list = append(f.list, one(code))
		}
		if got := exitCode(f); got != c.want {
			t.Errorf("%s: %d, want %d", c.codes, got, c.want)
		}
	}
}

func TestEveryProblemWithAnExitCodeOfItsOwnExists(t *testing.T) {
	declared := map[problem.Code]bool{}
	code := regexp.MustCompile(`"([a-z0-9]+\.[a-z_]+)"`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasPrefix(path, filepath.Join("..", "cli")) && path != filepath.Join("..", "cli", "failure.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for line := range strings.Lines(string(source)) {
			if strings.Contains(line, "problem.New(") || strings.Contains(line, " Code = ") {
				for _, m := range code.FindAllStringSubmatch(line, -1) {
					declared[problem.Code(m[1])] = true
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for c := range exitCodes {
		if !declared[c] {
			t.Errorf("no package declares %s", c)
		}
	}
}

func TestOutputThatDoesNotArriveIsAFailure(t *testing.T) {
	startFake(t).use(t)
	var errs bytes.Buffer
	code := Run(t.Context(), Options{Args: []string{"server", "list"}, Stdin: strings.NewReader(""), Stdout: brokenPipe{}, Stderr: &errs, Now: nil})
	if code != exitFailed || !strings.Contains(errs.String(), "cli.output_failed") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}

type brokenPipe struct{}

// Write implements [io.Writer].
func (brokenPipe) Write([]byte) (int, error) { return 0, fs.ErrClosed }

func TestSecretFilesAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(path, make([]byte, maxSecret+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSecretFile(path); !errors.Is(err, errSecretFile) {
		t.Errorf("a file that is no secret: %v", err)
	}
}

func TestNextStepFollowsFromHowThingsStand(t *testing.T) {
	a, _ := newTree("en")
	proven, failed := backups[0], backups[0]
	failed.Proof = &control.VerifyResult{Status: backup.Failed}
	for _, c := range []struct {
		name string
		s    control.StatusReport
		want string
	}{
		{"nothing yet", control.StatusReport{}, "next.discover"},
		{"a server", control.StatusReport{Servers: 1}, "next.destination"},
		{"a job", control.StatusReport{Servers: 1, Jobs: 1}, "next.run_job"},
		{"unproven", control.StatusReport{Servers: 1, Jobs: 1, Last: &backups[1]}, "next.verify"},
		{"disproved", control.StatusReport{Servers: 1, Jobs: 1, Last: &failed}, "next.verify"},
		{"without a job", control.StatusReport{Servers: 1, Last: &proven}, "next.job"},
		{"all well", control.StatusReport{Servers: 1, Jobs: 1, Last: &proven}, ""},
		{"at work", control.StatusReport{Active: []control.Run{{}}}, ""},
	} {
		got := ""
		if steps := a.nextSteps(c.s); len(steps) > 0 {
			got = steps[0]
			for _, key := range steps {
				if text := a.t(key); !strings.Contains(text, "\t") {
					t.Errorf("%s is no command with a tab and what it does: %q", key, text)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheSentenceOfTheAgentIsWrittenForThePerson(t *testing.T) {
	for lang, want := range map[string]string{
		"en": `The last proof of a\nb on local failed. The other one is protected. Newest backup 12 min ago.`,
		"tr": `local üzerindeki a\nb veritabanının son doğrulaması başarısız oldu. Öteki veritabanı korunuyor. En yeni yedek 12 dk önce.`,
	} {
		fake := startFake(t, func(f *fakeAgent) {
			f.status.State = control.Attention
			f.status.Headline = control.Text{Code: "state.disproven", Params: map[string]string{"server": "local", "database": "a\nb"}}
			f.status.Facts = &control.Text{Code: "state.facts.others", Params: map[string]string{"n": "1", "newest": now.Add(-12 * time.Minute).Format(time.RFC3339)}}
			f.status.Concerns = []control.Concern{{Kind: "disproven", Server: "local", Database: "a\nb", Text: f.status.Headline}}
		})
		fake.use(t)
		code, out, errs := call(t, "", "--lang", lang)
		if line, rest, _ := strings.Cut(out, "\n"); code != 0 || line != "▲ "+want || strings.Contains(rest, "local") {
			t.Errorf("%d, %s\n%s%s", code, line, rest, errs)
		}
	}
}

func TestConcernsNameTheDatabasesAndTheReason(t *testing.T) {
	concern := func(code, server, database string, p *control.Problem) control.Concern {
		return control.Concern{Text: control.Text{Code: code, Params: map[string]string{"server": server, "database": database}}, Problem: p}
	}
	many := []control.Concern{concern("state.no_backup.all", "erp", "*", nil), concern("state.failed", "s", "a\nb", diskFull)}
	for range 8 {
		many = append(many, concern("state.unproven", "s", "c", nil))
	}
	for lang, want := range map[string][]string{
		"en": {"No database of erp has a backup.", `The last backup of a\nb on s failed. The destination is full: /mnt/backup`, "c on s has never been proven.", "… and 2 more"},
		"tr": {"erp üzerindeki hiçbir veritabanının yedeği yok.", `s üzerindeki a\nb veritabanının son yedeklemesi başarısız oldu. Hedef dolu: /mnt/backup`, "s üzerindeki c hiç doğrulanmadı.", "… ve 2 tane daha"},
	} {
		a, _ := newTree(lang)
		a.opt.Now = func() time.Time { return now }
		var out bytes.Buffer
		a.out = newPaper(&out, false)
		a.showConcerns(many)
		for _, line := range want {
			if !strings.Contains(out.String(), line) {
				t.Errorf("%s lacks %q:\n%s", lang, line, &out)
			}
		}
		if n := strings.Count(out.String(), "\n"); n != 9 {
			t.Errorf("%s: %d lines", lang, n)
		}
		out.Reset()
		a.showConcerns(many[:1]) // the headline has said it
		if out.Len() > 0 {
			t.Errorf("%s: one concern without a reason: %q", lang, &out)
		}
		a.showConcerns(many[1:2])
		if got := out.String(); strings.Contains(got, "on s") || !strings.Contains(got, "/mnt/backup") {
			t.Errorf("%s: one concern with its reason: %q", lang, got)
		}
	}
}

func TestAnEmptyListSaysWhy(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"backups", "There is no backup yet."},
		{"backups --database x", "There is no such backup."},
		{"backups rebuilding", "The list is being made anew"},
	} {
		args, rebuilding := strings.CutSuffix(c.args, " rebuilding")
		fake := startFake(t, func(f *fakeAgent) {
			f.empty = true
			f.status = control.StatusReport{State: control.NotProtected, Active: []control.Run{}}
			if rebuilding {
				f.status.Active = []control.Run{{ID: "r", Kind: backup.RunRebuild, Status: backup.Running}}
			}
		})
		t.Setenv(paths.HomeVariable, string(fake.home))
		t.Setenv("RAHAT_LANG", "en")
		if code, out, errs := call(t, "", strings.Fields(args)...); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d %s%s", c.args, code, out, errs)
		}
	}
}
