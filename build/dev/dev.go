// Package dev starts an agent to play with: in a folder of its own, with a
// PostgreSQL server and a SQLite file to back up. Beside it runs the server of
// the pages, which change in the browser and in the window when their source
// does. Nothing of it stays behind.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rahatbackup/rahat/build/bench"
	"github.com/rahatbackup/rahat/build/firstrun"
	"github.com/rahatbackup/rahat/build/product"
	"github.com/rahatbackup/rahat/build/setup"
)

// scale is the size of the PostgreSQL database in GB, about.
const scale = 0.02

// Run starts everything, says how to use it, and ends it when ctx does.
func Run(ctx context.Context, out, stderr io.Writer) (err error) {
	if err := setup.ForDevelopment(ctx, out); err != nil {
		return err
	}
	if err := product.BuildPages(ctx, out); err != nil && !errors.Is(err, product.ErrNoNode) {
		return err
	}
	programs, err := product.Build(ctx, out)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rahat-dev")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the database server may run as another user
		return fmt.Errorf("open folder: %w", err)
	}
	server := filepath.Join(dir, "pg")
	if err := os.Mkdir(server, 0o755); err != nil {
		return fmt.Errorf("make server folder: %w", err)
	}
	fmt.Fprintln(out, "starting PostgreSQL and filling it")
	db, err := bench.StartDatabase(ctx, server, scale)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	agent, err := product.StartAgent(ctx, programs, filepath.Join(dir, "home"), stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, agent.Stop()) }()
	if err := configure(ctx, agent.CLI, db, dir); err != nil {
		return err
	}
	explain(out, agent, db)
	err = show(ctx, out, agent)
	fmt.Fprintln(out, "\nstopping")
	return err
}

// configure adds both servers and a destination.
func configure(ctx context.Context, cli product.CLI, db *bench.Database, dir string) error {
	sample := filepath.Join(dir, "shop.sqlite")
	if err := firstrun.MakeSample(ctx, sample); err != nil {
		return err
	}
	user, password := db.Login()
	return errors.Join(
		cli.WithStdin(password+"\n").JSON(ctx, nil, "server", "add", "pg", "--engine", "postgres", "--address", db.Address(), "--user", user, "--password-stdin"),
		cli.JSON(ctx, nil, "server", "add", "lite", "--engine", "sqlite", "--address", sample),
		cli.JSON(ctx, nil, "destination", "add", "disk", "--url", "file://"+filepath.Join(dir, "backups")),
	)
}

func explain(out io.Writer, agent *product.Agent, db *bench.Database) {
	fmt.Fprintf(out, "\nAn agent runs with servers pg and lite and the destination disk. In another shell:\n\n")
	for _, v := range agent.CLI.Env {
		fmt.Fprintf(out, "  export %s\n", v)
	}
	user, password := db.Login()
	fmt.Fprintf(out, "  export PATH=%s:$PATH\n\n", filepath.Dir(agent.CLI.Program))
	fmt.Fprintf(out, "  rahat backup --server pg --database %s --to disk --verify full\n", db.Name)
	fmt.Fprintf(out, "  rahat backup --server lite --database '*' --to disk\n")
	fmt.Fprintf(out, "  rahat backups\n")
	fmt.Fprintf(out, "  psql 'postgres://%s:%s@%s/%s'\n\n", user, password, db.Address(), db.Name)
	fmt.Fprintf(out, "Logs: %s\nCtrl-C ends it and removes everything.\n", filepath.Join(agent.Home, "log"))
}
