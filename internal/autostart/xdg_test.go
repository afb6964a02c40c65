//go:build !windows && !darwin

package autostart

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// odd are paths and arguments that quoting gets wrong.
var odd = []string{
	"plain", "with blank", `with "quotes"`, "it's", "100%", "%f %u", "$HOME", "`id`", `back\slash`, `\`, "Şube Yedeği ığüşöç",
	"tab\tand\nline", "a;b|c&d>e<f(g)h*i?j#k~l", "-flag", "trailing ", " leading", "日本", "%%", `\"`, "\\n", "",
}

// entry is an entry in a home of its own whose program is a script in a folder
// of that name.
func entry(t *testing.T, folder string, args ...string) Entry {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(t.TempDir(), "config"))
	t.Setenv("APPIMAGE", "")
	program := filepath.Join(t.TempDir(), folder, "rahat-tray")
	install(t, program)
	return Entry{ID: "com.example.tray", Name: "Example", Program: program, Args: args}
}

// install writes a program that lists its arguments in the file ran beside it,
// each with a zero behind.
func install(t *testing.T, program string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nd=$(dirname \"$0\"; echo x)\nd=${d%?x}\n: >\"$d/new\"\nfor a; do printf '%s\\0' \"$a\" >>\"$d/new\"; done\nmv \"$d/new\" \"$d/ran\"\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func wantEnabled(t *testing.T, e Entry, want bool) {
	t.Helper()
	if got, err := e.Enabled(); got != want || err != nil {
		t.Errorf("enabled: %v, %v, want %v", got, err, want)
	}
}

func set(t *testing.T, e Entry, on bool) {
	t.Helper()
	if err := e.Set(on); err != nil {
		t.Fatal(err)
	}
}

func file(t *testing.T, e Entry) string {
	t.Helper()
	at, err := place(e)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func text(t *testing.T, e Entry) string {
	t.Helper()
	b, err := os.ReadFile(file(t, e))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAnEntryIsMadeAndRemoved(t *testing.T) {
	e := entry(t, "bin", "--hidden")
	if !e.Possible() {
		t.Error("not possible")
	}
	wantEnabled(t, e, false)
	set(t, e, false)
	for range 2 {
		set(t, e, true)
		wantEnabled(t, e, true)
	}
	want := "[Desktop Entry]\nType=Application\nName=Example\nExec=\"" + e.Program + "\" \"--hidden\"\nTerminal=false\nStartupNotify=false\nX-GNOME-Autostart-enabled=true\n"
	if got := text(t, e); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	left, err := os.ReadDir(filepath.Dir(file(t, e)))
	if err != nil || len(left) != 1 {
		t.Errorf("%v lie in the folder, %v", left, err)
	}
	set(t, e, false)
	wantEnabled(t, e, false)
	if _, err := os.Stat(file(t, e)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestWhatTheDesktopSwitchedOffIsOffUntilItIsSwitchedOn(t *testing.T) {
	for _, line := range []string{"Hidden=true", "X-GNOME-Autostart-enabled=false", "X-MATE-Autostart-enabled = false"} {
		t.Run(line, func(t *testing.T) {
			e := entry(t, "bin")
			set(t, e, true)
			changed := strings.ReplaceAll(text(t, e), "X-GNOME-Autostart-enabled=true\n", "") + line + "\n"
			if err := os.WriteFile(file(t, e), []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			wantEnabled(t, e, false)
			set(t, e, true)
			wantEnabled(t, e, true)
		})
	}
}

func TestAProgramIsReadFromAnyCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"/usr/bin/tray --x": "/usr/bin/tray", "tray": "tray", `"a b" c`: "a b", `env "/100%%/tray"`: "/100%/tray",
		"env": "", `env  tray`: "tray", "": "",
	} {
		if got, err := programOf(line); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", line, got, err, want)
		}
	}
	if got, err := programOf(`"/usr/bin/tray`); err == nil {
		t.Errorf("a line without an end: %q", got)
	}
}

func TestAnEntryThePersonChangedStays(t *testing.T) {
	e := entry(t, "bin")
	changed := "# mine\n[Desktop Entry]\nName=x\nExec=sh -c 'sleep 5; rahat-tray'\nX-GNOME-Autostart-Delay=5\n[Other]\nHidden=true\nExec=/gone\n"
	if err := writeFile(file(t, e), changed); err != nil {
		t.Fatal(err)
	}
	wantEnabled(t, e, true)
	set(t, e, true)
	if got := text(t, e); got != changed {
		t.Errorf("got\n%s", got)
	}
}

func TestAProgramThatIsGoneIsNotStarted(t *testing.T) {
	e := entry(t, "bin")
	set(t, e, true)
	if err := os.Chmod(e.Program, 0o644); err != nil {
		t.Fatal(err)
	}
	wantEnabled(t, e, false)
	if err := os.Remove(e.Program); err != nil {
		t.Fatal(err)
	}
	wantEnabled(t, e, false)
	if e.Possible() {
		t.Error("possible without a program")
	}
	e.Program = filepath.Join(t.TempDir(), "elsewhere")
	install(t, e.Program)
	set(t, e, true)
	wantEnabled(t, e, true)
	if !strings.Contains(text(t, e), e.Program) {
		t.Errorf("the entry is still the old one:\n%s", text(t, e))
	}
}

func TestAnAppImageIsStartedByItsFile(t *testing.T) {
	e := entry(t, "mount/usr/bin", "--hidden")
	image := filepath.Join(t.TempDir(), "Rahat Backup.AppImage")
	install(t, image)
	t.Setenv("APPIMAGE", image)
	t.Setenv("APPDIR", strings.TrimSuffix(e.Program, "/usr/bin/rahat-tray"))
	set(t, e, true)
	if want := `Exec="` + image + `" "rahat-tray" "--hidden"`; !strings.Contains(text(t, e), want+"\n") {
		t.Errorf("got\n%s\nwant %s", text(t, e), want)
	}
	wantEnabled(t, e, true)
	set(t, e, false)
	t.Setenv("APPDIR", t.TempDir()) // of the AppImage of another program
	set(t, e, true)
	if !strings.Contains(text(t, e), `Exec="`+e.Program+`" "--hidden"`+"\n") {
		t.Errorf("got\n%s", text(t, e))
	}
}

func TestAFolderThatCannotBeWrittenIsToldAs(t *testing.T) {
	e := entry(t, "bin")
	config := os.Getenv("XDG_CONFIG_HOME")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.Set(true); !errors.Is(err, ErrNotSet) || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
	if on, err := e.Enabled(); on || err == nil {
		t.Errorf("enabled: %v, %v", on, err)
	}
}

func TestARelativeConfigFolderIsIgnored(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "relative")
	if got := file(t, Entry{ID: "x"}); got != filepath.Join(home, ".config/autostart/x.desktop") {
		t.Errorf("got %s", got)
	}
}

func TestOddNamesAreReadBack(t *testing.T) {
	for _, name := range odd {
		if strings.Contains(name, "/") || name == "" {
			continue
		}
		e := entry(t, name, odd...)
		set(t, e, true)
		wantEnabled(t, e, true)
		if n := strings.Count(text(t, e), "\n"); n != 7 {
			t.Errorf("%q: %d lines\n%s", name, n, text(t, e))
		}
		got, err := program(file(t, e))
		if len(got) > 0 && strings.Contains(name, "%") && got[0] == "env" {
			got = got[1:]
		}
		if err != nil || !slices.Equal(got, append([]string{e.Program}, odd...)) {
			t.Errorf("%q: a desktop would start %q, %v", name, got, err)
		}
	}
}

// program reads a desktop entry as the specification says, by another way than
// the package does: character by character, first the escapes of values, then
// the quotes, then the field codes.
func program(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(b), "\nExec=")
	value, _, _ := strings.Cut(rest, "\n")
	var line []rune
	for in := []rune(value); len(in) > 0; in = in[1:] {
		if in[0] != '\\' {
			line = append(line, in[0])
			continue
		}
		in = in[1:]
		i := strings.IndexRune(`snrt\`, in[0])
		if i < 0 {
			return nil, errors.New("an escape that values do not have: " + value)
		}
		line = append(line, []rune(" \n\r\t\\")[i])
	}
	var argv []string
	for len(line) > 0 {
		if line[0] != '"' {
			return nil, errors.New("an argument without quotes: " + value)
		}
		var arg strings.Builder
		for line = line[1:]; line[0] != '"'; line = line[1:] {
			switch line[0] {
			case '\\':
				line = line[1:]
			case '`', '$':
				return nil, errors.New("a sign that would expand: " + value)
			case '%':
				line = line[1:]
				if line[0] != '%' {
					return nil, errors.New("a field code: " + value)
				}
			}
			arg.WriteRune(line[0])
		}
		argv = append(argv, arg.String())
		line = line[1:]
		if len(line) > 0 && line[0] == ' ' {
			line = line[1:]
		}
	}
	return argv, nil
}
