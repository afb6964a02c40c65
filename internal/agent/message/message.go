// Package message tells people who are not at this computer what happened: by
// e-mail, by a webhook, or in a chat. What is told, [Run] decides; messages
// wait in an outbox of the catalog until they are delivered. A [Sender] sends
// one message through one channel.
//
// A channel has settings, which are kept in the open, and at most one secret,
// which only the vault keeps. By kind:
//
//	email     host      name of the SMTP server
//	          port      its port; 587 with starttls, 465 with tls, 25 with none
//	          tls       starttls (as when absent), tls, or none, which is for
//	                    this computer alone
//	          user      account to log in with (AUTH PLAIN or LOGIN); absent:
//	                    no login
//	          from      address of the sender, also as Name <address>
//	          to        addresses of the receivers, separated by commas
//	          secret    the password of user
//	webhook   url       gets a POST with JSON; https, or http on this computer
//	          secret    signs it: whsec_ and base64, or any 24 letters and more
//	slack     secret    the address of an incoming webhook
//	discord   secret    the address of a webhook
//	teams     secret    the address of a Workflows webhook
//	telegram  chat      number of the chat, or @name of the channel
//	          api       server of the Bot API; absent: https://api.telegram.org
//	          secret    the bot's token
//
// A webhook is signed after Standard Webhooks (standardwebhooks.com, 1.0): the
// headers webhook-id, webhook-timestamp (Unix seconds) and webhook-signature,
// which is "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body".
// webhook-id is the same when a message is sent again. The body is
// {"type", "timestamp", "data": [Message]}.
//
// No request follows a redirect, because it would carry what is told, or a
// secret, to a place nobody has named.
package message

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

// The kinds of channels.
const (
	Email    = "email"
	Webhook  = "webhook"
	Slack    = "slack"
	Discord  = "discord"
	Teams    = "teams"
	Telegram = "telegram"
)

// What can be told: the values of [control.Channel.On], and what follows from
// them.
const (
	OnFailure = "failure" // a run failed for good
	OnOverdue = "overdue" // a run that was due did not happen
	OnProof   = "proof"   // a proof failed, or is too old
	OnDigest  = "digest"  // every evening, what went well
	OnSuccess = "success" // each run that went well

	again = "recovered" // what was told to be wrong is well again
	test  = "test"      // somebody tries a channel
)

// usual is what a channel is told that does not say.
var usual = []string{OnFailure, OnOverdue, OnProof}

// How much a message matters.
const (
	Bad  = "problem"
	Warn = "warning"
	Good = "ok"
)

// A Message is what people are told, in their language. Its form is a contract
// with receivers of webhooks: fields may be added, none is renamed.
type Message struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // of what is told: failure, recovered, test, ...
	At       time.Time `json:"at"`
	Severity string    `json:"severity"` // problem, warning or ok
	Language string    `json:"language"` // en or tr
	Machine  string    `json:"machine"`  // this computer's name
	Title    string    `json:"title"`
	Lines    []string  `json:"lines"` // plain text
	Facts    []Fact    `json:"facts"`
	// Code of the problem, if there is one.
	Code string `json:"code,omitempty"`
}

// A Fact is a name and a value. Name is for programs, Label for people.
type Fact struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Value string `json:"value"`
}

// A Sender sends messages through channels. Its methods may be called from
// several goroutines.
type Sender struct {
	// Roots are whose certificates are trusted; nil: this system's.
	Roots *x509.CertPool
	Now   func() time.Time
}

// Send sends a message and returns when the other side has taken it, refused
// it, or kept silent for too long. What goes wrong is a problem that names no
// secret. [ErrSome] means that some receivers have it, and others never will.
func (s *Sender) Send(ctx context.Context, c control.Channel, secret vault.Secret, m Message) error {
	if err := Check(c, secret); err != nil {
		return err
	}
	switch c.Kind {
	case Email:
		return s.sendEmail(ctx, c, secret, m)
	case Webhook:
		return s.sendWebhook(ctx, c, secret, m)
	case Telegram:
		return s.sendTelegram(ctx, c, secret, m)
	default:
		return s.sendChat(ctx, c, secret, m)
	}
}
