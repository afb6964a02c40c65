package mem_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/store/mem"
	"github.com/rahatbackup/rahat/internal/store/storetest"
)

func TestConforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return mem.New() })
}

func TestCorruptChangesOneStoreAndNotItsClone(t *testing.T) {
	s := mem.New()
	if _, err := s.Put(t.Context(), "a", strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	clone := s.Clone()
	if !s.Corrupt("a", func(b []byte) []byte { b[0] = 'X'; return b }) || s.Corrupt("b", bytes.Clone) {
		t.Fatal("Corrupt misreports what is there")
	}
	for st, want := range map[*mem.Store]string{s: "Xhole", clone: "whole"} {
		r, err := st.Get(t.Context(), "a", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if s.Size() != 5 {
		t.Errorf("size %d, want 5", s.Size())
	}
}
