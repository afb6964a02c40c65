package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestASecretShowsItselfToNobody(t *testing.T) {
	s := NewSecret("hunter2")
	type config struct {
		Shown  Secret
		hidden Secret
		inner  *struct{ s Secret }
	}
	c := config{s, s, &struct{ s Secret }{s}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "config", c)
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{log.String(), string(j), c.hidden.String(), c.inner.s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, &s), fmt.Sprintf(verb, c), fmt.Sprintf(verb, *c.inner))
	}
	for _, text := range texts {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the secret is in %s", text)
		}
	}
	if s.Reveal() != "hunter2" || s.Empty() || !NewSecret("").Empty() || !(Secret{}).Empty() || (Secret{}).Reveal() != "" {
		t.Error("a secret is not what was wrapped")
	}
}

func TestNamesAreChecked(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "server/01-a_b.c/password": true, strings.Repeat("a", MaxName): true,
		"": false, "/a": false, "a/": false, "a//b": false, "A": false, "ı": false, "a b": false, strings.Repeat("a", MaxName+1): false,
	} {
		if err := CheckName(name); (err == nil) != ok || err != nil && !errors.Is(err, ErrBadName) {
			t.Errorf("%.30q: %v", name, err)
		}
	}
}
