package control

// Doctor is an examination of the whole installation.
type Doctor struct {
	OK     bool          `json:"ok"` // nothing failed
	Checks []DoctorCheck `json:"checks"`
}

// DoctorCheck is one thing that was looked at.
type DoctorCheck struct {
	Name    string `json:"name"` // stable: "vault", "server", "destination", "tools", ...
	Subject string `json:"subject,omitempty"`
	Status  string `json:"status" enum:"ok,warning,failed,skipped"`
	Text    *Text  `json:"text,omitempty"` // what was found
	// Problem says of a warning or a failure what to do.
	Problem *Problem `json:"problem,omitempty"`
	Seconds float64  `json:"seconds"`
}
