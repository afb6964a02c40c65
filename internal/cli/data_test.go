package cli

import (
	"encoding/json"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// moment is a time some seconds before now.
func moment(before time.Duration) *time.Time {
	at := now.Add(-before)
	return &at
}

func raw(v any) json.RawMessage {
	j, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return j
}

const (
	shopBackup = "019e5f3a-b2c1-7abc-9def-0123456789ab"
	crmBackup  = "019e5f00-0000-7abc-9def-0123456789ab"
)

var hello = control.Hello{
	API: 1, Version: "0.1.0-dev", PID: 4711, Started: now.Add(-90 * time.Hour), Epoch: "e1", Home: "/home/ayse/.local/state/rahat", Vault: "keychain",
	Memory: control.Memory{Used: 12_900_000, Spare: 500_000},
}

var wrongPassword = &control.Problem{
	Code: "engine.auth_failed", Params: map[string]string{"address": "10.0.0.5:5432", "user": "backup"}, Detail: "SASL: 28P01", Status: 403,
}

var diskGone = &control.Problem{Code: "store.unavailable", Params: map[string]string{"place": "/mnt/gone", "cause": "no such device"}, Status: 503}

var (
	replaced = &control.Problem{Code: "storecheck.replaced", Params: map[string]string{"key": "check/x/a"}, Status: 503}
	lockedAt = &control.Problem{Code: "store.locked", Params: map[string]string{"key": "check/x/a", "until": "2026-12-21T02:30:00Z"}, Status: 503}
)

var checks = []control.DestinationCheck{
	{Name: "write", Status: "ok", Seconds: 0.021}, {Name: "large", Status: "ok", Seconds: 2, Bytes: 32 << 20}, {Name: "delete", Status: "ok", Seconds: 0.4},
}

// carelessChecks are of a place that fails at one thing.
var carelessChecks = []control.DestinationCheck{
	{Name: "write", Status: "ok", Seconds: 0.021}, {Name: "replace", Status: "failed", Seconds: 0.1, Problem: replaced},
	{Name: "large", Status: "skipped"}, {Name: "delete", Status: "warning", Seconds: 0.3, Problem: lockedAt},
}

var diskFull = &control.Problem{Code: "store.no_space", Params: map[string]string{"place": "/mnt/backup", "cause": "disk full"}, Detail: "write pack: no space left on device"}

var noJob = &control.Problem{Code: "agent.no_job", Params: map[string]string{"name": "hourly"}}

var notProven = &control.Problem{Code: "repository.damaged", Params: map[string]string{"id": shopBackup}}

var waited = &control.Problem{Code: "postgres.ddl_waited"}

var scriptFailed = &control.Problem{Code: "script.failed", Params: map[string]string{"place": "after", "number": "1", "reason": "exit code 2: no such file"}}

var linkGone = &control.Problem{Code: "message.not_authorized", Params: map[string]string{"host": "hooks.slack.com", "status": "404", "reason": "no_service"}}

var channels = []control.ChannelStatus{
	{
		Channel: control.Channel{Name: "mail", Kind: "email", On: []string{"failure", "digest"},
			Settings: map[string]string{"host": "smtp.example.com", "from": "rahat@example.com", "to": "ayse@example.com", "user": "rahat"}},
		Secret: true, ChannelState: control.ChannelState{LastOK: moment(3 * time.Hour)},
	},
	{
		Channel: control.Channel{Name: "team", Kind: "slack"}, Secret: true,
		ChannelState: control.ChannelState{Waiting: 2, Problem: linkGone, Failures: 3, RetryAt: moment(-4 * time.Minute), GivenUp: 1},
	},
}

var servers = []control.Server{
	{Name: "local", Engine: "postgres", Address: "/var/run/postgresql", User: "postgres"},
	{Name: "shop", Engine: "sqlite", Address: "/srv/shop/shop.db"},
}

var discovery = control.Discovery{Seconds: 0.21, Servers: []control.Found{
	{Engine: "postgres", Product: "PostgreSQL", Version: "17.2", Address: "/var/run/postgresql", Addresses: []string{"127.0.0.1:5432"}, User: "postgres",
		Databases: []control.Database{
			{Name: "orders_prod", SizeBytes: 18_400_000_000, Readable: true}, {Name: "billing", SizeBytes: 6_210_000_000, Readable: true},
			{Name: "crm", SizeBytes: 41_000_000_000, Readable: true}, {Name: "odd\x1b[31mname", SizeBytes: 8192, Readable: true},
		}},
	{Engine: "postgres", Product: "PostgreSQL", Address: "10.0.0.5:5432", Databases: []control.Database{}, Problem: wrongPassword},
	{Engine: "mysql", Product: "MySQL", Version: "8.4", Address: "127.0.0.1:3306", Databases: []control.Database{}},
	{Engine: "sqlite", Product: "SQLite", Version: "3", Address: "/srv/shop files/shop.db", Server: "shop",
		Databases: []control.Database{{Name: "shop.db", SizeBytes: 214_000_000, Readable: true}}},
}}

var serverTest = control.ServerTest{
	OK: true, Product: "PostgreSQL", Version: "17.2", Tool: "pg_dump 17.2", SizeBytes: 65_610_000_000,
	Databases: []control.Database{{Name: "billing", SizeBytes: 6_210_000_000, Readable: true}, {Name: "secret", SizeBytes: 8192}},
	Warnings:  []control.Problem{*waited},
}

var destinations = []control.Destination{
	{Name: "disk", URL: "file:///mnt/backup", Repository: "5f0c1a2b"},
	{Name: "gone", URL: "file:///mnt/gone"},
}

var keySlots = []control.KeySlot{
	{ID: "5f0c1a2b3c4d5e6f708192a3b4c5d6e7", Kind: "secret", Created: moment(48 * time.Hour), This: true},
	{ID: "6a0c1a2b3c4d5e6f708192a3b4c5d6e7", Kind: "passphrase", Created: moment(48 * time.Hour)},
	{ID: "7b0c1a2b3c4d5e6f708192a3b4c5d6e7", Kind: "age", Recipient: "age1dum08vkch0yr63ndqpklsasutlkpxwxcz2qlyvmpc6t5ess43alsthtnj4", Created: moment(time.Hour)},
}

var kit = control.RecoveryKit{
	Identity: "AGE-SECRET-KEY-1TEST", Recipient: "age1test", Words: []string{"legal", "winner"}, Created: now,
	Destinations: []control.KitDestination{{Name: "disk", URL: "file:///mnt/backup", Repository: "5f0c1a2b"}},
	Text:         "Rahat Backup recovery kit\n", PDF: []byte("%PDF-1.7"),
}

var jobs = []control.Job{
	{Name: "nightly", Server: "local", Databases: []string{"shop", "crm"}, Destinations: []string{"disk"}, Type: backup.Incremental, Verify: "full"},
	{Name: "weekly", Server: "local", Databases: []string{"*"}, Destinations: []string{"disk"}, Type: backup.Full, Paused: true,
		Before: []control.Script{{Kind: "sql", Text: "VACUUM;\nCHECKPOINT", Seconds: 1800}},
		After:  []control.Script{{Kind: "command", Text: "notify-me \x1b[31m", When: "failed", OnFailure: "warn"}}},
	plannedJob,
}

var proof = control.VerifyResult{
	Run: "proving", Backup: shopBackup, Status: backup.OK, Level: "full", Rows: 1_204_000, At: now.Add(-3 * time.Hour), Seconds: 13,
	Checks: []control.Check{
		{Name: "row_checksums", Status: "ok", Count: 31, Seconds: 9.5},
		{Name: "indexes_valid", Status: "ok", Count: 12, Seconds: 0.4},
		{Name: "amcheck", Status: "skipped", Detail: "extension not installed"},
	},
}

var tables = []control.BackupTable{
	{Schema: "public", Name: "orders", Columns: []string{"id", "name", "note"}, Rows: 1_204_000, Bytes: 96_300_000},
	{Schema: "public", Name: "parted", Columns: []string{"id"}, Rows: 12, Bytes: 500, Partitions: 3},
	{Schema: "public", Name: "uncounted", Columns: []string{"id", "x"}, Rows: -1, Bytes: -1},
}

var wellness = control.Doctor{OK: true, Checks: []control.DoctorCheck{
	{Name: "home", Status: "ok", Text: &control.Text{Code: "doctor.home", Params: map[string]string{"path": "/home/ayse/.local/state/rahat"}}},
	{Name: "server", Subject: "local", Status: "ok", Text: &control.Text{Code: "doctor.server_tool", Params: map[string]string{"product": "PostgreSQL", "version": "17.2", "tool": "pg_dump 17.2"}}},
	{Name: "recovery_kit", Subject: "disk", Status: "warning", Problem: &control.Problem{Code: "doctor.no_kit", Params: map[string]string{"destination": "disk"}}},
	{Name: "login", Status: "skipped"},
}}

// unwell is the same with a destination that is gone.
func unwell() control.Doctor {
	d := control.Doctor{OK: true}
	d.Add(append(wellness.Checks, control.DoctorCheck{Name: "destination", Subject: "gone\x1b", Status: "failed", Problem: diskGone})...)
	return d
}

func text(s string) *string { return &s }

var tableRows = control.BackupRows{
	Schema: "public", Name: "orders", Columns: []string{"id", "name", "note"}, Offset: 1000, More: true, Cut: 1,
	Rows: [][]*string{{text("1001"), text("ığüşöç \x1b[31m"), nil}, {text("1002"), text(""), text("NULL")}, {text("1003"), text("a\tb, \"c\""), text("long…")}},
}

var backups = []control.Backup{
	{ID: shopBackup, Type: backup.Incremental, Base: crmBackup, Depth: 2, Engine: "postgres", Machine: "till-3", Server: "local", Database: "shop",
		Destination: "disk", Job: "nightly", ServerVersion: "17.2", Started: now.Add(-13 * time.Minute), Finished: now.Add(-12 * time.Minute),
		PlainBytes: 18_400_000_000, StoredBytes: 6_000_000_000, AddedBytes: 412_000_000, Rows: 1_204_000, Tables: 31, Proof: &proof},
	{ID: crmBackup, Type: backup.Full, Engine: "sqlite", Machine: "till-3", Server: "shop", Database: "shop.db",
		Destination: "disk", ServerVersion: "3.46", Started: now.Add(-26 * time.Hour), Finished: now.Add(-26 * time.Hour),
		PlainBytes: 214_000_000, StoredBytes: 39_000_000, AddedBytes: 39_000_000, Rows: 0, Tables: 12},
}

// fill makes the runs the tests start and the state they are in.
func (f *fakeAgent) fill() {
	base := control.Run{Status: backup.OK, Server: "local", Database: "shop", Destination: "disk", Backup: shopBackup,
		Queued: now.Add(-21 * time.Second), Started: moment(20 * time.Second), Finished: moment(0)}
	run := func(id string, kind backup.RunKind, result any) control.Run {
		r := base
		r.ID, r.Kind, r.Result = id, kind, raw(result)
		return r
	}
	shop := run("shop", backup.RunBackup, control.BackupResult{Run: "shop", Backup: shopBackup, Status: backup.OK, Database: "shop",
		Type: backup.Incremental, Base: crmBackup, PlainBytes: 18_400_000_000, StoredBytes: 6_000_000_000, AddedBytes: 412_000_000, Rows: 1_204_000, Seconds: 20, Verify: &proof})
	shop.Job = "nightly"
	crm := run("crm", backup.RunBackup, control.BackupResult{Run: "crm", Backup: crmBackup, Status: backup.OK, Database: "crm", Type: backup.Full,
		PlainBytes: 214_000_000, StoredBytes: 39_000_000, AddedBytes: 39_000_000, Rows: 12, Seconds: 1.5})
	crm.Database, crm.Warnings = "crm", []control.Problem{*waited}
	failing := base
	failing.ID, failing.Kind, failing.Status, failing.Database, failing.Backup = "failing", backup.RunBackup, backup.Failed, "billing", ""
	failing.Problem = diskFull
	failing.Scripts = []control.ScriptResult{
		{Place: "before", Number: 1, Status: "ok", Seconds: 0.4, Output: "one\ntwo \x1b[31m"},
		{Place: "after", Number: 1, Status: "failed", Seconds: 2, Problem: scriptFailed, Output: "no such file"},
		{Place: "after", Number: 2, Status: "skipped"},
	}
	disproved := proof
	disproved.Run, disproved.Status = "disproving", backup.Failed
	disproved.Checks = []control.Check{{Name: "row_checksums", Status: "failed", Detail: "public.orders", Count: 1, Seconds: 9.5}}
	disproving := run("disproving", backup.RunVerify, disproved)
	disproving.Status, disproving.Problem = backup.Failed, notProven
	unproven := shop
	unproven.ID, unproven.Status, unproven.Problem = "unproven", backup.Failed, notProven
	unproven.Result = raw(control.BackupResult{Run: "unproven", Backup: shopBackup, Status: backup.Failed, Database: "shop", Type: backup.Full, Verify: &disproved})
	waiting := base
	waiting.ID, waiting.Kind, waiting.Status, waiting.Finished, waiting.Backup = "running", backup.RunBackup, backup.Running, nil, ""
	waiting.Progress = &backup.Progress{Phase: backup.PhaseDump, Item: "public.orders", Done: 10_700_000_000, Total: 18_400_000_000}

	f.runs = map[string]control.Run{"shop": shop, "crm": crm, "failing": failing, "disproving": disproving, "unproven": unproven, "running": waiting,
		"proving": run("proving", backup.RunVerify, proof),
		"restoring": run("restoring", backup.RunRestore, control.RestoreResult{Run: "restoring", Status: backup.OK, Server: "local", Database: "shop_copy",
			Rows: 1_204_000, PlainBytes: 18_400_000_000, Seconds: 84, Connection: "postgres://postgres@/shop_copy?host=/var/run/postgresql"}),
		"exporting":  run("exporting", backup.RunExport, control.ExportResult{Run: "exporting", Status: backup.OK, Path: "/tmp/shop.sql", Format: "sql", Bytes: 1_400_000, Seconds: 0.7}),
		"rebuilding": run("rebuilding", backup.RunRebuild, control.RebuildResult{Run: "rebuilding", Status: backup.OK, Backups: 412, Damaged: 1}),
	}
	f.status = control.StatusReport{State: control.Protected,
		Headline: control.Text{Code: "state.protected", Params: map[string]string{"n": "2"}},
		Facts:    &control.Text{Code: "state.facts.proven", Params: map[string]string{"newest": "2026-11-21T13:06:00Z", "proven": "2026-11-21T10:18:00Z"}}, Seq: 7, Epoch: "e1", Active: []control.Run{}, Last: &backups[0], Servers: 2, Jobs: 2, Since: hello.Started}
}
