package repository

import (
	"errors"

	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
)

// What can go wrong, as a person meets it. The parameters named here are
// always given.
var (
	// ErrNotFound: the destination holds no repository.
	ErrNotFound = problem.New("repository.not_found")
	// ErrExists: the destination already holds a repository.
	ErrExists = problem.New("repository.exists")
	// ErrWrongKey: none of the keys opens the repository.
	ErrWrongKey = problem.New("repository.wrong_key")
	// ErrNewer: {object} was written by a newer version of the program.
	ErrNewer = problem.New("repository.newer_format")
	// ErrDamaged: {object} is not what was written.
	ErrDamaged = problem.New("repository.damaged")
	// ErrMissing: {object} is gone.
	ErrMissing = problem.New("repository.missing_object")
	// ErrNoBackup: there is no backup {id}.
	ErrNoBackup = problem.New("repository.no_backup")
	// ErrBase: a backup cannot lean on backup {id}.
	ErrBase = problem.New("repository.bad_base")
	// ErrLease: the writer was away for so long that others may have
	// removed what it leans on; the backup must be made anew.
	ErrLease = problem.New("repository.lease_lost")
	// ErrNoLock: the destination cannot forbid that backups are deleted.
	ErrNoLock = problem.New("repository.no_lock")
	// ErrTurn: the prune was held up for so long that another may have begun;
	// what it did is whole.
	ErrTurn = problem.New("repository.prune_interrupted")
	// ErrPrune: nothing was removed, because {object} cannot be read and nobody
	// can tell what its backup needs.
	ErrPrune = problem.New("repository.cannot_prune")
	// ErrRecipient: {recipient} is not an age recipient.
	ErrRecipient = problem.New("repository.bad_recipient")
	// ErrBackupExists: the repository has a backup {id} already.
	ErrBackupExists = problem.New("repository.backup_exists")
	// ErrLabel: a label has more than {tags} tags or more than {size} bytes.
	ErrLabel = problem.New("repository.bad_label")
	// ErrLastKey: the key slot must not be removed: it is the only one, or
	// the one that opened the repository.
	ErrLastKey = problem.New("repository.last_key")
	// ErrNoSuchSlot: there is no key slot {id}.
	ErrNoSuchSlot = problem.New("repository.no_slot_there")
	// ErrNoSlot: a repository needs at least one key.
	ErrNoSlot = problem.New("repository.no_key_slot")
)

// damaged says which object is not what was written, unless err says so
// already.
func damaged(object string, err error) error {
	if errors.Is(err, ErrDamaged) || errors.Is(err, ErrMissing) {
		return err
	}
	return ErrDamaged.Because(err, "object", object)
}

// isDamage reports whether err says that stored bytes are wrong or gone, in
// contrast to a store that cannot be reached.
func isDamage(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, ErrMissing) || errors.Is(err, ErrNewer) || errors.Is(err, store.ErrNotFound)
}
