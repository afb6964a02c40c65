// Package rescue is the stand-alone restore program: it takes backups out of a
// destination with nothing but the destination and a key. It knows no agent,
// no catalog and no vault, changes nothing at the destination, and leaves what
// it takes out to the database's own tools.
package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/rahatbackup/rahat/internal/engine"
	"github.com/rahatbackup/rahat/internal/i18n"
	"github.com/rahatbackup/rahat/internal/problem"
	"github.com/rahatbackup/rahat/internal/store"
	"github.com/rahatbackup/rahat/internal/vault"
)

// What can go wrong on the command line, as a person meets it.
var (
	// ErrUsage: {what} is not understood.
	ErrUsage = problem.New("rescue.bad_usage")
	// ErrNoInput: {flag} names what cannot be read.
	ErrNoInput = problem.New("rescue.input_unreadable")
	// ErrNobody: there is no terminal to ask for the {flag} on.
	ErrNobody = problem.New("rescue.no_terminal")
	// ErrDamaged: {damaged} places of the backups cannot be restored.
	ErrDamaged = problem.New("rescue.damaged")
)

// The exit codes, those of the command line rahat.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 4
	exitRefused     = 5
	exitInterrupted = 130
)

// exitCodes says which problems end in which code; the others failed: 1.
var exitCodes = map[problem.Code]int{
	ErrUsage.Code: exitUsage, ErrNoInput.Code: exitUsage, ErrNobody.Code: exitUsage,
	"recoverykit.word_count": exitUsage, "recoverykit.unknown_word": exitUsage, "recoverykit.words_mistyped": exitUsage,
	"recoverykit.identity_mistyped": exitUsage, "recoverykit.empty": exitUsage,
	"restorer.unknown_format": exitUsage, "agent.unknown_engine": exitUsage, "agent.ambiguous_id": exitUsage, "store.bad_url": exitUsage,
	"repository.not_found": exitNotFound, "repository.no_backup": exitNotFound,
	"repository.wrong_key": exitRefused, "store.access_denied": exitRefused, "restorer.file_exists": exitRefused,
	problem.Cancelled: exitInterrupted,
}

// Options is the world the program runs in.
type Options struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Drivers of the engines whose backups can be taken out, by engine.
	Drivers map[string]engine.Driver
	// OpenStore opens the destination at an address as a person writes it: a
	// URL, or a folder.
	OpenStore func(ctx context.Context, address string, secret vault.Secret) (store.Store, error)
	// NeedsSecret reports whether the store at an address takes a secret.
	NeedsSecret func(address string) bool
	// Ask asks for a line on the terminal without showing what is typed; nil:
	// there is no terminal.
	Ask func(ctx context.Context, question string) (string, error)
	// Progress says that standard error is a terminal, where progress is shown.
	Progress bool
}

// app is one command line.
type app struct {
	Options
	texts *i18n.Texts
	flags *pflag.FlagSet
	input struct { // what the flags say
		url, lang, output, format       string
		keyFile, secretFile             string
		keyStdin, secretStdin, document bool
	}
	stdinTaken bool
}

// Run executes one command line and returns the exit code. It ends early when
// ctx does.
func Run(ctx context.Context, opt Options) int {
	a := &app{Options: opt, texts: i18n.For(i18n.Detect())}
	err := a.run(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		err = problem.New(problem.Cancelled)
	}
	a.complain(problem.Of(err))
	if code, ok := exitCodes[problem.Of(err).Code]; ok {
		return code
	}
	return exitFailed
}

// complain says what happened and what to do, as text or as a document.
func (a *app) complain(p *problem.Problem) {
	title, remedy := a.texts.Problem(p)
	if a.input.document {
		// When standard output is gone there is nobody left to tell.
		_ = a.print(map[string]any{"error": map[string]any{"code": p.Code, "title": title, "remedy": remedy, "params": p.Params}})
		return
	}
	fmt.Fprintf(a.Stderr, "✗ %s\n  %s\n  %s\n", visible(title), visible(remedy), p.Code)
}

// parse reads the flags, which may stand anywhere, and returns the rest.
func (a *app) parse() ([]string, error) {
	f, in := pflag.NewFlagSet("rahat-restore", pflag.ContinueOnError), &a.input
	a.flags = f
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&in.url, "url", "", "")
	f.StringVar(&in.keyFile, "key-file", "", "")
	f.BoolVar(&in.keyStdin, "key-stdin", false, "")
	f.StringVar(&in.secretFile, "secret-file", "", "")
	f.BoolVar(&in.secretStdin, "secret-stdin", false, "")
	f.StringVarP(&in.output, "output", "o", "", "")
	f.StringVar(&in.format, "format", "", "")
	f.StringVar(&in.lang, "lang", "", "")
	f.BoolVar(&in.document, "json", false, "")
	err := f.Parse(a.Args)
	if i18n.Known(in.lang) {
		a.texts = i18n.For(in.lang)
	}
	if errors.Is(err, pflag.ErrHelp) {
		return []string{"help"}, nil
	}
	if err != nil {
		return nil, ErrUsage.Because(nil, "what", culprit(err))
	}
	return f.Args(), nil
}

// culprit names the flag that an error is about, and never its value, which
// may be a secret that somebody put in the wrong place.
func culprit(err error) string {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return "--" + e.GetSpecifiedName()
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return "--" + e.GetFlag().Name
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return "--" + e.GetFlag().Name
	}
	return "?"
}

// run does what the arguments name.
func (a *app) run(ctx context.Context) error {
	args, err := a.parse()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"help"}
	}
	commands := map[string]struct {
		least, most int // arguments
		url         bool
		do          func(context.Context, []string) error
	}{
		"help":    {0, 1, false, a.help},
		"version": {0, 0, false, a.version},
		"format":  {0, 0, false, a.describeFormat},
		"list":    {0, 0, true, a.list},
		"check":   {0, 1, true, a.check},
		"export":  {1, 1, true, a.export},
	}
	c, known := commands[args[0]]
	rest := args[1:]
	switch {
	case !known:
		return ErrUsage.Because(nil, "what", args[0])
	case len(rest) < c.least:
		return ErrUsage.Because(nil, "what", args[0]+" ID")
	case len(rest) > c.most: // perhaps a secret in the wrong place: it is not repeated
		return ErrUsage.Because(nil, "what", args[0])
	case c.url && a.input.url == "":
		return ErrUsage.Because(nil, "what", "--url")
	}
	return c.do(ctx, rest)
}
