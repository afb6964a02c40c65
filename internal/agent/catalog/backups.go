package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
)

// A BackupFilter limits a list of backups; its zero value means all.
type BackupFilter struct {
	Server      string
	Database    string
	Destination string // the name of one that holds it, as a copy or not
	// Search is looked for in the names of server, database and job, in notes
	// and tags, and at the beginning of IDs, whatever the case of its letters.
	Search string
	Tag    string // a whole tag, whatever its case
	Pinned bool   // only those that somebody pinned
	Limit  int    // at most [MaxList], also for 0
}

// where is the condition for rows of table backups, but for what is searched.
func (f BackupFilter) where() (conditions []string, args []any) {
	conditions = []string{"first = 1"}
	add := func(condition string, values ...any) {
		conditions, args = append(conditions, condition), append(args, values...)
	}
	if f.Destination != "" { // each backup has one row there
		conditions = nil
		add("repository = (SELECT repository FROM destinations WHERE name = ?)", f.Destination)
	}
	if f.Server != "" {
		add("server = ?", f.Server)
	}
	if f.Database != "" {
		add("database = ?", f.Database)
	}
	if f.Tag != "" {
		add("id IN (SELECT backup FROM tags WHERE tag = ?)", fold(f.Tag))
	}
	if f.Pinned {
		add("id IN (SELECT backup FROM labels WHERE json_extract(label, '$.pinned'))")
	}
	return conditions, args
}

// keys selects the IDs of what the filter lets through, newest first.
func (f BackupFilter) keys() (query string, args []any) {
	where, args := f.where()
	if s := f.sought(); s != "" {
		where = append(where, "(instr(words, ?) > 0 OR id >= ? AND id < ? OR id IN (SELECT backup FROM labels WHERE instr(words, ?) > 0))")
		args = append(args, s, s, s+"g", s)
	}
	return newestKeys(where), append(args, most(f.Limit))
}

func (f BackupFilter) sought() string { return fold(strings.TrimSpace(f.Search)) }

// newestKeys selects the IDs of rows, newest first; its last parameter limits
// them.
func newestKeys(where []string) string {
	return "SELECT id, started FROM backups WHERE " + strings.Join(where, " AND ") + " ORDER BY started DESC, id DESC LIMIT ?"
}

// fewWords is up to how many different words a search looks up each in the
// index. When more of them match, it goes through all backups and soon has
// enough.
const fewWords = 20

// search selects the IDs of what is sought without going through all backups.
// ok is false when that is no better.
func (db *DB) search(ctx context.Context, f BackupFilter) (query string, args []any, ok bool, err error) {
	s := f.sought()
	if s == "" || f.Destination != "" {
		return "", nil, false, nil
	}
	scan := func(row scanner) (w string, err error) {
		err = row.Scan(&w)
		return w, err
	}
	// Many backups have the same words: each is jumped to in the index.
	words, err := list(ctx, db.read, scan, `WITH RECURSIVE each(w) AS (
		SELECT min(words) FROM backups WHERE first = 1
		UNION ALL SELECT (SELECT min(words) FROM backups WHERE first = 1 AND words > w) FROM each WHERE w IS NOT NULL)
		SELECT w FROM each WHERE instr(w, ?) > 0 LIMIT ?`, s, fewWords+1)
	if err != nil || len(words) > fewWords {
		return "", nil, false, err
	}
	where, given := f.where()
	n := most(f.Limit)
	var parts []string
	add := func(part string, values ...any) {
		parts, args = append(parts, "SELECT * FROM ("+part+")"), append(append(args, values...), n)
	}
	for _, w := range words {
		add(newestKeys(append(where[:len(where):len(where)], "words = ?")), append(given[:len(given):len(given)], w)...)
	}
	add(newestKeys(append(where[:len(where):len(where)], "id >= ?", "id < ?")), append(given[:len(given):len(given)], s, s+"g")...)
	// IDs are in the order of time.
	add("SELECT id, started FROM (SELECT backup AS labelled, words AS written FROM labels) CROSS JOIN backups ON id = labelled WHERE instr(written, ?) > 0 AND "+
		strings.Join(where, " AND ")+" ORDER BY labelled DESC LIMIT ?", append([]any{s}, given...)...)
	return strings.Join(parts, " UNION ") + " ORDER BY 2 DESC, 1 DESC LIMIT ?", append(args, n), true, nil
}

// backupColumns tell all of a backup b at its first destination d.
const backupColumns = `b.backup, d.name, (SELECT p.proof FROM proofs p WHERE p.seq = b.proof),
	(SELECT json_group_array(o.name) FROM backups c JOIN destinations o ON o.repository = c.repository WHERE c.id = b.id AND c.first = 0),
	(SELECT l.label FROM labels l WHERE l.backup = b.id)`

const selectBackups = "SELECT " + backupColumns + `
	FROM backups b JOIN destinations d ON d.repository = b.repository WHERE b.first = 1`

// Backups lists backups with their newest proofs, newest first.
func (db *DB) Backups(ctx context.Context, f BackupFilter) ([]control.Backup, error) {
	keys, args, ok, err := db.search(ctx, f)
	if err != nil {
		return nil, err
	}
	if !ok {
		keys, args = f.keys()
	}
	return list(ctx, db.read, scanBackup, "SELECT "+backupColumns+" FROM ("+keys+`) k
		JOIN backups b ON b.id = k.id AND b.first = 1 JOIN destinations d ON d.repository = b.repository
		ORDER BY k.started DESC, k.id DESC`, args...)
}

// LastBackups returns the newest backup of every database of every server.
func (db *DB) LastBackups(ctx context.Context) ([]control.Backup, error) {
	return list(ctx, db.read, scanBackup, selectBackups+` AND b.id IN (
		SELECT id FROM (SELECT id, max(started) FROM backups WHERE first = 1 GROUP BY server, database)) ORDER BY b.started DESC, b.id DESC`)
}

// LastFull returns when the newest full backup of a database on a destination
// began; the zero time when there is none.
func (db *DB) LastFull(ctx context.Context, server, database, destination string) (time.Time, error) {
	scan := func(row scanner) (ms int64, err error) {
		err = row.Scan(&ms)
		return ms, err
	}
	started, err := one(ctx, db.read, scan, `SELECT started FROM backups WHERE server = ? AND database = ? AND json_extract(backup, '$.type') = 'full'
			AND repository = (SELECT repository FROM destinations WHERE name = ?) ORDER BY started DESC LIMIT 1`, server, database, destination)
	switch {
	case errors.Is(err, ErrNotFound):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	return time.UnixMilli(started).UTC(), nil
}

// LastProven returns, for every database of every server, the backup that was
// proved last, with that proof.
func (db *DB) LastProven(ctx context.Context) ([]control.Backup, error) {
	return list(ctx, db.read, scanBackup, selectBackups+` AND b.id IN (
		SELECT id FROM (SELECT id, max(proof) FROM backups WHERE proof IS NOT NULL AND first = 1 GROUP BY server, database)) ORDER BY b.started DESC, b.id DESC`)
}

// LastWhole returns, for every database of every server, the newest backup of
// which the newest proof succeeded.
func (db *DB) LastWhole(ctx context.Context) ([]control.Backup, error) {
	return list(ctx, db.read, scanBackup, selectBackups+` AND b.id IN (
		SELECT id FROM (SELECT id, max(started) FROM backups WHERE whole = 1 AND first = 1 GROUP BY server, database)) ORDER BY b.started DESC, b.id DESC`)
}

// A History says how many backups of a database there are and how its size
// developed.
type History struct {
	Server, Database string
	Backups          int
	Trend            []int64 // plain bytes of the newest, oldest first, at most [MaxTrend]
}

// MaxTrend is how many sizes a History has at most.
const MaxTrend = 30

// Histories returns the history of every database of every server.
func (db *DB) Histories(ctx context.Context) ([]History, error) {
	return list(ctx, db.read, scanHistory, `SELECT s.server, s.database, s.n, (
		SELECT json_group_array(plain ORDER BY started, id) FROM (
			SELECT plain, started, id FROM backups b WHERE b.first = 1 AND b.server = s.server AND b.database = s.database ORDER BY started DESC, id DESC LIMIT ?))
		FROM (SELECT server, database, count(*) n FROM backups WHERE first = 1 GROUP BY server, database) s`, MaxTrend)
}

func scanHistory(row scanner) (h History, err error) {
	var trend string
	if err = row.Scan(&h.Server, &h.Database, &h.Backups, &trend); err == nil {
		err = json.Unmarshal([]byte(trend), &h.Trend)
	}
	return h, err
}

// Backup finds a backup by its ID, the unique beginning of one, or [Latest].
func (db *DB) Backup(ctx context.Context, id string) (control.Backup, error) {
	return find(ctx, db.read, scanBackup, selectBackups, "b.started", id)
}

// Places returns the destinations that hold a backup, the one that speaks for
// it first.
func (db *DB) Places(ctx context.Context, id string) ([]control.Destination, error) {
	return list(ctx, db.read, scanDestination, `SELECT d.name, d.url, d.repository, d.options
		FROM backups b JOIN destinations d ON d.repository = b.repository WHERE b.id = ? ORDER BY b.first DESC, d.name`, id)
}

func scanBackup(row scanner) (b control.Backup, err error) {
	var text, destination, copies string
	var proof, label sql.NullString
	if err := row.Scan(&text, &destination, &proof, &copies, &label); err != nil {
		return b, err
	}
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return b, err
	}
	b.Destination = destination
	if copies != "[]" {
		if err := json.Unmarshal([]byte(copies), &b.Copies); err != nil {
			return b, err
		}
		slices.Sort(b.Copies)
	}
	if proof.Valid {
		b.Proof = new(control.VerifyResult)
		if err := json.Unmarshal([]byte(proof.String), b.Proof); err != nil {
			return b, err
		}
	}
	if label.Valid {
		err = json.Unmarshal([]byte(label.String), &b.Label)
	}
	return b, err
}

// A Stored is a backup as one repository holds it.
type Stored struct {
	control.Backup
	Copied bool // it was made in another repository
}

// AddBackup takes note of a backup in a repository; one that is already known
// there is replaced.
func (db *DB) AddBackup(ctx context.Context, repository string, b Stored) error {
	return db.SetBackups(ctx, repository, nil, []Stored{b})
}

// BackupIDs lists the backups that the catalog knows of a repository.
func (db *DB) BackupIDs(ctx context.Context, repository string) ([]string, error) {
	scan := func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}
	return list(ctx, db.read, scan, "SELECT id FROM backups WHERE repository = ?", repository)
}

// SetBackups takes note of backups in a repository and forgets those that are
// gone.
func (db *DB) SetBackups(ctx context.Context, repository string, gone []string, backups []Stored) error {
	return db.change(ctx, func(tx *sql.Tx) error {
		for _, id := range gone {
			if _, err := tx.ExecContext(ctx, "DELETE FROM backups WHERE id = ? AND repository = ?", id, repository); err != nil {
				return err
			}
			if err := settle(ctx, tx, id); err != nil {
				return err
			}
		}
		for _, b := range backups {
			if err := insertBackup(ctx, tx, repository, b); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertBackup(ctx context.Context, tx *sql.Tx, repository string, s Stored) error {
	b := s.Backup
	b.Destination, b.Proof, b.Copies, b.Label = "", nil, nil, control.Label{}
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode backup: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO backups (id, repository, copied, server, database, started, words, backup, plain)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		b.ID, repository, s.Copied, b.Server, b.Database, b.Started.UnixMilli(), fold(b.Server+"\n"+b.Database+"\n"+b.Job), string(text), b.PlainBytes)
	if err != nil {
		return err
	}
	if err := settle(ctx, tx, b.ID); err != nil {
		return err
	}
	return noteProof(ctx, tx, b.ID) // there may be one from before a rebuild
}

// settle decides which row speaks for a backup: that of the repository where it
// was made, else that of the oldest repository with a copy. What was written on
// a backup that is nowhere any more is forgotten.
func settle(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `UPDATE backups SET first = (repository = (
		SELECT x.repository FROM backups x WHERE x.id = ?1 ORDER BY x.copied, x.repository LIMIT 1)) WHERE id = ?1`, id)
	for _, forget := range []string{
		"DELETE FROM labels WHERE backup = ?1 AND NOT EXISTS (SELECT 1 FROM backups WHERE id = ?1)",
		"DELETE FROM tags WHERE backup = ?1 AND NOT EXISTS (SELECT 1 FROM backups WHERE id = ?1)",
	} {
		if err == nil {
			_, err = tx.ExecContext(ctx, forget, id)
		}
	}
	return err
}

// forgetRepository forgets what lies on a destination.
func forgetRepository(ctx context.Context, tx *sql.Tx, destination string) error {
	for _, query := range []string{
		"DELETE FROM backups WHERE repository = (SELECT repository FROM destinations WHERE name = ?1)",
		`UPDATE backups SET first = 1 WHERE first = 0 AND NOT EXISTS (SELECT 1 FROM backups x WHERE x.id = backups.id AND x.first = 1)
			AND repository = (SELECT x.repository FROM backups x WHERE x.id = backups.id ORDER BY x.copied, x.repository LIMIT 1)`,
		"DELETE FROM labels WHERE backup NOT IN (SELECT id FROM backups)",
		"DELETE FROM tags WHERE backup NOT IN (SELECT id FROM backups)",
	} {
		var args []any
		if strings.Contains(query, "?1") {
			args = []any{destination}
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// noteProof makes a backup say how its newest proof ended.
func noteProof(ctx context.Context, tx *sql.Tx, id string) error {
	_, err := tx.ExecContext(ctx, `UPDATE backups SET (proof, whole) = (SELECT seq, status = 'ok' FROM proofs WHERE backup = ?1 ORDER BY seq DESC LIMIT 1)
		WHERE id = ?1 AND EXISTS (SELECT 1 FROM proofs WHERE backup = ?1)`, id)
	return err
}

// AddProof keeps the result of a proof of a backup as a repository holds it.
func (db *DB) AddProof(ctx context.Context, repository string, v control.VerifyResult) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode proof: %w", err)
	}
	return db.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO proofs (backup, status, at, proof, repository) VALUES (?, ?, ?, ?, ?)",
			v.Backup, string(v.Status), v.At.UnixMilli(), string(text), repository)
		if err != nil {
			return err
		}
		return noteProof(ctx, tx, v.Backup)
	})
}

// A Held is what retention asks of a backup as one destination holds it.
type Held struct {
	ID, Base, Machine, Job, Server, Database string
	Started                                  time.Time
	StoredBytes                              int64
	Copied                                   bool
	// Proof is how the newest proof of this copy ended, or, if it was never
	// proved by itself, OK when the newest of any copy succeeded.
	Proof  backup.Status
	Pinned bool
}

// Held returns the backups on a destination, the newest first; of one database
// unless both names are empty.
func (db *DB) Held(ctx context.Context, destination, server, database string) ([]Held, error) {
	query := `SELECT b.id, coalesce(json_extract(b.backup, '$.base'), ''), coalesce(json_extract(b.backup, '$.machine'), ''), coalesce(json_extract(b.backup, '$.job'), ''), b.server, b.database, b.started,
		coalesce(json_extract(b.backup, '$.stored_bytes'), 0), b.copied, b.whole,
		coalesce((SELECT p.status FROM proofs p WHERE p.backup = b.id AND (p.repository = b.repository OR p.repository = '' AND b.copied = 0) ORDER BY p.seq DESC LIMIT 1), ''),
		coalesce((SELECT json_extract(l.label, '$.pinned') FROM labels l WHERE l.backup = b.id), 0)
		FROM backups b WHERE b.repository = (SELECT repository FROM destinations WHERE name = ?)`
	args := []any{destination}
	if server != "" || database != "" {
		query, args = query+" AND b.server = ? AND b.database = ?", append(args, server, database)
	}
	return list(ctx, db.read, scanHeld, query+" ORDER BY b.started DESC, b.id DESC", args...)
}

func scanHeld(row scanner) (h Held, err error) {
	var started int64
	var whole bool
	err = row.Scan(&h.ID, &h.Base, &h.Machine, &h.Job, &h.Server, &h.Database, &started, &h.StoredBytes, &h.Copied, &whole, &h.Proof, &h.Pinned)
	h.Started = time.UnixMilli(started).UTC()
	if h.Proof == "" && whole {
		h.Proof = backup.OK
	}
	return h, err
}
