package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/repository"
)

// pageRows is how many rows are read when nobody says.
const pageRows = 100

type rowsQuery struct {
	ID     string `path:"id" maxLength:"36" doc:"an ID, a unique beginning of one, or latest"`
	Schema string `query:"schema" doc:"may be left out when only one table is called so"`
	Table  string `query:"table" required:"true" doc:"name, or schema.name when schema is left out"`
	Offset int64  `query:"offset" minimum:"0" doc:"number of the first row, from 0"`
	Limit  int    `query:"limit" minimum:"0" maximum:"1000" doc:"0: 100; a page may have fewer rows than that before the end, when they are long"`
}

// backupTables lists the tables in a backup.
func (s *Server) backupTables(ctx context.Context, in *identified) ([]control.BackupTable, error) {
	out := []control.BackupTable{}
	err := s.browse(ctx, in.ID, func(b engine.Browser, src *repository.Source) error {
		tables, err := b.Tables(ctx, src)
		for i := range tables {
			t := &tables[i]
			schema, name, columns := shownTable(t)
			out = append(out, control.BackupTable{
				Schema: schema, Name: name, Columns: columns, Rows: t.Rows, Bytes: t.Bytes, Partitions: t.Partitions,
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func shownTable(t *engine.StoredTable) (schema, name string, columns []string) {
	columns = make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = engine.ShownName(c)
	}
	return engine.ShownName(t.Schema), engine.ShownName(t.Name), columns
}

// backupRows shows rows of a table in a backup.
func (s *Server) backupRows(ctx context.Context, in *rowsQuery) (control.BackupRows, error) {
	if in.Limit == 0 {
		in.Limit = pageRows
	}
	out := control.BackupRows{Offset: in.Offset, Rows: [][]*string{}}
	err := s.browse(ctx, in.ID, func(b engine.Browser, src *repository.Source) error {
		page, err := b.Rows(ctx, src, in.Schema, in.Table, in.Offset, in.Limit)
		if err != nil {
			return err
		}
		out.Schema, out.Name, out.Columns = shownTable(&engine.StoredTable{Table: page.Table})
		out.Rows, out.More, out.Cut = append(out.Rows, page.Rows...), page.More, page.Cut
		return nil
	})
	return out, err
}

// browse opens a backup and lends it to use, with what can show it.
func (s *Server) browse(ctx context.Context, id string, use func(engine.Browser, *repository.Source) error) (err error) {
	o, err := s.originOf(ctx, id, nil)
	if err != nil {
		return err
	}
	driver, err := s.driver(o.engine)
	if err != nil {
		return err
	}
	b, ok := driver.(engine.Browser)
	if !ok {
		return engine.ErrUnsupported.Because(nil, "what", "show what is in a backup of "+o.engine)
	}
	f, err := s.reach(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.done()) }()
	if err := use(b, f.repo.Source(f.manifest)); err != nil {
		return fmt.Errorf("look into backup %s: %w", f.manifest.ID, err)
	}
	return nil
}
