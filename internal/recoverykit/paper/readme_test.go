package paper

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheReadmeSpeaksBothLanguagesAndTellsNothing(t *testing.T) {
	text := string(Readme("file:///home/ayse/gizli%20klas%C3%B6r"))
	for _, want := range []string{"\ufeffRESTORE-ME 1\r\n", "WHAT YOU NEED", "NELER GEREKLİ?", "rahat-restore list --url FOLDER\r\n", "FORMAT.md"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "ayse") || strings.Contains(text, "readme.") || strings.Contains(text, "{") {
		t.Errorf("a path of this computer, or a text is missing:\n%s", text)
	}
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "\r\n") || len([]rune(line)) > 100 {
			t.Errorf("line %q", line)
		}
	}
	bucket := string(Readme("s3://ayse:hunter2@kova/yedek?endpoint=https://s3.example.com&key_id=AKIA123&region=eu-west-1"))
	if !strings.Contains(bucket, `rahat-restore list --url "s3://kova/yedek?endpoint=https%3A%2F%2Fs3.example.com&region=eu-west-1"`) {
		t.Errorf("the address of the bucket is not in\n%s", bucket)
	}
	if !strings.Contains(bucket, `&region=eu-west-1" --secret --passphrase`) || strings.Contains(text, "--secret") {
		t.Error("a bucket needs a secret, a folder none")
	}
	if strings.Contains(bucket, "hunter2") || strings.Contains(bucket, "AKIA123") {
		t.Error("it tells a secret, or whose the bucket is")
	}
}

func TestTheVersionOfAReadme(t *testing.T) {
	for text, want := range map[string]int{
		string(Readme("file:///x")): ReadmeVersion, "\ufeffRESTORE-ME 7\r\nmore": 7, "\ufeffRESTORE-ME 0\n": 0,
		"RESTORE-ME 7\n": -1, "notes of mine": -1, "": -1, "\ufeffRESTORE-ME x\n": -1,
	} {
		if got := VersionOf([]byte(text)); got != want {
			t.Errorf("%.20q: %d, want %d", text, got, want)
		}
	}
	if bytes.Contains(Readme("file:///x"), []byte("\r\r")) {
		t.Error("ends of line are doubled")
	}
}
