package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// A Config is what a person has set up. It has no secrets.
type Config struct {
	Version      int                   `json:"version"`
	Servers      []control.Server      `json:"servers"`
	Destinations []control.Destination `json:"destinations"`
	Jobs         []control.Job         `json:"jobs"`
	Channels     []control.Channel     `json:"channels,omitempty"`
	Preferences  Preferences           `json:"preferences,omitzero"`
	Paused       bool                  `json:"paused,omitempty"` // no queued run begins
	Recovery     map[string]Recovery   `json:"recovery,omitempty"`
}

// Preferences are how a person wants the program to behave, in the words of
// [control.Settings]; "" is what was never chosen.
type Preferences struct {
	Language string `json:"language,omitempty"`
	Theme    string `json:"theme,omitempty"`
	Notify   string `json:"notify,omitempty"`
}

// The keys of single values.
const (
	keyPreferences = "preferences"
	keyPaused      = "paused"
	keyPausedSince = "paused_since"
	keyRevision    = "revision" // how often the configuration was changed
	keyUnread      = "unread"   // whether the backups have yet to be read
)

// configVersion is the form of the mirror.
const configVersion = 1

// Config returns all of the configuration, each list sorted by name.
func (db *DB) Config(ctx context.Context) (Config, error) {
	c := Config{Version: configVersion}
	var err error
	if c.Servers, err = db.Servers(ctx); err != nil {
		return c, err
	}
	if c.Destinations, err = db.Destinations(ctx); err != nil {
		return c, err
	}
	if c.Jobs, err = db.Jobs(ctx); err != nil {
		return c, err
	}
	if c.Channels, err = db.Channels(ctx); err != nil {
		return c, err
	}
	if len(c.Channels) == 0 {
		c.Channels = nil // as in a mirror from before there were any
	}
	if c.Preferences, err = db.Preferences(ctx); err != nil {
		return c, err
	}
	if c.Recovery, err = db.Recoveries(ctx); err != nil {
		return c, err
	}
	c.Paused, err = db.Paused(ctx)
	return c, err
}

// Paused reports whether a person has paused the agent.
func (db *DB) Paused(ctx context.Context) (bool, error) {
	text, err := db.Setting(ctx, keyPaused)
	return text == strconv.FormatBool(true), err
}

// PausedSince is when a person paused the agent; zero when that is not known.
func (db *DB) PausedSince(ctx context.Context) (since time.Time, err error) {
	text, err := db.Setting(ctx, keyPausedSince)
	if err != nil || text == "" {
		return since, err
	}
	if since, err = time.Parse(time.RFC3339, text); err != nil {
		return since, fmt.Errorf("parse %s: %w", keyPausedSince, err)
	}
	return since, nil
}

// SetPaused keeps whether the agent is paused, and since when: a second pause
// of one that is paused already changes nothing.
func (db *DB) SetPaused(ctx context.Context, paused bool, now time.Time) error {
	before, err := db.Paused(ctx)
	if err != nil {
		return err
	}
	since := ""
	if paused {
		since = now.UTC().Format(time.RFC3339)
	}
	return db.configure(ctx, func(tx *sql.Tx) error {
		if err := insertSetting(ctx, tx, keyPaused, strconv.FormatBool(paused)); err != nil || paused && before {
			return err
		}
		return insertSetting(ctx, tx, keyPausedSince, since)
	})
}

// Preferences returns what a person chose.
func (db *DB) Preferences(ctx context.Context) (p Preferences, err error) {
	text, err := db.Setting(ctx, keyPreferences)
	if err != nil || text == "" {
		return p, err
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("decode preferences: %w", err)
	}
	return p, nil
}

// SetPreferences keeps what a person chose.
func (db *DB) SetPreferences(ctx context.Context, p Preferences) error {
	return db.configure(ctx, func(tx *sql.Tx) error { return insertPreferences(ctx, tx, p) })
}

func insertPreferences(ctx context.Context, tx *sql.Tx, p Preferences) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode preferences: %w", err)
	}
	return insertSetting(ctx, tx, keyPreferences, string(text))
}

// configure changes the configuration and then its mirror. If the mirror
// cannot be written the change is made all the same, and ErrMirror returned;
// the next start writes it again.
func (db *DB) configure(ctx context.Context, f func(tx *sql.Tx) error) error {
	db.edit.Lock()
	defer db.edit.Unlock()
	err := db.change(ctx, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO settings VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT)", keyRevision)
		return err
	})
	if err != nil {
		return err
	}
	c, err := db.mirrored(ctx)
	if err != nil {
		return err
	}
	return db.mirror.write(c)
}

// mirrored is what the mirror holds.
type mirrored struct {
	Config
	// Revision tells which is the newer, the mirror or the catalog: either may
	// have been written last when the computer lost its power, and a catalog may
	// come from a copy.
	Revision int64 `json:"revision,omitempty"`
}

func (db *DB) mirrored(ctx context.Context) (m mirrored, err error) {
	if m.Config, err = db.Config(ctx); err != nil {
		return m, err
	}
	text, err := db.Setting(ctx, keyRevision)
	if err != nil || text == "" {
		return m, err
	}
	if m.Revision, err = strconv.ParseInt(text, 10, 64); err != nil {
		return m, fmt.Errorf("decode revision: %w", err)
	}
	return m, nil
}

// agree brings the catalog and the mirror in line: the newer of them counts. A
// mirror that cannot be read is written anew.
func (db *DB) agree(ctx context.Context) error {
	ours, err := db.mirrored(ctx)
	if err != nil {
		return err
	}
	theirs, err := db.mirror.read()
	if err != nil || theirs == nil || theirs.Revision <= ours.Revision {
		return db.mirror.write(ours)
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		// How channels do is in the catalog alone.
		for _, text := range []string{
			"CREATE TEMP TABLE kept AS SELECT name, state FROM channels",
			"DELETE FROM servers", "DELETE FROM destinations", "DELETE FROM jobs", "DELETE FROM channels",
		} {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return err
			}
		}
		if err := theirs.fill(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE channels SET state = kept.state FROM kept WHERE kept.name = channels.name; DROP TABLE kept")
		return err
	})
}

// mirror is the copy of the configuration that survives the catalog.
type mirror struct{ path string }

// read returns nil if there is no mirror.
func (m mirror) read() (*mirrored, error) {
	text, err := os.ReadFile(m.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var c mirrored
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil && c.Version != configVersion {
		err = fmt.Errorf("version %d, want %d", c.Version, configVersion)
	}
	if err != nil {
		return nil, ErrMirror.Because(err, "path", m.path, "cause", err.Error())
	}
	return &c, nil
}

// restore fills a new catalog from the mirror, if there is one.
func (m mirror) restore(ctx context.Context, tx *sql.Tx) error {
	c, err := m.read()
	if err != nil || c == nil {
		return err
	}
	return c.fill(ctx, tx)
}

// fill writes a configuration to where there is none.
func (c mirrored) fill(ctx context.Context, tx *sql.Tx) error {
	for _, s := range c.Servers {
		if err := insertServer(ctx, tx, s); err != nil {
			return err
		}
	}
	for _, d := range c.Destinations {
		if err := insertDestination(ctx, tx, d); err != nil {
			return err
		}
	}
	for _, j := range c.Jobs {
		if err := insertJob(ctx, tx, j); err != nil {
			return err
		}
	}
	for _, ch := range c.Channels {
		if err := insertChannel(ctx, tx, ch); err != nil {
			return err
		}
	}
	if err := insertPreferences(ctx, tx, c.Preferences); err != nil {
		return err
	}
	if err := insertRecoveries(ctx, tx, c.Recovery); err != nil {
		return err
	}
	if err := insertSetting(ctx, tx, keyRevision, strconv.FormatInt(c.Revision, 10)); err != nil {
		return err
	}
	return insertSetting(ctx, tx, keyPaused, strconv.FormatBool(c.Paused))
}

// write replaces the mirror: after a crash there is the old one or the new.
func (m mirror) write(c mirrored) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode configuration: %w", err)
	}
	text = append(text, '\n')
	if old, err := os.ReadFile(m.path); err == nil && string(old) == string(text) {
		return nil
	}
	if err := replace(m.path, text); err != nil {
		return ErrMirror.Because(err, "path", m.path, "cause", err.Error())
	}
	return nil
}

// replace writes a new file (0600, as CreateTemp makes them) and gives it the
// name of the old one when it is on the disk.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
