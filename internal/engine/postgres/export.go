package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/engine/postgres/archive"
)

const formatSQL = "sql"

// Formats implements [engine.Exporter].
func (Driver) Formats() []string { return []string{formatSQL} }

// Extension implements [engine.Exporter].
func (Driver) Extension(string) string { return ".sql" }

// Export implements [engine.Exporter]: a script for psql, to be run in an empty
// database, in the form pg_dump writes. What a restore does beyond pg_dump by
// trying again (indexes over functions that lean on the search path, rows that
// name an index), a script cannot.
func (Driver) Export(ctx context.Context, src engine.Source, format string, opt engine.ExportOptions, w io.Writer) error {
	if format != formatSQL {
		return engine.ErrUnsupported.Because(nil, "what", "export as "+strconv.Quote(format))
	}
	if opt.Observe == nil {
		opt.Observe = func(backup.Progress) {}
	}
	r := &restorer{src: src, m: src.Manifest(), parts: map[backup.Name]*backup.StoredPart{}, target: engine.Target{Observe: opt.Observe}}
	if err := r.read(ctx); err != nil {
		return err
	}
	x := &exporter{r: r, w: bufio.NewWriterSize(w, 256<<10), set: map[string]string{}}
	if err := x.write(ctx, opt.Clean); err != nil {
		return err
	}
	if err := x.w.Flush(); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}

// An exporter writes a script. Errors of w are sticky in the bufio.Writer and
// come out at the end.
type exporter struct {
	r   *restorer
	w   *bufio.Writer
	set map[string]string // settings as the script stands
}

func (x *exporter) line(parts ...string) {
	for _, p := range parts {
		x.w.WriteString(p)
	}
	x.w.WriteByte('\n')
}

func (x *exporter) write(ctx context.Context, clean bool) error {
	x.head()
	if clean {
		x.clean()
	}
	toc := x.r.toc
	x.entries(archive.PreData, archive.Main)
	loads, err := x.r.loads()
	if err != nil {
		return err
	}
	for _, l := range x.ordered(loads) {
		if err := x.rows(ctx, l); err != nil {
			return err
		}
	}
	if err := x.sequences(ctx); err != nil {
		return err
	}
	if err := x.largeObjects(ctx); err != nil {
		return err
	}
	x.entries(archive.PostData, archive.Main)
	for _, pass := range []archive.Pass{archive.Grants, archive.AfterGrants} {
		x.entries(archive.PreData, pass)
		x.entries(archive.PostData, pass)
	}
	x.line("-- Complete. ", strconv.Itoa(len(toc.Entries)), " objects.")
	return nil
}

// oneLine makes a text fit for a comment.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(s)
}

func (x *exporter) head() {
	p := x.r.props
	x.line("-- Database ", oneLine(string(p.Name)), " of PostgreSQL ", oneLine(x.r.m.ServerVersion), ", as it was at ", x.r.m.Started.UTC().Format("2006-01-02 15:04:05"), " UTC.")
	x.line("-- Load it into an empty database: psql -X -v ON_ERROR_STOP=1 -d NAME -f THIS_FILE")
	x.line("-- Made for it like this:")
	create := (&restorer{work: "NAME", major: p.Version, noTablespace: map[string]bool{}}).createSQL(p)
	x.line("--   ", oneLine(create), ";")
	for _, o := range x.r.roles {
		x.line("-- It speaks of the role ", oneLine(ident(o.Name)), ".")
	}
	std := "on"
	if !x.r.toc.StdStrings {
		std = "off"
	}
	for _, s := range [][2]string{{"statement_timeout", "0"}, {"lock_timeout", "0"}, {"idle_in_transaction_session_timeout", "0"},
		{"client_encoding", x.r.toc.Encoding}, {"standard_conforming_strings", std}, {"check_function_bodies", "off"}, {"xmloption", "content"},
		{"client_min_messages", "warning"}, {"row_security", "off"}, {"search_path", ""}, {"array_nulls", "on"}, {"DateStyle", "ISO, YMD"},
		{"IntervalStyle", "postgres"}, {"lc_monetary", "C"}, {"default_transaction_read_only", "off"}, {"transform_null_equals", "off"}} {
		value := literal(s[1])
		if s[0] == "DateStyle" {
			value = s[1]
		}
		x.line("SET ", s[0], " = ", value, ";")
	}
	for name, there := range map[string]bool{"SCHEMA IF EXISTS public": p.Public, "EXTENSION IF EXISTS plpgsql": p.PLpgSQL} {
		if !there {
			x.line("DROP ", name, ";")
		}
	}
	x.line()
}

// clean drops what the script makes, last things first.
func (x *exporter) clean() {
	all := append(x.r.toc.Sections(archive.PreData), x.r.toc.Sections(archive.PostData)...)
	for _, e := range slices.Backward(all) {
		if sql := ifExists(e); sql != "" {
			x.line(sql)
		}
	}
	x.line()
}

// ifExists turns an entry's DROP into one that does not mind.
func ifExists(e *archive.Entry) string {
	drop := strings.TrimRight(e.Drop, "\n ")
	switch {
	case drop == "" || strings.HasPrefix(drop, "--"):
		return ""
	case strings.HasPrefix(drop, "ALTER TABLE "):
		drop = strings.Replace(drop, "ALTER TABLE ", "ALTER TABLE IF EXISTS ", 1)
		return strings.Replace(drop, " DROP CONSTRAINT ", " DROP CONSTRAINT IF EXISTS ", 1)
	case e.Desc == "TRIGGER" || e.Desc == "RULE" || e.Desc == "POLICY", strings.HasPrefix(drop, "DROP "+e.Desc+" "):
		return strings.Replace(drop, "DROP "+e.Desc+" ", "DROP "+e.Desc+" IF EXISTS ", 1)
	}
	return drop
}

func (x *exporter) entries(section archive.Section, pass archive.Pass) {
	for _, e := range x.r.toc.Sections(section) {
		if e.Pass() != pass {
			continue
		}
		x.line("-- ", e.Desc, ": ", oneLine(objectName(e)))
		for _, s := range e.Setup() {
			if old, ok := x.set[s[0]]; !ok || old != s[1] {
				x.line("SET ", s[0], " = ", literal(s[1]), ";")
				x.set[s[0]] = s[1]
			}
		}
		x.line(e.SQL())
	}
}

// ordered puts the tables into the order in which they are made, those with checks
// last: a check may read other tables' rows.
func (x *exporter) ordered(loads []*load) []*load {
	at := map[string]int{}
	for i := range x.r.toc.Entries {
		if e := &x.r.toc.Entries[i]; e.Desc == "TABLE" {
			at[qualified(e.Namespace, e.Tag)] = i
			if strings.Contains(e.Defn, "CHECK (") {
				at[qualified(e.Namespace, e.Tag)] += len(x.r.toc.Entries)
			}
		}
	}
	slices.SortStableFunc(loads, func(a, b *load) int { return at[a.quoted()] - at[b.quoted()] })
	return loads
}

// rows writes a table's rows as they are stored: they are COPY's own text.
func (x *exporter) rows(ctx context.Context, l *load) (err error) {
	if l.binary() {
		return ErrNotAsText.Because(nil, "table", l.part.Table.String())
	}
	target := l.quoted()
	if l.detail.Hash {
		target = qualified(l.detail.RootSchema, l.detail.Root)
	}
	if l.detail.Config {
		x.line("DELETE FROM ONLY ", target, " ", l.detail.Where, ";")
	}
	cols := ""
	if len(l.part.Table.Columns) > 0 {
		cols = " (" + idents(l.part.Table.Columns) + ")"
	}
	// What a check or a generated column calls may lean on people's search
	// path; COPY itself names everything in full.
	x.line("SET search_path = ", string(x.r.path), ";")
	x.line("COPY ", target, cols, " FROM stdin WITH (ENCODING ", literal(l.detail.Encoding), ");")
	in, err := x.r.src.Open(ctx, *l.part)
	if err != nil {
		return fmt.Errorf("open %s: %w", l.part.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if _, err := io.Copy(x.w, &loadMeter{r: x.r, in: in, item: l.part.Table.String()}); err != nil {
		return fmt.Errorf("export %s: %w", l.part.Name, err)
	}
	x.line(`\.`)
	x.line("SET search_path = '';")
	x.line()
	return context.Cause(ctx)
}

func (x *exporter) sequences(ctx context.Context) error {
	var seqs []sequence
	if err := x.r.readJSON(ctx, partSequences, &seqs); err != nil {
		return err
	}
	for _, s := range seqs {
		x.line(setvalSQL([]sequence{s}), ";")
	}
	x.line()
	return nil
}

func (x *exporter) largeObjects(ctx context.Context) (err error) {
	var list []largeObject
	if err := x.r.readJSON(ctx, partLargeMeta, &list); err != nil || len(list) == 0 {
		return err
	}
	for _, lo := range list {
		x.line("SELECT pg_catalog.lo_create(", literal(lo.OID), ");")
	}
	if err := x.pages(ctx); err != nil {
		return err
	}
	for _, lo := range list {
		object := "LARGE OBJECT " + lo.OID
		if lo.Comment != nil {
			x.line("COMMENT ON ", object, " IS ", literal(*lo.Comment), ";")
		}
		x.line("ALTER ", object, " OWNER TO ", ident(lo.Owner), ";")
		for _, sql := range grantsSQL(object, lo.Owner, lo.HasACL, lo.Grants) {
			x.line(sql, ";")
		}
	}
	x.line()
	return nil
}

func (x *exporter) pages(ctx context.Context) (err error) {
	p := x.r.parts[partLargeObjects]
	if p == nil {
		return nil
	}
	in, err := x.r.src.Open(ctx, *p)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	lines := bufio.NewReaderSize(in, 64<<10)
	for end := false; !end; {
		var chunk []byte
		if chunk, _, end, err = nextLines(lines, 64<<10); err != nil {
			return fmt.Errorf("export %s: %w", p.Name, err)
		}
		for line := range bytes.Lines(chunk) {
			f := bytes.Split(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\t'})
			if len(f) != 3 {
				return ErrDamaged.Because(nil, "what", string(p.Name))
			}
			// COPY writes the backslash of \x twice, as E'' wants it.
			x.line("SELECT pg_catalog.lo_put(", string(f[0]), ", ", string(f[1]), "::pg_catalog.int8 * 2048, E'", string(f[2]), "'::pg_catalog.bytea);")
		}
	}
	return nil
}
