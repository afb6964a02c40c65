package agent_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// examined asks the doctor; of each check "name subject" it returns the status
// and the code of the problem.
func (l *living) examined() map[string]string {
	l.t.Helper()
	found := map[string]string{}
	for _, c := range must[control.Doctor](l.t)(l.Doctor(l.t.Context())).Checks {
		said := c.Status
		if c.Problem != nil {
			said += " " + c.Problem.Code
		}
		found[strings.TrimSpace(c.Name+" "+c.Subject)] = said
	}
	return found
}

// wants compares what the doctor says of some things.
func (l *living) wants(when string, want map[string]string) {
	l.t.Helper()
	got := l.examined()
	for name, said := range want {
		if got[name] != said {
			l.t.Errorf("%s: %s is %q, want %q", when, name, got[name], said)
		}
	}
}

func TestTheDoctorLooksAtAllThatIsSetUp(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.wants("at first", map[string]string{"job": "warning doctor.no_jobs", "paused": "ok", "instance": "ok", "catalog": "ok", "vault": "ok"})
	l.furnish(h)
	ctx := t.Context()
	hook := control.NewChannel{Channel: control.Channel{Name: "hook", Kind: "webhook", Settings: map[string]string{"url": "https://hooks.example/x"}}, Secret: strings.Repeat("s", 24)}
	must[control.Channel](t)(l.AddChannel(ctx, hook))
	mute := hook
	mute.Name, mute.Paused = "mute", true
	must[control.Channel](t)(l.AddChannel(ctx, mute))
	job := control.Job{Name: "nightly", Server: "shop", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: "full", Schedule: "02:00"}
	must[control.Job](t)(l.AddJob(ctx, job))
	l.wants("furnished", map[string]string{
		"server shop": "ok", "destination disk": "ok", "recovery_kit disk": "warning doctor.no_kit", "job nightly": "ok",
		"channel hook": "ok", "channel mute": "warning doctor.channel_paused",
	})
	must[control.Job](t)(l.PauseJob(ctx, "nightly"))
	l.wants("the job is paused", map[string]string{"job nightly": "warning doctor.job_paused"})
}

func TestTheDoctorKnowsForHowLongNothingHasBegun(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	ctx := t.Context()
	check(t, l.Pause(ctx))
	l.wants("just now", map[string]string{"paused": "warning doctor.all_paused"})
	h.shift.Add(int64(25 * time.Hour))
	check(t, l.Pause(ctx)) // once more, which makes it no younger
	l.wants("a day later", map[string]string{"paused": "failed doctor.paused_long"})
	check(t, l.end())
	l = h.start(t)
	l.wants("a new agent", map[string]string{"paused": "failed doctor.paused_long"})
	check(t, l.Resume(ctx))
	l.wants("resumed", map[string]string{"paused": "ok"})
	check(t, l.Pause(ctx))
	l.wants("paused anew", map[string]string{"paused": "warning doctor.all_paused"})
}

func TestTheDoctorNoticesALockThatIsGone(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	check(t, os.Remove(h.home.Lock()))
	l.wants("its file is gone", map[string]string{"instance": "failed doctor.not_alone"})
}
