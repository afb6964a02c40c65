package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rahatbackup/rahat/internal/backup"
	"github.com/rahatbackup/rahat/internal/control"
	"github.com/rahatbackup/rahat/internal/problem"
)

// What can go wrong on the command line itself, as a person meets it.
var (
	errCommand       = problem.New("cli.unknown_command")        // {command} {possible}
	errFlag          = problem.New("cli.unknown_flag")           // {flag} {command}
	errFlagValue     = problem.New("cli.flag_without_value")     // {flag} {command}
	errBadValue      = problem.New("cli.bad_value")              // {flag} {value} {command}
	errChoice        = problem.New("cli.not_a_choice")           // {flag} {value} {possible}
	errRange         = problem.New("cli.out_of_range")           // {flag} {value} {from} {to}
	errTimeLimit     = problem.New("cli.not_a_time_limit")       // {flag} {value}
	errMissing       = problem.New("cli.flags_missing")          // {flags} {command}
	errConflict      = problem.New("cli.flags_conflict")         // {flags}
	errArgMissing    = problem.New("cli.argument_missing")       // {argument} {command}
	errArgTooMany    = problem.New("cli.argument_unexpected")    // {argument} {command}
	errSecretArg     = problem.New("cli.secret_in_arguments")    // {flag}
	errSecretInURL   = problem.New("cli.secret_in_address")      // {flag}
	errSecretFile    = problem.New("cli.secret_file_unreadable") // {path} {cause}
	errSecretTwice   = problem.New("cli.input_used_twice")       // {flags}
	errSecretEmpty   = problem.New("cli.secret_empty")           // {flag}
	errSecretDiffers = problem.New("cli.secret_differs")         // {flag}
	errNoIdentity    = problem.New("cli.no_identity")            // {path}
	errNoTerminal    = problem.New("cli.no_terminal")            // {flag}
	errUnconfirmed   = problem.New("cli.overwrite_unconfirmed")  // {database}
	errMistyped      = problem.New("cli.overwrite_mistyped")     // {database}
	errManyGo        = problem.New("cli.many_would_go")          // {gone}, {kept}
	errConfigRead    = problem.New("cli.config_unreadable")      // {path}, {cause}
	errConfigWrite   = problem.New("cli.config_unwritable")      // {path}, {cause}
	errJobUnknown    = problem.New("agent.no_job")               // {name}; the agent's own
	errServerUnknown = problem.New("agent.no_server")            // {name}, as the agent says it
	errBackupUnknown = problem.New("repository.no_backup")       // {id}; the agent's own
	errFileExists    = problem.New("restorer.file_exists")       // {path}; the agent's own
	errNotWritable   = problem.New("restorer.not_writable")      // {path}; the agent's own
	errInterrupted   = problem.New("cli.interrupted")
	errLeft          = problem.New("cli.runs_go_on")    // {runs}
	errRun           = problem.New("cli.run_not_ok")    // {run} {status}
	errOutput        = problem.New("cli.output_failed") // {cause}
	errAgentExec     = problem.New("cli.agent_not_run") // {program} {cause}
)

// The exit codes, a contract of automation.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitNotFound    = 4
	exitRefused     = 5
	exitInterrupted = 130
)

// exitCodes says which problems end in which code. Those of the agent about
// names follow their form: agent.no_job is not found, agent.job_exists refused.
// What is not named here failed: 1.
var exitCodes = map[problem.Code]int{
	errCommand.Code:       exitUsage,
	errFlag.Code:          exitUsage,
	errFlagValue.Code:     exitUsage,
	errBadValue.Code:      exitUsage,
	errChoice.Code:        exitUsage,
	errRange.Code:         exitUsage,
	errTimeLimit.Code:     exitUsage,
	errMissing.Code:       exitUsage,
	errConflict.Code:      exitUsage,
	errArgMissing.Code:    exitUsage,
	errArgTooMany.Code:    exitUsage,
	errSecretArg.Code:     exitUsage,
	errSecretInURL.Code:   exitUsage,
	errSecretFile.Code:    exitUsage,
	errSecretTwice.Code:   exitUsage,
	errSecretEmpty.Code:   exitUsage,
	errSecretDiffers.Code: exitUsage,
	errNoIdentity.Code:    exitUsage,
	errNoTerminal.Code:    exitUsage,
	errUnconfirmed.Code:   exitRefused,
	errMistyped.Code:      exitRefused,
	errManyGo.Code:        exitRefused,
	errConfigRead.Code:    exitUsage,
	errInterrupted.Code:   exitInterrupted,
	errLeft.Code:          exitInterrupted,
	problem.Cancelled:     exitInterrupted,

	"control.unreachable":      exitUnreachable,
	"control.version_mismatch": exitUnreachable,
	"control.bad_answer":       exitUnreachable,
	"control.start_failed":     exitUnreachable,
	"control.start_timeout":    exitUnreachable,
	"control.agent_missing":    exitUnreachable,
	"ipc.refused":              exitUnreachable,

	"agent.invalid":            exitUsage,
	"agent.bad_name":           exitUsage,
	"config.not_one":           exitUsage,
	"config.newer":             exitUsage,
	"config.damaged":           exitUsage,
	"retention.negative":       exitUsage,
	"agent.ambiguous_id":       exitUsage,
	"agent.unknown_engine":     exitUsage,
	"agent.destination_needed": exitUsage,
	"agent.path_not_absolute":  exitUsage,
	"engine.bad_config":        exitUsage,
	"message.unknown_setting":  exitUsage,
	"message.setting_missing":  exitUsage,
	"message.bad_setting":      exitUsage,
	"message.bad_address":      exitUsage,
	"message.bad_url":          exitUsage,
	"message.not_encrypted":    exitUsage,
	"message.secret_missing":   exitUsage,
	"message.bad_secret":       exitUsage,
	"message.user_missing":     exitUsage,
	"engine.table_ambiguous":   exitUsage,
	"script.bad":               exitUsage,
	"script.no_sql":            exitUsage,
	"repository.bad_recipient": exitUsage,
	"restorer.unknown_format":  exitUsage,
	"store.bad_url":            exitUsage,
	"s3.bad_option":            exitUsage,
	"s3.option_missing":        exitUsage,
	"s3.no_keys":               exitUsage,

	"recoverykit.word_count":        exitUsage,
	"recoverykit.unknown_word":      exitUsage,
	"recoverykit.words_mistyped":    exitUsage,
	"recoverykit.identity_mistyped": exitUsage,
	"recoverykit.empty":             exitUsage,
	"recoverykit.no_destinations":   exitNotFound,
	"recoverykit.own_key_gone":      exitRefused,
	"repository.no_slot_there":      exitNotFound,
	"repository.last_key":           exitRefused,

	"repository.not_found":   exitNotFound,
	"repository.no_backup":   exitNotFound,
	"s3.no_bucket":           exitNotFound,
	"engine.no_database":     exitNotFound,
	"engine.table_not_found": exitNotFound,

	"engine.auth_failed":           exitRefused,
	"engine.login_not_allowed":     exitRefused,
	"engine.password_missing":      exitRefused,
	"engine.no_user":               exitRefused,
	"engine.privilege_missing":     exitRefused,
	"engine.target_exists":         exitRefused,
	"engine.target_privilege":      exitRefused,
	"restorer.file_exists":         exitRefused,
	"agent.run_over":               exitRefused,
	"agent.in_use":                 exitRefused,
	"agent.no_home":                exitFailed,
	"agent.repository_in_use":      exitRefused,
	"agent.overwrite_mismatch":     exitRefused,
	"agent.engine_mismatch":        exitRefused,
	"agent.repository_key_missing": exitRefused,
	"postgres.database_in_use":     exitRefused,
	"postgres.rls":                 exitRefused,
	"postgres.table_exists":        exitRefused,
	"repository.exists":            exitRefused,
	"s3.unknown_key":               exitRefused,
	"s3.wrong_secret":              exitRefused,
	"s3.lock_denied":               exitRefused,
	"repository.no_key_slot":       exitRefused,
	"repository.wrong_key":         exitRefused,
	"vault.wrong_key":              exitRefused,
	"vault.passphrase_file_empty":  exitRefused,
	"vault.locked":                 exitRefused,
	"store.access_denied":          exitRefused,
	"message.login_refused":        exitRefused,
	"message.not_authorized":       exitRefused,
}

// exitCode returns the exit code for an error.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if fs, ok := errors.AsType[*failures](err); ok {
		return fs.exitCode()
	}
	code := problem.Of(err).Code
	if exit, ok := exitCodes[code]; ok {
		return exit
	}
	name, ours := strings.CutPrefix(string(code), "agent.")
	switch {
	case ours && strings.HasPrefix(name, "no_"):
		return exitNotFound
	case ours && strings.HasSuffix(name, "_exists"):
		return exitRefused
	}
	return exitFailed
}

// failures are the runs of one command that did not end well.
type failures struct {
	list    []failure
	printed bool // they are part of the document on standard output
}

// failure is one of them. Subject names it where there are several.
type failure struct {
	subject string
	problem *problem.Problem
}

// Error implements error.
func (f *failures) Error() string {
	var all []string
	for _, one := range f.list {
		all = append(all, one.problem.Error())
	}
	return strings.Join(all, "; ")
}

// exitCode is the code all failures share, else 1; an interrupt outdoes all.
func (f *failures) exitCode() int {
	code := -1
	for _, one := range f.list {
		switch c := exitCode(one.problem); {
		case c == exitInterrupted:
			return c
		case code == -1:
			code = c
		case code != c:
			code = exitFailed
		}
	}
	return code
}

// failed returns the failures among runs, or nil.
func failed(runs []control.Run) error {
	f := &failures{}
	for _, r := range runs {
		if p := runProblem(r); p != nil {
			f.list = append(f.list, failure{subject: r.Database, problem: p})
		}
	}
	if len(f.list) == 0 {
		return nil
	}
	if len(runs) == 1 {
		f.list[0].subject = ""
	}
	return f
}

// runProblem returns why a run did not end well, nil if it did.
func runProblem(r control.Run) *problem.Problem {
	if p := problem.Of(r.Problem.Err()); p != nil {
		return p
	}
	if r.Status == backup.OK {
		return nil
	}
	return errRun.Because(nil, "run", r.ID, "status", string(r.Status))
}

// report tells the person about err and returns the exit code.
func (a *app) report(err error) int {
	if err == nil {
		err = a.out.failed()
	}
	if err == nil {
		return exitOK
	}
	list := []failure{{problem: problem.Of(err)}}
	printed := false
	if fs, ok := errors.AsType[*failures](err); ok {
		list, printed = fs.list, fs.printed
	}
	switch {
	case printed:
	case a.json:
		// When standard output is gone there is nobody left to tell.
		_ = a.out.document(struct {
			Error *errorDocument `json:"error"`
		}{a.errorDocument(list[0].problem)})
	default:
		for _, one := range list {
			a.complain(one)
		}
	}
	return exitCode(err)
}

// complain prints the three lines of an error: what happened, what to do, and
// the code to search for.
func (a *app) complain(f failure) {
	title, remedy := a.text(f.problem)
	if f.subject != "" {
		title = visible(f.subject) + ": " + title
	}
	fmt.Fprintf(a.err, "%s\n", a.err.paint(red, "✗ "+title))
	if remedy != "" {
		fmt.Fprintf(a.err, "  %s\n", remedy)
	}
	fmt.Fprintf(a.err, "  %s\n", a.err.paint(dim, string(f.problem.Code)))
}

// warn prints problems that did not stop the work.
func (a *app) warn(subject string, ps []control.Problem) {
	if a.json || a.quiet {
		return
	}
	for _, p := range ps {
		title, remedy := a.text(problem.Of(p.Err()))
		if subject != "" {
			title = visible(subject) + ": " + title
		}
		fmt.Fprintf(a.err, "%s\n  %s\n", a.err.paint(yellow, "▲ "+title), remedy)
	}
}

// errorDocument is an error with --json.
type errorDocument struct {
	Code   string            `json:"code"`
	Title  string            `json:"title"`  // in the language chosen
	Remedy string            `json:"remedy"` // in the language chosen
	Params map[string]string `json:"params,omitempty"`
	Detail string            `json:"detail,omitempty"` // the cause, for reports
}

func (a *app) errorDocument(p *problem.Problem) *errorDocument {
	if p == nil {
		return nil
	}
	d := &errorDocument{Code: string(p.Code), Params: p.Params}
	d.Title, d.Remedy = a.texts.Problem(asTyped(a.ran, p))
	if p.Err != nil {
		d.Detail = p.Err.Error()
	}
	return d
}

// list joins names for a sentence.
func list(names []string) string { return strings.Join(slices.Clone(names), ", ") }
