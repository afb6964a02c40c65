package postgres

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
)

// Large objects are read by ourselves: as rows (object, page, bytes) they cost a
// daily backup only the pages that changed, and a hole stays a hole.

// A largeObject is what is known of one beside its bytes.
type largeObject struct {
	OID     string      `json:"oid"`
	Owner   backup.Name `json:"owner"`
	Comment *string     `json:"comment,omitempty"`
	HasACL  bool        `json:"has_acl,omitempty"`
	Grants  []grant     `json:"grants,omitempty"`
}

const largeMetaSQL = `
SELECT m.oid, pg_catalog.pg_get_userbyid(m.lomowner), pg_catalog.obj_description(m.oid, 'pg_largeobject'), m.lomacl IS NOT NULL
FROM pg_catalog.pg_largeobject_metadata m
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass AND d.objid = m.oid AND d.deptype = 'e')
ORDER BY m.oid`

const largeGrantsSQL = `
SELECT m.oid, CASE WHEN a.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(a.grantee) END, pg_catalog.pg_get_userbyid(a.grantor), a.privilege_type, a.is_grantable
FROM pg_catalog.pg_largeobject_metadata m, pg_catalog.aclexplode(m.lomacl) a ORDER BY m.oid`

// largeObjects reads what there is, and adds the parts if there is any.
func (n *snapshot) largeObjects(ctx context.Context) error {
	rows, err := n.a.query(ctx, largeMetaSQL)
	if err != nil {
		return fmt.Errorf("list large objects: %w", err)
	}
	if len(rows) == 0 {
		return nil
	}
	list := make([]largeObject, len(rows))
	index := make(map[string]*largeObject, len(rows))
	for i, r := range rows {
		list[i] = largeObject{OID: r.str(0), Owner: backup.Name(r.str(1)), HasACL: r.bool(3)}
		if !r.null(2) {
			c := r.str(2)
			list[i].Comment = &c
		}
		index[r.str(0)] = &list[i]
	}
	if rows, err = n.a.query(ctx, largeGrantsSQL); err != nil {
		return fmt.Errorf("list grants of large objects: %w", err)
	}
	for _, r := range rows {
		if lo := index[r.str(0)]; lo != nil {
			lo.Grants = append(lo.Grants, grant{backup.Name(r.str(1)), backup.Name(r.str(2)), r.str(3), r.bool(4)})
		}
	}
	if err := n.keep(partLargeMeta, list); err != nil {
		return err
	}
	size, err := n.a.one(ctx, "SELECT pg_catalog.pg_table_size('pg_catalog.pg_largeobject')")
	if err != nil {
		return fmt.Errorf("size of large objects: %w", err)
	}
	p := backup.Part{Name: partLargeObjects, Kind: backup.Rows, Format: formatCopy, Key: 2, Estimate: row{[]byte(size)}.int(0)}
	n.parts = append(n.parts, p)
	return nil
}

// largePages reads pages straight from the catalog, which a superuser may.
const largePages = `COPY (SELECT loid, pageno, data FROM pg_catalog.pg_largeobject ORDER BY 1, 2) TO STDOUT`

// largeByRight reads pages through the functions every owner may use. A page
// that was never written reads as zeros there, so zeros are left out, except at
// the end, which says how long the object is.
const largeByRight = `COPY (
SELECT s.oid, p.n, d.data FROM (
  SELECT f.oid, pg_catalog.lo_lseek64(f.fd, 0, 2) AS size, pg_catalog.lo_close(f.fd) AS closed FROM (
    SELECT m.oid, pg_catalog.lo_open(m.oid, 262144) AS fd FROM pg_catalog.pg_largeobject_metadata m ORDER BY m.oid OFFSET 0) f OFFSET 0) s,
  LATERAL pg_catalog.generate_series(0, (s.size - 1) / 2048) p(n),
  LATERAL (SELECT pg_catalog.lo_get(s.oid, p.n * 2048, 2048) AS data) d
WHERE s.closed = 0 AND s.size > 0
  AND (p.n = (s.size - 1) / 2048 OR d.data <> pg_catalog.decode(pg_catalog.repeat('00', 2048), 'hex'))) TO STDOUT`

// dumpLargeObjects writes the pages of all large objects.
func (n *snapshot) dumpLargeObjects(ctx context.Context, w io.Writer) error {
	return n.onWorker(ctx, func(c *conn) error {
		super, err := c.one(ctx, "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')")
		if err != nil {
			return err
		}
		sql := largePages
		if super != "t" {
			sql = largeByRight
		}
		return n.privilege(n.copyOut(ctx, c, "", sql, &counted{w: w}))
	})
}

// loadLargeObjects makes the large objects with their numbers, owners, grants and
// comments, and writes their pages.
func (r *restorer) loadLargeObjects(ctx context.Context, c *conn) error {
	var list []largeObject
	if err := r.readJSON(ctx, partLargeMeta, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return nil
	}
	for some := range slices.Chunk(list, batch) {
		calls := make([]string, len(some))
		for i, lo := range some {
			calls[i] = "pg_catalog.lo_create(" + literal(lo.OID) + "::pg_catalog.oid)"
		}
		if err := c.exec(ctx, "SELECT "+strings.Join(calls, ", ")); err != nil {
			return fmt.Errorf("make large objects: %w", err)
		}
	}
	if err := r.loadPages(ctx, c); err != nil {
		return err
	}
	for _, lo := range list {
		if err := r.describeLarge(ctx, c, lo); err != nil {
			return err
		}
	}
	return nil
}

// describeLarge gives a large object its owner, grants and comment.
func (r *restorer) describeLarge(ctx context.Context, c *conn, lo largeObject) error {
	object := "LARGE OBJECT " + lo.OID
	var stmts []string
	if lo.Comment != nil {
		stmts = append(stmts, "COMMENT ON "+object+" IS "+literal(*lo.Comment))
	}
	stmts = append(stmts, "ALTER "+object+" OWNER TO "+ident(lo.Owner))
	stmts = append(stmts, grantsSQL(object, lo.Owner, lo.HasACL, lo.Grants)...)
	for _, sql := range stmts {
		err := c.exec(ctx, sql)
		if err != nil && pgCode(err) == "" {
			return fmt.Errorf("set %s: %w", object, err)
		}
		if err != nil {
			r.warn(ErrStatement.Because(err, "object", object, "message", firstLine(err)))
		}
	}
	return nil
}

// loadPages writes the pages, a temporary table at a time: COPY cannot write
// large objects.
func (r *restorer) loadPages(ctx context.Context, c *conn) (err error) {
	p := r.parts[partLargeObjects]
	if p == nil || p.Rows == 0 {
		return nil
	}
	in, err := r.src.Open(ctx, *p)
	if err != nil {
		return fmt.Errorf("open %s: %w", p.Name, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	lines := bufio.NewReaderSize(&loadMeter{r: r, in: in, item: string(p.Name)}, 256<<10)
	if err := c.exec(ctx, "CREATE TEMPORARY TABLE pg_temp.rahat_pages (loid pg_catalog.oid, pageno pg_catalog.int8, data pg_catalog.bytea)"); err != nil {
		return fmt.Errorf("load large objects: %w", err)
	}
	var rows int64
	for more := true; more; {
		chunk, n, end, err := nextLines(lines, largeChunk)
		if err != nil {
			return fmt.Errorf("read %s: %w", p.Name, err)
		}
		more = !end
		if n == 0 {
			continue
		}
		rows += n
		if _, err := c.pg.CopyFrom(ctx, bytes.NewReader(chunk), "COPY pg_temp.rahat_pages FROM STDIN"); err != nil {
			return fmt.Errorf("load large objects: %w", c.fail(ctx, err))
		}
		if err := c.exec(ctx, "SELECT pg_catalog.lo_put(loid, pageno * 2048, data) FROM pg_temp.rahat_pages; TRUNCATE pg_temp.rahat_pages"); err != nil {
			return fmt.Errorf("load large objects: %w", err)
		}
	}
	if rows != p.Rows {
		return fmt.Errorf("load large objects: %d pages of %d arrived", rows, p.Rows)
	}
	r.rows.Add(rows)
	if err := c.exec(ctx, "DROP TABLE pg_temp.rahat_pages"); err != nil {
		return fmt.Errorf("load large objects: %w", err)
	}
	return nil
}

// largeChunk is how many bytes of pages are written by one statement.
const largeChunk = 4 << 20

// nextLines reads whole lines, about limit bytes of them.
func nextLines(r *bufio.Reader, limit int) (chunk []byte, n int64, end bool, err error) {
	for len(chunk) < limit {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 && line[len(line)-1] == '\n' {
			chunk = append(chunk, line...)
			n++
		}
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return chunk, n, true, nil
		case errors.Is(err, io.EOF):
			return nil, 0, false, io.ErrUnexpectedEOF
		case err != nil: // a page has 2 KiB: no line is longer than the buffer
			return nil, 0, false, err
		}
	}
	return chunk, n, false, nil
}
