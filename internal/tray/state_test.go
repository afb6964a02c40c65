package tray

import (
	"testing"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

func TestOnlyWhatWouldBeCutOffKeepsAPersonFromQuitting(t *testing.T) {
	for _, c := range []struct {
		run    control.Run
		paused bool
		busy   bool
	}{
		{control.Run{Status: backup.Running}, true, true},
		{control.Run{Status: backup.Queued}, false, true},
		{control.Run{Status: backup.Queued}, true, false},
		{control.Run{Status: backup.Queued, Attempts: 3}, false, false}, // the next agent goes on with it
		{control.Run{Status: backup.Running, Attempts: 3}, false, true},
	} {
		s := state{link: up, status: control.StatusReport{Paused: c.paused, Active: []control.Run{c.run}}}
		if got := s.busy(); got != c.busy {
			t.Errorf("%+v, paused %v: %v", c.run, c.paused, got)
		}
	}
}
