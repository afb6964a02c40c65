package repository

import _ "embed" // the page

// Format is the page that says how a repository is stored, for whoever must
// read one without this program.
//
//go:embed FORMAT.md
var Format string
