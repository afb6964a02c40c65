package cli

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rahatbackup/rahat/internal/i18n"
)

func background() context.Context { return context.Background() }

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// newTree builds the command tree of a language.
func newTree(lang string) (*app, *cobra.Command) {
	a := newApp(Options{Args: []string{"--lang", lang}, Stdout: &strings.Builder{}, Stderr: &strings.Builder{}}, func(error) {})
	return a, a.root()
}

func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

func TestEveryCommandAndFlagHasItsTexts(t *testing.T) {
	for _, lang := range i18n.Languages() {
		_, root := newTree(lang)
		walk(root, func(c *cobra.Command) {
			if strings.HasPrefix(c.Short, "help.") {
				t.Errorf("%s: no text %s", lang, c.Short)
			}
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if f.Usage == "" || strings.HasPrefix(f.Usage, "flag.") {
					t.Errorf("%s: %s --%s: no text %q", lang, c.CommandPath(), f.Name, f.Usage)
				}
			})
			if c.Runnable() && !c.HasSubCommands() && c.Name() != "list" && !c.Hidden && c.Example == "" {
				t.Errorf("%s: %s has no example", lang, c.CommandPath())
			}
		})
	}
}

func TestExamplesAreCommandLinesThatExist(t *testing.T) {
	_, root := newTree("en")
	walk(root, func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			_, line, ok := strings.Cut(line, "rahat ")
			if !ok {
				t.Errorf("%s: example without rahat: %s", c.CommandPath(), line)
				continue
			}
			words := strings.Fields(line)
			sub, rest, err := root.Find(words)
			if err != nil {
				t.Errorf("%s: %s: %v", c.CommandPath(), line, err)
				continue
			}
			for _, w := range rest {
				name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
				if strings.HasPrefix(w, "--") && sub.Flags().Lookup(name) == nil && sub.InheritedFlags().Lookup(name) == nil {
					t.Errorf("%s: no flag %s", line, w)
				}
			}
		}
	})
}

// texts in the source that are asked for by a key that is written out.
var keys = regexp.MustCompile(`\b(?:a\.t|texts\.N|a\.done|texts\.T|Has)\("([a-z_.]+)"[,)]`)

func TestEveryKeyInTheSourceIsAText(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range keys.FindAllStringSubmatch(string(source), -1) {
			found++
			for _, lang := range i18n.Languages() {
				x := i18n.For(lang)
				if !x.Has(m[1]) && !x.Has(m[1]+".other") {
					t.Errorf("%s: no text %s in %s", name, m[1], lang)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d keys found: the pattern no longer fits the source", found)
	}
}

func TestEveryProblemOfTheCommandLineHasItsTexts(t *testing.T) {
	source, err := os.ReadFile("failure.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`problem\.New\("(cli\.[a-z_]+)"\)`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 20 {
		t.Fatalf("only %d codes found", len(codes))
	}
	for _, m := range codes {
		for _, lang := range i18n.Languages() {
			if !i18n.For(lang).Has("problem." + m[1] + ".title") {
				t.Errorf("%s: no text for %s", lang, m[1])
			}
		}
	}
}
