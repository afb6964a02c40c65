package control

// Channel is a way to tell people who are not at this computer what happened.
// Settings hold no secrets; what each kind needs is in package message.
type Channel struct {
	Name     string            `json:"name" pattern:"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$"`
	Kind     string            `json:"kind" enum:"email,webhook,slack,discord,teams,telegram"`
	Settings map[string]string `json:"settings,omitempty"`
	// On says what is told; empty: failure, overdue and proof.
	On     []string `json:"on,omitempty" enum:"failure,overdue,proof,digest,success"`
	Paused bool     `json:"paused,omitempty"`
}

// NewChannel adds or changes a channel. Secret is what its kind needs: a
// password, a token, or an address that must stay secret; without one the
// present one stays.
type NewChannel struct {
	Channel
	Secret string `json:"secret,omitempty"`
}

// ChannelTest is the result of sending a test message.
type ChannelTest struct {
	OK      bool     `json:"ok"`
	Problem *Problem `json:"problem,omitempty"`
	Seconds float64  `json:"seconds"`
}
