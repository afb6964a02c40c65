package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/recoverykit"
	"github.com/rahatbackup/rahat/internal/recoverykit/paper"
	"github.com/rahatbackup/rahat/internal/repository"
)

var (
	// ErrKitNothing: there is no destination that a kit could open.
	ErrKitNothing = problem.New("recoverykit.no_destinations")
	// ErrKitUnreachable: the kit was not made, because destination {name}
	// could not be opened.
	ErrKitUnreachable = problem.New("recoverykit.destination_unreachable")
)

// recovery says which destinations a recovery kit opens.
func (s *Server) recovery(ctx context.Context, _ *struct{}) ([]control.RecoveryState, error) {
	destinations, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return nil, err
	}
	known, err := s.Catalog.Recoveries(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]control.RecoveryState, len(destinations))
	for i, d := range destinations {
		r := known[d.Repository]
		all[i] = control.RecoveryState{Destination: d.Name, Kit: moment(r.Kit), Drilled: moment(r.Drilled), DrillDue: s.drillDue(r)}
	}
	return all, nil
}

// drillYears is how often a key is to be tried: paper is lost, and where it lies
// is forgotten.
const drillYears = 1

// drillDue says whether it is time to try a key again.
func (s *Server) drillDue(r catalog.Recovery) bool {
	last := r.Drilled
	if last.IsZero() {
		last = r.Kit
	}
	return !last.IsZero() && s.Now().After(last.AddDate(drillYears, 0, 0))
}

// moment is a time that may be missing.
func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// makeKit makes a key, lets it into the destinations and tells it. It is kept
// nowhere: not in the vault, not in the catalog, not in a log.
func (s *Server) makeKit(ctx context.Context, in *body[control.RecoveryKitRequest]) (kit control.RecoveryKit, err error) {
	destinations, err := s.kitDestinations(ctx, in.Body.Destinations)
	if err != nil {
		return kit, err
	}
	repos, done, err := s.openAll(ctx, destinations)
	if err != nil {
		return kit, err
	}
	defer done()
	texts, err := s.texts(ctx, in.Body.Language)
	if err != nil {
		return kit, err
	}
	id := recoverykit.New()
	if kit, err = sheet(id, s.Now(), destinations, texts); err != nil {
		return control.RecoveryKit{}, err
	}
	if err := letIn(ctx, repos, destinations, id.Recipient()); err != nil {
		return control.RecoveryKit{}, err
	}
	var opened []string
	for _, repo := range repos {
		opened = append(opened, repo.ID())
	}
	note := func(r *catalog.Recovery) { r.Kit, r.Recipient = kit.Created, id.Recipient() }
	if err := s.Catalog.ChangeRecovery(context.WithoutCancel(ctx), note, opened...); err != nil {
		s.Log.WarnContext(ctx, "cannot remember that a recovery kit was made", "err", err) // the kit is good all the same
	}
	s.Broker.Changed()
	return kit, nil
}

// letIn lets a key into all destinations, or into none: of a kit that was not
// made nobody has the key, and its slots would only puzzle who lists them.
func letIn(ctx context.Context, repos []*repository.Repository, destinations []control.Destination, recipient string) error {
	for i, repo := range repos {
		err := repo.AddSlots(ctx, repository.Slots{Recipients: []string{recipient}})
		if err == nil {
			continue
		}
		for _, entered := range repos[:i+1] { // the last one too: it may be that only the answer was lost
			err = errors.Join(err, shutOut(context.WithoutCancel(ctx), entered, recipient))
		}
		return ErrKitUnreachable.Because(err, "name", destinations[i].Name)
	}
	return nil
}

// shutOut takes away the slots of a recipient.
func shutOut(ctx context.Context, repo *repository.Repository, recipient string) error {
	slots, err := repo.Slots(ctx)
	for _, slot := range slots {
		if slot.Recipient == recipient {
			err = errors.Join(err, repo.RemoveSlot(ctx, slot.ID))
		}
	}
	return err
}

// kitDestinations are the named destinations, or all.
func (s *Server) kitDestinations(ctx context.Context, names []string) ([]control.Destination, error) {
	all, err := s.Catalog.Destinations(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrKitNothing.Because(nil)
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []control.Destination
	for _, name := range names {
		i := slices.IndexFunc(all, func(d control.Destination) bool { return d.Name == name })
		if i < 0 {
			return nil, ErrNoDestination.Because(nil, "name", name)
		}
		if !slices.Contains(chosen, all[i]) {
			chosen = append(chosen, all[i])
		}
	}
	return chosen, nil
}

// openAll opens the repositories of all destinations, or none.
func (s *Server) openAll(ctx context.Context, destinations []control.Destination) ([]*repository.Repository, func(), error) {
	var repos []*repository.Repository
	var users []func()
	done := func() {
		for _, f := range users {
			f()
		}
	}
	for _, d := range destinations {
		repo, release, err := s.repos.use(ctx, d)
		if err != nil {
			done()
			return nil, nil, ErrKitUnreachable.Because(err, "name", d.Name)
		}
		repos, users = append(repos, repo), append(users, release)
	}
	return repos, done, nil
}

// texts are those of the language asked for, or else chosen in the settings.
func (s *Server) texts(ctx context.Context, language string) (*i18n.Texts, error) {
	if language == "" {
		p, err := s.Catalog.Preferences(ctx)
		if err != nil {
			return nil, err
		}
		language = p.Language
	}
	if !i18n.Known(language) {
		language = i18n.Detect()
	}
	return i18n.For(language), nil
}

// sheet writes the kit.
func sheet(id recoverykit.Identity, now time.Time, destinations []control.Destination, texts *i18n.Texts) (control.RecoveryKit, error) {
	kit := control.RecoveryKit{
		Identity: id.Secret().Reveal(), Recipient: id.Recipient(), Words: id.Words(), Created: now.UTC(),
	}
	s := paper.Sheet{Identity: id, Created: now, Texts: texts}
	for _, d := range destinations {
		kit.Destinations = append(kit.Destinations, control.KitDestination{Name: d.Name, URL: paper.Address(d.URL), Repository: d.Repository})
		s.Destinations = append(s.Destinations, paper.Destination{Name: d.Name, URL: d.URL, Repository: d.Repository})
	}
	kit.Text = s.Text()
	var err error
	kit.PDF, err = s.PDF()
	return kit, err
}

// drillTime bounds a drill. What could be read until then was right.
const drillTime = 30 * time.Second

// errDrillLong ends the reading of a backup that is too large for a drill.
var errDrillLong = errors.New("the time of the drill is over")

// drillKey opens a destination with what is left when this computer is lost:
// its address, the store's secret and the key that is typed.
func (s *Server) drillKey(ctx context.Context, in *body[control.KeyDrill]) (out control.KeyDrilled, err error) {
	begun := s.Now()
	d, err := s.destinationOf(ctx, in.Body.Destination)
	if err != nil {
		return out, err
	}
	err = s.drill(ctx, d, in.Body, &out)
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	out.Problem, out.OK, out.Seconds = control.FromError(err), err == nil, s.Now().Sub(begun).Seconds()
	if err == nil {
		note := func(r *catalog.Recovery) { r.Drilled = s.Now().UTC() }
		if err := s.Catalog.ChangeRecovery(ctx, note, d.Repository); err != nil {
			return out, fmt.Errorf("remember drill: %w", err)
		}
		s.Broker.Changed()
	}
	return out, nil
}

// drill fills in what is found.
func (s *Server) drill(ctx context.Context, d control.Destination, given control.KeyDrill, out *control.KeyDrilled) (err error) {
	keys, err := givenKeys(given.Passphrase, given.Identity+strings.Join(given.Words, " "))
	if err != nil {
		return err
	}
	if given.Key != "" || len(keys.all) == 0 {
		if err := keys.add(given.Key); err != nil {
			return err
		}
	}
	secret, err := s.secretOf(ctx, d)
	if err != nil {
		return err
	}
	st, err := s.OpenStore(ctx, d.URL, secret, false)
	if err != nil {
		return err
	}
	repo, err := openWith(ctx, st, repository.Options{Now: s.Now, Machine: s.Machine}, keys)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	return drillBackups(ctx, repo, out)
}

// drillBackups reads the newest backup, as far as time allows.
func drillBackups(ctx context.Context, repo *repository.Repository, out *control.KeyDrilled) error {
	ids, err := repo.Backups(ctx)
	if err != nil {
		return err
	}
	out.Backups = len(ids)
	if len(ids) == 0 {
		return nil
	}
	newest := ids[len(ids)-1]
	out.Newest = string(newest)
	timed, cancel := context.WithTimeoutCause(ctx, drillTime, errDrillLong)
	defer cancel()
	rep, err := repo.Check(timed, newest, nil)
	out.Bytes = rep.Bytes
	if err != nil && (ctx.Err() != nil || !errors.Is(context.Cause(timed), errDrillLong)) {
		return fmt.Errorf("read newest backup: %w", err)
	}
	if len(rep.Damage) > 0 {
		return rep.Damage[0].Err
	}
	return nil
}
