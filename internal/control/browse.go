package control

// BackupTable is one table in a backup.
type BackupTable struct {
	Schema  string   `json:"schema,omitempty"`
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"` // -1 when only counting could tell
	Bytes   int64    `json:"bytes"`
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
	// Cut counts values that were longer than 4 KiB and are shown in part.
	Cut int `json:"cut"`
}
