package firstrun

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/i18n"
)

// report prints the closing table and what to do next.
func (r *run) report(results []result) {
	texts := i18n.For("en")
	where := r.short(place(r.destination))
	fmt.Fprintln(r.out)
	table := tabwriter.NewWriter(r.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "DATABASE\tSIZE\tSTORED\tTIME\tPROOF\tWHERE IT LIES")
	for _, line := range results {
		if line.made == nil || line.made.Backup == "" {
			fmt.Fprintf(table, "%s\t-\t-\t-\tno backup\t%s\n", line.database, line.server.Address)
			continue
		}
		b := line.made
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", b.Database, texts.Bytes(b.PlainBytes), texts.Bytes(b.StoredBytes),
			texts.Duration(seconds(b.Seconds)), proof(b.Verify), where)
	}
	table.Flush()
	for _, line := range results {
		if line.problem != nil {
			fmt.Fprintf(r.out, "\n%s: %v\n", line.database, line.problem)
		}
	}
	r.next(results)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// proof says in a few words what the restore for proof showed.
func proof(v *control.VerifyResult) string {
	switch {
	case v == nil:
		return "not proved"
	case v.Status != backup.OK:
		return "FAILED"
	}
	compared := ""
	if v.Rows > 0 {
		compared = i18n.For("en").N("count.rows", v.Rows) + " "
	}
	return fmt.Sprintf("restored, %scompared, %s", compared, i18n.For("en").Duration(seconds(v.Seconds)))
}

// next prints what to do now, as commands that can be pasted.
func (r *run) next(results []result) {
	rahat := quote(r.cli.Program)
	if wd, err := filepath.Abs("."); err == nil {
		if rel, err := filepath.Rel(wd, r.cli.Program); err == nil {
			rahat = "./" + filepath.ToSlash(rel)
		}
	}
	fmt.Fprintf(r.out, "\nWhat to do next\n")
	if r.recoveryKey != "" {
		fmt.Fprintf(r.out, "  Copy %q to another place. It opens your backups when this computer is lost.\n", r.short(r.recoveryKey))
	}
	if line, ok := largest(results); ok {
		fmt.Fprintf(r.out, "  bring one back:  %s restore %s --to-server %s --to-database %s\n", rahat, line.made.Backup,
			line.server.Name, quote(restoredName(line)))
	}
	fmt.Fprintf(r.out, "  see them all:    %s backups\n", rahat)
	fmt.Fprintf(r.out, "  back up again:   go run ./build run\n")
	for _, f := range r.closed {
		name := r.freeName(f.Engine)
		r.servers = append(r.servers, control.Server{Name: name}) // the next proposal is another
		fmt.Fprintf(r.out, "  needs a login:   %s server add %s --engine %s --address %s --user NAME --password\n",
			rahat, name, f.Engine, quote(f.Address))
	}
	if r.vaultNote != "" {
		fmt.Fprintf(r.out, "\n%s\n", r.vaultNote)
	}
}

// largest returns the largest backup that was made, the best example there is.
func largest(results []result) (best result, found bool) {
	for _, line := range results {
		if line.made == nil || line.made.Backup == "" {
			continue
		}
		if !found || line.made.PlainBytes > best.made.PlainBytes {
			best, found = line, true
		}
	}
	return best, found
}

// restoredName proposes a name for a restored copy, which on SQLite is a file.
func restoredName(line result) string {
	if line.server.Engine != "sqlite" {
		return line.database + "_restored"
	}
	extension := filepath.Ext(line.server.Address)
	return line.server.Address[:len(line.server.Address)-len(extension)] + "-restored" + extension
}
