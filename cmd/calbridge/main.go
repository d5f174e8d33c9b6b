// Calbridge keeps calendars in sync, both ways: what is edited here reaches the server, what is edited there arrives here, and when both
// edit the same thing nobody's words are lost.
//
// This package is the command line: the grammar and the exit codes are in this file, the settings in config.go, how the parts are put
// together in wire.go, and every subcommand in a file of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // instances of a series are told apart by instants, on a machine without zone files too

	"github.com/alecthomas/kong"

	"calbridge/internal/cal"
	"calbridge/internal/simulate"
	"calbridge/internal/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first Ctrl-C ends things cleanly; with the handler gone, the second ends them at once
	os.Exit(run(ctx, process{args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}))
}

// process is what the operating system gives us.
type process struct {
	args   []string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // some account or calendar failed; the others were synced
	exitUsage  = 2
	exitPerson = 3 // needs a person: credentials refused, approval wanted
)

// grammar is the command line.
type grammar struct {
	flags

	Demo     demoCmd     `cmd:"" help:"Show what calbridge does, with a calendar server of its own and nothing to install."`
	Simulate simulateCmd `cmd:"" help:"Try a policy on a simulated server, while everything goes wrong that can."`
	Account  accountCmd  `cmd:"" help:"The logins at calendar servers."`
	Calendar calendarCmd `cmd:"" help:"The calendars of the accounts."`
	Sync     syncCmd     `cmd:"" help:"Push what was edited here, then pull what was edited there, once."`
	Object   objectCmd   `cmd:"" help:"Events, tasks and journal entries."`
	Conflict conflictCmd `cmd:"" help:"What both sides changed, and what became of it."`
	Run      runCmd      `cmd:"" help:"What earlier syncs did."`
	Approve  approveCmd  `cmd:"" help:"Let a held run delete what it was held for, and sync that calendar at once."`
	Export   exportCmd   `cmd:"" help:"Write a calendar as one iCalendar file."`
	Import   importCmd   `cmd:"" help:"Read an iCalendar file into a calendar."`
	Key      keyCmd      `cmd:"" help:"The master key, which seals the passwords in the database."`
	Doctor   doctorCmd   `cmd:"" help:"Probe a CalDAV server: what it can do, and what it gets wrong."`
	Migrate  migrateCmd  `cmd:"" help:"The database schema."`
	Config   configCmd   `cmd:"" help:"Print the settings in force, secrets hidden."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

// run is the whole program; it returns the exit code.
func run(ctx context.Context, p process) int {
	if len(p.args) == 0 {
		p.args, p.stdout = []string{"--help"}, p.stderr
		_ = p.run(ctx)
		return exitUsage
	}
	err := p.run(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = failure{errors.New("interrupted"), exitFailed}
	}
	if err != nil && !errors.Is(err, errTold) {
		fmt.Fprintln(p.stderr, "calbridge: "+clean(oneLine(err)))
	}
	return exitCode(err)
}

// oneLine is an error on one line. Joined errors come on several, and often end alike: then the first will do.
func oneLine(err error) string {
	var told []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		_, end, _ := strings.Cut(line, ": ")
		same := func(earlier string) bool { return end != "" && strings.HasSuffix(earlier, end) }
		if !slices.ContainsFunc(told, same) {
			told = append(told, line)
		}
	}
	return strings.Join(told, "; ")
}

// leave is how kong's wish to end the program, after --help, travels up.
type leave struct{}

func (p process) run(ctx context.Context) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil, leave:
		default:
			panic(r)
		}
	}()
	var g grammar
	parser, err := kong.New(&g, kong.Name("calbridge"), kong.Description(description), kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { panic(leave{}) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Vars{"profiles": strings.Join(simulate.Profiles(), ", "), "policies": strings.Join(simulate.Policies(), ", ")},
		kong.ExplicitGroups([]kong.Group{{Key: "settings", Title: "Settings, which the environment or a TOML file may hold too:"}}))
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	parsed, err := parser.Parse(p.args)
	if err != nil {
		return usage("%w (`calbridge --help` lists what there is)", err)
	}
	s := newSession(p, g.flags)
	defer s.close()
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run(s)
}

const description = `Keeps calendars in sync, both ways, and never loses an edit.

Start with "calbridge demo", then "calbridge account add --help".

Exit codes: 0 done, 1 some account or calendar failed, 2 bad usage, 3 needs a person.`

// failure is an error that knows its exit code.
type failure struct {
	error
	code int
}

func (f failure) Unwrap() error { return f.error }

// usage is an error in what the user asked for.
func usage(format string, args ...any) error { return failure{fmt.Errorf(format, args...), exitUsage} }

// errTold says that the output has already told what is wrong.
var errTold = errors.New("told")

func exitCode(err error) int {
	var f failure
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &f):
		return f.code
	case errors.Is(err, cal.ErrLocked):
		return exitPerson
	case errors.Is(err, store.ErrNotFound):
		return exitUsage
	}
	return exitFailed
}
