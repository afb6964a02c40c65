package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// maxSecret bounds what is read as a secret, in bytes: longer input is a
// mistake, such as the wrong file.
const maxSecret = 64 << 10

// secretFlags are the ways to give one secret: --NAME-stdin, --NAME-file, or
// --NAME alone, which asks on the terminal. A value in the arguments is
// refused: other programs and the shell's history can read it.
type secretFlags struct {
	name  string
	stdin bool
	file  string
	ask   askFlag
	twice bool // ask again: a slip of the finger would lock something for ever
}

func addSecretFlags(c *cobra.Command, name string) *secretFlags {
	s := &secretFlags{name: name}
	c.Flags().BoolVar(&s.stdin, name+"-stdin", false, "")
	c.Flags().StringVar(&s.file, name+"-file", "", "")
	c.Flags().Var(&s.ask, name, "")
	c.Flags().Lookup(name).NoOptDefVal = askWord
	return s
}

// askWord stands for a flag without a value.
const askWord = "ask"

// askFlag is the value of --NAME: given alone it asks for the secret.
type askFlag bool

// Set implements [pflag.Value].
func (a *askFlag) Set(s string) error {
	if s != askWord {
		return errors.New("a secret in the arguments")
	}
	*a = true
	return nil
}

// String implements [pflag.Value].
func (a *askFlag) String() string { return "" }

// Type implements [pflag.Value]. It says bool because help shows no value.
func (a *askFlag) Type() string { return "bool" }

// askedSecret returns the name of a secret that is to be asked for, which a
// stray argument was probably meant for, or "".
func askedSecret(c *cobra.Command) (name string) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if _, ok := f.Value.(*askFlag); ok {
			name = f.Name
		}
	})
	return name
}

// given reports whether the person said where the secret comes from.
func (s *secretFlags) given() bool { return s.stdin || s.file != "" || bool(s.ask) }

// secret reads the secret from where the flags say; "" when they say nothing.
func (a *app) secret(ctx context.Context, s *secretFlags) (string, error) {
	ways := 0
	for _, way := range []bool{s.stdin, s.file != "", bool(s.ask)} {
		if way {
			ways++
		}
	}
	if ways > 1 {
		return "", errConflict.Because(nil, "flags", fmt.Sprintf("--%[1]s, --%[1]s-stdin, --%[1]s-file", s.name))
	}
	var value string
	var err error
	switch {
	case s.stdin:
		value, err = a.secretFromInput("--" + s.name + "-stdin")
	case s.file != "":
		value, err = readSecretFile(s.file)
	case bool(s.ask):
		value, err = a.askSecret(ctx, a.t("ask."+s.name), "--"+s.name)
		if err == nil && s.twice {
			err = a.askAgain(ctx, s.name, value)
		}
	default:
		return "", nil
	}
	if err == nil && value == "" {
		err = errSecretEmpty.Because(nil, "flag", "--"+s.name)
	}
	return value, err
}

// secretFromInput reads the secret from standard input.
func (a *app) secretFromInput(flag string) (string, error) {
	if a.stdinTaken != "" {
		return "", errSecretTwice.Because(nil, "flags", list([]string{a.stdinTaken, flag}))
	}
	a.stdinTaken = flag
	b, err := readSecret(a.opt.Stdin)
	if err != nil {
		return "", errSecretFile.Because(err, "path", "-", "cause", err.Error())
	}
	return b, nil
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", errSecretFile.Because(err, "path", path, "cause", reason(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	s, err := readSecret(f)
	if err != nil {
		return "", errSecretFile.Because(err, "path", path, "cause", reason(err))
	}
	return s, nil
}

// readSecret reads all of r and drops the end of line that editors and echo
// leave.
func readSecret(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("more than %d bytes", maxSecret)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), nil
}

// reason is the cause of a file error without the path, which the text names.
func reason(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// passwordWithin finds the password in an address such as
// postgres://user:password@host or "host=h password=p".
var passwordWithin = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[^/@]*:[^/]*@|\bpassword\s*=`)

// kitWords is how many words a recovery kit has.
const kitWords = 24

// readIdentity returns the age identity in a file as age-keygen writes it
// (lines, with comments after '#'), in a recovery kit that was kept as text, or
// the words of a kit.
func readIdentity(path string) (string, error) {
	text, err := readSecretFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "AGE-SECRET-KEY-") {
			return line, nil
		}
	}
	if len(strings.Fields(text)) >= kitWords {
		return text, nil
	}
	return "", errNoIdentity.Because(nil, "path", path)
}

// person is the terminal that questions are asked on.
type person struct {
	in  *os.File
	out io.Writer
	tty *os.File // to be closed; nil when out is standard error
}

// person returns whom to ask, nil when standard input is no terminal. Questions
// go to standard error, or, when that is kept in a file, to the terminal itself.
func (a *app) person() *person {
	in, ok := a.opt.Stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	if a.err.terminal != nil {
		return &person{in: in, out: a.err}
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return nil // Windows, or a session without a terminal: nobody would see the question
	}
	return &person{in: in, out: tty, tty: tty}
}

func (p *person) leave() {
	if p.tty != nil {
		_ = p.tty.Close() // all that was written has been seen
	}
}

// askSecret asks without showing what is typed. flag is named when there is
// nobody to ask.
func (a *app) askSecret(ctx context.Context, question, flag string) (string, error) {
	p := a.person()
	if p == nil {
		return "", errNoTerminal.Because(nil, "flag", flag)
	}
	defer p.leave()
	fd := int(p.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", errNoTerminal.Because(err, "flag", flag)
	}
	fmt.Fprintf(p.out, "%s: ", question)
	answer, err := unlessDone(ctx, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return string(b), err
	})
	fmt.Fprintln(p.out)
	if ctx.Err() != nil {
		// The reader is still waiting with echo off.
		err = errors.Join(err, term.Restore(fd, before))
	}
	return answer, err
}

// askAgain asks for a secret a second time and compares.
func (a *app) askAgain(ctx context.Context, name, value string) error {
	again, err := a.askSecret(ctx, a.t("ask.again"), "--"+name)
	if err == nil && again != value {
		err = errSecretDiffers.Because(nil, "flag", "--"+name)
	}
	return err
}

// ask shows a warning and asks for a line of text.
func (a *app) ask(ctx context.Context, p *person, warning, question string) (string, error) {
	fmt.Fprintf(p.out, "%s\n%s: ", warning, question)
	line, err := unlessDone(ctx, func() (string, error) { return bufio.NewReader(p.in).ReadString('\n') })
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

// unlessDone returns what read returns, or the cause of ctx when that ends
// first. A read from a terminal cannot be stopped: then its goroutine stays
// until the program ends, which is next.
func unlessDone(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case got := <-answers:
		return got.text, got.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
