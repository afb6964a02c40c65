package tray

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
)

func TestItStartsTheAgentAndShowsHowThingsStand(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		if v := r.look(); v.Icon != Protected || !strings.HasPrefix(v.Tooltip, "All 3 databases protected.\n") {
			r.Errorf("got\n%s", draw(v))
		}
		if first := r.views[0]; first.Icon != Unknown || !strings.Contains(first.Tooltip, "starting") || r.count("start") != 1 {
			r.Errorf("first\n%s after %q", draw(first), r.calls)
		}
	})
}

func TestItSpeaksTheLanguageOfTheSettings(t *testing.T) {
	for _, s := range []control.Settings{{Language: "system", Locale: "tr"}, {Language: "tr", Locale: "en"}} {
		bubble(t, func(r *rig) { r.settings = s }, func(r *rig) {
			if v := r.look(); !strings.Contains(draw(v), "Şimdi yedekle") {
				r.Errorf("%+v:\n%s", s, draw(v))
			}
			r.settings = control.Settings{Language: "en"}
			r.tell("catalog", nil)
			if v := r.after(pace); !strings.Contains(draw(v), "Back up now") {
				r.Errorf("after the change:\n%s", draw(v))
			}
		})
	}
}

func TestProgressIsShownAtMostOnceASecond(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		before := len(r.views)
		for i := range 100 {
			r.tell("run", progress(int64(i)))
			r.after(100 * time.Millisecond)
		}
		v := r.after(pace)
		if !strings.Contains(draw(v), "Backing up orders_prod: 99 %") || v.Icon != Running {
			r.Errorf("got\n%s", draw(v))
		}
		if n := len(r.views) - before; n < 9 || n > 12 {
			r.Errorf("%d views in ten seconds", n)
		}
		for i := before + 1; i < len(r.at); i++ {
			if d := r.at[i].Sub(r.at[i-1]); d < pace {
				r.Errorf("%s between two views", d)
			}
		}
		reads := r.count("status")
		r.tell("run", over())
		if v := r.after(pace); v.Icon != Protected || strings.Contains(draw(v), "Backing up") || r.count("status") != reads+1 {
			r.Errorf("at the end, %d reads:\n%s", r.count("status")-reads, draw(v))
		}
	})
}

func TestItIsAtRestWhileNothingHappens(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.tell("run", progress(1))
		r.tell("run", over())
		r.after(3 * pace)
		calls, views := len(r.calls), len(r.views)
		v := r.after(30 * time.Minute)
		if len(r.calls) != calls || len(r.views) > views+31 {
			r.Errorf("%q and %d views in half an hour", r.calls[calls:], len(r.views)-views)
		}
		if strings.Contains(v.Tooltip, "12 min") { // ages grow by themselves
			r.Errorf("tooltip %q", v.Tooltip)
		}
	})
}

func TestNewsDuringARunAreReadOnceASecond(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		reads := r.count("databases")
		for range 150 {
			r.tell("catalog", nil)
			r.after(20 * time.Millisecond)
		}
		r.after(pace)
		if n := r.count("databases") - reads; n < 3 || n > 4 {
			r.Errorf("read %d times in three seconds", n)
		}
	})
}

func TestAClickBacksUpWithAProof(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.click("crm (files)")
		want := control.BackupRequest{Server: "files", Databases: []string{"crm"}, Destination: "disk", Verify: "full"}
		if len(r.backups) != 1 || r.backups[0].Server != want.Server || !slices.Equal(r.backups[0].Databases, want.Databases) ||
			r.backups[0].Destination != want.Destination || r.backups[0].Verify != want.Verify {
			r.Errorf("got %+v", r.backups)
		}
		r.backupErr = errPlanted
		r.click("orders_prod")
		if v := r.look(); !strings.Contains(draw(v), "[There is no server called pg]") {
			r.Errorf("a failure is not told:\n%s", draw(v))
		}
		r.click("Open Rahat Backup")
		if v := r.look(); strings.Contains(draw(v), "no server called") || !slices.Equal(r.opened, []string{"/"}) {
			r.Errorf("the next click, opened %q:\n%s", r.opened, draw(v))
		}
	})
}

func TestWithoutADestinationTheWindowOpens(t *testing.T) {
	bubble(t, func(r *rig) { r.destinations = nil }, func(r *rig) {
		r.click("orders_prod")
		if len(r.backups) != 0 || !slices.Equal(r.opened, []string{"pg/orders_prod"}) {
			r.Errorf("backups %v, opened %q", r.backups, r.opened)
		}
	})
}

func TestAWindowThatDoesNotOpenIsTold(t *testing.T) {
	bubble(t, func(r *rig) { r.openErr = client.ErrNoAgent.Because(nil, "program", "/x/y") }, func(r *rig) {
		r.click("Open Rahat Backup")
		if v := r.look(); !strings.Contains(draw(v), "/x/y") {
			r.Errorf("got\n%s", draw(v))
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.click("Pause backups")
		r.status.Paused = true
		r.tell("catalog", nil)
		r.after(pace)
		r.click("Resume backups")
		if r.count("pause") != 1 || r.count("resume") != 1 {
			r.Errorf("calls %q", r.calls)
		}
	})
}

func TestAnAgentThatDiesIsToldAndStartedAgain(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.tell("run", progress(1))
		r.after(pace)
		r.status.Active = nil // it does not survive
		r.end(client.ErrUnreachable.Because(errors.New("unexpected EOF")))
		if v := r.look(); v.Icon != Unknown || !strings.Contains(v.Tooltip, "has stopped and is being started again") || r.count("start") != 1 {
			r.Errorf("%d starts\n%s", r.count("start"), draw(v))
		}
		if v := r.after(firstWait); v.Icon != Protected || r.count("start") != 2 {
			r.Errorf("%d starts\n%s", r.count("start"), draw(v))
		}
	})
}

func TestAnAgentThatDiesAtOnceIsStartedEverMoreSeldom(t *testing.T) {
	bubble(t, func(r *rig) { r.startErr = client.ErrStart.Because(nil, "cause", "out of paper") }, func(r *rig) {
		v := r.after(10 * time.Minute)
		if n := r.count("start"); n < 10 || n > 16 { // 1+2+4+8+16+32, then every minute
			r.Errorf("%d starts in ten minutes", n)
		}
		if !strings.Contains(draw(v), "[The agent could not be started: out of paper]") {
			r.Errorf("got\n%s", draw(v))
		}
		r.startErr = nil
		starts := r.count("start")
		r.click("Start the agent now")
		if v := r.look(); v.Icon != Protected || r.count("start") != starts+1 {
			r.Errorf("%d starts more:\n%s", r.count("start")-starts, draw(v))
		}
		// It then ran well for long: the next attempt comes soon again.
		r.after(time.Hour)
		r.end(client.ErrUnreachable)
		if v := r.after(firstWait); v.Icon != Protected {
			r.Errorf("got\n%s", draw(v))
		}
	})
}

func TestAnAgentThatWasStoppedOnPurposeIsLeftInPeace(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.end(client.ErrUnreachable.Because(client.ErrStopped))
		v := r.after(time.Hour)
		if v.Icon != Unknown || !strings.Contains(v.Tooltip, "was stopped") || r.count("start") != 1 {
			r.Errorf("%d starts\n%s", r.count("start"), draw(v))
		}
		r.mu.Lock()
		r.alive = nil // somebody started it
		r.mu.Unlock()
		if v := r.after(look); v.Icon != Protected {
			r.Errorf("got\n%s", draw(v))
		}
		r.end(client.ErrUnreachable.Because(client.ErrStopped))
		r.after(time.Minute)
		r.click("Start the agent now")
		if v := r.look(); v.Icon != Protected {
			r.Errorf("got\n%s", draw(v))
		}
	})
}

func TestAnAgentOfAnotherVersionIsToldAndReplacedWhenAsked(t *testing.T) {
	other := client.ErrVersion.Because(nil, control.MismatchParams("2", "0.3.0", "1", "0.2.0")...)
	bubble(t, func(r *rig) { r.alive = other }, func(r *rig) {
		v := r.after(time.Hour)
		if v.Icon != Unknown || !strings.Contains(v.Tooltip, "another version") || !strings.Contains(v.Tooltip, "0.3.0") || r.count("stop") != 0 {
			r.Errorf("%d stops\n%s", r.count("stop"), draw(v))
		}
		r.click("Stop it and start the agent of this version")
		if v := r.look(); v.Icon != Protected || r.count("stop") != 1 {
			r.Errorf("%d stops\n%s", r.count("stop"), draw(v))
		}
	})
	bubble(t, func(r *rig) { r.alive = other }, func(r *rig) {
		r.click("Quit")
		if err := r.ended(); err != nil || r.count("stop") != 0 {
			r.Errorf("%v, %d stops: what it is doing nobody can tell", err, r.count("stop"))
		}
	})
}

func TestQuitStopsTheAgent(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.click("Quit")
		if err := r.ended(); err != nil || r.count("stop") != 1 || r.count("start") != 1 {
			r.Errorf("%v, calls %q", err, r.calls)
		}
	})
}

func TestQuitWithoutAnAgent(t *testing.T) {
	bubble(t, func(r *rig) { r.startErr = client.ErrNoAgent }, func(r *rig) {
		r.click("Quit")
		if err := r.ended(); err != nil {
			r.Error(err)
		}
	})
}

func TestQuitAsksWhenSomethingRuns(t *testing.T) {
	begin := func(r *rig) { r.status.Active = []control.Run{*progress(1)} }
	bubble(t, begin, func(r *rig) { // nothing is chosen
		r.tray.Do(Action{Do: Quit}) // the row that was there before the run began
		r.after(time.Minute)
		r.goesOn()
		r.click("Stop what is running and quit")
		if err := r.ended(); err != nil || r.count("stop") != 1 {
			r.Errorf("%v, calls %q", err, r.calls)
		}
	})
	bubble(t, begin, func(r *rig) {
		r.click("Quit when it is done")
		r.tell("run", progress(50))
		if v := r.after(time.Minute); !strings.Contains(draw(v), "Quits when it is done") {
			r.Errorf("got\n%s", draw(v))
		}
		r.goesOn()
		r.tell("run", over())
		r.after(pace)
		if err := r.ended(); err != nil || r.count("stop") != 1 {
			r.Errorf("%v, calls %q", err, r.calls)
		}
	})
	bubble(t, begin, func(r *rig) {
		r.click("Quit when it is done")
		r.click("Do not quit")
		r.tell("run", over())
		r.after(time.Minute)
		r.goesOn()
	})
}

func TestWhoWaitsForARunThatDiesMayLeave(t *testing.T) {
	bubble(t, func(r *rig) { r.status.Active = []control.Run{*progress(1)} }, func(r *rig) {
		r.click("Quit when it is done")
		r.status.Active = nil
		r.end(client.ErrUnreachable)
		r.after(firstWait)
		if err := r.ended(); err != nil || r.count("stop") != 1 {
			r.Errorf("%v, calls %q", err, r.calls)
		}
	})
}

func TestTheEndOfTheSessionLeavesTheAgentRunning(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.cancel()
		if err := r.ended(); err != nil || r.count("stop") != 0 {
			r.Errorf("%v, calls %q", err, r.calls)
		}
	})
}

func TestAResetReadsEverythingAnew(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		reads := r.count("status")
		r.tell("reset", nil)
		r.after(pace)
		r.tell("run", progress(42))
		if v := r.after(pace); r.count("status") != reads+1 || !strings.Contains(draw(v), "42 %") {
			r.Errorf("%d reads\n%s", r.count("status")-reads, draw(v))
		}
	})
}
