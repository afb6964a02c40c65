package setup

import (
	"strings"
	"testing"
)

func TestTheMachinesOwnArchiveIsFoundInBothForms(t *testing.T) {
	const deb822 = `# a comment: with a colon
Types: deb
URIs: https://tools.example/apt
Suites: stable
Components: main

Types: deb deb-src
URIs: https://mirror.example/debian https://second.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: https://mirror.example/security
Suites: bookworm-security
Components: main
`
	const oneLine = `# deb https://old.example/debian bookworm main
deb-src https://source.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian bookworm contrib main
`
	cases := []struct {
		name, text string
		deb822     bool
		suite      string
		want       mirror
		found      bool
	}{
		{"deb822", deb822, true, "bookworm", mirror{"https://mirror.example/debian", "/usr/share/keyrings/debian.gpg"}, true},
		{"the last paragraph", strings.TrimSpace(deb822), true, "bookworm-security", mirror{"https://mirror.example/security", ""}, true},
		{"deb822 without it", deb822, true, "trixie", mirror{}, false},
		{"one line", oneLine, false, "bookworm", mirror{"https://mirror.example/debian", "/k.gpg"}, true},
		{"one line without it", oneLine, false, "book", mirror{}, false},
	}
	for _, c := range cases {
		got, found := parseSources(strings.NewReader(c.text), c.deb822, c.suite)
		if found != c.found || found && got != c.want {
			t.Errorf("%s: got %+v, %v; want %+v, %v", c.name, got, found, c.want, c.found)
		}
	}
}

func TestPackageNamesAreReadFromWhatAptPrints(t *testing.T) {
	const printed = `NOTE: something
'https://mirror.example/pool/libs/libstdc++6_14.2.0-19_amd64.deb' libstdc++6_14.2.0-19_amd64.deb 713628 SHA256:aa
'https://mirror.example/pool/p/postgresql-18_18.6-3_amd64.deb' postgresql-18_18.6-3_amd64.deb 7430980 SHA256:bb
`
	var got []string
	for _, m := range packageFile.FindAllStringSubmatch(printed, -1) {
		got = append(got, m[1])
	}
	if want := "libstdc++6 postgresql-18"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOnlyWhatTheServerLoadsIsFetched(t *testing.T) {
	for name, want := range map[string]bool{
		"postgresql-18": true, "postgresql-client-18": true, "libpq5": true, "zlib1g": true, "libicu78": true, "libc6": true,
		"postgresql-common": false, "libperl5.42": false, "libllvm19": false, "perl": false, "systemd": false, "libc-l10n": false,
	} {
		if got := serverPackage.MatchString(name) && !unusedPackage.MatchString(name); got != want {
			t.Errorf("%s: fetched %v, want %v", name, got, want)
		}
	}
}
