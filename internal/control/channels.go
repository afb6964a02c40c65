package control

import (
	"encoding/json"
	"time"
)

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

// ChannelStatus is a channel and how it does.
type ChannelStatus struct {
	Channel
	// Secret says whether there is one; it is never told.
	Secret bool `json:"secret"`
	ChannelState
}

// ChannelState says how a channel does.
type ChannelState struct {
	Waiting  int        `json:"waiting"`            // messages that are not delivered yet
	LastOK   *time.Time `json:"last_ok,omitempty"`  // when it last took a message
	Problem  *Problem   `json:"problem,omitempty"`  // of the last message, if it was not taken whole
	Failures int        `json:"failures,omitempty"` // attempts that failed since a message was taken
	RetryAt  *time.Time `json:"retry_at,omitempty"` // the next attempt
	GivenUp  int        `json:"given_up,omitempty"` // messages that were never taken, since the channel was made
}

// A Letter is a message that waits for its channel to take it. It does not
// travel over the wire.
type Letter struct {
	ID      string          `json:"id"`
	Channel string          `json:"channel"`
	Queued  time.Time       `json:"queued"`
	Message json.RawMessage `json:"message"` // of package message
}
