package sqlite

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rahatbackup/rahat/internal/engine"
)

// The formats of Export.
const (
	formatFile = "sqlite"
	formatSQL  = "sql"
)

// Formats implements [engine.Exporter]: the database file itself, and a script
// for the sqlite3 shell.
func (Driver) Formats() []string { return []string{formatFile, formatSQL} }

// Extension implements [engine.Exporter].
func (Driver) Extension(format string) string { return "." + format }

// Export implements [engine.Exporter]. A script needs room for the database in
// the temporary folder.
func (d Driver) Export(ctx context.Context, src engine.Source, format string, opt engine.ExportOptions, w io.Writer) error {
	if err := d.export(ctx, src, format, opt, w); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func (d Driver) export(ctx context.Context, src engine.Source, format string, opt engine.ExportOptions, w io.Writer) (err error) {
	r := &restore{src: src, target: engine.Target{Scratch: true, Observe: opt.Observe}, path: d.temp()}
	if r.part, err = databasePart(src.Manifest()); err != nil {
		return err
	}
	switch format {
	case formatFile:
		in, err := src.Open(ctx, r.part)
		if err != nil {
			return err
		}
		return errors.Join(copyAll(ctx, w, in, r.part.Bytes), in.Close())
	case formatSQL:
	default:
		return engine.ErrUnsupported.Because(nil, "what", "format "+format)
	}
	dir, err := os.MkdirTemp(d.temp(), "rahat-export-*")
	if err != nil {
		return r.cannotWrite(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file, err := r.fetch(ctx, dir)
	if err != nil {
		return r.cannotWrite(err)
	}
	c, err := openToRead(ctx, file)
	if err != nil {
		return err
	}
	s := &script{conn: c, w: bufio.NewWriterSize(w, 256<<10), clean: opt.Clean}
	return errors.Join(s.write(ctx), c.Close())
}

// script writes a database as SQL. The form is that of the sqlite3 shell's
// .dump, with what that leaves out: rowids, the encoding and the versions of
// the file.
type script struct {
	*conn
	w     *bufio.Writer
	clean bool
}

func (s *script) write(ctx context.Context) error {
	if err := s.head(ctx); err != nil {
		return err
	}
	objects, err := s.objects(ctx)
	if err != nil {
		return err
	}
	virtual := false
	for _, o := range objects {
		if o.kind != "table" {
			continue
		}
		virtual = virtual || o.virtual()
		if err := s.table(ctx, o); err != nil {
			return fmt.Errorf("table %s: %w", o.name, err)
		}
	}
	if err := s.sequences(ctx); err != nil {
		return err
	}
	for _, o := range objects {
		if o.kind != "table" {
			s.drop(o)
			s.line(o.sql + ";")
		}
	}
	if virtual {
		s.line("PRAGMA writable_schema=OFF;")
	}
	s.line("COMMIT;")
	return s.w.Flush()
}

// line writes one line. Errors of the writer stick until Flush.
func (s *script) line(text string) {
	_, _ = s.w.WriteString(text) // bufio reports it at Flush
	_ = s.w.WriteByte('\n')
}

func (s *script) head(ctx context.Context) error {
	var encoding string
	var user, application int
	for query, into := range map[string]any{
		"PRAGMA encoding": &encoding, "PRAGMA user_version": &user, "PRAGMA application_id": &application,
	} {
		if err := s.one(ctx, into, query); err != nil {
			return err
		}
	}
	s.line("PRAGMA foreign_keys=OFF;")
	s.line("PRAGMA encoding='" + encoding + "';")
	s.line("BEGIN TRANSACTION;")
	s.line(fmt.Sprintf("PRAGMA user_version=%d;\nPRAGMA application_id=%d;", user, application))
	return nil
}

// object is one row of the schema.
type object struct{ kind, name, sql string }

func (o object) virtual() bool {
	return strings.HasPrefix(strings.ToUpper(o.sql), "CREATE VIRTUAL")
}

func (s *script) objects(ctx context.Context) ([]object, error) {
	rows, err := s.QueryContext(ctx, `SELECT type, name, sql FROM sqlite_schema
		WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY rowid`)
	if err != nil {
		return nil, explain(ctx, err, s.path)
	}
	defer rows.Close()
	var list []object
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.kind, &o.name, &o.sql); err != nil {
			return nil, explain(ctx, err, s.path)
		}
		list = append(list, o)
	}
	return list, explain(ctx, rows.Err(), s.path)
}

func (s *script) drop(o object) {
	if s.clean {
		s.line("DROP " + strings.ToUpper(o.kind) + " IF EXISTS " + quote(o.name) + ";")
	}
}

func (s *script) table(ctx context.Context, o object) error {
	s.drop(o)
	if o.virtual() {
		// Its rows are in its shadow tables, which are in the schema too.
		s.line("PRAGMA writable_schema=ON;")
		s.line("INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES('table'," +
			literal(o.name) + "," + literal(o.name) + ",0," + literal(o.sql) + ");")
		return nil
	}
	s.line(o.sql + ";")
	columns, err := s.columns(ctx, "main", o.name)
	if err != nil || len(columns) == 0 {
		return err
	}
	return s.rows(ctx, o.name, columns, "INSERT INTO "+quote(o.name)+"("+strings.Join(columns, ",")+") VALUES(")
}

// sequences writes where AUTOINCREMENT stands.
func (s *script) sequences(ctx context.Context) error {
	var there int
	if err := s.one(ctx, &there, `SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'`); err != nil || there == 0 {
		return err
	}
	s.line("DELETE FROM sqlite_sequence;")
	return s.rows(ctx, "sqlite_sequence", []string{"name", "seq"}, "INSERT INTO sqlite_sequence(name,seq) VALUES(")
}

// rows writes an INSERT for every row.
func (s *script) rows(ctx context.Context, table string, columns []string, insert string) error {
	values := make([]string, len(columns))
	for i, c := range columns {
		// quote() stops at a NUL in text.
		values[i] = "CASE WHEN typeof(" + c + ") = 'text' AND instr(" + c + ", char(0)) > 0 THEN 'CAST(X''' || hex(" + c +
			") || ''' AS TEXT)' ELSE quote(" + c + ") END"
	}
	rows, err := s.QueryContext(ctx, "SELECT "+strings.Join(values, ", ")+" FROM "+quote(table))
	if err != nil {
		return explain(ctx, err, s.path)
	}
	defer rows.Close()
	fields, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range fields {
		into[i] = &fields[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return explain(ctx, err, s.path)
		}
		_, _ = s.w.WriteString(insert) // bufio reports it at Flush
		for i, f := range fields {
			if i > 0 {
				_ = s.w.WriteByte(',')
			}
			_, _ = s.w.Write(f)
		}
		s.line(");")
	}
	return explain(ctx, rows.Err(), s.path)
}

// literal writes a text as SQL does.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
