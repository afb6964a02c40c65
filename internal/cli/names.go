package cli

import (
	"errors"
	"strings"
)

// A nameList is a flag for names with commas between them, which may be repeated.
// A name that holds a comma or begins with a quotation mark stands in quotation
// marks, doubled inside; everything else, also an end of line, is part of a name.
type nameList struct{ value *[]string }

var errUnclosed = errors.New("a quotation mark is not closed")

// Set implements [pflag.Value].
func (n *nameList) Set(s string) error {
	for more := true; more; {
		var name string
		var err error
		if name, s, more, err = cutName(s); err != nil {
			return err
		}
		*n.value = append(*n.value, name)
	}
	return nil
}

// cutName cuts the first name off a list; more says that a comma followed it.
func cutName(s string) (name, rest string, more bool, err error) {
	quoted, ok := strings.CutPrefix(s, `"`)
	if !ok {
		name, rest, more = strings.Cut(s, ",")
		return name, rest, more, nil
	}
	for {
		before, after, closed := strings.Cut(quoted, `"`)
		if !closed {
			return "", "", false, errUnclosed
		}
		name += before
		switch {
		case after == "":
			return name, "", false, nil
		case after[0] == ',':
			return name, after[1:], true, nil
		case after[0] != '"':
			return "", "", false, errUnclosed
		}
		name, quoted = name+`"`, after[1:]
	}
}

// String implements [pflag.Value].
func (n *nameList) String() string {
	if n.value == nil {
		return ""
	}
	return strings.Join(*n.value, ",")
}

// Type implements [pflag.Value].
func (n *nameList) Type() string { return "strings" }

// Append implements [pflag.SliceValue].
func (n *nameList) Append(name string) error { return n.Replace(append(n.GetSlice(), name)) }

// Replace implements [pflag.SliceValue].
func (n *nameList) Replace(all []string) error {
	*n.value = all
	return nil
}

// GetSlice implements [pflag.SliceValue].
func (n *nameList) GetSlice() []string { return *n.value }
