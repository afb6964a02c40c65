package archive

import "io"

// Undated returns a writer that passes an archive on to w with the time of the
// dump set to a fixed one, so that two archives of an unchanged schema are equal
// byte by byte. Nothing that restores an archive uses that time.
func Undated(w io.Writer) io.Writer { return &undater{w: w} }

type undater struct {
	w    io.Writer
	head []byte
	done bool
}

// The fixed time: 1 January 2000, 0:00:00, no summer time; tm_mon counts from
// 0, tm_year from 1900.
var fixedTime = [7]byte{0, 0, 0, 1, 0, 100, 0}

func (u *undater) Write(p []byte) (int, error) {
	if u.done {
		return u.w.Write(p)
	}
	u.head = append(u.head, p...)
	const fixed = 11 // magic, version, sizes, format
	if len(u.head) < fixed {
		return len(p), nil
	}
	intLen := int(u.head[8]) + 1
	at := fixed + 1 // compression algorithm
	if u.head[6] < 15 {
		at = fixed + intLen // compression level
	}
	if end := at + 7*intLen; len(u.head) < end {
		return len(p), nil
	}
	for i, v := range fixedTime {
		f := u.head[at+i*intLen:][:intLen]
		clear(f)
		f[1] = v
	}
	u.done = true
	if _, err := u.w.Write(u.head); err != nil {
		return 0, err
	}
	u.head = nil
	return len(p), nil
}
