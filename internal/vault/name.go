package vault

import (
	"errors"
	"fmt"
)

// MaxName is the longest name of a secret in bytes.
const MaxName = 255

// ErrBadName: a name breaks the rules of [Vault]. Names are made by the
// program, so that no person meets it.
var ErrBadName = errors.New("bad name of a secret")

// CheckName returns [ErrBadName] unless name obeys the rules of [Vault].
// Implementations call it first.
func CheckName(name string) error {
	ok := len(name) > 0 && len(name) <= MaxName && name[0] != '/' && name[len(name)-1] != '/'
	for i := 0; i < len(name) && ok; i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' ||
			c == '/' && name[i-1] != '/'
	}
	if !ok {
		return fmt.Errorf("%w: %q", ErrBadName, name)
	}
	return nil
}
