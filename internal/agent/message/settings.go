package message

import (
	"encoding/base64"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

// kinds are the settings that each kind has.
var kinds = map[string]struct{ need, may []string }{
	Email:    {need: []string{"host", "from", "to"}, may: []string{"port", "tls", "user"}},
	Webhook:  {need: []string{"url"}},
	Slack:    {},
	Discord:  {},
	Teams:    {},
	Telegram: {need: []string{"chat"}, may: []string{"api"}},
}

// Check says what is wrong with a channel, without reaching anybody.
func Check(c control.Channel, secret vault.Secret) error {
	k, ok := kinds[c.Kind]
	if !ok {
		return ErrBadSetting.Because(nil, "setting", "kind", "value", c.Kind, "possible", list(slices.Sorted(maps.Keys(kinds))))
	}
	all := slices.Concat(k.need, k.may)
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if !slices.Contains(all, name) {
			return ErrUnknownSetting.Because(nil, "kind", c.Kind, "setting", name, "possible", list(all))
		}
	}
	for _, name := range k.need {
		if c.Settings[name] == "" {
			return ErrSettingMissing.Because(nil, "kind", c.Kind, "setting", name)
		}
	}
	for _, on := range c.On {
		if possible := slices.Concat(usual, []string{OnDigest, OnSuccess}); !slices.Contains(possible, on) {
			return ErrBadSetting.Because(nil, "setting", "on", "value", on, "possible", list(possible))
		}
	}
	switch c.Kind {
	case Email:
		return checkEmail(c.Settings, secret)
	case Webhook:
		if _, err := address("url", c.Settings["url"]); err != nil {
			return err
		}
		return checkSigning(secret)
	case Telegram:
		return checkTelegram(c.Settings, secret)
	}
	if secret.Empty() {
		return ErrNoSecret.Because(nil, "kind", c.Kind)
	}
	if _, err := address("secret", secret.Reveal()); err != nil {
		return err
	}
	return nil
}

// NeedsSecret reports whether a channel has a use for a secret.
func NeedsSecret(c control.Channel) bool { return c.Kind != Email || c.Settings["user"] != "" }

func list(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, ", ")
}

// hostName is a name of a host, without a port. How long one may be is not for the
// expression to say: with a count of 252 it takes five megabytes.
var hostName = regexp.MustCompile(`^[\pL\pN][\pL\pN._-]*$`)

// longestHost is how many bytes the name of a host has at most (RFC 1035).
const longestHost = 253

// maxTo bounds the receivers of one channel.
const maxTo = 100

func checkEmail(s map[string]string, secret vault.Secret) error {
	host := s["host"]
	if (len(host) > longestHost || !hostName.MatchString(host)) && net.ParseIP(host) == nil {
		return ErrBadSetting.Because(nil, "setting", "host", "value", host, "possible", "smtp.example.com")
	}
	if port := s["port"]; port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return ErrBadSetting.Because(err, "setting", "port", "value", port, "possible", "1-65535")
		}
	}
	modes := []string{"starttls", "tls", "none"}
	if mode := s["tls"]; mode != "" && !slices.Contains(modes, mode) {
		return ErrBadSetting.Because(nil, "setting", "tls", "value", mode, "possible", list(modes))
	}
	if s["tls"] == "none" && !local(host) {
		return ErrPlain.Because(nil, "host", host)
	}
	if _, err := mail.ParseAddress(s["from"]); err != nil {
		return ErrBadAddress.Because(err, "setting", "from", "value", s["from"])
	}
	to, err := mail.ParseAddressList(s["to"])
	if err != nil || len(to) > maxTo {
		return ErrBadAddress.Because(err, "setting", "to", "value", s["to"])
	}
	if !secret.Empty() && s["user"] == "" {
		return ErrNoUser.Because(nil)
	}
	if secret.Empty() && s["user"] != "" {
		return ErrNoSecret.Because(nil, "kind", Email)
	}
	return nil
}

// leastSecret is how many bytes sign a webhook at least, as Standard Webhooks
// wants it.
const leastSecret = 24

func checkSigning(secret vault.Secret) error {
	if secret.Empty() {
		return ErrNoSecret.Because(nil, "kind", Webhook)
	}
	if len(signingKey(secret)) < leastSecret {
		return ErrBadSecret.Because(nil, "kind", Webhook)
	}
	return nil
}

// signingKey is what signs: whsec_ is followed by base64, all else is itself.
func signingKey(secret vault.Secret) []byte {
	text, encoded := strings.CutPrefix(secret.Reveal(), "whsec_")
	if !encoded {
		return []byte(text)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil // too short, as [checkSigning] says
	}
	return key
}

var (
	botToken = regexp.MustCompile(`^[0-9]{3,20}:[A-Za-z0-9_-]{20,100}$`)
	chatName = regexp.MustCompile(`^(-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{3,63})$`)
)

func checkTelegram(s map[string]string, secret vault.Secret) error {
	if !chatName.MatchString(s["chat"]) {
		return ErrBadSetting.Because(nil, "setting", "chat", "value", s["chat"], "possible", "-1001234567890, @name")
	}
	if s["api"] != "" {
		if _, err := address("api", s["api"]); err != nil {
			return err
		}
	}
	if secret.Empty() {
		return ErrNoSecret.Because(nil, "kind", Telegram)
	}
	if !botToken.MatchString(secret.Reveal()) {
		return ErrBadSecret.Because(nil, "kind", Telegram)
	}
	return nil
}

// address reads a URL that gets what is told. Its errors do not repeat it: it
// may be a secret.
func address(setting, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, ErrBadURL.Because(nil, "setting", setting)
	}
	if u.Scheme == "http" && !local(u.Hostname()) {
		return nil, ErrPlain.Because(nil, "host", u.Hostname())
	}
	return u, nil
}

// local reports whether a host is this computer by its very name.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
