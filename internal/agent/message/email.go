package message

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/vault"
)

// emailTime bounds the whole talk with an SMTP server.
const emailTime = 30 * time.Second

// ports by how the connection is encrypted.
var ports = map[string]string{"starttls": "587", "tls": "465", "none": "25"}

// mailing is one e-mail on its way.
type mailing struct {
	host, port, mode, user string
	secret                 vault.Secret
	from                   *mail.Address
	to                     []*mail.Address
	tls                    *tls.Config
}

func (s *Sender) sendEmail(ctx context.Context, c control.Channel, secret vault.Secret, m Message) (err error) {
	o := c.Settings
	p := mailing{host: o["host"], user: o["user"], secret: secret, mode: cmp.Or(o["tls"], "starttls")}
	p.port = cmp.Or(o["port"], ports[p.mode])
	p.tls = &tls.Config{ServerName: p.host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	if p.from, err = mail.ParseAddress(o["from"]); err != nil {
		return ErrBadAddress.Because(err, "setting", "from", "value", o["from"])
	}
	if p.to, err = mail.ParseAddressList(o["to"]); err != nil {
		return ErrBadAddress.Because(err, "setting", "to", "value", o["to"])
	}
	text, err := p.write(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, emailTime)
	defer cancel()
	if err := p.send(ctx, text); err != nil {
		return stopped(ctx, network(err, p.host, emailTime))
	}
	return nil
}

// send talks with the server.
func (p mailing) send(ctx context.Context, text []byte) error {
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // after Quit there is nothing left to lose
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if at, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(at); err != nil {
			return err
		}
	}
	client, err := smtp.NewClient(conn, p.host)
	if err != nil {
		return err
	}
	if err := p.greet(client); err != nil {
		return err
	}
	refused, err := p.envelope(client)
	if err != nil {
		return err
	}
	if err := p.deliver(client, text); err != nil {
		return err
	}
	_ = client.Quit() // the server has taken the message
	return refused
}

func (p mailing) dial(ctx context.Context) (net.Conn, error) {
	at := net.JoinHostPort(p.host, p.port)
	if p.mode == "tls" {
		return (&tls.Dialer{Config: p.tls}).DialContext(ctx, "tcp", at)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", at)
}

// greet says who we are, encrypts and logs in.
func (p mailing) greet(client *smtp.Client) error {
	name, err := os.Hostname()
	if err != nil || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		name = "localhost"
	}
	if err := client.Hello(name); err != nil {
		return err
	}
	if p.mode == "starttls" {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return ErrNoTLS.Because(nil, "host", p.host)
		}
		if err := client.StartTLS(p.tls); err != nil {
			return err
		}
	}
	if p.user == "" {
		return nil
	}
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(offered)
	plain := p.mode == "none" // and then this computer alone
	var auth smtp.Auth
	for _, way := range ways {
		switch {
		case strings.EqualFold(way, "PLAIN"):
			auth = smtp.PlainAuth("", p.user, p.secret.Reveal(), p.host, plain)
		case strings.EqualFold(way, "LOGIN") && auth == nil:
			auth = smtp.LoginAuth(p.user, p.secret.Reveal(), p.host, plain)
		}
	}
	if auth == nil {
		return ErrNoLogin.Because(nil, "host", p.host)
	}
	if err := client.Auth(auth); err != nil {
		return said(err, ErrLogin.Because(nil, "host", p.host, "user", p.user, "reason", answered(err)))
	}
	return nil
}

// envelope names sender and receivers. Receivers that the server refuses for
// good do not keep the others from getting the message; refused tells of them.
func (p mailing) envelope(client *smtp.Client) (refused, err error) {
	if err := client.Mail(p.from.Address); err != nil {
		return nil, said(err, ErrSender.Because(nil, "host", p.host, "address", p.from.Address, "reason", answered(err)))
	}
	taken := 0
	var last []string
	for _, to := range p.to {
		err := client.Rcpt(to.Address)
		if err == nil {
			taken++
			continue
		}
		last = []string{"host", p.host, "address", to.Address, "reason", answered(err)}
		if code, ok := errors.AsType[*textproto.Error](err); !ok || code.Code/100 != 5 {
			return nil, said(err, ErrRecipient.Because(nil, last...))
		}
	}
	switch {
	case taken == 0:
		return nil, ErrRecipient.Because(nil, last...)
	case last != nil:
		return ErrSome.Because(nil, last...), nil
	}
	return nil, nil
}

// deliver hands over the text.
func (p mailing) deliver(client *smtp.Client, text []byte) error {
	w, err := client.Data()
	if err == nil {
		_, err = w.Write(text)
		if e := w.Close(); err == nil {
			err = e
		}
	}
	if code, ok := errors.AsType[*textproto.Error](err); ok && code.Code/100 == 5 {
		return ErrRejected.Because(nil, "host", p.host, "status", fmt.Sprint(code.Code), "reason", answered(err))
	}
	return err
}

// said returns p if the server answered, and err if the talk broke off.
func said(err, p error) error {
	if _, ok := errors.AsType[*textproto.Error](err); ok {
		return p
	}
	return err
}

// answered is what a server said.
func answered(err error) string {
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return reason(fmt.Sprintf("%d %s", e.Code, e.Msg))
	}
	return ""
}

// write makes the text of the mail, RFC 5322 with MIME.
func (p mailing) write(m Message) ([]byte, error) {
	mail := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	mail.FromMailAddress(p.from)
	mail.SetAddrHeaderFromMailAddress(gomail.HeaderTo, p.to...)
	mail.Subject(cut(oneLine(i18n.For(m.Language).T("message.subject", "machine", m.Machine, "title", m.Title)), 200))
	mail.SetDateWithValue(m.At)
	_, domain, _ := strings.Cut(p.from.Address, "@")
	mail.SetMessageIDWithValue(m.ID + "@" + domain)
	mail.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no out-of-office answers
	mail.SetBodyString(gomail.TypeTextPlain, m.letter())
	var page bytes.Buffer
	if err := letterPage.Execute(&page, m); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	mail.AddAlternativeString(gomail.TypeTextHTML, page.String())
	var text bytes.Buffer
	if _, err := mail.WriteTo(&text); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return text.Bytes(), nil
}

// letter is the message as the text of a mail.
func (m Message) letter() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", m.Title)
	for _, line := range m.Lines {
		fmt.Fprintf(&b, "%s\n\n", line)
	}
	for _, f := range m.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, f.Value)
	}
	fmt.Fprintf(&b, "\n-- \n%s\n", i18n.For(m.Language).T("message.footer", "machine", m.Machine))
	return b.String()
}

// Footer is the last line of a mail.
func (m Message) Footer() string {
	return i18n.For(m.Language).T("message.footer", "machine", m.Machine)
}

// Colour is that of the line beside the title.
func (m Message) Colour() string { return fmt.Sprintf("#%06x", colours[m.Severity]) }

// letterPage is a mail as a page that every reader of mails can show.
var letterPage = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}"><body style="font-family:sans-serif;color:#1a1a1a;max-width:40em">
<h1 style="font-size:1.2em;border-left:4px solid {{.Colour}};padding-left:.6em">{{.Title}}</h1>
{{range .Lines}}<p>{{.}}</p>
{{end}}<table style="border-collapse:collapse">{{range .Facts}}
<tr><th style="text-align:left;font-weight:normal;color:#666;padding:.15em 1em .15em 0">{{.Label}}</th><td>{{.Value}}</td></tr>{{end}}
</table>
<p style="color:#666;font-size:.85em">{{.Footer}}</p>
</body></html>
`))
