package cli

import (
	"slices"
	"testing"
)

func TestNamesOfDatabasesAreTakenAsTheyAre(t *testing.T) {
	for given, want := range map[string][]string{
		"shop":           {"shop"},
		"shop,crm":       {"shop", "crm"},
		"*":              {"*"},
		"new\nline,a/b":  {"new\nline", "a/b"},
		"a\r\n":          {"a\r\n"},
		`a"b, c `:        {`a"b`, " c "},
		`"a,b",c`:        {"a,b", "c"},
		`"say ""so""",d`: {`say "so"`, "d"},
		`""`:             {""},
		"":               {""},
		"a,":             {"a", ""},
		`"open`:          nil,
		`"closed"early`:  nil,
		`"two""`:         nil,
	} {
		var got []string
		flag := nameList{&got}
		if err := flag.Set(given); (err != nil) != (want == nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", given, got, err, want)
		}
	}
	got := []string{"first"}
	if flag := (nameList{&got}); flag.Set("second") != nil || flag.String() != "first,second" {
		t.Errorf("given twice: %q", got)
	}
}
