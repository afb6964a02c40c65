package verifier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rahatbackup/rahat/internal/agent/archiver"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/repository"
	"github.com/rahatbackup/rahat/internal/store/mem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made makes one backup of three tables and returns it with its store.
func made(t *testing.T) (*enginemem.Engine, *mem.Store, *repository.Repository, *backup.Manifest) {
	t.Helper()
	e := enginemem.New()
	d := enginemem.Database{}
	for _, n := range []int{0, 3, 5000} {
		table := enginemem.Table{Columns: []string{"id", "v"}, Key: 1}
		for i := range n {
			table.Rows = append(table.Rows, []enginemem.Value{enginemem.Text(fmt.Sprintf("%06d", i)), enginemem.Text(strings.Repeat(fmt.Sprint(i), 8))})
		}
		d[fmt.Sprintf("t%d", n)] = table
	}
	e.Host("h").Set("shop", d)
	s, err := e.Open(enginemem.Config("h", ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	st := mem.New()
	repo, err := repository.Create(t.Context(), st, repository.Slots{Secret: repository.NewSecret()}, repository.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := archiver.Archiver{Now: time.Now, Streams: 2}
	m, err := a.Run(t.Context(), archiver.Request{ID: backup.NewID(time.Now()), Server: s, Engine: enginemem.Kind, Database: "shop", Type: backup.Full, Repository: repo})
	if err != nil {
		t.Fatal(err)
	}
	return e, st, repo, m
}

func prove(t *testing.T, level string, repo *repository.Repository, m *backup.Manifest, d engine.Driver) Result {
	t.Helper()
	dir := t.TempDir()
	v := Verifier{Now: time.Now, TempDir: dir, Streams: 2}
	r, err := v.Run(t.Context(), level, repo, m, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return r
}

func TestATableThatIsNotKeptAsRowsIsComparedByteByByte(t *testing.T) {
	e, _, repo, _ := made(t)
	d := enginemem.Database{"wide": {Columns: []string{"id"}, Rows: [][]enginemem.Value{{enginemem.Text("1")}}, Wide: true}}
	e.Host("h").Set("shop", d)
	s, err := e.Open(enginemem.Config("h", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := archiver.Archiver{Now: time.Now, Streams: 2}
	m, err := a.Run(t.Context(), archiver.Request{ID: backup.NewID(time.Now()), Server: s, Engine: enginemem.Kind, Database: "shop", Type: backup.Full, Repository: repo})
	if err != nil {
		t.Fatal(err)
	}
	if r := prove(t, Full, repo, m, e); !r.OK() {
		t.Errorf("%+v", r)
	}
	for i := range m.Parts { // another table was backed up than the one that comes back
		if m.Parts[i].Table != nil {
			m.Parts[i].Checksum = strings.Repeat("0", len(m.Parts[i].Checksum))
		}
	}
	if r := prove(t, Full, repo, m, e); r.OK() {
		t.Error("other contents are not seen")
	}
}

func TestEveryLevelProvesAGoodBackup(t *testing.T) {
	e, _, repo, m := made(t)
	for level, check := range map[string]string{Basic: CheckObjects, Database: CheckRestore, Full: CheckChecksums} {
		r := prove(t, level, repo, m, e)
		if !r.OK() || !slices.ContainsFunc(r.Checks, func(c engine.Check) bool { return c.Name == check }) {
			t.Errorf("%s: %+v", level, r)
		}
		if level != Database && r.Rows != 5003 {
			t.Errorf("%s: %d rows", level, r.Rows)
		}
	}
	v := Verifier{Now: time.Now}
	if _, err := v.Run(t.Context(), "nearly", repo, m, e, nil); !errors.Is(err, ErrLevel) {
		t.Errorf("unknown level: %v", err)
	}
}

func TestEveryLevelSeesDamage(t *testing.T) {
	e, st, repo, m := made(t)
	for o, err := range st.List(t.Context(), "packs/") {
		if err != nil {
			t.Fatal(err)
		}
		st.Corrupt(o.Key, func(b []byte) []byte {
			b = bytes.Clone(b)
			b[len(b)/2] ^= 0x40
			return b
		})
	}
	for _, level := range []string{Basic, Full} {
		r := prove(t, level, repo, m, e)
		if r.OK() {
			t.Errorf("%s proves a damaged backup: %+v", level, r)
		}
		told := r.Checks[0].Detail
		if level == Basic && (!strings.HasPrefix(told, "packs/") || strings.Count(told, " (repository.damaged): ") != strings.Count(told, "packs/") || strings.Contains(told, "{")) {
			t.Errorf("the damage is told as %q", told)
		}
	}
}

// tampering is a driver whose throw-away server restores something else than
// the backup: what a defect of a driver would do.
type tampering struct {
	*enginemem.Engine
	how func(p backup.StoredPart, b []byte) []byte
}

func (d tampering) Sandbox(ctx context.Context, dir, version string) (engine.Server, error) {
	s, err := d.Engine.Sandbox(ctx, dir, version)
	return tamperedServer{s, d.how}, err
}

type tamperedServer struct {
	engine.Server
	how func(backup.StoredPart, []byte) []byte
}

func (s tamperedServer) Restore(ctx context.Context, src engine.Source, target engine.Target) (engine.Restored, error) {
	m := *src.Manifest()
	m.Parts = slices.Clone(m.Parts)
	t := tamperedSource{src, &m, s.how}
	for i := range m.Parts {
		if m.Parts[i].Kind == backup.Rows {
			r, err := t.Open(ctx, m.Parts[i])
			if err != nil {
				return engine.Restored{}, err
			}
			b, err := io.ReadAll(r)
			if err != nil {
				return engine.Restored{}, err
			}
			m.Parts[i].Rows, m.Parts[i].Bytes = int64(bytes.Count(b, []byte{'\n'})), int64(len(b))
		}
	}
	return s.Server.Restore(ctx, t, target)
}

type tamperedSource struct {
	engine.Source
	m   *backup.Manifest
	how func(backup.StoredPart, []byte) []byte
}

func (s tamperedSource) Manifest() *backup.Manifest { return s.m }

func (s tamperedSource) Open(ctx context.Context, p backup.StoredPart) (io.ReadCloser, error) {
	r, err := s.Source.Open(ctx, p)
	if err != nil || p.Kind != backup.Rows {
		return r, err
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(s.how(p, b))), nil
}

func TestFullSeesEveryKindOfDifference(t *testing.T) {
	e, _, repo, m := made(t)
	first := func(b []byte) int { return bytes.IndexByte(b, '\n') + 1 }
	big := func(f func(b []byte) []byte) func(backup.StoredPart, []byte) []byte {
		return func(p backup.StoredPart, b []byte) []byte {
			if len(b) < 10000 {
				return b
			}
			return f(b)
		}
	}
	for name, how := range map[string]func(backup.StoredPart, []byte) []byte{
		"a row is missing": big(func(b []byte) []byte { return b[first(b):] }),
		"a row stands twice for another": big(func(b []byte) []byte {
			n := first(b)
			return append(bytes.Clone(b[:n]), append(bytes.Clone(b[:n]), b[n+first(b[n:]):]...)...)
		}),
		"a value differs": big(func(b []byte) []byte {
			c := bytes.Clone(b)
			c[len(c)-2] ^= 1
			return c
		}),
	} {
		r := prove(t, Full, repo, m, tampering{e, how})
		if r.OK() {
			t.Errorf("%s: not seen: %+v", name, r)
		}
	}
	turned := func(_ backup.StoredPart, b []byte) []byte { // the order of rows does not count
		lines := bytes.SplitAfter(b, []byte{'\n'})
		slices.Reverse(lines)
		return bytes.Join(lines, nil)
	}
	if r := prove(t, Full, repo, m, tampering{e, turned}); !r.OK() {
		t.Errorf("another order of rows is no difference: %+v", r)
	}
}

func TestPairSaysWhatIsMissingAndNew(t *testing.T) {
	m := &backup.Manifest{Parts: []backup.StoredPart{
		{Part: backup.Part{Name: "a", Kind: backup.Rows}}, {Part: backup.Part{Name: "b", Kind: backup.Rows}}, {Part: backup.Part{Name: "schema", Kind: backup.Bytes}},
	}}
	pairs, finding := pair(m, []backup.Part{{Name: "a", Kind: backup.Rows}, {Name: "c", Kind: backup.Rows}, {Name: "schema", Kind: backup.Bytes}})
	if len(pairs) != 1 || !strings.Contains(finding, `"b" is missing`) || !strings.Contains(finding, `"c" was not in the backup`) || strings.Contains(finding, "schema") {
		t.Errorf("%d pairs, %q", len(pairs), finding)
	}
}

func TestACancelledProofSaysWhy(t *testing.T) {
	e, _, repo, m := made(t)
	why := errors.New("the person said so")
	ctx, cancel := context.WithCancelCause(t.Context())
	v := Verifier{Now: time.Now, TempDir: t.TempDir(), Streams: 1}
	_, err := v.Run(ctx, Full, repo, m, e, func(p backup.Progress) {
		if p.Phase == backup.PhaseCompare {
			cancel(why)
		}
	})
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}
