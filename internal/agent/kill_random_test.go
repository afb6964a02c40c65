package agent_test

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/agent"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/sqlite"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

// childSteps makes the child an agent that counts its steps in the file "steps"
// of its home once there is the file "armed", and dies at the one whose number
// "armed" holds, if any.
const childSteps = "RAHAT_TEST_CHILD_STEPS"

// childSeed repeats what was killed by chance.
const childSeed = "RAHAT_TEST_KILL_SEED"

func steppingChild(home paths.Home) int {
	s := &steps{armed: filepath.Join(string(home), "armed"), count: filepath.Join(string(home), "steps")}
	cfg := (&house{home: home}).config()
	cfg.Drivers = map[string]engine.Driver{engine.SQLite: stepping{sqlite.Driver{Temp: home.Temp()}, s}}
	cfg.OpenVault = fileVault(home)
	cfg.OpenStore = func(ctx context.Context, url string, secret vault.Secret, create bool) (store.Store, error) {
		st, err := openStore(ctx, url, secret, create)
		return &steppingStore{st, s}, err
	}
	if agent.Run(context.Background(), cfg) != nil {
		return 1
	}
	return 0
}

// steps counts what an agent does, and kills it.
type steps struct {
	armed, count string
}

func (s *steps) take() {
	armed, err := os.ReadFile(s.armed)
	if err != nil {
		return // only set up so far
	}
	f, err := os.OpenFile(s.count, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	_, err = f.WriteString(".")
	at, serr := f.Seek(0, io.SeekEnd)
	if err := f.Close(); err != nil {
		panic(err)
	}
	if last, aerr := strconv.ParseInt(string(armed), 10, 64); err == nil && serr == nil && aerr == nil && at >= last {
		self, _ := os.FindProcess(os.Getpid())
		_ = self.Kill()
		select {}
	}
}

type steppingStore struct {
	store.Store
	*steps
}

func (s *steppingStore) Unwrap() store.Store { return s.Store }

func (s *steppingStore) Put(ctx context.Context, key string, r io.Reader) (store.Object, error) {
	defer s.take()
	s.take()
	return s.Store.Put(ctx, key, &steppingReader{r, s.steps})
}

func (s *steppingStore) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	s.take()
	return s.Store.Get(ctx, key, offset, length)
}

func (s *steppingStore) Delete(ctx context.Context, key string) error {
	defer s.take()
	s.take()
	return s.Store.Delete(ctx, key)
}

// steppingReader takes a step in the middle of what is written.
type steppingReader struct {
	io.Reader
	*steps
}

func (r *steppingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:min(len(p), 64<<10)])
	r.take()
	return n, err
}

// stepping is an engine whose restores take a step with whatever they report.
type stepping struct {
	sqlite.Driver
	*steps
}

func (d stepping) Open(cfg engine.Config) (engine.Server, error) {
	s, err := d.Driver.Open(cfg)
	return &steppingServer{s, d.steps}, err
}

type steppingServer struct {
	engine.Server
	*steps
}

func (s *steppingServer) Restore(ctx context.Context, src engine.Source, target engine.Target) (engine.Restored, error) {
	observe := target.Observe
	target.Observe = func(p backup.Progress) {
		s.take()
		observe(p)
	}
	defer s.take()
	return s.Server.Restore(ctx, src, target)
}

// Whatever an agent is doing when it is killed, and wherever in it: the next one
// finds every backup that was whole, shows nothing that is not, knows what the
// repositories hold, and goes on.
func TestAnAgentKilledAnywhereLosesNothing(t *testing.T) {
	rounds := 25
	switch {
	case raced:
		rounds = 2
	case testing.Short():
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(childSeed); text != "" {
		seed = must[uint64](t)(strconv.ParseUint(text, 10, 64))
	}
	t.Logf("%s=%d", childSeed, seed)
	for i, kind := range []string{"backup", "prune", "copy", "restore"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			v := newVictim(t, rand.New(rand.NewPCG(seed, uint64(i))))
			kill := map[string]func(){"backup": v.backup, "prune": v.prune, "copy": v.copy, "restore": v.restore}[kind]
			v.live(func() { v.setUp(kind); kill() }) // unharmed, to see how much there is to do
			for round := range rounds {
				v.dying = true
				v.live(kill)
				v.dying = false
				if round%5 == 4 { // unharmed, to see how much there is to do by now
					v.live(kill)
				}
				if t.Failed() {
					t.Fatalf("after round %d", round)
				}
			}
			v.live(kill) // unharmed
			if kind == "prune" {
				v.settle()
			}
			v.live(func() {})
			t.Logf("killed %d times: %d at a step of %d, %d after a time, %d when the work was over; %d packs were freed, %d are left", rounds, v.bySteps, v.steps, v.byTime, v.late, v.freed, len(v.packs))
			if n := len(v.packs); kind == "prune" && (v.freed < rounds/2 || n > settled) {
				t.Errorf("%d packs were freed and %d are left: prunes do not go on", v.freed, n)
			}
			if v.late > max(rounds/2, 2) {
				t.Errorf("%d of %d were killed when the work was over: that shows little", v.late, rounds)
			}
		})
	}
}
