package control

// Doctor is an examination of the whole installation.
type Doctor struct {
	OK     bool          `json:"ok"` // nothing failed
	Checks []DoctorCheck `json:"checks"`
}

// Add notes checks.
func (d *Doctor) Add(checks ...DoctorCheck) {
	for _, c := range checks {
		d.OK = d.OK && c.Status != DoctorFailed
		d.Checks = append(d.Checks, c)
	}
}

// The values of [DoctorCheck.Status].
const (
	DoctorOK      = "ok"
	DoctorWarning = "warning"
	DoctorFailed  = "failed"
	DoctorSkipped = "skipped" // there was nothing to examine
)

// DoctorCheck is one thing that was looked at.
type DoctorCheck struct {
	// Name is stable: "home", "space", "log", "leftovers", "instance", "vault",
	// "catalog", "server", "destination", "recovery_kit", "paused", "job",
	// "database", "channel", "login"; the CLI adds "agent".
	Name    string `json:"name"`
	Subject string `json:"subject,omitempty"`
	Status  string `json:"status" enum:"ok,warning,failed,skipped"`
	Text    *Text  `json:"text,omitempty"` // what was found
	// Problem says of a warning or a failure what to do.
	Problem *Problem `json:"problem,omitempty"`
	Seconds float64  `json:"seconds"`
}
