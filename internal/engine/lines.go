package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// ErrLine is a line that is not what a part of kind rows holds.
var ErrLine = errors.New("a line is not well-formed")

// ReadLines adds the rows of a part of kind rows to the page, and reports
// whether the page has room for others when the part has ended. Fields are
// separated by tabs, \N is NULL, and a backslash escapes as in COPY's text
// format (https://www.postgresql.org/docs/current/sql-copy.html). text turns the
// bytes of a value, or its beginning, into UTF-8. Memory is bounded however long
// a value is. [ErrLine] when a line has another number of fields.
func (p *Page) ReadLines(in io.Reader, columns, limit int, text func([]byte) string) (room bool, err error) {
	f := &fields{in: bufio.NewReaderSize(in, 64<<10)}
	for {
		row, err := f.row(columns, func() *string {
			if f.null {
				return nil
			}
			v := text(f.value)
			if f.size > len(f.value) && len(v) <= MaxValue {
				return p.CutValue(v)
			}
			return p.Value(v)
		})
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if !p.Add(row, limit) {
			return false, nil
		}
	}
}

// fields reads one field after the other.
type fields struct {
	in    *bufio.Reader
	value []byte // of the field read last; of a long one the beginning
	size  int    // of all of it
	null  bool
}

// keptValue is how much of a value is kept: as much as is shown of it, and a
// little more, to know that there is more.
const keptValue = MaxValue + 16

// row reads a line; io.EOF when there is none.
func (f *fields) row(columns int, value func() *string) ([]*string, error) {
	row := make([]*string, 0, columns)
	for n := 0; ; n++ {
		end, err := f.next()
		over := errors.Is(err, io.EOF)
		if err != nil && !over {
			return nil, err
		}
		if over && n == 0 && f.size == 0 && !f.null {
			return nil, io.EOF
		}
		last := over || end == '\n'
		if n == 0 && columns == 0 && last && f.size == 0 {
			return row, nil // a table without columns has empty lines
		}
		if n == columns {
			return nil, fmt.Errorf("more than %d fields: %w", columns, ErrLine)
		}
		row = append(row, value())
		if last && n+1 < columns {
			return nil, fmt.Errorf("%d fields instead of %d: %w", n+1, columns, ErrLine)
		}
		if last {
			return row, nil
		}
	}
}

// next reads a field and returns what ended it.
func (f *fields) next() (end byte, err error) {
	f.value, f.size, f.null = f.value[:0], 0, false
	for {
		c, err := f.in.ReadByte()
		if err != nil || c == '\t' || c == '\n' {
			return c, err
		}
		if f.null {
			return 0, fmt.Errorf("something follows \\N: %w", ErrLine)
		}
		if c != '\\' {
			f.put(c)
			continue
		}
		if c, err = f.escaped(); err != nil {
			return 0, err
		}
		if !f.null {
			f.put(c)
		}
	}
}

func (f *fields) put(c byte) {
	f.size++
	if len(f.value) < keptValue {
		f.value = append(f.value, c)
	}
}

// escaped reads what follows a backslash.
func (f *fields) escaped() (byte, error) {
	c, err := f.in.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("it ends in a backslash: %w", ErrLine)
	}
	if err != nil {
		return 0, err
	}
	switch c {
	case 'N':
		f.null = f.size == 0
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'v':
		c = '\v'
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return f.digits(c-'0', 8, 2), nil
	case 'x':
		if next, err := f.in.Peek(1); err == nil && digit(next[0]) < 16 {
			return f.digits(0, 16, 2), nil
		}
	}
	return c, nil
}

// digits reads the rest of a number, at most most digits of it.
func (f *fields) digits(n, base byte, most int) byte {
	for range most {
		next, err := f.in.Peek(1)
		if err != nil || digit(next[0]) >= base {
			break
		}
		n = n*base + digit(next[0])
		_, _ = f.in.Discard(1) // it was there
	}
	return n
}

// digit is the value of a digit, 255 for what is none.
func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
