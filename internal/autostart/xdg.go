//go:build !windows && !darwin

package autostart

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// place returns the file of the entry, in the folder that the XDG autostart
// specification names.
func place(e Entry) (string, error) {
	config := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(config) { // which the specification asks to ignore
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		config = filepath.Join(home, ".config")
	}
	return filepath.Join(config, "autostart", e.ID+".desktop"), nil
}

func remove(at string) error { return removeFile(at) }

func write(at string, e Entry) error {
	return writeFile(at, "[Desktop Entry]\nType=Application\nName="+escape(e.Name)+"\nExec="+escape(command(argv(e)))+
		"\nTerminal=false\nStartupNotify=false\nX-GNOME-Autostart-enabled=true\n")
}

// argv returns how the program is started. What lies in an AppImage is mounted
// only while it runs: then it is the file itself that is started, and is told
// by its first argument which of its programs is meant.
func argv(e Entry) []string {
	image, mount := os.Getenv("APPIMAGE"), os.Getenv("APPDIR")
	// The variables may come from another AppImage that has started this
	// program.
	line := append([]string{e.Program}, e.Args...)
	if image != "" && mount != "" && strings.HasPrefix(e.Program, filepath.Clean(mount)+"/") {
		line = append([]string{image, filepath.Base(e.Program)}, e.Args...)
	}
	if strings.Contains(line[0], "%") {
		// GLib looks for the program before it has read the field codes,
		// and drops the entry when it does not find it.
		line = append([]string{starter}, line...)
	}
	return line
}

// starter starts the program that is its first argument.
const starter = "env"

// command writes a command line as the desktop entry specification wants it:
// each argument in quotes, and what expands within quotes or is a field code,
// escaped.
func command(argv []string) string {
	quote := strings.NewReplacer(`"`, `\"`, "`", "\\`", "$", `\$`, `\`, `\\`, "%", "%%")
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = `"` + quote.Replace(arg) + `"`
	}
	return strings.Join(words, " ")
}

// escape writes a value of a desktop entry.
func escape(value string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(value)
}

// unescape undoes escape.
func unescape(value string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t", `\r`, "\r", `\s`, " ").Replace(value)
}

// read returns the program that the entry starts, or nothing when it is
// switched off.
func read(at string) (program string, err error) {
	text, err := os.ReadFile(at)
	if err != nil {
		return "", err
	}
	group := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			group = line
		}
		key, value, found := strings.Cut(line, "=")
		if group != "[Desktop Entry]" || !found || strings.HasPrefix(line, "#") {
			continue
		}
		key, value = strings.TrimRight(key, " \t"), strings.TrimLeft(value, " \t")
		switch {
		// GNOME, Cinnamon and MATE each have a key of their own.
		case key == "Hidden" && value == "true", strings.HasSuffix(key, "-Autostart-enabled") && value == "false":
			return "", nil
		case key == "Exec":
			if program, err = programOf(unescape(value)); err != nil {
				return "", fmt.Errorf("read %s: %w", at, err)
			}
		}
	}
	return program, nil
}

// programOf returns the program that a command line starts.
func programOf(line string) (string, error) {
	program, rest, err := cutWord(line)
	if program == starter && err == nil {
		program, _, err = cutWord(strings.TrimLeft(rest, " "))
	}
	return strings.ReplaceAll(program, "%%", "%"), err
}

// cutWord cuts the first word off a command line.
func cutWord(line string) (word, rest string, err error) {
	quoted, isQuoted := strings.CutPrefix(line, `"`)
	if !isQuoted {
		word, rest, _ = strings.Cut(line, " ")
		return word, rest, nil
	}
	var b strings.Builder
	escaped := false
	for i, r := range quoted {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			return b.String(), quoted[i+1:], nil
		default:
			b.WriteRune(r)
		}
	}
	return "", "", errors.New("a quotation mark is missing")
}

// runnable reports whether there is a program of this name or at this path.
func runnable(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
