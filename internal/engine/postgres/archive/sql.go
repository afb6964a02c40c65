package archive

import (
	"slices"
	"strings"
)

// Pass says in which of three rounds an entry is restored: grants come after
// everything they could hinder, and what runs the owner's code after the grants
// it needs.
type Pass int

// The passes.
const (
	Main Pass = iota
	Grants
	AfterGrants
)

// Pass returns the entry's pass.
func (e *Entry) Pass() Pass {
	switch e.Desc {
	case "ACL", "DEFAULT ACL":
		return Grants
	case "EVENT TRIGGER", "MATERIALIZED VIEW DATA":
		return AfterGrants
	case "COMMENT", "SECURITY LABEL":
		if strings.HasPrefix(e.Tag, "EVENT TRIGGER ") {
			return AfterGrants
		}
	case "STATISTICS DATA":
		if e.Section == PostData {
			return AfterGrants
		}
	}
	return Main
}

// Wanted reports whether the entry is SQL to be run in a database: what speaks
// of the database itself is not.
func (e *Entry) Wanted() bool {
	switch e.Desc {
	case "DATABASE", "DATABASE PROPERTIES":
		return false
	case "ACL", "COMMENT", "SECURITY LABEL":
		return e.Defn != "" && !strings.HasPrefix(e.Tag, "DATABASE ")
	}
	return e.Defn != "" || e.ownedAs() != ""
}

// Quote quotes an identifier.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// SQL returns the statements that make the object and give it its owner. They
// expect the search path, encoding and string syntax of the archive, and what
// Setup says.
func (e *Entry) SQL() string {
	var b strings.Builder
	b.WriteString(e.Defn)
	if !strings.HasSuffix(e.Defn, "\n") {
		b.WriteString("\n")
	}
	if s := e.OwnerSQL(); s != "" {
		b.WriteString(s)
		b.WriteString("\n")
	}
	if e.TableAM != "" && e.RelKind == 'p' {
		b.WriteString("ALTER TABLE " + Quote(e.Namespace) + "." + Quote(e.Tag) + " SET ACCESS METHOD " + Quote(e.TableAM) + ";\n")
	}
	return b.String()
}

// OwnerSQL returns the statement that gives the object its owner, or nothing.
func (e *Entry) OwnerSQL() string {
	what := e.ownedAs()
	if what == "" {
		return ""
	}
	return "ALTER " + what + " OWNER TO " + Quote(e.Owner) + ";"
}

// Setup returns the settings the entry expects, as name and value.
func (e *Entry) Setup() [][2]string {
	var s [][2]string
	if e.Tablespace != nil {
		s = append(s, [2]string{"default_tablespace", *e.Tablespace})
	}
	if e.TableAM != "" && e.RelKind != 'p' {
		s = append(s, [2]string{"default_table_access_method", e.TableAM})
	}
	return s
}

// named are the kinds whose owner is set by kind and name.
var named = []string{
	"COLLATION", "CONVERSION", "DOMAIN", "FOREIGN TABLE", "MATERIALIZED VIEW", "SEQUENCE", "STATISTICS", "TABLE",
	"TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION", "TYPE", "VIEW",
	"PROCEDURAL LANGUAGE", "SCHEMA", "EVENT TRIGGER", "FOREIGN DATA WRAPPER", "SERVER", "PUBLICATION", "SUBSCRIPTION",
}

// signed are the kinds whose name needs more, which the DROP statement has.
var signed = []string{"AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE"}

// ownedAs returns the object as ALTER ... OWNER TO names it, or nothing when the
// object has no owner of its own.
func (e *Entry) ownedAs() string {
	if e.Owner == "" || e.Drop == "" {
		return ""
	}
	switch {
	case slices.Contains(named, e.Desc):
		if e.Namespace != "" {
			return e.Desc + " " + Quote(e.Namespace) + "." + Quote(e.Tag)
		}
		return e.Desc + " " + Quote(e.Tag)
	case slices.Contains(signed, e.Desc):
		return strings.TrimRight(strings.TrimPrefix(e.Drop, "DROP "), ";\n")
	}
	return ""
}

// Sections returns the entries of a section in order. An entry of no section,
// such as a comment, belongs to the section of the entry before it.
func (a *Archive) Sections(want Section) []*Entry {
	var out []*Entry
	current := PreData
	for i := range a.Entries {
		e := &a.Entries[i]
		if e.Section != None {
			current = e.Section
		}
		if current == want && e.Wanted() {
			out = append(out, e)
		}
	}
	return out
}
