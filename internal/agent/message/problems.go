package message

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/rahatbackup/rahat/internal/logging"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What settings may lack, as a person meets it.
var (
	// ErrUnknownSetting: channels of kind {kind} have no setting {setting},
	// but {possible}.
	ErrUnknownSetting = problem.New("message.unknown_setting")
	// ErrSettingMissing: channels of kind {kind} need {setting}.
	ErrSettingMissing = problem.New("message.setting_missing")
	// ErrBadSetting: {setting} cannot be {value}; {possible} can.
	ErrBadSetting = problem.New("message.bad_setting")
	// ErrBadAddress: {value} in {setting} is no e-mail address.
	ErrBadAddress = problem.New("message.bad_address")
	// ErrBadURL: {setting} is no https address.
	ErrBadURL = problem.New("message.bad_url")
	// ErrPlain: what is told would travel to {host} unencrypted.
	ErrPlain = problem.New("message.not_encrypted")
	// ErrNoSecret: a channel of kind {kind} needs a secret.
	ErrNoSecret = problem.New("message.secret_missing")
	// ErrBadSecret: that is no secret for a channel of kind {kind}.
	ErrBadSecret = problem.New("message.bad_secret")
	// ErrNoUser: there is a password, but no user.
	ErrNoUser = problem.New("message.user_missing")
)

// What can go wrong on the way, as a person meets it.
var (
	// ErrNoHost: no host is called {host}.
	ErrNoHost = problem.New("message.host_not_found")
	// ErrRefused: nothing listens at {host}.
	ErrRefused = problem.New("message.connection_refused")
	// ErrUnreachable: {host} cannot be reached: {cause}.
	ErrUnreachable = problem.New("message.unreachable")
	// ErrTimeout: {host} did not answer within {seconds}.
	ErrTimeout = problem.New("message.timeout")
	// ErrCertificate: the certificate of {host} is not good: {cause}.
	ErrCertificate = problem.New("message.certificate")
	// ErrNoTLS: {host} cannot encrypt the connection.
	ErrNoTLS = problem.New("message.no_encryption")
	// ErrNoLogin: {host} offers no way to log in that we know.
	ErrNoLogin = problem.New("message.no_login")
	// ErrLogin: {host} does not let {user} in: {reason}.
	ErrLogin = problem.New("message.login_refused")
	// ErrSender: {host} does not take messages from {address}: {reason}.
	ErrSender = problem.New("message.sender_refused")
	// ErrRecipient: {host} takes no message for {address}: {reason}.
	ErrRecipient = problem.New("message.recipient_refused")
	// ErrSome: the message was sent, but not to {address}: {reason}.
	ErrSome = problem.New("message.some_refused")
	// ErrRejected: {host} does not take this message: {reason}.
	ErrRejected = problem.New("message.rejected")
	// ErrUnauthorized: {host} does not know the address or token, or forbids
	// its use (HTTP {status}): {reason}.
	ErrUnauthorized = problem.New("message.not_authorized")
	// ErrGone: {host} wants no more messages (HTTP 410): {reason}.
	ErrGone = problem.New("message.gone")
	// ErrBusy: {host} wants fewer messages (HTTP 429): {reason}.
	ErrBusy = problem.New("message.too_many")
	// ErrServer: {host} failed (HTTP {status}): {reason}.
	ErrServer = problem.New("message.server_failed")
	// ErrRedirect: {host} sends us elsewhere (HTTP {status}).
	ErrRedirect = problem.New("message.redirected")
)

// final are the problems that the same message will meet again.
var final = []error{ErrRejected, ErrGone}

// hopeless reports whether there is no use in sending a message again.
func hopeless(err error) bool {
	for _, f := range final {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}

// network says in words why a host could not be talked to. Errors of package
// http name the whole address, which may be a secret.
func network(err error, host string, limit time.Duration) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return ErrCertificate.Because(err, "host", host, "cause", certificateCause(err))
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		if e.IsNotFound {
			return ErrNoHost.Because(err, "host", host)
		}
		return ErrUnreachable.Because(err, "host", host, "cause", e.Err)
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ErrRefused.Because(err, "host", host)
	case ok && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout.Because(err, "host", host, "seconds", strconv.FormatFloat(limit.Seconds(), 'f', -1, 64))
	}
	return ErrUnreachable.Because(err, "host", host, "cause", reason(err.Error()))
}

// certificateCause is what is wrong with a certificate, without the prefixes
// that the packages on the way put before it.
func certificateCause(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, "x509: "); i >= 0 {
		text = text[i+len("x509: "):]
	}
	return reason(text)
}

// longest is how many letters of an answer are shown as the reason.
const longest = 300

// reason makes what another side said fit to be shown: one line, not long, with
// nothing in it that looks like a secret.
func reason(text string) string {
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r)
	}), " ")
	return logging.Scrub(cut(text, longest))
}

// cut shortens a text to n letters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
