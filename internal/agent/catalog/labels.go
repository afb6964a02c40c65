package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/rahatbackup/rahat/internal/control"
)

// A Labelled is a label and when it was written, by the clock of who wrote it.
type Labelled struct {
	control.Label
	Written time.Time
}

// SetLabels takes note of labels by backup; those that are known in a later
// form stay as they are.
func (db *DB) SetLabels(ctx context.Context, labels map[string]Labelled) error {
	if len(labels) == 0 {
		return nil
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		for id, l := range labels {
			if err := insertLabel(ctx, tx, id, l); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertLabel(ctx context.Context, tx *sql.Tx, id string, l Labelled) error {
	text, err := json.Marshal(l.Label)
	if err != nil {
		return fmt.Errorf("encode label: %w", err)
	}
	words := fold(strings.Join(append([]string{l.Note}, l.Tags...), "\n"))
	done, err := tx.ExecContext(ctx, `INSERT INTO labels (backup, written, words, label) VALUES (?, ?, ?, ?)
		ON CONFLICT (backup) DO UPDATE SET written = excluded.written, words = excluded.words, label = excluded.label
		WHERE excluded.written >= labels.written`, id, l.Written.UnixMilli(), words, string(text))
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err // there is a later one
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM tags WHERE backup = ?", id); err != nil {
		return err
	}
	for _, tag := range l.Tags {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO tags VALUES (?, ?)", fold(tag), id); err != nil {
			return err
		}
	}
	return nil
}

// Labels returns what is known to be written on backups, by their IDs.
func (db *DB) Labels(ctx context.Context) (map[string]Labelled, error) {
	type row struct {
		id string
		Labelled
	}
	scan := func(from scanner) (r row, err error) {
		var at int64
		var text string
		if err = from.Scan(&r.id, &at, &text); err == nil {
			r.Written = time.UnixMilli(at).UTC()
			err = json.Unmarshal([]byte(text), &r.Label)
		}
		return r, err
	}
	rows, err := list(ctx, db.read, scan, "SELECT backup, written, label FROM labels")
	all := make(map[string]Labelled, len(rows))
	for _, r := range rows {
		all[r.id] = r.Labelled
	}
	return all, err
}

// fold makes words alike that differ in the case of their letters only. The
// four letters i of Turkish are one, so that nobody has to know in which
// language a name was written.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'I', 'İ', 'ı':
			return 'i'
		case '\u0307': // the dot that lower-casing İ leaves behind elsewhere
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}
