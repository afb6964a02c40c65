package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// statuses are the codes whose HTTP status does not follow from their form.
var statuses = map[problem.Code]int{
	"agent.stopping":               http.StatusServiceUnavailable,
	"agent.run_over":               http.StatusConflict,
	"agent.in_use":                 http.StatusConflict,
	"agent.run_not_over":           http.StatusConflict,
	"agent.run_went_well":          http.StatusConflict,
	"agent.run_not_repeatable":     http.StatusConflict,
	"agent.full_schedule_alone":    http.StatusUnprocessableEntity,
	"schedule.not_understood":      http.StatusUnprocessableEntity,
	"schedule.unknown_zone":        http.StatusUnprocessableEntity,
	"schedule.never":               http.StatusUnprocessableEntity,
	"agent.repository_in_use":      http.StatusConflict,
	"agent.ambiguous_id":           http.StatusUnprocessableEntity,
	"agent.no_databases":           http.StatusUnprocessableEntity,
	"agent.bad_name":               http.StatusUnprocessableEntity,
	"agent.invalid":                http.StatusUnprocessableEntity,
	"agent.emergency_same":         http.StatusUnprocessableEntity,
	"agent.unknown_engine":         http.StatusUnprocessableEntity,
	"agent.destination_needed":     http.StatusUnprocessableEntity,
	"agent.overwrite_mismatch":     http.StatusUnprocessableEntity,
	"agent.engine_mismatch":        http.StatusUnprocessableEntity,
	"agent.path_not_absolute":      http.StatusUnprocessableEntity,
	"agent.repository_key_missing": http.StatusUnauthorized,
	"agent.other_repository":       http.StatusConflict,
	"config.not_one":               http.StatusUnprocessableEntity,
	"config.newer":                 http.StatusUnprocessableEntity,
	"config.damaged":               http.StatusUnprocessableEntity,
	"control.version_mismatch":     http.StatusPreconditionFailed,
	"engine.bad_config":            http.StatusUnprocessableEntity,
	"engine.table_ambiguous":       http.StatusUnprocessableEntity,
	"engine.auth_failed":           http.StatusUnauthorized,
	"engine.login_not_allowed":     http.StatusForbidden,
	"engine.password_missing":      http.StatusUnauthorized,
	"engine.no_user":               http.StatusUnauthorized,
	"engine.privilege_missing":     http.StatusForbidden,
	"recoverykit.passphrase_blank": http.StatusUnprocessableEntity,
	"repository.bad_recipient":     http.StatusUnprocessableEntity,
	"repository.no_backup":         http.StatusNotFound,
	"repository.no_lock":           http.StatusUnprocessableEntity,
	"store.access_denied":          http.StatusForbidden,
	"store.bad_url":                http.StatusUnprocessableEntity,
	"s3.bad_option":                http.StatusUnprocessableEntity,
	"s3.option_missing":            http.StatusUnprocessableEntity,
	"s3.no_keys":                   http.StatusUnprocessableEntity,
	"s3.no_bucket":                 http.StatusNotFound,
	"s3.unknown_key":               http.StatusUnauthorized,
	"s3.wrong_secret":              http.StatusUnauthorized,
	"s3.lock_denied":               http.StatusForbidden,
	"s3.no_object_lock":            http.StatusUnprocessableEntity,
	"retention.negative":           http.StatusUnprocessableEntity,
	"store.no_space":               http.StatusInsufficientStorage,
	"vault.locked":                 http.StatusUnauthorized,

	"recoverykit.no_destinations":         http.StatusNotFound,
	"recoverykit.destination_unreachable": http.StatusBadGateway,
	"recoverykit.own_key_gone":            http.StatusUnauthorized,
	"recoverykit.old_key_stays":           http.StatusConflict,
	"repository.no_slot_there":            http.StatusNotFound,
	"repository.last_key":                 http.StatusConflict,
}

// statusOf returns the HTTP status of a problem. Programs should look at the
// code; the status is for proxies and people with curl.
func statusOf(code problem.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	area, what, _ := strings.Cut(string(code), ".")
	switch {
	case strings.HasSuffix(what, "not_found"), strings.HasPrefix(what, "no_") && area == "agent":
		return http.StatusNotFound
	case strings.HasSuffix(what, "exists"):
		return http.StatusConflict
	case what == "wrong_key":
		return http.StatusUnauthorized
	case area == "recoverykit":
		return http.StatusUnprocessableEntity // a key that is mistyped
	case area == "message", area == "script":
		return http.StatusUnprocessableEntity // what a channel or a script lacks
	case area == "engine", area == "store", area == "s3", area == "storecheck", area == "repository":
		return http.StatusBadGateway // what we depend on does not do its part
	}
	return http.StatusInternalServerError
}

// writeProblem answers without the help of huma.
func writeProblem(w http.ResponseWriter, err error) {
	p := control.FromError(err)
	p.Status = statusOf(problem.Code(p.Code))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	// A client that is gone gets no answer.
	_ = json.NewEncoder(w).Encode(p)
}

// indent makes a document that a person can compare line by line.
func indent(j []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, j, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
