package message

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/vault"
)

// office is an SMTP server that keeps what it is given.
type office struct {
	certificate bool // it has one, and so can encrypt
	ways        []string
	password    string // "": no login is wanted

	mu    sync.Mutex
	mails []mailed
}

type mailed struct {
	from, user string
	to         []string
	text       string
}

func (o *office) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{office: o, encrypted: func() bool { _, ok := c.TLSConnectionState(); return ok }}, nil
}

func (o *office) got() []mailed {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]mailed(nil), o.mails...)
}

type session struct {
	*office
	encrypted func() bool
	now       mailed
}

func (s *session) AuthMechanisms() []string { return s.ways }

func (s *session) Auth(way string) (sasl.Server, error) {
	check := func(user, password string) error {
		if password != s.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Username and Password not accepted. Use an app password"}
		}
		s.now.user = user
		return nil
	}
	if way == sasl.Plain {
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	}
	return &loginServer{check: check}, nil
}

// loginServer is the server's side of AUTH LOGIN.
type loginServer struct {
	check func(user, password string) error
	user  string
	step  int
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	switch {
	case s.password != "" && s.now.user == "":
		return smtp.ErrAuthRequired
	case strings.HasPrefix(from, "stranger@"):
		return &smtp.SMTPError{Code: 553, Message: "Sender address rejected: not owned by user"}
	}
	s.now.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "gone@"):
		return &smtp.SMTPError{Code: 550, Message: "No such user here"}
	case strings.HasPrefix(to, "full@"):
		return &smtp.SMTPError{Code: 452, Message: "Mailbox full, try later"}
	}
	s.now.to = append(s.now.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if strings.Contains(string(text), "SPAM") {
		return &smtp.SMTPError{Code: 554, Message: "Message looks like spam"}
	}
	s.now.text = string(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, s.now)
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// authority makes a certificate for localhost, and whom to trust for it.
func authority(t *testing.T, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// open starts an office and returns its port; wrapped: encrypted from the first
// byte on.
func (o *office) open(t *testing.T, name string, wrapped bool) (port string, roots *x509.CertPool) {
	t.Helper()
	server := smtp.NewServer(o)
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", true, quiet{}
	certificate, roots := authority(t, name)
	if o.certificate {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if wrapped {
		l = tls.NewListener(l, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // always an error; Close below is the reason
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return port, roots
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// mailChannel is a channel to a server on this computer.
func mailChannel(port string, settings ...string) control.Channel {
	c := control.Channel{Name: "mail", Kind: Email, Settings: map[string]string{
		"host": "localhost", "port": port, "from": "Rahat <rahat@example.com>", "to": "ayşe <ayse@example.com>, it@example.com",
	}}
	for i := 0; i < len(settings); i += 2 {
		c.Settings[settings[i]] = settings[i+1]
	}
	return c
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func sample() Message {
	return Message{
		ID: "019e5f3a-0001", Kind: OnFailure, At: noon, Severity: Bad, Language: "tr", Machine: "kasa-3", Title: "şube <1> yedeklenemedi",
		Lines: []string{"Hedef dolu: /mnt/yedek & co", "Yer açın."}, Facts: []Fact{{"database", "Veritabanı", "şube <1>"}}, Code: "store.no_space",
	}
}

func TestMailArrivesAsTextAndPage(t *testing.T) {
	for name, c := range map[string]struct {
		office  *office
		wrapped bool
		set     []string
		secret  string
	}{
		"starttls, plain": {&office{certificate: true, ways: []string{"PLAIN", "LOGIN"}, password: "pa ss"}, false, []string{"user", "rahat"}, "pa ss"},
		"starttls, login": {&office{certificate: true, ways: []string{"LOGIN"}, password: "geheim"}, false, []string{"user", "rahat"}, "geheim"},
		"tls, no login":   {&office{certificate: true}, true, []string{"tls", "tls"}, ""},
		"none, plain":     {&office{ways: []string{"PLAIN"}, password: "x"}, false, []string{"tls", "none", "user", "rahat"}, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.office
			port, roots := o.open(t, "localhost", c.wrapped)
			s := Sender{Roots: roots, Now: time.Now}
			if err := s.Send(t.Context(), mailChannel(port, c.set...), secretOf(c.secret), sample()); err != nil {
				t.Fatal(err)
			}
			got := o.got()
			if len(got) != 1 || got[0].from != "rahat@example.com" || strings.Join(got[0].to, " ") != "ayse@example.com it@example.com" {
				t.Fatalf("got %+v", got)
			}
			if c.secret != "" && got[0].user != "rahat" {
				t.Errorf("logged in as %q", got[0].user)
			}
			checkMail(t, got[0].text)
		})
	}
}

func secretOf(s string) vault.Secret {
	if s == "" {
		return vault.Secret{}
	}
	return vault.NewSecret(s)
}

// checkMail reads a mail with the readers of the standard library.
func checkMail(t *testing.T, text string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != "kasa-3: şube <1> yedeklenemedi" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 || to[0].Name != "ayşe" {
		t.Errorf("to %v, %v", to, err)
	}
	for name, want := range map[string]string{"Message-Id": "<019e5f3a-0001@example.com>", "Auto-Submitted": "auto-generated", "Date": "Sat, 21 Nov 2026 12:00:00 +0000"} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range [][]string{
		{"text/plain", "şube <1> yedeklenemedi", "Hedef dolu: /mnt/yedek & co", "Veritabanı: şube <1>", "kasa-3 bilgisayarındaki Rahat Backup"},
		{"text/html", "şube &lt;1&gt; yedeklenemedi", "Hedef dolu: /mnt/yedek &amp; co", "<td>şube &lt;1&gt;</td>", `lang="tr"`, "solid #d92d20"},
	} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || !strings.HasPrefix(part.Header.Get("Content-Type"), want[0]) {
			t.Fatalf("%v, %v", part.Header, err)
		}
		for _, w := range want[1:] {
			if !strings.Contains(string(body), w) {
				t.Errorf("%s lacks %q:\n%s", want[0], w, body)
			}
		}
	}
}

func TestMailThatIsRefusedSaysWhy(t *testing.T) {
	open := func(ways []string, password, name string) (string, *x509.CertPool) {
		return (&office{certificate: true, ways: ways, password: password}).open(t, name, false)
	}
	both := []string{"PLAIN", "LOGIN"}
	port, roots := open(both, "right", "localhost")
	bare, _ := (&office{ways: both, password: "right"}).open(t, "localhost", false)
	strict, strictRoots := open([]string{"XOAUTH2"}, "right", "localhost")
	misnamed, misnamedRoots := open(both, "right", "mail.example.com")
	closed := freePort(t)
	for name, c := range map[string]struct {
		port   string
		roots  *x509.CertPool
		set    []string
		secret string
		want   error
		says   string
	}{
		"wrong password":      {port, roots, nil, "wrong", ErrLogin, "535 5.7.8 Username and Password not accepted"},
		"unknown authority":   {port, x509.NewCertPool(), nil, "right", ErrCertificate, "unknown authority"},
		"another's name":      {misnamed, misnamedRoots, nil, "right", ErrCertificate, "mail.example.com"},
		"no encryption":       {bare, nil, nil, "right", ErrNoTLS, ""},
		"no way to log in":    {strict, strictRoots, nil, "right", ErrNoLogin, ""},
		"login needed":        {port, roots, []string{"user", ""}, "", ErrSender, "502"},
		"sender refused":      {port, roots, []string{"from", "stranger@example.com"}, "right", ErrSender, "553 5.0.0 Sender address rejected"},
		"receiver refused":    {port, roots, []string{"to", "gone@example.com"}, "right", ErrRecipient, "550 5.0.0 No such user here"},
		"receiver for later":  {port, roots, []string{"to", "a@example.com, full@example.com"}, "right", ErrRecipient, "452 4.0.0 Mailbox full"},
		"one receiver gone":   {port, roots, []string{"to", "a@example.com, gone@example.com"}, "right", ErrSome, "550 5.0.0 No such user here"},
		"nobody there":        {closed, roots, nil, "right", ErrRefused, ""},
		"no such host":        {port, roots, []string{"host", "nowhere.invalid"}, "right", nil, ""},
		"encrypted from here": {port, roots, []string{"tls", "tls"}, "right", ErrUnreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			channel := mailChannel(c.port, append([]string{"user", "rahat"}, c.set...)...)
			s := Sender{Roots: c.roots, Now: time.Now}
			err := s.Send(t.Context(), channel, secretOf(c.secret), sample())
			if c.want == nil { // what a resolver answers depends on the network
				if !errors.Is(err, ErrNoHost) && !errors.Is(err, ErrUnreachable) {
					t.Errorf("got %v", err)
				}
				return
			}
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.says)
			}
			if strings.Contains(err.Error(), "right") || strings.Contains(err.Error(), "wrong") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

func TestAMailThatTheServerFindsNoGoodIsNotSentAgain(t *testing.T) {
	port, _ := (&office{}).open(t, "localhost", false)
	m := sample()
	m.Lines = []string{"SPAM"}
	s := Sender{Now: time.Now}
	if err := s.Send(t.Context(), mailChannel(port, "tls", "none"), vault.Secret{}, m); !errors.Is(err, ErrRejected) || !hopeless(err) {
		t.Errorf("got %v", err)
	}
}

// freePort is a port that nothing listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
