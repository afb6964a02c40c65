package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/pkg/browser"
	"github.com/spf13/cobra"
)

// browserTime is how long a browser has to fail. Some systems return from
// opening one at once, some when it is closed.
const browserTime = 2 * time.Second

func (a *app) uiCommand() *cobra.Command {
	var onlyPrint bool
	c := a.command("ui", args(), func(ctx context.Context, _ *cobra.Command, _ []string) error {
		agent, err := a.connect(ctx)
		if err != nil {
			return err
		}
		link, err := agent.OpenUI(ctx)
		if err != nil {
			return err
		}
		switch {
		case a.json: // a program wants the address, which works once
			return a.out.document(link)
		case onlyPrint:
		case a.opt.Browse != nil && a.opt.Browse(ctx, link.URL) == nil:
			a.done("ui.opened")
		default:
			fmt.Fprintf(a.err, "%s\n", a.err.paint(yellow, "▲ "+a.t("ui.not_opened")))
		}
		fmt.Fprintln(a.out, link.URL)
		return nil
	})
	c.Flags().BoolVar(&onlyPrint, "print", false, "")
	return c
}

// Browse opens an address in the person's browser. A nil error means that
// nothing went wrong within two seconds; the browser may be closed at any time.
func Browse(ctx context.Context, url string) error {
	if !hasDisplay() {
		return errors.New("there is no display")
	}
	browser.Stdout, browser.Stderr = nil, nil // what a browser says is not ours to print
	result := make(chan error, 1)
	go func() { result <- browser.OpenURL(url) }() // ends with this process at the latest
	select {
	case err := <-result:
		return err
	case <-time.After(browserTime):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hasDisplay reports whether a browser could be seen. Without a display, Linux
// would start one for terminals, where nobody asked for it.
func hasDisplay() bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return true
	}
	for _, name := range []string{"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}
