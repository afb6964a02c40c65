package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// The words of the lists below.
const (
	get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete

	ok, accepted, none = http.StatusOK, http.StatusAccepted, http.StatusNoContent
)

// routes registers every operation; API.md of package control is the list.
func (s *Server) routes(api huma.API) {
	s.agentRoutes(api)
	s.serverRoutes(api)
	s.destinationRoutes(api)
	s.jobRoutes(api)
	s.backupRoutes(api)
	s.keepingRoutes(api)
	s.runRoutes(api)
	s.channelRoutes(api)
}

// agentRoutes are about the program as a whole.
func (s *Server) agentRoutes(api huma.API) {
	handle(s, api, get, "/api/hello", "hello", "Handshake", ok, s.hello)
	handle(s, api, get, "/api/status", "status", "How things stand", ok, s.status)
	s.events(api)
	handle(s, api, post, "/api/stop", "stop", "End running work cleanly and exit", accepted, s.stop)
	handle(s, api, post, "/api/ui", "open-ui", "Open the pages to a browser of this computer", ok, s.openUI)
	handle(s, api, post, "/api/discover", "discover", "Look for database servers", ok, s.discover)

	handle(s, api, get, "/api/doctor", "doctor", "Examine the whole installation", ok, s.doctor)
	handle(s, api, get, "/api/settings", "get-settings", "How the agent and its windows behave", ok, s.getSettings)
	handle(s, api, put, "/api/settings", "change-settings", "Change the settings", ok, s.changeSettings)
	handle(s, api, post, "/api/pause", "pause", "Begin no queued run; what runs goes on", none, s.pause)
	handle(s, api, post, "/api/resume", "resume", "Begin queued runs again", none, s.resume)
	handle(s, api, post, "/api/catalog/rebuild", "rebuild-catalog", "Read all backups from the destinations", accepted, s.startRebuild)
}

// serverRoutes are about what is backed up.
func (s *Server) serverRoutes(api huma.API) {
	handle(s, api, get, "/api/servers", "list-servers", "Configured servers", ok, s.listServers)
	handle(s, api, post, "/api/servers", "add-server", "Add a server", ok, s.addServer)
	handle(s, api, put, "/api/servers/{name}", "edit-server", "Change how a server is reached", ok, s.editServer)
	handle(s, api, del, "/api/servers/{name}", "remove-server", "Forget a server", none, s.removeServer)
	handle(s, api, post, "/api/servers/{name}/test", "test-server", "Connect to a server", ok, s.testServer)

	handle(s, api, get, "/api/databases", "list-databases", "Databases and how well they are protected", ok, s.listDatabases)
}

// destinationRoutes are about where backups lie and what opens them.
func (s *Server) destinationRoutes(api huma.API) {
	handle(s, api, get, "/api/destinations", "list-destinations", "Configured destinations", ok, s.listDestinations)
	handle(s, api, post, "/api/destinations", "add-destination", "Add a destination", ok, s.addDestination)
	handle(s, api, get, "/api/destinations/suggestion", "suggest-destination", "A folder that would do for a first destination", ok, s.suggestDestination)
	handle(s, api, del, "/api/destinations/{name}", "remove-destination", "Forget a destination; its backups stay", none, s.removeDestination)
	handle(s, api, put, "/api/destinations/{name}", "edit-destination", "Change how a destination is kept", ok, s.editDestination)
	handle(s, api, post, "/api/destinations/{name}/reread", "reread-destination", "Read the piece of a destination that is due", accepted, s.startReread)
	handle(s, api, post, "/api/destinations/{name}/test", "test-destination", "Open a destination", ok, s.testDestination)
	handle(s, api, get, "/api/destinations/{name}/usage", "destination-usage", "What a destination holds", ok, s.destinationUsage)

	handle(s, api, get, "/api/destinations/{name}/keys", "list-keys", "Ways into a destination's repository", ok, s.listKeys)
	handle(s, api, post, "/api/destinations/{name}/keys", "add-key", "Add a passphrase or a recipient", ok, s.addKey)
	handle(s, api, del, "/api/destinations/{name}/keys/{id}", "remove-key", "Remove a way in", none, s.removeKey)
	handle(s, api, post, "/api/destinations/{name}/keys/rotate", "rotate-key", "Change this computer's key", ok, s.rotateKey)

	handle(s, api, get, "/api/recovery-kit", "recovery", "Which destinations a recovery kit opens", ok, s.recovery)
	handle(s, api, post, "/api/recovery-kit", "make-recovery-kit", "Make a recovery kit; its key is told once", ok, s.makeKit)
	handle(s, api, post, "/api/recovery-kit/drill", "drill-key", "Try a key as if this computer were lost", ok, s.drillKey)

	handle(s, api, post, "/api/repository/backups", "repository-backups", "Backups of a repository that is not configured", ok, s.repositoryBackups)
}

// jobRoutes are about what is done by itself.
func (s *Server) jobRoutes(api huma.API) {
	handle(s, api, get, "/api/jobs", "list-jobs", "Jobs", ok, s.listJobs)
	handle(s, api, post, "/api/jobs", "add-job", "Add a job", ok, s.addJob)
	handle(s, api, put, "/api/jobs/{name}", "edit-job", "Replace a job", ok, s.editJob)
	handle(s, api, del, "/api/jobs/{name}", "remove-job", "Remove a job; its backups stay", none, s.removeJob)
	handle(s, api, post, "/api/jobs/{name}/pause", "pause-job", "Pause a job", ok, s.pauseJob)
	handle(s, api, post, "/api/jobs/{name}/resume", "resume-job", "Resume a job", ok, s.resumeJob)
}

// backupRoutes are about backups.
func (s *Server) backupRoutes(api huma.API) {
	handle(s, api, post, "/api/backups", "backup", "Start backups", accepted, s.startBackups)
	handle(s, api, get, "/api/backups", "list-backups", "Backups, newest first", ok, s.listBackups)
	handle(s, api, get, "/api/backups/{id}", "get-backup", "One backup", ok, s.getBackup)
	handle(s, api, get, "/api/backups/{id}/tables", "backup-tables", "Tables in a backup", ok, s.backupTables)
	handle(s, api, get, "/api/backups/{id}/rows", "backup-rows", "Rows of a table in a backup", ok, s.backupRows)
	handle(s, api, post, "/api/backups/{id}/verify", "verify", "Prove a backup", accepted, s.startVerify)
	handle(s, api, post, "/api/backups/{id}/restore", "restore", "Restore a backup", accepted, s.startRestore)
	handle(s, api, post, "/api/backups/{id}/restore/check", "check-restore", "What would hinder a restore", ok, s.checkRestore)
	handle(s, api, post, "/api/backups/{id}/export", "export", "Export a backup to standard files", accepted, s.startExport)
}

// runRoutes are about runs.
func (s *Server) runRoutes(api huma.API) {
	handle(s, api, get, "/api/runs", "list-runs", "Runs, newest first", ok, s.listRuns)
	handle(s, api, get, "/api/runs/{id}", "get-run", "One run", ok, s.getRun)
	handle(s, api, post, "/api/runs/{id}/cancel", "cancel-run", "Cancel a run", accepted, s.cancelRun)
	handle(s, api, post, "/api/runs/{id}/pause", "pause-run", "Let a run stand still; a backup holds its snapshot open on the server meanwhile", ok, s.holdRun)
	handle(s, api, post, "/api/runs/{id}/resume", "resume-run", "Let a run go on", ok, s.releaseRun)
	handle(s, api, post, "/api/runs/{id}/retry", "retry-run", "Do anew what a run failed to do; one that waits for another attempt has it now", accepted, s.retryRun)
	handle(s, api, post, "/api/runs/{id}/dismiss", "dismiss-run", "Take a run off the list of the dead", ok, s.dismissRun)
}
