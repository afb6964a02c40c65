package server

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// keepingRoutes registers what keeps backups: copies, labels, rules, and the
// configuration as a file.
func (s *Server) keepingRoutes(api huma.API) {
	const get, post, put = http.MethodGet, http.MethodPost, http.MethodPut
	const ok, accepted = http.StatusOK, http.StatusAccepted

	handle(s, api, post, "/api/destinations/{name}/unlock", "unlock-destination", "Give this computer a key to a destination", ok, s.unlockDestination)
	handle(s, api, get, "/api/job-templates", "list-job-templates", "Ready-made jobs to begin with", ok, s.listTemplates)
	handle(s, api, post, "/api/jobs/preview", "preview-job", "When a job would run, and what its rule would remove", ok, s.previewJob)
	handle(s, api, post, "/api/prune", "prune", "Remove backups by the rules of jobs and give back their room", accepted, s.startPrune)
	handle(s, api, post, "/api/prune/preview", "preview-prune", "What the rules of jobs would remove", ok, s.previewPrune)
	handle(s, api, put, "/api/backups/{id}/label", "label", "Pin a backup, tag it, write a note on it", ok, s.setLabel)
	handle(s, api, post, "/api/backups/{id}/copy", "copy", "Copy a backup to another destination", accepted, s.startCopy)
	s.configRoutes(api)
}
