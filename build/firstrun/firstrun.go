// Package firstrun is "go run ./build run": from a checkout to backups that were
// proved by restoring them, with a short table of what came of it. It does
// nothing that a person could not type; every step is a call of the command
// line.
package firstrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/setup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/control/client"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/paths"
	"github.com/rahatbackup/rahat/internal/problem"
)

// destinationName is the destination that a first run makes.
const destinationName = "home"

// sampleName is the server of the sample shop.
const sampleName = "sample-shop"

// Run installs what is missing, builds, and makes a proved backup of every
// database that can be read. What is already configured is used as it is. Where
// there is a screen the window is shown at last. Progress goes to stderr.
func Run(ctx context.Context, out, stderr io.Writer) error {
	noPages := false
	if err := setup.ForRun(ctx, out); err != nil {
		return err
	}
	if err := product.BuildPages(ctx, out); err != nil {
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(out, "without the window and its pages: %v\n", err) // backups need neither
		noPages = true
	}
	fmt.Fprintln(out, "building rahat and rahat-agent")
	programs, err := product.Build(ctx, out)
	if err != nil {
		return err
	}
	r := &run{out: out, cli: product.CLI{Program: programs.Rahat, Stderr: stderr}}
	if r.person, err = os.UserHomeDir(); err != nil {
		return fmt.Errorf("find home folder: %w", err)
	}
	home, err := paths.Default()
	if err != nil {
		return err
	}
	r.home = home
	if err := r.prepare(ctx); err != nil {
		return err
	}
	results, failed := r.backups(ctx)
	r.report(results)
	if noPages || !product.HasDisplay() || ctx.Err() != nil {
		return failed
	}
	return errors.Join(failed, r.openWindow(ctx))
}

// openWindow builds the window and shows it. It comes last: the backups do not
// wait for a program that takes minutes to build the first time.
func (r *run) openWindow(ctx context.Context) error {
	if err := setup.ForWindow(ctx, r.out); err != nil {
		return err
	}
	fmt.Fprintln(r.out, "\nbuilding the window (minutes the first time, then seconds)")
	program, err := product.BuildWindow(ctx, r.out)
	if err != nil {
		return err
	}
	err = client.OpenWindow(ctx, client.WindowOptions{Home: r.home, Program: program})
	if p := problem.Of(err); p != nil {
		title, remedy := i18n.For("en").Problem(p)
		return fmt.Errorf("%s. %s", title, remedy)
	}
	fmt.Fprintln(r.out, "the window is open")
	return nil
}

// A run is one first run.
type run struct {
	out         io.Writer
	cli         product.CLI
	person      string     // the person's home folder
	home        paths.Home // where the agent keeps its state
	vaultNote   string     // set when secrets are kept in a file
	recoveryKey string     // the file with the recovery key, if one was made
	closed      []control.Found
	servers     []control.Server
	destination control.Destination
}

// prepare starts the agent and makes sure of servers and a destination.
func (r *run) prepare(ctx context.Context) error {
	r.chooseVault()
	var found control.Discovery
	if err := r.call(ctx, &found, "discover"); err != nil {
		return err
	}
	if err := r.call(ctx, &r.servers, "server", "list"); err != nil {
		return err
	}
	for _, f := range found.Servers {
		if err := r.addFound(ctx, f); err != nil {
			return err
		}
	}
	if err := r.sample(ctx); err != nil {
		return err
	}
	return r.chooseDestination(ctx)
}

// addFound configures a server that discovery met, if it lets us in.
func (r *run) addFound(ctx context.Context, f control.Found) error {
	configured := f.Server != "" || slices.ContainsFunc(r.servers, func(s control.Server) bool {
		return s.Engine == f.Engine && (s.Address == f.Address || slices.Contains(f.Addresses, s.Address))
	})
	if configured || f.Engine != "postgres" && f.Engine != "sqlite" {
		return nil
	}
	readable := func(d control.Database) bool { return d.Readable }
	if f.Problem != nil || !slices.ContainsFunc(f.Databases, readable) {
		r.closed = append(r.closed, f)
		return nil
	}
	name := r.freeName(f.Engine)
	args := []string{"server", "add", name, "--engine", f.Engine, "--address", f.Address}
	if f.User != "" {
		args = append(args, "--user", f.User)
	}
	if err := r.call(ctx, nil, args...); err != nil {
		return err
	}
	fmt.Fprintf(r.out, "added %s %s at %s as server %q\n", f.Product, f.Version, f.Address, name)
	r.servers = append(r.servers, control.Server{Name: name, Engine: f.Engine, Address: f.Address, User: f.User})
	return nil
}

func (r *run) freeName(base string) string {
	name := base
	taken := func(s control.Server) bool { return s.Name == name }
	for n := 2; slices.ContainsFunc(r.servers, taken); n++ {
		name = fmt.Sprintf("%s%d", base, n)
	}
	return name
}

// sample makes the sample shop when there is nothing else to back up, and again
// when it was configured before and its file is gone.
func (r *run) sample(ctx context.Context) error {
	path := filepath.Join(r.person, "Rahat Backup sample", "shop.sqlite")
	configured := slices.ContainsFunc(r.servers, func(s control.Server) bool { return s.Address == path })
	if !configured && len(r.servers) > 0 {
		return nil
	}
	if err := MakeSample(ctx, path); err != nil {
		return err
	}
	if configured {
		return nil
	}
	fmt.Fprintf(r.out, "no database here can be read without a password, so a sample shop was made: %s\n", path)
	name := r.freeName(sampleName)
	if err := r.call(ctx, nil, "server", "add", name, "--engine", "sqlite", "--address", path); err != nil {
		return err
	}
	r.servers = append(r.servers, control.Server{Name: name, Engine: "sqlite", Address: path})
	return nil
}

// chooseDestination takes the first destination there is, or makes a folder in
// the person's home, with a recovery key that opens it on another computer.
func (r *run) chooseDestination(ctx context.Context) error {
	var there []control.Destination
	if err := r.call(ctx, &there, "destination", "list"); err != nil {
		return err
	}
	if len(there) > 0 {
		r.destination = there[0]
		return nil
	}
	recipient, err := r.makeRecoveryKey()
	if err != nil {
		return err
	}
	folder := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(r.person, "Rahat Backup"))}
	return r.call(ctx, &r.destination, "destination", "add", destinationName, "--url", folder.String(), "--recipient", recipient)
}

// A result is one line of the closing table.
type result struct {
	server   control.Server
	database string
	made     *control.BackupResult
	problem  error
}

// backups backs up every server and proves each backup. It goes on after a
// failure: one server that is down does not leave the others unprotected.
func (r *run) backups(ctx context.Context) ([]result, error) {
	var all []result
	var failed []error
	for _, s := range r.servers {
		var document struct {
			Runs []struct {
				control.BackupResult
				Error *product.Error `json:"error"`
			} `json:"runs"`
		}
		err := r.call(ctx, &document, "backup", "--server", s.Name, "--database", "*", "--to", r.destination.Name, "--verify", "full")
		for i := range document.Runs {
			made := &document.Runs[i]
			line := result{server: s, database: made.Database, made: &made.BackupResult}
			if made.Error != nil {
				line.problem = errors.New(made.Error.Title)
			}
			all = append(all, line)
		}
		if err != nil && len(document.Runs) == 0 {
			all = append(all, result{server: s, database: s.Name, problem: err})
		}
		failed = append(failed, err)
	}
	return all, errors.Join(failed...)
}

// place returns where a destination lies, as a person would write it.
func place(d control.Destination) string {
	u, err := url.Parse(d.URL)
	if err != nil || u.Scheme != "file" {
		return d.URL
	}
	return filepath.FromSlash(u.Path)
}

// short writes a path below the person's home with a tilde.
func (r *run) short(path string) string {
	if rest, ok := strings.CutPrefix(path, r.person+string(filepath.Separator)); ok {
		return filepath.Join("~", rest)
	}
	return path
}
