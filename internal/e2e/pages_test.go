//go:build integration && linux

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/rahatbackup/rahat/frontend"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
	"github.com/rahatbackup/rahat/internal/paths"
)

// A person goes through the pages in a browser: what the languages, themes and
// sizes have in common is one journey.
func TestJourneyThroughThePages(t *testing.T) {
	if _, err := frontend.Window().Open("index.html"); err != nil {
		t.Fatalf("the pages are not built (go run ./build test builds them): %v", err)
	}
	for _, j := range []journey{
		{Lang: "en", Theme: "light", Width: 1440, Height: 900},
		{Lang: "tr", Theme: "dark", Width: 800, Height: 600},
		{Lang: "en", Theme: "dark", Width: 800, Height: 600},
		{Lang: "tr", Theme: "light", Width: 1440, Height: 900},
	} {
		t.Run(fmt.Sprintf("%s %s %d", j.Lang, j.Theme, j.Width), func(t *testing.T) {
			t.Parallel()
			j.walk(t)
		})
	}
}

// A journey is what the script of it is told.
type journey struct {
	URL      string `json:"url"`
	Lang     string `json:"lang"`
	Theme    string `json:"theme"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	Server   string `json:"server"`
	Database string `json:"database"`
	Folder   string `json:"folder"`
	Rows     int    `json:"rows"`
	Pictures string `json:"pictures"` // folder; empty: none
}

// A walk is a journey that is under way.
type walk struct {
	journey
	*rig
	pg   *pgtest.Server
	want [][]string // what the database holds
}

func (j journey) walk(t *testing.T) {
	pg := pgtest.Start(t, pgtest.Options{})
	j.Server, j.Database, j.Rows = "pg", "dükkan", 80000
	pg.Exec(t, "postgres", `CREATE DATABASE "`+j.Database+`"`)
	pg.Exec(t, j.Database, shop)
	w := walk{journey: j, rig: newRig(t), pg: pg, want: pg.Query(t, j.Database, shopSum)}
	w.addServer(pg)
	w.Folder = filepath.Join(w.home, "yedekler")
	if dir := os.Getenv("RAHAT_PICTURES"); dir != "" {
		w.Pictures = filepath.Join(dir, fmt.Sprintf("%s-%s-%d", j.Lang, j.Theme, j.Width))
		if err := os.MkdirAll(w.Pictures, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.settings()
	w.URL = w.link()
	w.script()
}

// settings chooses language and theme as the page of settings does.
func (w *walk) settings() {
	w.t.Helper()
	w.ok(nil, "status") // starts the agent
	c := client.Default(paths.Home(w.home))
	defer c.Close()
	s, err := c.Settings(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	s.Language, s.Theme = w.Lang, w.Theme
	if _, err := c.ChangeSettings(w.t.Context(), s); err != nil {
		w.t.Fatal(err)
	}
}

// link returns an address of the pages.
func (w *walk) link() string {
	w.t.Helper()
	var l control.UILink
	w.ok(&l, "ui", "--print")
	return l.URL
}

// script runs the browser and does what it asks for.
func (w *walk) script() {
	w.t.Helper()
	told, err := json.Marshal(w.journey)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), "node", "e2e/journey.mjs")
	cmd.Dir = filepath.Join("..", "..", "frontend")
	cmd.Env = append(os.Environ(), "JOURNEY="+string(told))
	var said bytes.Buffer
	cmd.Stderr = &said
	answers, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	asked, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	for lines := bufio.NewScanner(asked); lines.Scan(); {
		what, rest, _ := strings.Cut(lines.Text(), "\t")
		if _, err := io.WriteString(answers, w.do(what, rest)+"\n"); err != nil {
			w.t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		w.t.Errorf("%v:\n%s", err, said.String())
	}
}

// do is what happens beside the pages.
func (w *walk) do(what, rest string) (answer string) {
	w.t.Helper()
	switch what {
	case "restored":
		if got := w.pg.Query(w.t, rest, shopSum); !reflect.DeepEqual(got, w.want) {
			w.t.Errorf("%s does not hold what was backed up", rest)
		}
	case "kill":
		if err := syscall.Kill(w.agentPID(), syscall.SIGKILL); err != nil {
			w.t.Error(err)
		}
	case "start":
		return w.link()
	case "drop":
		w.pg.Exec(w.t, "postgres", `DROP DATABASE "`+w.Database+`"`)
	default:
		w.t.Errorf("the script asks for %q", what)
	}
	return "done"
}
