package message

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

// envelope is the body of a webhook.
type envelope struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      Message   `json:"data"`
}

func (s *Sender) sendWebhook(ctx context.Context, c control.Channel, secret vault.Secret, m Message) error {
	to, err := address("url", c.Settings["url"])
	if err != nil {
		return err
	}
	body, err := encode(envelope{m.Kind, m.At, m})
	if err != nil {
		return err
	}
	at := strconv.FormatInt(s.Now().Unix(), 10)
	header := http.Header{}
	header.Set("webhook-id", m.ID)
	header.Set("webhook-timestamp", at)
	header.Set("webhook-signature", "v1,"+sign(signingKey(secret), m.ID, at, body))
	a, err := s.post(ctx, to, body, header)
	if err != nil {
		return err
	}
	return a.judge(to.Hostname(), string(a.text))
}

// sign is the signature of a body at a moment.
func sign(key []byte, id, at string, body []byte) string {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s.%s.%s", id, at, body)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
