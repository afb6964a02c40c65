package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/version"
)

// get reads path into answer.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (answer T, err error) {
	err = c.do(ctx, request{method: http.MethodGet, path: path, query: query, answer: &answer})
	return answer, err
}

// post sends body, which may be nil, to path.
func post[T any](ctx context.Context, c *Client, path string, body any) (answer T, err error) {
	err = c.do(ctx, request{method: http.MethodPost, path: path, body: body, answer: &answer})
	return answer, err
}

func (c *Client) remove(ctx context.Context, path string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: path})
}

// at joins a collection, a name and, if any, what to do with it.
func at(collection, name, action string) string {
	path := "/api/" + collection + "/" + url.PathEscape(name)
	if action != "" {
		path += "/" + action
	}
	return path
}

// Hello is the handshake. When the agent is of another version it returns the
// agent's answer together with [ErrVersion].
func (c *Client) Hello(ctx context.Context) (control.Hello, error) {
	var h control.Hello
	err := c.do(ctx, request{method: http.MethodGet, path: "/api/hello", answer: &h, anyVersion: true})
	if err == nil && h.API != version.API {
		err = ErrVersion.Because(nil, control.MismatchParams(strconv.Itoa(h.API), h.Version, strconv.Itoa(version.API), version.Version)...)
	}
	return h, err
}

// Status returns how things stand now.
func (c *Client) Status(ctx context.Context) (control.StatusReport, error) {
	return get[control.StatusReport](ctx, c, "/api/status", nil)
}

// Stop asks the agent, of whatever version, to end its work and exit. It
// returns when the agent has taken note.
func (c *Client) Stop(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodPost, path: "/api/stop", anyVersion: true})
}

// Discover looks for database servers on the agent's machine.
func (c *Client) Discover(ctx context.Context, r control.DiscoverRequest) (control.Discovery, error) {
	return post[control.Discovery](ctx, c, "/api/discover", r)
}

// Settings returns how the agent and its windows behave.
func (c *Client) Settings(ctx context.Context) (control.Settings, error) {
	return get[control.Settings](ctx, c, "/api/settings", nil)
}

// ChangeSettings replaces the settings and returns them as they are then.
func (c *Client) ChangeSettings(ctx context.Context, s control.Settings) (answer control.Settings, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: "/api/settings", body: s, answer: &answer})
	return answer, err
}

// Pause begins no queued run until Resume, also after a restart. What runs
// goes on.
func (c *Client) Pause(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodPost, path: "/api/pause"})
}

// Resume undoes Pause.
func (c *Client) Resume(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodPost, path: "/api/resume"})
}

// Databases says how well each database is protected. refresh asks the servers
// anew; what they say comes later, with an event.
func (c *Client) Databases(ctx context.Context, refresh bool) (control.Databases, error) {
	q := url.Values{"refresh": {strconv.FormatBool(refresh)}}
	return get[control.Databases](ctx, c, "/api/databases", q)
}

// Servers lists the configured servers by name.
func (c *Client) Servers(ctx context.Context) ([]control.Server, error) {
	return get[[]control.Server](ctx, c, "/api/servers", nil)
}

// AddServer configures a server.
func (c *Client) AddServer(ctx context.Context, s control.NewServer) (control.Server, error) {
	return post[control.Server](ctx, c, "/api/servers", s)
}

// EditServer changes how the server of that name is reached. Without a password
// the present one stays.
func (c *Client) EditServer(ctx context.Context, s control.NewServer) (answer control.Server, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: at("servers", s.Name, ""), body: s, answer: &answer})
	return answer, err
}

// RemoveServer forgets a server and its password. Its backups stay.
func (c *Client) RemoveServer(ctx context.Context, name string) error {
	return c.remove(ctx, at("servers", name, ""))
}

// TestServer connects to a server and says what is there. A server that does
// not let us in is no error but a Problem in the answer.
func (c *Client) TestServer(ctx context.Context, name string) (control.ServerTest, error) {
	return post[control.ServerTest](ctx, c, at("servers", name, "test"), nil)
}

// Destinations lists the configured destinations by name.
func (c *Client) Destinations(ctx context.Context) ([]control.Destination, error) {
	return get[[]control.Destination](ctx, c, "/api/destinations", nil)
}

// SuggestDestination proposes a folder for a first destination; its URL is
// empty when there is none that would do.
func (c *Client) SuggestDestination(ctx context.Context) (control.Destination, error) {
	return get[control.Destination](ctx, c, "/api/destinations/suggestion", nil)
}

// AddDestination configures a destination and makes or opens its repository.
func (c *Client) AddDestination(ctx context.Context, d control.NewDestination) (control.Destination, error) {
	return post[control.Destination](ctx, c, "/api/destinations", d)
}

// EditDestination changes how a destination is kept, and where it is.
func (c *Client) EditDestination(ctx context.Context, name string, e control.DestinationEdit) (answer control.Destination, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: at("destinations", name, ""), body: e, answer: &answer})
	return answer, err
}

// Reread queues a run that reads the piece of a destination that is due now.
func (c *Client) Reread(ctx context.Context, name string) (control.Runs, error) {
	return post[control.Runs](ctx, c, at("destinations", name, "reread"), nil)
}

// RemoveDestination forgets a destination. The backups on it stay.
func (c *Client) RemoveDestination(ctx context.Context, name string) error {
	return c.remove(ctx, at("destinations", name, ""))
}

// TestDestination opens a destination's repository. One that cannot be opened
// is no error but a Problem in the answer.
func (c *Client) TestDestination(ctx context.Context, name string) (control.DestinationTest, error) {
	return post[control.DestinationTest](ctx, c, at("destinations", name, "test"), nil)
}

// Recovery says for each destination whether a recovery kit opens it.
func (c *Client) Recovery(ctx context.Context) ([]control.RecoveryState, error) {
	return get[[]control.RecoveryState](ctx, c, "/api/recovery-kit", nil)
}

// MakeRecoveryKit makes a recovery kit. The answer is the only copy of its key.
func (c *Client) MakeRecoveryKit(ctx context.Context, r control.RecoveryKitRequest) (control.RecoveryKit, error) {
	return post[control.RecoveryKit](ctx, c, "/api/recovery-kit", r)
}

// DrillKey tries a key as if this computer were lost. A key that does not open
// the destination is no error but a Problem in the answer.
func (c *Client) DrillKey(ctx context.Context, d control.KeyDrill) (control.KeyDrilled, error) {
	return post[control.KeyDrilled](ctx, c, "/api/recovery-kit/drill", d)
}

// DestinationUsage measures what a destination holds.
func (c *Client) DestinationUsage(ctx context.Context, name string) (control.DestinationUsage, error) {
	return get[control.DestinationUsage](ctx, c, at("destinations", name, "usage"), nil)
}

// Keys lists the ways into a destination's repository.
func (c *Client) Keys(ctx context.Context, destination string) ([]control.KeySlot, error) {
	return get[[]control.KeySlot](ctx, c, at("destinations", destination, "keys"), nil)
}

// AddKey adds a way into a destination's repository, and lists all.
func (c *Client) AddKey(ctx context.Context, destination string, k control.NewKey) ([]control.KeySlot, error) {
	return post[[]control.KeySlot](ctx, c, at("destinations", destination, "keys"), k)
}

// RemoveKey removes a way into a destination's repository. The ID may be cut
// off where it is unique.
func (c *Client) RemoveKey(ctx context.Context, destination, id string) error {
	return c.remove(ctx, at("destinations", destination, "keys")+"/"+url.PathEscape(id))
}

// RotateKey changes the agent's own key to a destination, and lists all.
func (c *Client) RotateKey(ctx context.Context, destination string) ([]control.KeySlot, error) {
	return post[[]control.KeySlot](ctx, c, at("destinations", destination, "keys")+"/rotate", nil)
}

// UnlockDestination gives this computer a key to a destination's repository.
func (c *Client) UnlockDestination(ctx context.Context, name string, u control.Unlock) (control.Destination, error) {
	return post[control.Destination](ctx, c, at("destinations", name, "unlock"), u)
}

// ExportConfig returns the configuration as one file, without secrets.
func (c *Client) ExportConfig(ctx context.Context) (control.ConfigFile, error) {
	return get[control.ConfigFile](ctx, c, "/api/config", nil)
}

// ImportConfig brings a configuration in, all of it or nothing.
func (c *Client) ImportConfig(ctx context.Context, r control.ConfigImport) (control.ConfigImported, error) {
	return post[control.ConfigImported](ctx, c, "/api/config", r)
}

// Jobs lists the jobs by name.
func (c *Client) Jobs(ctx context.Context) ([]control.Job, error) {
	return get[[]control.Job](ctx, c, "/api/jobs", nil)
}

// AddJob makes a job.
func (c *Client) AddJob(ctx context.Context, j control.Job) (control.Job, error) {
	return post[control.Job](ctx, c, "/api/jobs", j)
}

// EditJob replaces the job called name; j may rename it.
func (c *Client) EditJob(ctx context.Context, name string, j control.Job) (answer control.Job, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: at("jobs", name, ""), body: j, answer: &answer})
	return answer, err
}

// RemoveJob removes a job. Its backups stay.
func (c *Client) RemoveJob(ctx context.Context, name string) error {
	return c.remove(ctx, at("jobs", name, ""))
}

// PauseJob stops a job from being started.
func (c *Client) PauseJob(ctx context.Context, name string) (control.Job, error) {
	return post[control.Job](ctx, c, at("jobs", name, "pause"), nil)
}

// ResumeJob undoes PauseJob.
func (c *Client) ResumeJob(ctx context.Context, name string) (control.Job, error) {
	return post[control.Job](ctx, c, at("jobs", name, "resume"), nil)
}

// Channels lists the channels by name, and how they do.
func (c *Client) Channels(ctx context.Context) ([]control.ChannelStatus, error) {
	return get[[]control.ChannelStatus](ctx, c, "/api/channels", nil)
}

// AddChannel makes a channel.
func (c *Client) AddChannel(ctx context.Context, n control.NewChannel) (control.Channel, error) {
	return post[control.Channel](ctx, c, "/api/channels", n)
}

// EditChannel changes the channel of that name. Without a secret the present
// one stays.
func (c *Client) EditChannel(ctx context.Context, n control.NewChannel) (answer control.Channel, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: at("channels", n.Name, ""), body: n, answer: &answer})
	return answer, err
}

// RemoveChannel removes a channel, its secret, and what waits for it.
func (c *Client) RemoveChannel(ctx context.Context, name string) error {
	return c.remove(ctx, at("channels", name, ""))
}

// TestChannel sends a test message. One that is not taken is no error but a
// Problem in the answer.
func (c *Client) TestChannel(ctx context.Context, name string) (control.ChannelTest, error) {
	return post[control.ChannelTest](ctx, c, at("channels", name, "test"), nil)
}

// Backup queues backups, one run for each database.
func (c *Client) Backup(ctx context.Context, r control.BackupRequest) (control.Runs, error) {
	return post[control.Runs](ctx, c, "/api/backups", r)
}

// A BackupFilter limits a list of backups. Its zero value means all of the
// newest 1000.
type BackupFilter struct {
	Database    string
	Destination string
	Search      string
	Tag         string
	Limit       int // 0: the agent's default
}

// Backups lists backups, newest first.
func (c *Client) Backups(ctx context.Context, f BackupFilter) ([]control.Backup, error) {
	q := url.Values{}
	for name, value := range map[string]string{"database": f.Database, "destination": f.Destination, "search": f.Search, "tag": f.Tag} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return get[[]control.Backup](ctx, c, "/api/backups", q)
}

// GetBackup returns one backup; id may be a unique prefix, or "latest".
func (c *Client) GetBackup(ctx context.Context, id string) (control.Backup, error) {
	return get[control.Backup](ctx, c, at("backups", id, ""), nil)
}

// Verify queues a proof of a backup.
func (c *Client) Verify(ctx context.Context, id string, r control.VerifyRequest) (control.Runs, error) {
	return post[control.Runs](ctx, c, at("backups", id, "verify"), r)
}

// Restore queues a restore of a backup.
func (c *Client) Restore(ctx context.Context, id string, r control.RestoreRequest) (control.Runs, error) {
	return post[control.Runs](ctx, c, at("backups", id, "restore"), r)
}

// CheckRestore says what would hinder a restore, and changes nothing. Without
// a Database in r it proposes a name that is free.
func (c *Client) CheckRestore(ctx context.Context, id string, r control.RestoreRequest) (control.RestoreCheck, error) {
	return post[control.RestoreCheck](ctx, c, at("backups", id, "restore/check"), r)
}

// CopyBackup queues a copy of a backup on another destination.
func (c *Client) CopyBackup(ctx context.Context, id string, r control.CopyRequest) (control.Runs, error) {
	return post[control.Runs](ctx, c, at("backups", id, "copy"), r)
}

// PreviewJob says when a job would run and what its rule would remove.
func (c *Client) PreviewJob(ctx context.Context, j control.Job) (control.JobPreview, error) {
	return post[control.JobPreview](ctx, c, "/api/jobs/preview", j)
}

// JobTemplates lists ready-made jobs.
func (c *Client) JobTemplates(ctx context.Context) ([]control.JobTemplate, error) {
	return get[[]control.JobTemplate](ctx, c, "/api/job-templates", nil)
}

// Prune queues runs that remove backups by the rules of jobs, one a destination.
func (c *Client) Prune(ctx context.Context, r control.PruneRequest) (control.Runs, error) {
	return post[control.Runs](ctx, c, "/api/prune", r)
}

// PreviewPrune says what the rules of jobs would remove.
func (c *Client) PreviewPrune(ctx context.Context, r control.PruneRequest) (control.PrunePreview, error) {
	return post[control.PrunePreview](ctx, c, "/api/prune/preview", r)
}

// SetLabel replaces what is written on a backup.
func (c *Client) SetLabel(ctx context.Context, id string, l control.Label) (answer control.Backup, err error) {
	err = c.do(ctx, request{method: http.MethodPut, path: at("backups", id, "label"), body: l, answer: &answer})
	return answer, err
}

// Export queues an export of a backup to standard files.
func (c *Client) Export(ctx context.Context, id string, r control.ExportRequest) (control.Runs, error) {
	return post[control.Runs](ctx, c, at("backups", id, "export"), r)
}

// Runs lists runs, newest first; limit 0 means the agent's default.
func (c *Client) Runs(ctx context.Context, limit int) ([]control.Run, error) {
	q := url.Values{}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return get[[]control.Run](ctx, c, "/api/runs", q)
}

// Run returns one run; id may be a unique prefix, or "latest".
func (c *Client) Run(ctx context.Context, id string) (control.Run, error) {
	return get[control.Run](ctx, c, at("runs", id, ""), nil)
}

// Cancel asks a queued or running run to end. It returns before the run has.
func (c *Client) Cancel(ctx context.Context, id string) (control.Run, error) {
	return post[control.Run](ctx, c, at("runs", id, "cancel"), nil)
}

// DeadRuns lists the runs that failed for good and that nobody has retried or
// dismissed, newest first; limit 0 means the agent's default.
func (c *Client) DeadRuns(ctx context.Context, limit int) ([]control.Run, error) {
	q := url.Values{"dead": {"true"}}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return get[[]control.Run](ctx, c, "/api/runs", q)
}

// PauseRun lets a run stand still until ResumeRun. A backup holds its snapshot
// open on the server meanwhile.
func (c *Client) PauseRun(ctx context.Context, id string) (control.Run, error) {
	return post[control.Run](ctx, c, at("runs", id, "pause"), nil)
}

// ResumeRun undoes PauseRun.
func (c *Client) ResumeRun(ctx context.Context, id string) (control.Run, error) {
	return post[control.Run](ctx, c, at("runs", id, "resume"), nil)
}

// RetryRun queues a run that does anew what the run id failed to do. One that
// waits for another attempt has it now, and is itself the answer.
func (c *Client) RetryRun(ctx context.Context, id string) (control.Runs, error) {
	return post[control.Runs](ctx, c, at("runs", id, "retry"), nil)
}

// DismissRun takes a run off the list of the dead.
func (c *Client) DismissRun(ctx context.Context, id string) (control.Run, error) {
	return post[control.Run](ctx, c, at("runs", id, "dismiss"), nil)
}

// OpenUI answers an address by which a browser of this computer opens the pages,
// once and within a minute.
func (c *Client) OpenUI(ctx context.Context) (control.UILink, error) {
	return post[control.UILink](ctx, c, "/api/ui", nil)
}

// RebuildCatalog queues a run that reads all backups from the destinations.
func (c *Client) RebuildCatalog(ctx context.Context) (control.Runs, error) {
	return post[control.Runs](ctx, c, "/api/catalog/rebuild", nil)
}

// Doctor examines the whole installation, which takes ten seconds at most.
func (c *Client) Doctor(ctx context.Context) (control.Doctor, error) {
	return get[control.Doctor](ctx, c, "/api/doctor", nil)
}

// BackupTables lists the tables in a backup.
func (c *Client) BackupTables(ctx context.Context, id string) ([]control.BackupTable, error) {
	return get[[]control.BackupTable](ctx, c, at("backups", id, "tables"), nil)
}

// BackupRows shows rows of a table in a backup from number offset on, at most
// limit of them, and fewer when they are long.
func (c *Client) BackupRows(ctx context.Context, id, schema, table string, offset int64, limit int) (control.BackupRows, error) {
	q := url.Values{"table": {table}, "offset": {strconv.FormatInt(offset, 10)}, "limit": {strconv.Itoa(limit)}}
	if schema != "" {
		q.Set("schema", schema)
	}
	return get[control.BackupRows](ctx, c, at("backups", id, "rows"), q)
}

// RepositoryBackups lists the backups of a repository that is not configured.
func (c *Client) RepositoryBackups(ctx context.Context, r control.Repository) ([]control.Backup, error) {
	return post[[]control.Backup](ctx, c, "/api/repository/backups", r)
}
