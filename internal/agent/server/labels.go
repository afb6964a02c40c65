package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rahatbackup/rahat/internal/agent/catalog"
	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/repository"
)

// longestTag is the length of the longest tag in characters.
const longestTag = 64

// setLabel replaces what is written on a backup, in every repository that holds
// it and can be reached; one is enough. The others are not asked again: what the
// catalog knows counts for them.
func (s *Server) setLabel(ctx context.Context, in *identifiedBody[control.Label]) (control.Backup, error) {
	b, places, err := s.find(ctx, in.ID)
	if err != nil {
		return b, err
	}
	label, err := tidy(in.Body)
	if err != nil {
		return b, err
	}
	var errs []error
	for _, d := range places {
		if err := s.writeLabel(ctx, d, b.ID, label); err != nil {
			errs = append(errs, fmt.Errorf("on %s: %w", d.Name, err))
		}
	}
	if len(errs) == len(places) {
		return b, errors.Join(errs...)
	}
	if len(errs) > 0 {
		s.Log.WarnContext(ctx, "label not written everywhere", "backup", b.ID, "err", errors.Join(errs...))
	}
	err = s.Catalog.SetLabels(ctx, map[string]catalog.Labelled{b.ID: {Label: label, Written: s.Now().UTC()}})
	if err != nil {
		return b, fmt.Errorf("save label in catalog: %w", err)
	}
	s.Broker.Changed()
	b.Label = label
	return b, s.releaseUnlessBusy()
}

// releaseUnlessBusy closes what was opened, unless a run will end and do it.
func (s *Server) releaseUnlessBusy() error {
	if len(s.Queue.Active()) > 0 {
		return nil
	}
	return s.ReleaseIdle()
}

func (s *Server) writeLabel(ctx context.Context, d control.Destination, id string, l control.Label) error {
	repo, done, err := s.repos.use(ctx, d)
	if err != nil {
		return err
	}
	defer done()
	return repo.SetLabel(ctx, backup.ID(id), repository.Label{Pinned: l.Pinned, Tags: l.Tags, Note: l.Note})
}

// tidy returns a label as it is kept: tags sorted, each once.
func tidy(l control.Label) (control.Label, error) {
	tags := make([]string, 0, len(l.Tags))
	for _, t := range l.Tags {
		t = strings.TrimSpace(t)
		if t == "" || utf8.RuneCountInString(t) > longestTag || strings.ContainsFunc(t, func(r rune) bool { return r == ',' || unicode.IsControl(r) }) {
			return l, invalid("tags", "each 1 to 64 characters, none of them a comma")
		}
		tags = append(tags, t)
	}
	slices.Sort(tags)
	l.Tags, l.Note = slices.Compact(tags), strings.TrimSpace(l.Note)
	return l, nil
}

// takeLabels brings what is written on the backups of a repository into the
// catalog. Labels that cannot be read are told as a warning.
func (s *Server) takeLabels(ctx context.Context, repo *repository.Repository) (*control.Problem, error) {
	labels, err := repo.Labels(ctx)
	if err != nil && !unreadable(err) {
		return nil, fmt.Errorf("read labels: %w", err)
	}
	found := make(map[string]catalog.Labelled, len(labels))
	for id, l := range labels {
		found[string(id)] = catalog.Labelled{Label: control.Label{Pinned: l.Pinned, Tags: l.Tags, Note: l.Note}, Written: l.Written}
	}
	return control.FromError(err), s.Catalog.SetLabels(ctx, found)
}
