package cli

import (
	"maps"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rahatbackup/rahat/internal/problem"
)

// fieldParams are the problems that name a field of what was sent to the agent,
// and the parameter that does.
var fieldParams = map[problem.Code]string{
	"agent.invalid":      "fields",
	"retention.negative": "name",
	"script.bad":         "field",
}

// flagOf are the flags of fields that have another name than theirs.
var flagOf = map[string]string{
	"databases": "database", "destinations": "to", "destination": "to", "tags": "tag",
	"seconds": "script-timeout", "on_failure": "script-failure", "when": "after-when",
}

var position = regexp.MustCompile(`\[\d+\]$`)

// asTyped returns a problem in the words of the command line: a field is called
// by the flag that a person typed for it. What the command c has no flag for
// keeps its name.
func asTyped(c *cobra.Command, p *problem.Problem) *problem.Problem {
	if c == nil || p == nil || p.Params[fieldParams[p.Code]] == "" {
		return p
	}
	param := fieldParams[p.Code]
	fields := strings.Split(p.Params[param], ", ")
	for i, f := range fields {
		fields[i] = flagFor(c, f)
	}
	typed := *p
	typed.Params = maps.Clone(p.Params)
	typed.Params[param] = strings.Join(fields, ", ")
	return &typed
}

// flagFor returns the flag of c for a field such as before[0].on_failure, or the
// field itself.
func flagFor(c *cobra.Command, field string) string {
	path := strings.Split(field, ".")
	name := position.ReplaceAllString(path[len(path)-1], "")
	for _, flag := range []string{flagOf[name], strings.ReplaceAll(name, "_", "-")} {
		if flag != "" && c.Flags().Lookup(flag) != nil {
			return "--" + flag
		}
	}
	return field
}
