package enginemem

import (
	"bytes"
	"fmt"
	"strings"
)

// Rows are written as PostgreSQL's COPY text: fields separated by tabs, lines
// ended by '\n', NULL as \N, and backslash escapes for what would be mistaken.
var escaper = strings.NewReplacer("\\", `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)

// line writes one row.
func line(row []Value) []byte {
	var b bytes.Buffer
	for i, v := range row {
		if i > 0 {
			b.WriteByte('\t')
		}
		if v == nil {
			b.WriteString(`\N`)
		} else {
			b.WriteString(escaper.Replace(*v))
		}
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// parseLine is the inverse of line, given a line without its '\n'.
func parseLine(text string, columns int) ([]Value, error) {
	fields := strings.Split(text, "\t")
	if len(fields) != columns {
		return nil, fmt.Errorf("a row has %d fields, want %d", len(fields), columns)
	}
	row := make([]Value, columns)
	for i, f := range fields {
		if f == `\N` {
			continue
		}
		v, err := unescape(f)
		if err != nil {
			return nil, err
		}
		row[i] = Text(v)
	}
	return row, nil
}

func unescape(f string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '\\' {
			b.WriteByte(f[i])
			continue
		}
		i++
		if i == len(f) {
			return "", fmt.Errorf("a field ends in a backslash")
		}
		at := strings.IndexByte(`\tnr`, f[i])
		if at < 0 {
			return "", fmt.Errorf("unknown escape %q", f[i-1:i+1])
		}
		b.WriteByte("\\\t\n\r"[at])
	}
	return b.String(), nil
}
