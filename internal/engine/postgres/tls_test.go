package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/pgtest"
)

// encrypted makes a server that takes encrypted connections only, and returns
// its certificate.
func encrypted(t *testing.T) (s *pgtest.Server, certificate string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	self := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, self, self, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s = pgtest.Start(t, pgtest.Options{})
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for name, text := range map[string]string{
		"server.crt": cert, "server.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
		"pg_hba.conf": "hostssl all all 127.0.0.1/32 scram-sha-256\n",
	} { // written by the server, whose files they must be
		s.Exec(t, "postgres", "COPY (SELECT unnest(string_to_array("+literal(strings.TrimSpace(text))+", E'\\n'))) TO PROGRAM "+
			literal("umask 077; cat > '"+filepath.Join(s.DataDir, name)+"'"))
	}
	c := s.Connect(t, "postgres")
	for _, sql := range []string{"ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"} {
		if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	certificate = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(certificate, []byte(cert), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, certificate
}

func TestEncryptedConnections(t *testing.T) {
	s, certificate := encrypted(t)
	probe := func(options map[string]string) error {
		_, err := open(t, s, options).Probe(t.Context())
		return err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); probe(map[string]string{OptSSLMode: "require"}) != nil; <-tick.C { // the reload takes a moment
		if time.Now().After(end) {
			t.Fatal(probe(map[string]string{OptSSLMode: "require"}))
		}
	}
	if err := probe(map[string]string{OptSSLMode: "disable"}); !errors.Is(err, engine.ErrTLSRequired) {
		t.Errorf("without encryption: %v", err)
	}
	if err := probe(map[string]string{OptSSLMode: "verify-full"}); !errors.Is(err, engine.ErrTLSUntrusted) {
		t.Errorf("a stranger's certificate: %v", err)
	}
	trusted := map[string]string{OptSSLMode: "verify-full", OptSSLRootCert: certificate}
	if err := probe(trusted); err != nil {
		t.Errorf("a trusted certificate: %v", err)
	}
	for name, options := range map[string]map[string]string{"by default": nil, "verified": trusted} {
		snap, err := open(t, s, options).Snapshot(t.Context(), "postgres", engine.SnapshotOptions{Streams: 2})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range snap.Parts() {
			if err := snap.Dump(t.Context(), p, io.Discard); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := snap.Close(); err != nil {
			t.Error(err)
		}
	}
}
