package server

import (
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

func TestAPreviewTellsOfChangesOfTheClocks(t *testing.T) {
	var p control.JobPreview
	j := control.Job{Schedule: "02:30", Zone: "Europe/Berlin"}
	if err := moments(j, time.Date(2027, 3, 25, 12, 0, 0, 0, time.UTC), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Clocks) != 1 || p.Clocks[0].Kind != "skipped" || p.Clocks[0].Time != "02:30" || !p.Clocks[0].At.Equal(p.Next[2]) {
		t.Errorf("%+v", p.Clocks)
	}
}
