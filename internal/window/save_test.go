package window

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
)

// saved sends a file as pages do; the person answers with path or err.
func saved(t *testing.T, name, content, path string, err error) (answer *httptest.ResponseRecorder, asked string) {
	t.Helper()
	s := Saver(func(name string) (string, error) {
		asked = name
		return path, err
	})
	answer = httptest.NewRecorder()
	s.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, SavePath+"?name="+name, strings.NewReader(content)))
	return answer, asked
}

func TestAFileIsSavedWhereThePersonSays(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kit ı.pdf")
	if err := os.WriteFile(path, []byte("an older and longer one"), 0o644); err != nil {
		t.Fatal(err)
	}
	answer, asked := saved(t, "..%2F..%2Fkit.pdf", "%PDF\x00\xff", path, nil)
	if asked != "kit.pdf" {
		t.Errorf("asked for %q", asked)
	}
	var told map[string]string
	if err := json.Unmarshal(answer.Body.Bytes(), &told); err != nil || answer.Code != http.StatusOK || told["path"] != path {
		t.Errorf("%d %q, %v", answer.Code, answer.Body, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "%PDF\x00\xff" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestWhoThinksBetterOfItSavesNothing(t *testing.T) {
	if answer, _ := saved(t, "x", "y", "", nil); answer.Code != http.StatusNoContent || answer.Body.Len() != 0 {
		t.Errorf("%d %q", answer.Code, answer.Body)
	}
}

func TestAFileThatCannotBeSavedSaysWhy(t *testing.T) {
	dir := t.TempDir()
	for what, c := range map[string]struct {
		name, content, path string
		err                 error
		status              int
	}{
		"no such folder":   {"x", "y", filepath.Join(dir, "none", "x"), nil, http.StatusBadGateway},
		"a folder":         {"x", "y", dir, nil, http.StatusBadGateway},
		"no dialog":        {"x", "y", "", errors.New("no screen"), http.StatusBadGateway},
		"far too large":    {"x", strings.Repeat("y", mostSaved+1), filepath.Join(dir, "x"), nil, http.StatusBadGateway},
		"without any name": {"", "y", filepath.Join(dir, "x"), nil, http.StatusBadRequest},
	} {
		answer, _ := saved(t, c.name, c.content, c.path, c.err)
		if answer.Code != c.status {
			t.Errorf("%s: %d", what, answer.Code)
		}
		var p control.Problem
		if c.status == http.StatusBadGateway && (json.Unmarshal(answer.Body.Bytes(), &p) != nil || p.Code != string(ErrNotSaved.Code) || strings.Contains(p.Params["cause"], ".rahat-")) {
			t.Errorf("%s: %q", what, answer.Body)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
