package message

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

var sender = Sender{Now: time.Now}

const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// receive verifies a webhook as a reader of the specification would write it.
func receive(r *http.Request, secret string, body []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	sent, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return errors.New("timestamp is not near: " + r.Header.Get("webhook-timestamp"))
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "."))
	h.Write(body)
	for one := range strings.FieldsSeq(r.Header.Get("webhook-signature")) {
		version, signature, _ := strings.Cut(one, ",")
		given, err := base64.StdEncoding.DecodeString(signature)
		if version == "v1" && err == nil && hmac.Equal(given, h.Sum(nil)) {
			return nil
		}
	}
	return errors.New("no signature fits")
}

func TestWebhooksAreSigned(t *testing.T) {
	var got envelope
	var problem error
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		problem = errors.Join(err, receive(r, signingSecret, body), json.Unmarshal(body, &got))
		if receive(r, "whsec_"+base64.StdEncoding.EncodeToString([]byte("another secret of 24 bytes")), body) == nil {
			problem = errors.New("another secret fits too")
		}
		if r.Header.Get("webhook-id") != "019e5f3a-0001" || r.Header.Get("Content-Type") != "application/json" || r.Method != http.MethodPost {
			problem = errors.Join(problem, errors.New("wrong request"))
		}
	}))
	defer server.Close()
	c := control.Channel{Name: "hook", Kind: Webhook, Settings: map[string]string{"url": server.URL + "/in?x=1"}}
	if err := errors.Join(sender.Send(t.Context(), c, vault.NewSecret(signingSecret), sample()), problem); err != nil {
		t.Fatal(err)
	}
	if got.Type != "failure" || !got.Timestamp.Equal(noon) || got.Data.Title != sample().Title || got.Data.Code != "store.no_space" || len(got.Data.Facts) != 1 {
		t.Errorf("got %+v", got)
	}
}

// answering is a webhook channel to a server of that behaviour.
func answering(t *testing.T, f http.HandlerFunc) control.Channel {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return control.Channel{Name: "hook", Kind: Webhook, Settings: map[string]string{"url": server.URL}}
}

func TestAnswersOfWebhooks(t *testing.T) {
	var elsewhere atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) }))
	defer other.Close()
	status := func(code int, text string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = io.WriteString(w, text) // a client that has heard enough is gone
		}
	}
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
		says   string
		final  bool
		wait   time.Duration
	}{
		"taken":         {answer: status(204, "")},
		"gone":          {answer: status(410, "endpoint removed"), want: ErrGone, says: "endpoint removed", final: true},
		"no such":       {answer: status(404, "no such hook"), want: ErrUnauthorized, says: "no such hook"},
		"forbidden":     {answer: status(403, ""), want: ErrUnauthorized},
		"not good":      {answer: status(422, "bad \x1b[31mbody\r\nhere password=geheim"), want: ErrRejected, says: "bad [31mbody here password=[secret]", final: true},
		"busy":          {answer: status(429, "slow down", "Retry-After", "120"), want: ErrBusy, says: "slow down", wait: 2 * time.Minute},
		"busy for long": {answer: status(429, "", "Retry-After", "9999999"), want: ErrBusy},
		"failing":       {answer: status(503, "maintenance", "Retry-After", "30"), want: ErrServer, says: "maintenance", wait: 30 * time.Second},
		"elsewhere":     {answer: status(307, "", "Location", other.URL), want: ErrRedirect, says: "307"},
		"huge":          {answer: status(500, strings.Repeat("x", 50<<20)), want: ErrServer, says: "xxx…"},
		"huge header":   {answer: status(200, "", "X-A", strings.Repeat("x", 1<<20)), want: ErrUnreachable},
		"cut off": {answer: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close() // that is the test
			}
		}, want: ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			err := sender.Send(t.Context(), answering(t, c.answer), vault.NewSecret(signingSecret), sample())
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || hopeless(err) != c.final {
				t.Errorf("got %v (final %v), want %v with %q", err, hopeless(err), c.want, c.says)
			}
			if len(err.Error()) > 2000 {
				t.Errorf("%d bytes of error", len(err.Error()))
			}
			if l, ok := errors.AsType[later](err); ok && l.wait != c.wait || !ok && c.wait != 0 {
				t.Errorf("wants to wait %v, want %v", l.wait, c.wait)
			}
		})
	}
	if elsewhere.Load() {
		t.Error("a redirect was followed")
	}
}

func TestAWebhookThatHangsIsLeft(t *testing.T) {
	hanging := make(chan struct{})
	defer close(hanging)
	c := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		select {
		case <-r.Context().Done():
		case <-hanging:
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := sender.Send(ctx, c, vault.NewSecret(signingSecret), sample()); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
	ended := errors.New("the agent ends")
	stopping, stop := context.WithCancelCause(t.Context())
	stop(ended)
	if err := sender.Send(stopping, c, vault.NewSecret(signingSecret), sample()); !errors.Is(err, ended) {
		t.Errorf("got %v", err)
	}
}

// chat is a server of a chat that checks what it is sent against the documented
// form.
func chat(t *testing.T, kind string, answer string, code int, check func(t *testing.T, path string, body map[string]any)) (control.Channel, vault.Secret) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		check(t, r.URL.Path, body)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, answer) // the client may have gone
	}))
	t.Cleanup(server.Close)
	if kind == Telegram {
		return control.Channel{Name: "c", Kind: kind, Settings: map[string]string{"chat": "-1001", "api": server.URL}}, vault.NewSecret(token)
	}
	return control.Channel{Name: "c", Kind: kind}, vault.NewSecret(server.URL + "/services/T0/B0/SECRETSECRET")
}

const token = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// dig follows keys and numbers into JSON.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

var forms = map[string]func(t *testing.T, path string, body map[string]any){
	Slack: func(t *testing.T, _ string, b map[string]any) {
		want(t, b, "🔴 şube &lt;1&gt; yedeklenemedi", "text")
		want(t, b, "header", "blocks", 0, "type")
		want(t, b, "plain_text", "blocks", 0, "text", "type")
		want(t, b, "Hedef dolu: /mnt/yedek &amp; co\nYer açın.", "blocks", 1, "text", "text")
		want(t, b, "*Veritabanı*\nşube &lt;1&gt;", "blocks", 2, "fields", 0, "text")
	},
	Discord: func(t *testing.T, _ string, b map[string]any) {
		want(t, b, "şube <1> yedeklenemedi", "embeds", 0, "title")
		want(t, b, "Hedef dolu: /mnt/yedek & co\nYer açın.", "embeds", 0, "description")
		want(t, b, float64(0xd92d20), "embeds", 0, "color")
		want(t, b, "2026-11-21T12:00:00Z", "embeds", 0, "timestamp")
		want(t, b, "şube <1>", "embeds", 0, "fields", 0, "value")
		if l, ok := dig(b, "allowed_mentions", "parse").([]any); !ok || len(l) != 0 {
			t.Errorf("mentions are allowed: %v", b)
		}
	},
	Teams: func(t *testing.T, _ string, b map[string]any) {
		want(t, b, "message", "type")
		want(t, b, "application/vnd.microsoft.card.adaptive", "attachments", 0, "contentType")
		card := dig(b, "attachments", 0, "content")
		want(t, card, "AdaptiveCard", "type")
		want(t, card, "şube <1> yedeklenemedi", "body", 0, "text")
		want(t, card, "Attention", "body", 0, "color")
		want(t, card, "FactSet", "body", 3, "type")
		want(t, card, "şube <1>", "body", 3, "facts", 0, "value")
	},
	Telegram: func(t *testing.T, path string, b map[string]any) {
		if path != "/bot"+token+"/sendMessage" {
			t.Errorf("path %s", path)
		}
		want(t, b, "-1001", "chat_id")
		want(t, b, "HTML", "parse_mode")
		want(t, b, "<b>🔴 şube &lt;1&gt; yedeklenemedi</b>\nHedef dolu: /mnt/yedek &amp; co\nYer açın.\nVeritabanı: şube &lt;1&gt;", "text")
	},
}

func want(t *testing.T, v, want any, path ...any) {
	t.Helper()
	if got := dig(v, path...); got != want {
		t.Errorf("%v: got %q, want %q", path, got, want)
	}
}

func TestChatsGetTheirForm(t *testing.T) {
	answers := map[string]string{Slack: "ok", Teams: "", Discord: "", Telegram: `{"ok":true,"result":{}}`}
	codes := map[string]int{Slack: 200, Discord: 204, Teams: 202, Telegram: 200}
	for kind, check := range forms {
		t.Run(kind, func(t *testing.T) {
			c, secret := chat(t, kind, answers[kind], codes[kind], check)
			if err := sender.Send(t.Context(), c, secret, sample()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChatsThatRefuseSayWhy(t *testing.T) {
	for name, c := range map[string]struct {
		kind, answer string
		code         int
		want         error
		says         string
	}{
		"slack, no such":       {Slack, "no_service", 404, ErrUnauthorized, `reason="no_service"`},
		"slack, archived":      {Slack, "channel_is_archived", 410, ErrGone, "channel_is_archived"},
		"slack, form":          {Slack, "invalid_blocks", 400, ErrRejected, "invalid_blocks"},
		"discord, no such":     {Discord, `{"message": "Unknown Webhook", "code": 10015}`, 404, ErrUnauthorized, `reason="Unknown Webhook"`},
		"discord, busy":        {Discord, `{"message": "You are being rate limited.", "retry_after": 0.3}`, 429, ErrBusy, "rate limited"},
		"teams, no such":       {Teams, `{"error":{"code":"WorkflowNotFound","message":"The workflow could not be found."}}`, 404, ErrUnauthorized, "The workflow could not be found."},
		"teams, old connector": {Teams, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429", 200, ErrServer, "429"},
		"telegram, token":      {Telegram, `{"ok":false,"error_code":401,"description":"Unauthorized"}`, 401, ErrUnauthorized, "Unauthorized"},
		"telegram, chat":       {Telegram, `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, 400, ErrUnauthorized, "chat not found"},
		"telegram, busy":       {Telegram, `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`, 429, ErrBusy, "retry after 17"},
		"telegram, no":         {Telegram, `{"ok":false,"description":"strange"}`, 200, ErrServer, "strange"},
	} {
		t.Run(name, func(t *testing.T) {
			channel, secret := chat(t, c.kind, c.answer, c.code, func(*testing.T, string, map[string]any) {})
			err := sender.Send(t.Context(), channel, secret, sample())
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.says)
			}
			if l, ok := errors.AsType[later](err); c.kind == Telegram && ok && c.code == 429 && l.wait != 17*time.Second {
				t.Errorf("wants to wait %v", l.wait)
			}
		})
	}
}

func TestNoErrorNamesASecretAddress(t *testing.T) {
	port := freePort(t)
	for kind, secret := range map[string]string{
		Slack: "http://localhost:" + port + "/services/GEHEIM", Discord: "https://localhost:" + port + "/api/webhooks/GEHEIM", Teams: "ftp://GEHEIM",
		Telegram: "123456789:GEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEI",
	} {
		c := control.Channel{Name: "c", Kind: kind}
		if kind == Telegram {
			c.Settings = map[string]string{"chat": "@kanal", "api": "http://localhost:" + port}
		}
		err := sender.Send(t.Context(), c, vault.NewSecret(secret), sample())
		if err == nil || strings.Contains(err.Error(), "GEHEIM") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestLongMessagesFitEveryForm(t *testing.T) {
	m := sample()
	m.Title = strings.Repeat("ş", 5000)
	for range 200 {
		m.Lines = append(m.Lines, strings.Repeat("*ğ", 300))
		m.Facts = append(m.Facts, Fact{"a", strings.Repeat("e", 999), strings.Repeat("_f", 2000)})
	}
	if b, err := encode(teamsForm(m)); err != nil || len(b) > 28<<10 {
		t.Errorf("Teams: %d bytes, %v", len(b), err)
	}
	b := slackForm(m)
	if blocks, ok := b["blocks"].([]object); !ok || len(blocks) > 50 {
		t.Errorf("Slack: %v", b)
	}
	embeds, _ := discordForm(m)["embeds"].([]object)
	total := 0
	for _, key := range []string{"title", "description"} {
		s, _ := embeds[0][key].(string)
		total += len([]rune(s))
	}
	fields, _ := embeds[0]["fields"].([]object)
	for _, f := range fields {
		for _, key := range []string{"name", "value"} {
			s, _ := f[key].(string)
			total += len([]rune(s))
		}
	}
	if total > 6000 || len(fields) > 25 {
		t.Errorf("Discord: %d letters in %d fields", total, len(fields))
	}
}
