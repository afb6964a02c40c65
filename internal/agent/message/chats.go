package message

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

// object is a JSON object.
type object = map[string]any

// marks are what shows at a glance how much a message matters.
var marks = map[string]string{Bad: "🔴", Warn: "🟠", Good: "🟢"}

// heading is the title as chats show it.
func (m Message) heading() string {
	return strings.TrimSpace(marks[m.Severity] + " " + m.Title)
}

// plain is the message as text.
func (m Message) plain() string {
	lines := append([]string{m.heading()}, m.Lines...)
	for _, f := range m.Facts {
		lines = append(lines, f.Label+": "+f.Value)
	}
	return strings.Join(lines, "\n")
}

// sendChat sends to a chat that gives each channel an address of its own.
func (s *Sender) sendChat(ctx context.Context, c control.Channel, secret vault.Secret, m Message) error {
	to, err := address("secret", secret.Reveal())
	if err != nil {
		return err
	}
	form := map[string]func(Message) object{Slack: slackForm, Discord: discordForm, Teams: teamsForm}[c.Kind]
	body, err := encode(form(m))
	if err != nil {
		return err
	}
	a, err := s.post(ctx, to, body, nil)
	if err != nil {
		return err
	}
	// The connectors that Teams had before Workflows tell of a failure in an
	// answer with status 200.
	if c.Kind == Teams && a.status == http.StatusOK && bytes.Contains(a.text, []byte("failed with error")) {
		a.status = http.StatusBadGateway
	}
	return a.judge(to.Hostname(), spoken(a.text))
}

// spoken finds the words in an answer: {"message": ...}, {"error": {"message":
// ...}}, {"description": ...}, or all of it.
func spoken(text []byte) string {
	var a struct {
		Message     string          `json:"message"`
		Description string          `json:"description"`
		Error       json.RawMessage `json:"error"`
	}
	var inner struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &a) != nil {
		return string(text)
	}
	if json.Unmarshal(a.Error, &inner) == nil && inner.Message != "" {
		return inner.Message
	}
	for _, s := range []string{a.Description, a.Message} {
		if s != "" {
			return s
		}
	}
	return string(text)
}

// slackForm is a message for an incoming webhook of Slack: a text for
// notifications and Block Kit. Bounds: 150 letters in a header, 3000 in a
// section, 10 fields of 2000.
func slackForm(m Message) object {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	blocks := []object{{"type": "header", "text": object{"type": "plain_text", "text": cut(m.heading(), 150), "emoji": true}}}
	if text := strings.Join(m.Lines, "\n"); text != "" {
		blocks = append(blocks, object{"type": "section", "text": object{"type": "mrkdwn", "text": escape(cut(text, 2000))}})
	}
	var fields []object
	for _, f := range m.Facts[:min(len(m.Facts), 10)] {
		fields = append(fields, object{"type": "mrkdwn", "text": "*" + escape(cut(f.Label, 100)) + "*\n" + escape(cut(f.Value, 500))})
	}
	if len(fields) > 0 {
		blocks = append(blocks, object{"type": "section", "fields": fields})
	}
	return object{"text": escape(cut(m.heading(), 500)), "blocks": blocks}
}

// colours of severities, as Discord wants them.
var colours = map[string]int{Bad: 0xd92d20, Warn: 0xf79009, Good: 0x17a34a}

// discordForm is a message for a webhook of Discord, which mentions nobody.
// Bounds: 256 letters in a title, 4096 in a description, 25 fields of 256 and
// 1024, 6000 in all.
func discordForm(m Message) object {
	embed := object{
		"title": cut(m.Title, 256), "description": cut(markdown(strings.Join(m.Lines, "\n")), 2500),
		"color": colours[m.Severity], "timestamp": m.At.UTC().Format(time.RFC3339),
	}
	fields := []object{}
	for _, f := range m.Facts[:min(len(m.Facts), 10)] {
		fields = append(fields, object{"name": cut(f.Label, 100), "value": cut(markdown(f.Value), 200), "inline": true})
	}
	embed["fields"] = fields
	return object{"embeds": []object{embed}, "allowed_mentions": object{"parse": []string{}}}
}

// markdown takes from a text what Discord and Teams would take for a form.
func markdown(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "~", `\~`, "`", "\\`", "|", `\|`, "[", `\[`, "]", `\]`).Replace(s)
}

// teamsForm is a message for a Workflows webhook of Teams ("When a Teams
// webhook request is received"): an Adaptive Card, under 28 KB.
func teamsForm(m Message) object {
	colour := map[string]string{Bad: "Attention", Warn: "Warning", Good: "Good"}[m.Severity]
	body := []object{{"type": "TextBlock", "text": markdown(cut(m.Title, 256)), "weight": "Bolder", "size": "Medium", "wrap": true, "color": colour}}
	for _, line := range m.Lines[:min(len(m.Lines), 24)] {
		body = append(body, object{"type": "TextBlock", "text": markdown(cut(line, 240)), "wrap": true})
	}
	var facts []object
	for _, f := range m.Facts[:min(len(m.Facts), 10)] {
		facts = append(facts, object{"title": cut(f.Label, 100), "value": markdown(cut(f.Value, 200))})
	}
	if len(facts) > 0 {
		body = append(body, object{"type": "FactSet", "facts": facts})
	}
	card := object{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"body": body, "msteams": object{"width": "Full"},
	}
	return object{"type": "message", "attachments": []object{
		{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card},
	}}
}

// telegramAPI is where bots speak.
const telegramAPI = "https://api.telegram.org"

// sendTelegram sends by the method sendMessage of the Bot API: at most 4096
// letters, with HTML of which only b is used.
func (s *Sender) sendTelegram(ctx context.Context, c control.Channel, secret vault.Secret, m Message) error {
	api := c.Settings["api"]
	if api == "" {
		api = telegramAPI
	}
	to, err := address("api", api)
	if err != nil {
		return err
	}
	to = to.JoinPath("bot"+secret.Reveal(), "sendMessage")
	title, rest, _ := strings.Cut(cut(m.plain(), 3500), "\n")
	body, err := encode(object{
		"chat_id": c.Settings["chat"], "parse_mode": "HTML", "link_preview_options": object{"is_disabled": true},
		"text": "<b>" + html.EscapeString(title) + "</b>\n" + html.EscapeString(rest),
	})
	if err != nil {
		return err
	}
	a, err := s.post(ctx, to, body, nil)
	if err != nil {
		return err
	}
	return telegramVerdict(a, to)
}

// telegramVerdict reads the answer of the Bot API. A chat that is not there is
// answered like a message that is no good.
func telegramVerdict(a answer, to *url.URL) error {
	var said struct {
		OK          bool   `json:"ok"`
		Description string `json:"description"`
		Parameters  struct {
			RetryAfter int `json:"retry_after"`
		} `json:"parameters"`
	}
	if err := json.Unmarshal(a.text, &said); err == nil && !said.OK && a.status/100 == 2 {
		a.status = http.StatusBadGateway
	}
	if n := time.Duration(said.Parameters.RetryAfter) * time.Second; n > 0 && n <= longestWait {
		a.wait = n
	}
	if a.status == http.StatusBadRequest && strings.Contains(said.Description, "chat") {
		a.status = http.StatusNotFound
	}
	return a.judge(to.Hostname(), spoken(a.text))
}
