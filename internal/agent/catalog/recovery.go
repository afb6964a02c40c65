package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Recovery is what is known of the way into a repository without this computer.
// Nothing of it is secret.
type Recovery struct {
	Kit       time.Time `json:"kit,omitzero"`        // when the newest recovery kit for it was made
	Recipient string    `json:"recipient,omitempty"` // public half of that kit's key
	Drilled   time.Time `json:"drilled,omitzero"`    // when a key that a person typed last opened it
}

const keyRecovery = "recovery"

// Recoveries returns what is known, by ID of the repository.
func (db *DB) Recoveries(ctx context.Context) (map[string]Recovery, error) {
	text, err := db.Setting(ctx, keyRecovery)
	if err != nil || text == "" {
		return nil, err
	}
	var all map[string]Recovery
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("decode recovery: %w", err)
	}
	return all, nil
}

// ChangeRecovery changes what is known of some repositories.
func (db *DB) ChangeRecovery(ctx context.Context, f func(*Recovery), repositories ...string) error {
	return db.configure(ctx, func(tx *sql.Tx) error {
		all, err := db.Recoveries(ctx) // configure lets nobody else change it meanwhile
		if err != nil {
			return err
		}
		if all == nil {
			all = map[string]Recovery{}
		}
		for _, id := range repositories {
			r := all[id]
			f(&r)
			all[id] = r
		}
		return insertRecoveries(ctx, tx, all)
	})
}

func insertRecoveries(ctx context.Context, tx *sql.Tx, all map[string]Recovery) error {
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode recovery: %w", err)
	}
	return insertSetting(ctx, tx, keyRecovery, string(text))
}
