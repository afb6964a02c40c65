package agent_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/retention"
	"github.com/rahatbackup/rahat/internal/vault/mem"
)

func TestAConfigurationMovesToAnotherComputer(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}, Schedule: "02:00", Rule: retention.Rule{Daily: 7}})
	made := backUp().Backup
	file := must[control.ConfigFile](t)(l.ExportConfig(ctx))
	text := string(must[[]byte](t)(json.Marshal(file)))
	for _, secret := range []string{"hunter2", passphrase} {
		if strings.Contains(text, secret) {
			t.Errorf("the file holds %q", secret)
		}
	}
	again := must[control.ConfigImported](t)(l.ImportConfig(ctx, control.ConfigImport{File: file}))
	if len(again.Same) != 3 || len(again.Added)+len(again.Changed)+len(again.Left)+len(again.NeedSecrets) != 0 {
		t.Errorf("onto itself: %+v", again)
	}
	check(t, l.end())

	h.home, h.vault = paths.Home(t.TempDir()), mem.New()
	l = h.start(t)
	dry := must[control.ConfigImported](t)(l.ImportConfig(ctx, control.ConfigImport{File: file, DryRun: true}))
	if all := must[[]control.Job](t)(l.Jobs(ctx)); len(all) != 0 {
		t.Errorf("a dry run made %+v", all)
	}
	did := must[control.ConfigImported](t)(l.ImportConfig(ctx, control.ConfigImport{File: file}))
	want := []string{"server/shop", "destination/disk", "job/nightly"}
	if !slices.Equal(did.Added, want) || !slices.Equal(dry.Added, want) || !slices.Equal(did.NeedSecrets, []string{"server/shop", "destination/disk"}) {
		t.Errorf("did %+v, dry %+v", did, dry)
	}
	if j := must[[]control.Job](t)(l.Jobs(ctx))[0]; j.Daily != 7 || j.Schedule != "02:00" {
		t.Errorf("job %+v", j)
	}
	// Without its key a destination says what to do; with the passphrase it opens.
	if d := must[control.DestinationTest](t)(l.TestDestination(ctx, "disk")); d.OK || d.Problem.Code != "agent.repository_key_missing" {
		t.Errorf("test %+v", d)
	}
	if _, err := l.DestinationUsage(ctx, "disk"); err == nil || control.FromError(err).Code != "agent.repository_key_missing" {
		t.Errorf("usage without key: %v", err)
	}
	if _, err := l.UnlockDestination(ctx, "disk", control.Unlock{Passphrase: "wrong"}); err == nil || control.FromError(err).Code != "repository.wrong_key" {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err := l.UnlockDestination(ctx, "disk", control.Unlock{}); err == nil || control.FromError(err).Code != "agent.repository_key_missing" {
		t.Errorf("no passphrase: %v", err)
	}
	must[control.Destination](t)(l.UnlockDestination(ctx, "disk", control.Unlock{Passphrase: passphrase}))
	l.settle()
	if list := must[[]control.Backup](t)(l.Backups(ctx, client.BackupFilter{})); len(list) != 1 || list[0].ID != made || list[0].Destination != "disk" {
		t.Errorf("backups %+v", list)
	}
	must[control.Server](t)(l.EditServer(ctx, control.NewServer{Server: file.Servers[0], Password: "hunter2"}))
	r, err := l.Restore(ctx, made, control.RestoreRequest{Server: "shop", Database: "moved"})
	result[control.RestoreResult](l, r, err)
	// With a key all is measured: the one backup and what it takes.
	if u := must[control.DestinationUsage](t)(l.DestinationUsage(ctx, "disk")); u.Backups != 1 || u.Bytes <= 0 || u.FreeBytes <= 0 {
		t.Errorf("usage %+v", u)
	}
	if _, err := l.DestinationUsage(ctx, "none"); err == nil || control.FromError(err).Code != "agent.no_destination" {
		t.Errorf("usage of none: %v", err)
	}
	// Its key stays.
	check(t, l.end())
	l = h.start(t)
	if d := must[control.DestinationTest](t)(l.TestDestination(ctx, "disk")); !d.OK {
		t.Errorf("test %+v", d.Problem)
	}
}

func TestAnImportIsAllOrNothing(t *testing.T) {
	h := newHouse(t)
	l := h.start(t)
	l.furnish(h)
	ctx := t.Context()
	backUp := l.job(control.Job{Name: "nightly", Destinations: []string{"disk"}})
	backUp()
	file := must[control.ConfigFile](t)(l.ExportConfig(ctx))
	job := func(change func(*control.Job)) func(*control.ConfigFile) {
		return func(f *control.ConfigFile) {
			j := f.Jobs[0]
			j.Name = "other"
			change(&j)
			f.Jobs = append([]control.Job{{Name: "good", Server: "shop", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: "full"}}, j)
		}
	}
	for name, c := range map[string]struct {
		change func(*control.ConfigFile)
		code   string
	}{
		"newer":               {func(f *control.ConfigFile) { f.Version = 2 }, "config.newer"},
		"another kind":        {func(f *control.ConfigFile) { f.Kind = "letter" }, "config.not_one"},
		"bad name":            {job(func(j *control.Job) { j.Name = "a b" }), "agent.bad_name"},
		"twice":               {job(func(j *control.Job) { j.Name = "good" }), "agent.invalid"},
		"no server":           {job(func(j *control.Job) { j.Server = "x" }), "agent.no_server"},
		"no destination":      {job(func(j *control.Job) { j.Destinations = []string{"x"} }), "agent.no_destination"},
		"no emergency":        {job(func(j *control.Job) { j.Emergency = "x" }), "agent.no_destination"},
		"negative rule":       {job(func(j *control.Job) { j.Last = -1 }), "retention.negative"},
		"no type":             {job(func(j *control.Job) { j.Type = "" }), "agent.invalid"},
		"bad schedule":        {job(func(j *control.Job) { j.Schedule = "whenever" }), "schedule.not_understood"},
		"unknown engine":      {func(f *control.ConfigFile) { f.Servers = []control.Server{{Name: "o", Engine: "oracle", Address: "x"}} }, "agent.unknown_engine"},
		"a password in a URL": {func(f *control.ConfigFile) { f.Destinations[0].Name, f.Destinations[0].URL = "d2", "s3://a:geheim@b/c" }, "store.bad_url"},
		"a repository twice":  {func(f *control.ConfigFile) { f.Destinations[0].Name = "d2" }, "agent.repository_in_use"},
		"no repository":       {func(f *control.ConfigFile) { f.Destinations[0].Name, f.Destinations[0].Repository = "d2", "" }, "agent.invalid"},
		"an unknown channel":  {func(f *control.ConfigFile) { f.Channels = []control.Channel{{Name: "c", Kind: "pigeon"}} }, "message.bad_setting"},
	} {
		t.Run(name, func(t *testing.T) {
			var f control.ConfigFile
			check(t, json.Unmarshal(must[[]byte](t)(json.Marshal(file)), &f))
			c.change(&f)
			_, err := l.ImportConfig(ctx, control.ConfigImport{File: f, Replace: true})
			if c.code != "" && (err == nil || control.FromError(err).Code != c.code) {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "geheim") {
				t.Errorf("it repeats a secret: %v", err)
			}
			if jobs := must[[]control.Job](t)(l.Jobs(ctx)); len(jobs) != 1 {
				t.Errorf("half of it is there: %+v", jobs)
			}
		})
	}
	status, text, _ := raw(t, h.home, http.MethodPost, "/api/config", `{"file": {"kind": "rahat configuration", "version": 9, "stars": []}}`)
	if status != http.StatusUnprocessableEntity || !strings.Contains(text, "config.newer") {
		t.Errorf("a newer file with more in it: %d %s", status, text)
	}
	status, text, _ = raw(t, h.home, http.MethodPost, "/api/config", `{"file": {"kind": "rahat configuration", "version": 1, "stars": []}}`)
	if status != http.StatusUnprocessableEntity || !strings.Contains(text, "config.damaged") {
		t.Errorf("an unknown field: %d %s", status, text)
	}

	// What is there and different stays, unless it is to be replaced.
	file.Jobs[0].Last = 9
	if did := must[control.ConfigImported](t)(l.ImportConfig(ctx, control.ConfigImport{File: file})); !slices.Equal(did.Left, []string{"job/nightly"}) {
		t.Errorf("did %+v", did)
	}
	if did := must[control.ConfigImported](t)(l.ImportConfig(ctx, control.ConfigImport{File: file, Replace: true})); !slices.Equal(did.Changed, []string{"job/nightly"}) {
		t.Errorf("did %+v", did)
	}
	if j := must[[]control.Job](t)(l.Jobs(ctx))[0]; j.Last != 9 {
		t.Errorf("job %+v", j)
	}
	if len(l.list()) != 1 {
		t.Error("the backups are gone from the list")
	}
}
