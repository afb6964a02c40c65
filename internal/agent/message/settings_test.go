package message

import (
	"errors"
	"strings"
	"testing"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/vault"
)

func TestSettingsAreChecked(t *testing.T) {
	mail := func(set ...string) control.Channel { return mailChannel("587", set...) }
	chat := func(kind string, set ...string) control.Channel {
		c := control.Channel{Kind: kind, Settings: map[string]string{}}
		for i := 0; i < len(set); i += 2 {
			c.Settings[set[i]] = set[i+1]
		}
		return c
	}
	for name, c := range map[string]struct {
		channel control.Channel
		secret  string
		want    error
	}{
		"mail":                   {mail(), "", nil},
		"mail, login":            {mail("user", "u"), "p", nil},
		"mail, password alone":   {mail(), "p", ErrNoUser},
		"mail, user alone":       {mail("user", "u"), "", ErrNoSecret},
		"mail, unknown":          {mail("password", "x"), "", ErrUnknownSetting},
		"mail, no to":            {mail("to", ""), "", ErrSettingMissing},
		"mail, bad to":           {mail("to", "a@b.c; d"), "", ErrBadAddress},
		"mail, bad from":         {mail("from", "Rahat"), "", ErrBadAddress},
		"mail, lines in to":      {mail("to", "a@b.c\r\nBcc: x@y.z"), "", ErrBadAddress},
		"mail, bad port":         {mail("port", "70000"), "", ErrBadSetting},
		"mail, bad tls":          {mail("tls", "ssl"), "", ErrBadSetting},
		"mail, bad host":         {mail("host", "smtp.example.com:25"), "", ErrBadSetting},
		"mail, own computer":     {mail("host", "::1", "tls", "none"), "", nil},
		"mail, open":             {mail("host", "192.168.1.5", "tls", "none"), "", ErrPlain},
		"mail, bad on":           {control.Channel{Kind: Email, Settings: mail().Settings, On: []string{"all"}}, "", ErrBadSetting},
		"webhook":                {chat(Webhook, "url", "https://example.com/x"), strings.Repeat("x", 24), nil},
		"webhook, no secret":     {chat(Webhook, "url", "https://example.com/x"), "", ErrNoSecret},
		"webhook, short":         {chat(Webhook, "url", "https://example.com/x"), strings.Repeat("x", 23), ErrBadSecret},
		"webhook, no base64":     {chat(Webhook, "url", "https://example.com/x"), "whsec_" + strings.Repeat("!", 40), ErrBadSecret},
		"webhook, open":          {chat(Webhook, "url", "http://example.com/x"), signingSecret, ErrPlain},
		"webhook, account":       {chat(Webhook, "url", "https://u:p@example.com/x"), signingSecret, ErrBadURL},
		"webhook, like local":    {chat(Webhook, "url", "http://localhost.example.com/x"), signingSecret, ErrPlain},
		"slack":                  {chat(Slack), "https://hooks.slack.com/services/T/B/x", nil},
		"slack, none":            {chat(Slack), "", ErrNoSecret},
		"slack, open":            {chat(Slack), "http://hooks.slack.com/services/T/B/x", ErrPlain},
		"slack, url as setting":  {chat(Slack, "url", "https://hooks.slack.com/x"), "https://hooks.slack.com/x", ErrUnknownSetting},
		"telegram":               {chat(Telegram, "chat", "-100123"), token, nil},
		"telegram, name":         {chat(Telegram, "chat", "@kanal"), token, nil},
		"telegram, bad chat":     {chat(Telegram, "chat", "kanal"), token, ErrBadSetting},
		"telegram, bad token":    {chat(Telegram, "chat", "1"), "hello", ErrBadSecret},
		"telegram, tricky token": {chat(Telegram, "chat", "1"), "123456789:../../x?AAAAAAAAAAAAAAAAAAAAAAAAAA", ErrBadSecret},
		"unknown kind":           {chat("fax"), "", ErrBadSetting},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Check(c.channel, secretOf(c.secret)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	for kind := range kinds {
		f.Add(kind, "host", "localhost", "to", "a@b.c", signingSecret)
		f.Add(kind, "url", "http://[::1]:80/", "chat", "@abcd", token)
	}
	f.Fuzz(func(t *testing.T, kind, name, value, other, more, secret string) {
		c := control.Channel{Kind: kind, Settings: map[string]string{"from": "a@b.c", name: value, other: more}}
		if kind != Email {
			delete(c.Settings, "from")
		}
		err := Check(c, vault.NewSecret(secret))
		if err == nil {
			if u := c.Settings["url"]; strings.ContainsAny(u, "\r\n") {
				t.Errorf("url %q", u)
			}
			if to := c.Settings["to"]; strings.ContainsAny(strings.ReplaceAll(to, "\r\n ", ""), "\r\n\x00") {
				t.Errorf("to %q", to)
			}
			return
		}
		if p := problem.Of(err); p.Code == problem.Internal {
			t.Errorf("no problem: %v", err)
		}
		typed := strings.Join([]string{kind, name, value, other, more}, "\x00") // which an error may quote
		if len(secret) > 16 && !strings.Contains(typed, secret) && strings.Contains(err.Error(), secret) {
			t.Errorf("the secret is in %v", err)
		}
	})
}
