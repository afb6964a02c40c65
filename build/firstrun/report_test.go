package firstrun

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

func TestTheTableTellsProofFromHopeAndSaysWhatToDo(t *testing.T) {
	var out strings.Builder
	r := &run{
		out: &out, person: "/home/a", recoveryKey: "/home/a/key.txt",
		cli:         product.CLI{Program: "/opt/rahat"},
		destination: control.Destination{URL: "file:///home/a/Rahat%20Backup"},
		closed:      []control.Found{{Engine: "postgres", Address: "localhost:1"}, {Engine: "postgres", Address: "localhost:2"}},
	}
	pg := control.Server{Name: "pg", Engine: "postgres"}
	made := func(id string, size int64, proof *control.VerifyResult) *control.BackupResult {
		return &control.BackupResult{Backup: id, Database: id, PlainBytes: size, Verify: proof}
	}
	r.report([]result{
		{server: pg, database: "small", made: made("small", 10, &control.VerifyResult{Status: backup.OK, Rows: 7})},
		{server: pg, database: "large", made: made("large", 99, &control.VerifyResult{Status: backup.Failed}), problem: errors.New("rows differ")},
		{server: pg, database: "gone", made: &control.BackupResult{Database: "gone"}, problem: errors.New("it is gone")},
	})
	for _, want := range []string{
		"restored, 7 rows compared", "FAILED", "no backup", "rows differ", "it is gone", "~/Rahat Backup", "~/key.txt",
		"restore large --to-server pg --to-database large_restored", "server add postgres --", "server add postgres2 --",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, out.String())
		}
	}
}

func TestSecretsAreForTheirOwnerAloneAndNeverReplaced(t *testing.T) {
	r := &run{person: t.TempDir()}
	first, err := r.makeRecoveryKey()
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.makeRecoveryKey()
	if err != nil || again != first || !strings.HasPrefix(first, "age1") {
		t.Errorf("got %q and then %q, %v", first, again, err)
	}
	info, err := os.Stat(r.recoveryKey)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(r.person, "Rahat Backup recovery key.txt"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.makeRecoveryKey(); err == nil {
		t.Error("a file that is no key was taken for one")
	}
}

func TestWordsOfAShellAreQuoted(t *testing.T) {
	for in, want := range map[string]string{"plain-1": "plain-1", "two words": "'two words'", "it's": `'it'\''s'`, "$HOME": "'$HOME'"} {
		if got := quote(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
