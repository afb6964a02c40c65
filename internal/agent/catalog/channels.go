package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rahatbackup/rahat/internal/control"
)

// MaxLetters is how many messages wait for one channel at most; the oldest go
// first.
const MaxLetters = 1000

// Channels lists the channels by name.
func (db *DB) Channels(ctx context.Context) ([]control.Channel, error) {
	return list(ctx, db.read, scanJSON[control.Channel], "SELECT definition FROM channels ORDER BY name")
}

// Channel returns one channel, or [ErrNotFound].
func (db *DB) Channel(ctx context.Context, name string) (control.Channel, error) {
	return one(ctx, db.read, scanJSON[control.Channel], "SELECT definition FROM channels WHERE name = ?", name)
}

// AddChannel adds a channel; [ErrExists] if there is one of that name.
func (db *DB) AddChannel(ctx context.Context, c control.Channel) error {
	return db.configure(ctx, func(tx *sql.Tx) error { return insertChannel(ctx, tx, c) })
}

// EditChannel changes the channel of the same name, which is tried again at
// once; [ErrNotFound] if there is none.
func (db *DB) EditChannel(ctx context.Context, c control.Channel) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode channel: %w", err)
	}
	return db.configure(ctx, func(tx *sql.Tx) error {
		return affectOne(tx.ExecContext(ctx, "UPDATE channels SET definition = ?, state = json_remove(state, '$.retry_at', '$.failures') WHERE name = ?",
			string(text), c.Name))
	})
}

// RemoveChannel removes a channel and what waits for it, or says
// [ErrNotFound].
func (db *DB) RemoveChannel(ctx context.Context, name string) error {
	return db.configure(ctx, func(tx *sql.Tx) error {
		for _, forget := range []string{"DELETE FROM letters WHERE channel = ?", "DELETE FROM told WHERE channel = ?"} {
			if _, err := tx.ExecContext(ctx, forget, name); err != nil {
				return err
			}
		}
		return affectOne(tx.ExecContext(ctx, "DELETE FROM channels WHERE name = ?", name))
	})
}

func insertChannel(ctx context.Context, tx *sql.Tx, c control.Channel) error {
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode channel: %w", err)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO channels (name, definition) VALUES (?, ?)", c.Name, string(text))
	return err
}

// ChannelStates says how every channel does, by name.
func (db *DB) ChannelStates(ctx context.Context) (map[string]control.ChannelState, error) {
	type named struct {
		name  string
		state control.ChannelState
	}
	all, err := list(ctx, db.read, func(row scanner) (n named, err error) {
		var text string
		var waiting int
		if err = row.Scan(&n.name, &text, &waiting); err == nil {
			err = json.Unmarshal([]byte(text), &n.state)
		}
		n.state.Waiting = waiting
		return n, err
	}, "SELECT name, state, (SELECT count(*) FROM letters l WHERE l.channel = c.name) FROM channels c")
	if err != nil {
		return nil, err
	}
	states := make(map[string]control.ChannelState, len(all))
	for _, n := range all {
		states[n.name] = n.state
	}
	return states, nil
}

// Delivered notes how a channel does, and takes the letter of that ID, if any,
// out of the outbox. A channel that is gone is no error.
func (db *DB) Delivered(ctx context.Context, channel string, state control.ChannelState, letter string) error {
	state.Waiting = 0 // is counted
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("encode state of channel: %w", err)
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM letters WHERE id = ?", letter); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE channels SET state = ? WHERE name = ?", string(text), channel)
		return err
	})
}

// NextLetter returns the message that waits longest for a channel, or
// [ErrNotFound].
func (db *DB) NextLetter(ctx context.Context, channel string) (control.Letter, error) {
	return one(ctx, db.read, scanJSON[control.Letter], "SELECT letter FROM letters WHERE channel = ? ORDER BY seq LIMIT 1", channel)
}

// Told returns what was noted of what was told, by channel and subject.
func (db *DB) Told(ctx context.Context) (map[string]map[string]string, error) {
	all, err := list(ctx, db.read, func(row scanner) (t [3]string, err error) {
		err = row.Scan(&t[0], &t[1], &t[2])
		return t, err
	}, "SELECT channel, subject, said FROM told")
	if err != nil {
		return nil, err
	}
	told := map[string]map[string]string{}
	for _, t := range all {
		if told[t[0]] == nil {
			told[t[0]] = map[string]string{}
		}
		told[t[0]][t[1]] = t[2]
	}
	return told, nil
}

// Tell puts letters into the outbox and notes what they say, by channel and
// subject; "" forgets a subject. All of it happens, or nothing.
func (db *DB) Tell(ctx context.Context, letters []control.Letter, said map[string]map[string]string) error {
	return db.change(ctx, func(tx *sql.Tx) error {
		for _, l := range letters {
			if err := insertLetter(ctx, tx, l); err != nil {
				return err
			}
		}
		for channel, subjects := range said {
			for subject, text := range subjects {
				query, args := "INSERT OR REPLACE INTO told VALUES (?, ?, ?)", []any{channel, subject, text}
				if text == "" {
					query, args = "DELETE FROM told WHERE channel = ? AND subject = ?", args[:2]
				}
				if _, err := tx.ExecContext(ctx, query, args...); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func insertLetter(ctx context.Context, tx *sql.Tx, l control.Letter) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode letter: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO letters (id, channel, letter) VALUES (?, ?, ?)", l.ID, l.Channel, string(text)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM letters WHERE channel = ?1 AND seq <= (
		SELECT seq FROM letters WHERE channel = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)`, l.Channel, MaxLetters)
	return err
}

// A Summary says what was made in some time.
type Summary struct {
	Backups, Databases     int
	PlainBytes, AddedBytes int64
	Proofs                 int // that succeeded
}

// Summarize says what was made from one moment up to, but not at, another.
func (db *DB) Summarize(ctx context.Context, from, to time.Time) (s Summary, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT count(*), count(DISTINCT server || char(0) || database), coalesce(sum(plain), 0), coalesce(sum(added), 0)
		FROM (SELECT id, server, database, plain, json_extract(backup, '$.added_bytes') added FROM backups
			WHERE started >= ?1 - 604800000 AND started < ?2 GROUP BY id
			HAVING unixepoch(json_extract(backup, '$.finished')) >= ?1 / 1000 AND unixepoch(json_extract(backup, '$.finished')) < ?2 / 1000)`,
		from.UnixMilli(), to.UnixMilli()).Scan(&s.Backups, &s.Databases, &s.PlainBytes, &s.AddedBytes)
	if err != nil {
		return s, wrap(err)
	}
	err = db.read.QueryRowContext(ctx, "SELECT count(*) FROM proofs WHERE status = 'ok' AND at >= ? AND at < ?",
		from.UnixMilli(), to.UnixMilli()).Scan(&s.Proofs)
	return s, wrap(err)
}
