package enginemem_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/quick"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/enginemem"
	"github.com/rahatbackup/rahat/internal/engine/enginetest"
)

const secret = "secret-f3b1c0a7"

func TestConforms(t *testing.T) {
	e := enginemem.New()
	h := e.Host("a")
	h.SetPassword(secret)
	enginetest.Run(t, enginemem.Kind, func(t *testing.T) engine.Server { return open(t, e, "a", secret) }, &fixtures{e: e, h: h})
}

func open(t testing.TB, e *enginemem.Engine, address, password string) engine.Server {
	t.Helper()
	s, err := e.Open(enginemem.Config(address, password))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type fixtures struct {
	e *enginemem.Engine
	h *enginemem.Host
}

func (f *fixtures) Secret() string   { return secret }
func (f *fixtures) System() []string { return []string{"system"} }

func (f *fixtures) Driver() engine.Driver { return f.e }

func (f *fixtures) Create(_ testing.TB, name string, c enginetest.Content) {
	d := enginemem.Database{}
	switch c {
	case enginetest.Empty:
	case enginetest.Awkward:
		var all strings.Builder
		for b := range 256 {
			all.WriteByte(byte(b))
		}
		d[`a "quoted" 'table'`] = enginemem.Table{Columns: []string{"id", "a \"b\""}, Key: 1, Rows: [][]enginemem.Value{
			{enginemem.Text("1"), nil}, {enginemem.Text("2"), enginemem.Text("")}, {enginemem.Text("3"), enginemem.Text(`\N`)},
			{enginemem.Text("4"), enginemem.Text("ıİ 🗝 \t\n\r\\")}, {enginemem.Text("5"), enginemem.Text(all.String())},
		}}
		d["empty"] = enginemem.Table{Columns: []string{"x"}}
	case enginetest.Ledger:
		for _, name := range []string{"left", "right"} {
			t := enginemem.Table{Columns: []string{"id", "balance", "note"}, Key: 1}
			for i := range 2500 {
				t.Rows = append(t.Rows, []enginemem.Value{enginemem.Text(strconv.Itoa(i)), enginemem.Text("100"), enginemem.Text(strings.Repeat("x", 1000))})
			}
			d[name] = t
		}
	}
	f.h.Set(name, d)
}

func (f *fixtures) Drop(_ testing.TB, name string) { f.h.Drop(name) }

func (f *fixtures) Text(_ testing.TB, name string) (string, bool) {
	d, ok := f.h.Get(name)
	var b strings.Builder
	for _, table := range slices.Sorted(maps.Keys(d)) {
		fmt.Fprintf(&b, "%s %q %d\n", table, d[table].Columns, d[table].Key)
		lines := []string{}
		for _, row := range d[table].Rows {
			line := ""
			for _, v := range row {
				if v == nil {
					line += "NULL "
				} else {
					line += strconv.Quote(*v) + " "
				}
			}
			lines = append(lines, line)
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String(), ok
}

func (f *fixtures) Holds(_ testing.TB, name string) error {
	d, ok := f.h.Get(name)
	sum := 0
	for _, t := range d {
		for _, row := range t.Rows {
			n, err := strconv.Atoi(*row[1])
			if err != nil {
				return err
			}
			sum += n
		}
	}
	if !ok || sum != 2*2500*100 {
		return fmt.Errorf("the sum is %d", sum)
	}
	return nil
}

func (f *fixtures) Hammer(_ testing.TB, name string) (func() int64, func()) {
	var n atomic.Int64
	var wg sync.WaitGroup
	end := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			default:
			}
			f.h.Update(name, func(d enginemem.Database) {
				for table, by := range map[string]int{"left": -1, "right": 1} {
					cell := &d[table].Rows[i%2500][1]
					have, _ := strconv.Atoi(**cell)
					*cell = enginemem.Text(strconv.Itoa(have + by))
				}
			})
			n.Add(1)
		}
	})
	return n.Load, func() { close(end); wg.Wait() }
}

func (f *fixtures) Leftovers(testing.TB) []string {
	if n := f.h.OpenSnapshots(); n > 0 {
		return []string{fmt.Sprintf("%d snapshots", n)}
	}
	return nil
}

func (f *fixtures) Troubled(t testing.TB, what enginetest.Trouble) (engine.Server, string, bool) {
	switch what {
	case enginetest.WrongPassword:
		return open(t, f.e, "a", "wrong"), "x", true
	case enginetest.MissingRight:
		f.h.Set("private", enginemem.Database{})
		f.h.Forbid("private")
		return open(t, f.e, "a", secret), "private", true
	case enginetest.Unreachable:
		return open(t, f.e, "nowhere", secret), "x", true
	}
	return nil, "", false
}

func TestAHookStopsEveryStep(t *testing.T) {
	e := enginemem.New()
	h := e.Host("a")
	h.Set("shop", enginemem.Database{"t": {Columns: []string{"id"}, Rows: [][]enginemem.Value{{enginemem.Text("1")}}}})
	s := open(t, e, "a", "")
	var mu sync.Mutex
	steps := map[string]bool{}
	h.SetHook(func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		steps[step] = true
		return nil
	})
	work := func(target string) error {
		_, probe := s.Probe(t.Context())
		_, discover := s.Discover(t.Context())
		m, err := enginetest.Take(t.Context(), s, enginemem.Kind, "shop")
		if err != nil {
			return errors.Join(probe, discover, err)
		}
		_, restore := s.Restore(t.Context(), m, engine.Target{Database: target})
		checker, ok := s.(engine.Checker)
		if !ok {
			t.Fatal("not a Checker")
		}
		_, check := checker.Check(t.Context(), "shop")
		return errors.Join(probe, discover, restore, check)
	}
	if err := work("copy"); err != nil {
		t.Fatal(err)
	}
	want := []string{"check", "discover", "dump schema", "dump table/t", "probe", "restore", "restore commit", "restore table/t", "snapshot"}
	if got := slices.Sorted(maps.Keys(steps)); !slices.Equal(got, want) {
		t.Errorf("steps %q, want %q", got, want)
	}
	for _, step := range want {
		boom := errors.New("boom")
		h.SetHook(func(s string) error {
			if s == step {
				return boom
			}
			return nil
		})
		if err := work("other"); !errors.Is(err, boom) {
			t.Errorf("%s: %v, want the hook's error", step, err)
		}
		h.SetHook(nil)
		if _, there := h.Get("other"); there != (step == "check" || step == "probe" || step == "discover") {
			t.Errorf("%s: the database is there: %v", step, there)
		}
		h.Drop("other")
	}
}

func TestOneTableComesBackAlone(t *testing.T) {
	e := enginemem.New()
	h := e.Host("a")
	row := func(s string) [][]enginemem.Value { return [][]enginemem.Value{{enginemem.Text(s)}} }
	h.Set("shop", enginemem.Database{"a": {Columns: []string{"x"}, Rows: row("1")}, "b": {Columns: []string{"x"}, Rows: row("1")}})
	s := open(t, e, "a", "")
	m, err := enginetest.Take(t.Context(), s, enginemem.Kind, "shop")
	if err != nil {
		t.Fatal(err)
	}
	h.Set("shop", enginemem.Database{"a": {Columns: []string{"x"}, Rows: row("2")}, "b": {Columns: []string{"x"}, Rows: row("2")}})
	target := engine.Target{Database: "shop", Tables: []string{"a"}}
	if _, err := s.Restore(t.Context(), m, target); !errors.Is(err, engine.ErrTargetExists) {
		t.Errorf("restore: %v, want ErrTargetExists", err)
	}
	target.Overwrite = true
	if _, err := s.Restore(t.Context(), m, target); err != nil {
		t.Fatal(err)
	}
	d, _ := h.Get("shop")
	if *d["a"].Rows[0][0] != "1" || *d["b"].Rows[0][0] != "2" {
		t.Errorf("a is %s, b is %s; want 1 and 2", *d["a"].Rows[0][0], *d["b"].Rows[0][0])
	}
}

func TestASandboxIsAServerOfItsOwnAndExportIsComplete(t *testing.T) {
	e := enginemem.New()
	e.Host("a").Set("shop", enginemem.Database{"t": {Columns: []string{"id"}, Rows: [][]enginemem.Value{{enginemem.Text("42")}}}})
	m, err := enginetest.Take(t.Context(), open(t, e, "a", ""), enginemem.Kind, "shop")
	if err != nil {
		t.Fatal(err)
	}
	box, err := e.Sandbox(t.Context(), t.TempDir(), "1.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Restore(t.Context(), m, engine.Target{Database: "shop"}); err != nil {
		t.Error(err)
	}
	if dbs, err := box.Discover(t.Context()); err != nil || len(dbs) != 1 {
		t.Errorf("%v, %v", dbs, err)
	}
	var out strings.Builder
	if err := e.Export(t.Context(), m, "text", engine.ExportOptions{}, &out); err != nil || !strings.Contains(out.String(), "# table/t\n42\n") {
		t.Errorf("export: %v\n%s", err, out.String())
	}
	if err := e.Export(t.Context(), m, "sql", engine.ExportOptions{}, &out); !errors.Is(err, engine.ErrUnsupported) {
		t.Errorf("export: %v, want ErrUnsupported", err)
	}
}

func TestAnyTextSurvivesALine(t *testing.T) {
	e := enginemem.New()
	h := e.Host("a")
	s := open(t, e, "a", "")
	err := quick.Check(func(a, b string, null bool) bool {
		row := []enginemem.Value{enginemem.Text(a), enginemem.Text(b)}
		if null {
			row[1] = nil
		}
		h.Set("one", enginemem.Database{"t": {Columns: []string{"a", "b"}, Rows: [][]enginemem.Value{row}}})
		m, err := enginetest.Take(t.Context(), s, enginemem.Kind, "one")
		if err != nil {
			return false
		}
		if _, err := s.Restore(t.Context(), m, engine.Target{Database: "two", Overwrite: true}); err != nil {
			return false
		}
		d, _ := h.Get("two")
		got := d["t"].Rows[0]
		return *got[0] == a && (got[1] == nil) == null && (null || *got[1] == b)
	}, nil)
	if err != nil {
		t.Error(err)
	}
}
