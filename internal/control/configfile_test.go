package control

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/retention"
)

var aConfig = ConfigFile{
	Kind: ConfigKind, Version: ConfigVersion, Program: "1.0", Written: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Machine: "till-3",
	Servers:      []Server{{Name: "shop", Engine: "postgres", Address: "db", User: "ali"}},
	Destinations: []Destination{{Name: "disk", URL: "file:///mnt", Repository: "r1", LockDays: 3}},
	Jobs: []Job{{Name: "nightly", Server: "shop", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: backup.Incremental, Schedule: "02:00",
		Rule: retention.Rule{Daily: 7}, Before: []Script{{Kind: "command", Text: "true"}}}},
	Channels: []Channel{{Name: "mail", Kind: "email", Settings: map[string]string{"to": "x@example.org"}}},
}

func TestAConfigurationFileIsReadAsItWasWritten(t *testing.T) {
	text, err := json.Marshal(aConfig)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseConfig(text)
	if err != nil || !reflect.DeepEqual(got, aConfig) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, aConfig)
	}
	for text, want := range map[string]*problem.Problem{
		"":                                ErrConfigKind,
		"hello":                           ErrConfigKind,
		"[]":                              ErrConfigKind,
		`{"kind": "other", "version": 1}`: ErrConfigKind,
		`{"kind": "rahat configuration"}`: ErrConfigKind,
		`{"kind": "rahat configuration", "version": 2, "new": {}}`:             ErrConfigNewer,
		`{"kind": "rahat configuration", "version": 1, "new": {}}`:             ErrConfigDamaged,
		`{"kind": "rahat configuration", "version": 1, "jobs": [{"keep": 1}]}`: ErrConfigDamaged,
		`{"kind": "rahat configuration", "version": 1, "jobs": 3}`:             ErrConfigDamaged,
		strings.Repeat(" ", MaxConfig) + "{}":                                  ErrConfigKind,
	} {
		if _, err := ParseConfig([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%.80s: %v, want %v", text, err, want)
		}
	}
}

// Whatever is accepted says the same when it is written and read again.
func FuzzParseConfig(f *testing.F) {
	text, err := json.Marshal(aConfig)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"kind":"rahat configuration","version":1,"servers":null,"jobs":[{"keep_last":-1}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		once, err := json.Marshal(c)
		if err != nil {
			return // a time that JSON cannot hold
		}
		again, err := ParseConfig(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		twice, err := json.Marshal(again)
		if err != nil || string(once) != string(twice) {
			t.Errorf("once %s\ntwice %s, %v", once, twice, err)
		}
	})
}
