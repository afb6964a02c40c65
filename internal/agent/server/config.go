package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/agent/message"
	"github.com/rahatbackup/rahat/internal/agent/verifier"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/version"
)

// configRoutes registers the configuration as a file. What comes in is read by
// ourselves: the schema would call a file of a newer version wrong.
func (s *Server) configRoutes(api huma.API) {
	handle(s, api, http.MethodGet, "/api/config", "export-config", "The configuration as one file, without secrets", http.StatusOK, s.exportConfig)
	op := huma.Operation{
		OperationID: "import-config", Method: http.MethodPost, Path: "/api/config", Summary: "Bring in a configuration, all of it or nothing",
		DefaultStatus: http.StatusOK, SkipValidateBody: true,
	}
	huma.Register(api, op, func(ctx context.Context, in *importBody) (*reply[control.ConfigImported], error) {
		out, err := s.importConfig(ctx, in.RawBody)
		if err != nil {
			return nil, s.failure(ctx, op.OperationID, err)
		}
		return &reply[control.ConfigImported]{out}, nil
	})
}

type importBody struct {
	RawBody []byte
	Body    control.ConfigImport
}

// exportConfig returns all that a person has set up.
func (s *Server) exportConfig(ctx context.Context, _ *struct{}) (control.ConfigFile, error) {
	c, err := s.Catalog.Config(ctx)
	if err != nil {
		return control.ConfigFile{}, err
	}
	for i, d := range c.Destinations {
		c.Destinations[i].URL = withoutPassword(d.URL)
	}
	return control.ConfigFile{
		Kind: control.ConfigKind, Version: control.ConfigVersion, Program: version.Version, Written: s.Now().UTC(), Machine: s.Machine,
		Servers: c.Servers, Destinations: c.Destinations, Jobs: c.Jobs, Channels: append([]control.Channel{}, c.Channels...),
	}, nil
}

// withoutPassword is a URL without the password that nobody should have put
// there.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return text
	}
	u.User = url.User(u.User.Username())
	return u.String()
}

// parseImport reads a request.
func parseImport(raw []byte) (in control.ConfigImport, err error) {
	var envelope struct {
		File    json.RawMessage `json:"file"`
		Replace bool            `json:"replace"`
		DryRun  bool            `json:"dry_run"`
	}
	if err := control.DecodeStrictly(raw, &envelope); err != nil {
		return in, invalid("body", "not a request to bring in a configuration")
	}
	in.Replace, in.DryRun = envelope.Replace, envelope.DryRun
	in.File, err = control.ParseConfig(envelope.File)
	return in, err
}

// importConfig brings a configuration in.
func (s *Server) importConfig(ctx context.Context, raw []byte) (control.ConfigImported, error) {
	in, err := parseImport(raw)
	if err != nil {
		return control.ConfigImported{}, err
	}
	s.naming.Lock()
	defer s.naming.Unlock()
	present, err := s.Catalog.Config(ctx)
	if err != nil {
		return control.ConfigImported{}, err
	}
	m := newMerging(present, in)
	if err := m.err(); err != nil {
		return m.report, err
	}
	if err := s.checkMerge(ctx, m); err != nil {
		return m.report, err
	}
	if m.report.NeedSecrets, err = s.lacking(ctx, m.merge); err != nil || in.DryRun {
		return m.report, err
	}
	if err := s.Catalog.Merge(ctx, m.merge); err != nil {
		return m.report, fmt.Errorf("save configuration: %w", err)
	}
	for _, c := range m.merge.Servers {
		s.census.forget(c.Name)
	}
	s.Broker.Changed()
	if err := s.scheduler.Look(ctx); err != nil {
		return m.report, err
	}
	return m.report, s.readNew(ctx, m)
}

// readNew queues the reading of destinations that are new and can be opened.
func (s *Server) readNew(ctx context.Context, m *merging) error {
	for _, d := range m.merge.Destinations {
		key, err := s.secret(ctx, keyName(d.Repository))
		if err != nil || key.Empty() {
			continue // its key is needed first, as the report says
		}
		if err := s.queueRebuild(ctx, d.Name); err != nil {
			return err
		}
	}
	return nil
}

// merging compares a file with what is there.
type merging struct {
	replace  bool
	merge    catalog.Merge
	servers  map[string]control.Server // as they would be then
	places   map[string]control.Destination
	engines  map[string]string // of the servers that are there
	report   control.ConfigImported
	problems []error
}

func newMerging(present catalog.Config, in control.ConfigImport) *merging {
	m := &merging{
		replace: in.Replace, servers: map[string]control.Server{}, places: map[string]control.Destination{}, engines: map[string]string{},
		report: control.ConfigImported{Added: []string{}, Changed: []string{}, Same: []string{}, Left: []string{}, NeedSecrets: []string{}},
	}
	for _, c := range present.Servers {
		m.servers[c.Name], m.engines[c.Name] = c, c.Engine
	}
	for _, d := range present.Destinations {
		m.places[d.Name] = d
	}
	for _, c := range sift(m, "server", present.Servers, in.File.Servers, func(c control.Server) string { return c.Name }) {
		m.merge.Servers, m.servers[c.Name] = append(m.merge.Servers, c), c
	}
	for _, d := range sift(m, "destination", present.Destinations, in.File.Destinations, func(d control.Destination) string { return d.Name }) {
		m.merge.Destinations, m.places[d.Name] = append(m.merge.Destinations, d), d
	}
	m.merge.Jobs = sift(m, "job", present.Jobs, in.File.Jobs, func(j control.Job) string { return j.Name })
	m.merge.Channels = sift(m, "channel", present.Channels, in.File.Channels, func(c control.Channel) string { return c.Name })
	return m
}

func (m *merging) err() error {
	if len(m.problems) == 0 {
		return nil
	}
	return m.problems[0]
}

// goodName is the pattern of names in package control.
var goodName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$`)

// sift returns what of a list is to be brought in, and reports on each.
func sift[T any](m *merging, kind string, present, file []T, name func(T) string) (bring []T) {
	there, met := map[string]T{}, map[string]bool{}
	for _, x := range present {
		there[name(x)] = x
	}
	for _, x := range file {
		n := name(x)
		what := kind + "/" + n
		old, known := there[n]
		switch {
		case !goodName.MatchString(n):
			m.problems = append(m.problems, ErrBadName.Because(fmt.Errorf("%s %q", kind, n)))
		case met[n]:
			m.problems = append(m.problems, invalid("file", what+" is there twice"))
		case !known:
			m.report.Added, bring = append(m.report.Added, what), append(bring, x)
		case alike(old, x):
			m.report.Same = append(m.report.Same, what)
		case m.replace:
			m.report.Changed, bring = append(m.report.Changed, what), append(bring, x)
		default:
			m.report.Left = append(m.report.Left, what)
		}
		met[n] = true
	}
	return bring
}

// alike compares two records by what a file would say of them.
func alike[T any](a, b T) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, e1 := json.Marshal(a)
	y, e2 := json.Marshal(b)
	return e1 == nil && e2 == nil && string(x) == string(y)
}

// checkMerge makes sure that all that is to come in makes sense, with what is
// there already.
func (s *Server) checkMerge(ctx context.Context, m *merging) error {
	for _, c := range m.merge.Servers {
		if old, ok := m.engines[c.Name]; ok && old != c.Engine {
			return ErrServerExists.Because(fmt.Errorf("with engine %s", old), "name", c.Name)
		}
		if err := s.checkServer(control.NewServer{Server: c}); err != nil {
			return inFile("server", c.Name, err)
		}
	}
	for _, d := range m.merge.Destinations {
		if err := s.checkPlace(ctx, d, m.places); err != nil {
			return inFile("destination", d.Name, err)
		}
	}
	for _, j := range m.merge.Jobs {
		if err := errors.Join(checkForm(j), s.checkJobAmong(j, m.servers, m.places)); err != nil {
			return inFile("job", j.Name, err)
		}
	}
	for _, c := range m.merge.Channels {
		// Secrets do not travel: that it lacks one is said in the report.
		if err := message.Check(c, vault.Secret{}); err != nil && !errors.Is(err, message.ErrNoSecret) {
			return inFile("channel", c.Name, err)
		}
	}
	return nil
}

// checkForm makes sure of what the schema makes sure of in other requests.
func checkForm(j control.Job) error {
	switch {
	case !slices.Contains([]backup.Type{backup.Full, backup.Differential, backup.Incremental}, j.Type):
		return invalid("type", "full, differential or incremental")
	case !slices.Contains([]string{"", noProof, verifier.Basic, verifier.Database, verifier.Full}, j.Verify):
		return invalid("verify", "none, basic, database or full")
	case j.ProofDays < 0 || j.ProofDays > 3650:
		return invalid("proof_days", "0 to 3650")
	case j.Priority < -10 || j.Priority > 10:
		return invalid("priority", "-10 to 10")
	case j.Attempts < 0 || j.Attempts > 20:
		return invalid("attempts", "0 to 20")
	}
	return nil
}

// inFile says in which record of a file something is wrong.
func inFile(kind, name string, err error) error { return fmt.Errorf("%s %s: %w", kind, name, err) }

// judged bounds how long an address may take to be judged; stores that answer
// slowly are not at fault.
const judged = 5 * time.Second

// checkPlace makes sure that a destination can be one, though it may be away.
func (s *Server) checkPlace(ctx context.Context, d control.Destination, all map[string]control.Destination) error {
	if d.Repository == "" || d.LockDays < 0 || d.RereadDays < 0 {
		return invalid("destinations", "repository, lock_days or reread_days")
	}
	if u, err := url.Parse(d.URL); err != nil || u.User != nil && withoutPassword(d.URL) != d.URL {
		return store.ErrBadURL.Because(errors.New("no address, or one with a password"), "url", withoutPassword(d.URL))
	}
	for _, other := range all {
		if other.Name != d.Name && other.Repository == d.Repository {
			return ErrRepositoryInUse.Because(nil, "url", d.URL, "name", other.Name)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, judged)
	defer cancel()
	if _, err := s.OpenStore(ctx, d.URL, vault.Secret{}, false); errors.Is(err, store.ErrBadURL) {
		return err
	}
	return nil
}

// lacking names what will not work until a secret is given here.
func (s *Server) lacking(ctx context.Context, m catalog.Merge) ([]string, error) {
	out := []string{}
	lacks := func(what string, v vault.Secret, err error) error {
		if err == nil && v.Empty() {
			out = append(out, what)
		}
		return err
	}
	without := func(what, name string) error {
		v, err := s.secret(ctx, name)
		return lacks(what, v, err)
	}
	for _, c := range m.Servers {
		if c.Engine == engine.SQLite || c.User == "" {
			continue
		}
		if err := without("server/"+c.Name, passwordName(c.Name)); err != nil {
			return out, err
		}
	}
	for _, d := range m.Destinations {
		before := len(out)
		if err := without("destination/"+d.Name, keyName(d.Repository)); err != nil {
			return out, err
		}
		if len(out) > before || strings.HasPrefix(d.URL, "file:") {
			continue
		}
		secret, err := s.secretOf(ctx, d)
		if err := lacks("destination/"+d.Name, secret, err); err != nil {
			return out, err
		}
	}
	for _, c := range m.Channels {
		if !message.NeedsSecret(c) {
			continue
		}
		if err := without("channel/"+c.Name, channelSecretName(c.Name)); err != nil {
			return out, err
		}
	}
	return out, nil
}
