package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// routes registers every operation; API.md of package control is the list.
func (s *Server) routes(api huma.API) {
	const get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	const ok, accepted, none = http.StatusOK, http.StatusAccepted, http.StatusNoContent

	handle(api, get, "/api/hello", "hello", "Handshake", ok, s.hello)
	handle(api, get, "/api/status", "status", "How things stand", ok, s.status)
	s.events(api)
	handle(api, post, "/api/stop", "stop", "End running work cleanly and exit", accepted, s.stop)
	handle(api, post, "/api/discover", "discover", "Look for database servers", ok, s.discover)

	handle(api, get, "/api/servers", "list-servers", "Configured servers", ok, s.listServers)
	handle(api, post, "/api/servers", "add-server", "Add a server", ok, s.addServer)
	handle(api, del, "/api/servers/{name}", "remove-server", "Forget a server", none, s.removeServer)
	handle(api, post, "/api/servers/{name}/test", "test-server", "Connect to a server", ok, s.testServer)

	handle(api, get, "/api/destinations", "list-destinations", "Configured destinations", ok, s.listDestinations)
	handle(api, post, "/api/destinations", "add-destination", "Add a destination", ok, s.addDestination)
	handle(api, del, "/api/destinations/{name}", "remove-destination", "Forget a destination; its backups stay", none, s.removeDestination)
	handle(api, post, "/api/destinations/{name}/test", "test-destination", "Open a destination", ok, s.testDestination)

	handle(api, get, "/api/jobs", "list-jobs", "Jobs", ok, s.listJobs)
	handle(api, post, "/api/jobs", "add-job", "Add a job", ok, s.addJob)
	handle(api, put, "/api/jobs/{name}", "edit-job", "Replace a job", ok, s.editJob)
	handle(api, del, "/api/jobs/{name}", "remove-job", "Remove a job; its backups stay", none, s.removeJob)
	handle(api, post, "/api/jobs/{name}/pause", "pause-job", "Pause a job", ok, s.pauseJob)
	handle(api, post, "/api/jobs/{name}/resume", "resume-job", "Resume a job", ok, s.resumeJob)

	handle(api, post, "/api/backups", "backup", "Start backups", accepted, s.startBackups)
	handle(api, get, "/api/backups", "list-backups", "Backups, newest first", ok, s.listBackups)
	handle(api, get, "/api/backups/{id}", "get-backup", "One backup", ok, s.getBackup)
	handle(api, post, "/api/backups/{id}/verify", "verify", "Prove a backup", accepted, s.startVerify)
	handle(api, post, "/api/backups/{id}/restore", "restore", "Restore a backup", accepted, s.startRestore)
	handle(api, post, "/api/backups/{id}/export", "export", "Export a backup to standard files", accepted, s.startExport)

	handle(api, get, "/api/runs", "list-runs", "Runs, newest first", ok, s.listRuns)
	handle(api, get, "/api/runs/{id}", "get-run", "One run", ok, s.getRun)
	handle(api, post, "/api/runs/{id}/cancel", "cancel-run", "Cancel a run", accepted, s.cancelRun)

	handle(api, post, "/api/catalog/rebuild", "rebuild-catalog", "Read all backups from the destinations", accepted, s.startRebuild)
	handle(api, post, "/api/repository/backups", "repository-backups", "Backups of a repository that is not configured", ok, s.repositoryBackups)
}
