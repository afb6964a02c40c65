package autostart

import (
	"strings"
	"testing"
)

func TestALaunchAgentIsReadBack(t *testing.T) {
	for _, program := range []string{"/Applications/Rahat Backup.app/Contents/MacOS/rahat-tray", `/Users/ayşe/"x" & <y> 'z' %$\/tray`} {
		list := propertyList(Entry{ID: "com.example.tray", Program: program, Args: []string{"--hidden", "a<b"}})
		if got, err := programIn([]byte(list)); err != nil || got != program {
			t.Errorf("%s: got %s, %v from\n%s", program, got, err, list)
		}
		for _, want := range []string{"<string>com.example.tray</string>", "<string>--hidden</string>", "<key>RunAtLoad</key>\n\t<true/>"} {
			if !strings.Contains(list, want) {
				t.Errorf("no %s in\n%s", want, list)
			}
		}
		off := strings.Replace(list, "<dict>", "<dict>\n<key>Disabled</key><true/>", 1)
		if got, err := programIn([]byte(off)); err != nil || got != "" {
			t.Errorf("disabled: %q, %v", got, err)
		}
	}
	if _, err := programIn([]byte("<plist><dict>")); err == nil {
		t.Error("half a list was read")
	}
}
