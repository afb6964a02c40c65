package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rahatbackup/rahat/internal/i18n"
)

// action is what a command does.
type action func(ctx context.Context, c *cobra.Command, args []string) error

// Commands are listed in the order a person meets them.
func init() { cobra.EnableCommandSorting = false }

// root builds the command tree in the person's language.
func (a *app) root() *cobra.Command {
	root := a.command("rahat", args(), a.overview)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(a.help)
	root.SetFlagErrorFunc(flagError)
	for _, g := range []string{"setup", "daily", "program"} {
		root.AddGroup(&cobra.Group{ID: g, Title: "help.group." + g})
	}
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("setup", a.discoverCommand(), a.serverCommand(), a.destinationCommand(), a.recoveryKitCommand(), a.jobCommand(), a.channelCommand())
	pause, resume := a.pauseCommands()
	add("daily", a.statusCommand(), a.backupCommand(), a.runsCommand(), a.runCommand(), a.backupsCommand(), a.labelCommand(),
		a.verifyCommand(), a.restoreCommand(), a.browseCommand(), a.exportCommand(), a.pruneCommand(), pause, resume)
	add("program", a.uiCommand(), a.doctorCommand(), a.configCommand(), a.catalogCommand(), a.agentCommand(), a.completionCommand(), a.manCommand(), a.versionCommand())
	root.SetHelpCommand(a.helpCommand())

	global := root.PersistentFlags()
	global.SortFlags = false
	global.BoolVar(&a.json, "json", a.json, "")
	global.Var(&choice{value: new(string), among: i18n.Languages()}, "lang", "")
	global.BoolVarP(&a.quiet, "quiet", "q", false, "")
	global.Bool("no-color", false, "")
	global.BoolP("help", "h", false, "")
	complete(root, "lang", i18n.Languages())
	a.describe(root)
	return root
}

// command makes a command. use is how it is written, its last name first; its
// texts are filled in by describe.
func (a *app) command(use string, check cobra.PositionalArgs, do action) *cobra.Command {
	return &cobra.Command{
		Use:                   use,
		Args:                  check,
		ValidArgsFunction:     cobra.NoFileCompletions,
		DisableFlagsInUseLine: true,
		RunE:                  func(c *cobra.Command, args []string) error { return do(c.Context(), c, args) },
	}
}

// group makes a command that only holds others.
func (a *app) group(name string, below ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:               name,
		ValidArgsFunction: cobra.NoFileCompletions,
		Args:              args(),
		RunE: func(c *cobra.Command, _ []string) error {
			if a.json { // a script forgot what it wanted
				return errArgMissing.Because(nil, "argument", a.t("help.command"), "command", c.CommandPath())
			}
			return c.Help()
		},
	}
	c.AddCommand(below...)
	return c
}

func (a *app) helpCommand() *cobra.Command {
	c := a.command("help", cobra.ArbitraryArgs, func(_ context.Context, c *cobra.Command, args []string) error {
		about, rest, err := c.Root().Find(args)
		if err != nil || len(rest) > 0 {
			return unknownCommand(c.Root(), strings.Join(args, " "))
		}
		return about.Help()
	})
	c.Hidden = true // rahat --help says the same
	return c
}

// describe fills in the texts of a command and of those below it. A command's
// key is its path with dots, "rahat.server.add"; a flag has a text of its own
// under a command or shares one.
func (a *app) describe(c *cobra.Command) {
	key := strings.ReplaceAll(c.CommandPath(), " ", ".")
	c.Short = a.t("help." + key + ".short")
	if a.texts.Has("help." + key + ".long") {
		c.Long = a.t("help." + key + ".long")
	}
	if a.texts.Has("help." + key + ".example") {
		c.Example = a.t("help." + key + ".example")
	}
	text := func(f *pflag.Flag) {
		own := "flag." + key + "." + f.Name
		if !a.texts.Has(own) {
			own = "flag." + f.Name
		}
		f.Usage = a.t(own)
	}
	c.LocalNonPersistentFlags().VisitAll(text)
	c.PersistentFlags().VisitAll(text)
	for _, sub := range c.Commands() {
		a.describe(sub)
	}
}

// args checks that exactly the named arguments are given. A name in brackets
// may be missing, one that ends in dots may be repeated.
func args(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		for i, name := range names {
			if i >= len(given) && !strings.HasPrefix(name, "[") || i < len(given) && given[i] == "" {
				return errArgMissing.Because(nil, "argument", strings.Trim(name, "[]"), "command", c.CommandPath())
			}
		}
		if err := filled(c); err != nil {
			return err
		}
		if len(given) <= len(names) {
			return nil
		}
		if f := askedSecret(c); f != "" {
			return errSecretArg.Because(nil, "flag", "--"+f)
		}
		if c.HasSubCommands() {
			return unknownCommand(c, given[len(names)])
		}
		return errArgTooMany.Because(nil, "argument", given[len(names)], "command", c.CommandPath())
	}
}

// filled refuses flags that were given nothing, as by a script whose variable is
// not set: it would get another database, or all of them.
func filled(c *cobra.Command) error {
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		given := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			given = list.GetSlice()
		}
		if f.NoOptDefVal == "" && (len(given) == 0 || slices.Contains(given, "")) {
			err = errFlagValue.Because(nil, "flag", "--"+f.Name, "command", c.CommandPath())
		}
	})
	return err
}

// unknownCommand names what the person may have meant, or all there is.
func unknownCommand(parent *cobra.Command, typed string) error {
	if parent.SuggestionsMinimumDistance <= 0 {
		parent.SuggestionsMinimumDistance = 2
	}
	possible := parent.SuggestionsFor(typed)
	if len(possible) == 0 {
		for _, c := range parent.Commands() {
			if c.IsAvailableCommand() {
				possible = append(possible, c.Name())
			}
		}
	}
	return errCommand.Because(nil, "command", parent.CommandPath()+" "+typed, "possible", list(possible))
}

// flagError turns the errors of the flag parser into problems. It never
// repeats the value of a flag that takes a secret.
func flagError(c *cobra.Command, err error) error {
	command := c.CommandPath()
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := "--" + e.GetSpecifiedName()
		if e.GetSpecifiedShortnames() != "" {
			name = "-" + e.GetSpecifiedName()
		}
		return errFlag.Because(nil, "flag", name, "command", command)
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return errFlagValue.Because(nil, "flag", "--"+e.GetFlag().Name, "command", command)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue(e, command)
	}
	if e, ok := errors.AsType[*pflag.InvalidSyntaxError](err); ok {
		return errFlag.Because(nil, "flag", e.GetSpecifiedFlag(), "command", command)
	}
	return err
}

func badValue(e *pflag.InvalidValueError, command string) error {
	flag := "--" + e.GetFlag().Name
	switch v := e.GetFlag().Value.(type) {
	case *askFlag:
		return errSecretArg.Because(nil, "flag", flag)
	case *choice:
		return errChoice.Because(nil, "flag", flag, "value", e.GetValue(), "possible", list(v.among))
	case *bounded:
		return errRange.Because(nil, "flag", flag, "value", e.GetValue(), "from", strconv.Itoa(v.from), "to", strconv.Itoa(v.to))
	case timeLimit:
		return errTimeLimit.Because(nil, "flag", flag, "value", e.GetValue())
	}
	return errBadValue.Because(nil, "flag", flag, "value", e.GetValue(), "command", command)
}

// need returns a problem unless all the named flags were given.
func need(c *cobra.Command, names ...string) error {
	var missing []string
	for _, name := range names {
		if !c.Flags().Changed(name) {
			missing = append(missing, "--"+name)
		}
	}
	if missing == nil {
		return nil
	}
	return errMissing.Because(nil, "flags", list(missing), "command", c.CommandPath())
}

// refuse returns a problem if any of the named flags was given together with
// what is called with.
func refuse(c *cobra.Command, with string, names ...string) error {
	for _, name := range names {
		if c.Flags().Changed(name) {
			return errConflict.Because(nil, "flags", list([]string{with, "--" + name}))
		}
	}
	return nil
}

// choice is the value of a flag that takes one of a few words.
type choice struct {
	value *string
	among []string
}

// Set implements [pflag.Value].
func (c *choice) Set(s string) error {
	if !slices.Contains(c.among, s) {
		return errors.New("not one of the choices")
	}
	*c.value = s
	return nil
}

// String implements [pflag.Value].
func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Type implements [pflag.Value].
func (c *choice) Type() string { return "string" }

// A bounded is a flag for a whole number between two others, both included.
type bounded struct {
	value    *int
	from, to int
}

// Set implements [pflag.Value].
func (b *bounded) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < b.from || n > b.to {
		return errors.New("not in the range") // badValue says more
	}
	*b.value = n
	return nil
}

// String implements [pflag.Value].
func (b *bounded) String() string {
	if b.value == nil {
		return "0"
	}
	return strconv.Itoa(*b.value)
}

// Type implements [pflag.Value].
func (b *bounded) Type() string { return "int" }

// choose adds a flag that takes one of a few words; value holds its default.
func choose(c *cobra.Command, value *string, name string, among ...string) {
	c.Flags().Var(&choice{value: value, among: among}, name, "")
	complete(c, name, among)
}

// complete offers fixed words for a flag.
func complete(c *cobra.Command, flag string, words []string) {
	completeBy(c, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeBy sets what the shell is offered for a flag. That fails only for a
// flag that is not there, which is a defect every start would show.
func completeBy(c *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}
