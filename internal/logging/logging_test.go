package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/vault"
)

const planted = "hunter2-PLANTED"

type account struct {
	User     string `json:"user"`
	Password string `json:"password"`
	Inner    struct {
		URL string `json:"url"`
	} `json:"inner"`
}

func TestNoPlantedSecretReachesTheLog(t *testing.T) {
	inner := account{User: "ali", Password: planted}
	inner.Inner.URL = "sftp://ali:" + planted + "@host/dir"
	cases := map[string][]any{
		"named password":       {"password", planted},
		"named in capitals":    {"Secret", planted},
		"last word of name":    {"repository_key", planted},
		"token":                {"api-token", planted},
		"in a group":           {slog.Group("server", "passphrase", planted, "user", "ali")},
		"vault secret":         {"value", vault.NewSecret(planted)},
		"struct":               {"account", inner},
		"pointer to struct":    {"account", &inner},
		"map":                  {"m", map[string]any{"a": []any{map[string]string{"identity": planted}}}},
		"URL":                  {"url", "s3://id:" + planted + "@bucket/prefix"},
		"URL with @ in secret": {"url", "postgres://ali:a@" + planted + "@db:5432/shop"},
		"URL, token only":      {"url", "https://" + planted + "@host/"},
		"in an error":          {"err", fmt.Errorf("dial: %w", errors.New("bad url postgres://a:"+planted+"@h/db"))},
		"connection string":    {"err", errors.New("cannot parse `host=h password=" + planted + " user=a`")},
		"quoted":               {"dsn", "host=h password='" + planted + " x' user=a"},
		"query of a URL":       {"url", "sftp://host/dir?password=" + planted + "&a=b"},
		"age identity":         {"text", "found AGE-SECRET-KEY-1" + planted},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "agent.log")
			var console bytes.Buffer
			log, closer, err := Open(Options{File: file, Console: &console})
			if err != nil {
				t.Fatal(err)
			}
			log.Info("testing", args...)
			log.With(args...).Warn("again")
			if err := closer.Close(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte("\n")); n != 2 {
				t.Fatalf("%d lines written, want 2: %s", n, text)
			}
			for where, s := range map[string]string{"file": string(text), "console": console.String()} {
				if strings.Contains(s, planted) {
					t.Errorf("secret in %s: %s", where, s)
				}
			}
		})
	}
}

func TestOrdinaryTextIsKept(t *testing.T) {
	for _, s := range []string{
		"user@example.com", "file:///mnt/disk/a@b", "https://host/path?x=1", "table public.keys: 12 rows", "a=b",
		"postgres://host:5432/db", "mail to a@b, see http://x/y",
	} {
		if got := Scrub(s); got != s {
			t.Errorf("Scrub(%q) = %q", s, got)
		}
	}
	if got, want := Scrub("open s3://id:pw@bucket/x: no"), "open s3://[secret]@bucket/x: no"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinesAreJSONWithTheirAttributes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.log")
	log, closer, err := Open(Options{File: file, Level: slog.LevelInfo})
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("unseen")
	log.Info("run ended", "run", "0190", "bytes", 42, "err", errors.New("engine.auth_failed"), "state", []string{"a"})
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(text, &line); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if line["msg"] != "run ended" || line["run"] != "0190" || line["bytes"] != 42.0 || line["err"] != "engine.auth_failed" {
		t.Errorf("got %v", line)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("log is open to others: %v %v", info.Mode(), err)
	}
}

func TestOpenWithoutFileFails(t *testing.T) {
	if _, _, err := Open(Options{}); err == nil {
		t.Error("no error")
	}
}
