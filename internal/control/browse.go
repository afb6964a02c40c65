package control

// BackupTable is one table in a backup.
type BackupTable struct {
	Schema  string   `json:"schema,omitempty"`
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`  // -1 when only counting could tell
	Bytes   int64    `json:"bytes"` // -1 when the engine does not store tables apart
	// Partitions is how many other tables of the list hold the rows of this
	// one; absent for a table with rows of its own.
	Partitions int `json:"partitions,omitempty"`
}

// BackupRows is a page of a table's rows in a backup, in the order they are
// stored.
type BackupRows struct {
	Schema  string      `json:"schema,omitempty"`
	Name    string      `json:"name"`
	Columns []string    `json:"columns"`
	Offset  int64       `json:"offset"`
	Rows    [][]*string `json:"rows"` // null is SQL NULL
	More    bool        `json:"more"`
	// Cut counts values that were longer than 4 KiB; their beginning is shown,
	// and "…" behind it.
	Cut int `json:"cut"`
}
