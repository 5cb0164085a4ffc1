package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/spf13/cobra"
)

// app is one run of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	jsonErrors     bool
	options
	exit int // of a command that answers with it
}

// options are the flags that every subcommand takes.
type options struct {
	lake     string
	data     string
	snapshot int64
	threads  int64
	memory   string
	format   string
	json     bool
	maxRows  int64 // -1: by where the table goes
	quiet    bool
}

const (
	lakeVariable = "DDCORE_LAKE"
	dataVariable = "DDCORE_LAKE_DATA"
)

const about = `ddcore turns the raw results of model training into checked tables, in one lake.

    ddcore sample raw                            # made-up files, to try it
    ddcore ingest --lake my.lake raw             # raw files in
    ddcore curate --lake my.lake                 # curated tables out
    ddcore table evals --lake my.lake -f task=arc_easy -n 5
    ddcore sql --lake my.lake "SELECT params, count(*) FROM evals GROUP BY ALL"
    ddcore serve my.lake                         # charts and tables in a browser

Data goes to stdout, all else to stderr. In JSON, NaN and infinities are null.

Environment:
    DDCORE_LAKE            the lake, where --lake is not given
    DDCORE_LAKE_DATA       where the files of a new shared lake go, where --data is not given
    DDCORE_EXTENSION_DIR   folders with DuckDB's extensions (see: ddcore doctor)
    DDCORE_LOCK_TIMEOUT    how long to wait for another writer, or a reader when it commits, e.g. 30s; default: for ever
    HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE   as for huggingface_hub

Exit codes:
    0 done   1 diff: they differ   2 wrong usage or input   3 not found
    4 data break a table's contract; verify: something is wrong
    5 another process writes   6 the operating system refused   70 a bug   130 interrupted`

// run runs the command line and gives the exit code.
func (a *app) run(ctx context.Context, args []string) (code int) {
	defer core.CloseIdle()
	defer func() {
		if r := recover(); r != nil { // Go's own exit code would say wrong usage
			code = a.fail(fmt.Errorf("%v\n%s", r, debug.Stack()))
		}
	}()
	a.jsonErrors = slices.Contains(args, "--json") // also where the flags cannot be read
	root := a.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return a.fail(asUsage(err))
	}
	return a.exit
}

func (a *app) root() *cobra.Command {
	cobra.EnableCommandSorting = false // in the order of the work
	root := &cobra.Command{
		Use: "ddcore", Short: "Model-training results, from raw files to tables for analysis",
		Long: about, Version: core.Version, SilenceErrors: true, SilenceUsage: true,
	}
	root.SetIn(a.stdin)
	root.SetOut(checked{a.stdout})
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err) })
	a.addGlobalFlags(root)
	for i := range core.Verbs {
		group, _ := commandWords(core.Verbs[i].Name)
		parent(root, group).AddCommand(a.command(&core.Verbs[i]))
	}
	root.AddCommand(a.serveCommand(), a.exportSiteCommand())
	for _, p := range pythonCommands {
		parent(root, p.group).AddCommand(p.command())
	}
	refuseOtherShells(root)
	refuseOtherTopics(root)
	return root
}

// refuseOtherTopics makes `help nosuch` an error; cobra would print its usage.
func refuseOtherTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	if help, _, err := root.Find([]string{"help"}); err == nil {
		help.PreRunE = func(_ *cobra.Command, args []string) error {
			if _, _, err := root.Find(args); err != nil {
				return usage(nil, err)
			}
			return nil
		}
	}
}

// refuseOtherShells makes `completion tcsh` an error; cobra would print its
// help, for the shell to read.
func refuseOtherShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

func (a *app) addGlobalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVarP(&a.lake, "lake", "l", "", "folder of the lake, or ducklake:postgres:CONNECTION; default: $"+lakeVariable)
	named(f, "lake", "LAKE")
	f.StringVar(&a.data, "data", "", "where the files of a new shared lake go: a folder that all see, or s3://bucket/prefix; default: $"+dataVariable)
	named(f, "data", "PLACE")
	f.Var(newCount(&a.snapshot, 0), "snapshot", "read the lake as it was at this snapshot")
	f.Var(newCount(&a.threads, 1), "threads", "threads to use; default: $SLURM_CPUS_PER_TASK, else all cores")
	f.StringVar(&a.memory, "memory-limit", "", "memory for DuckDB, e.g. 4GB; default: 80 % of the machine's")
	named(f, "memory-limit", "SIZE")
	f.StringVarP(&a.format, "format", "o", "table", "how to show the result: "+strings.Join(formats, ", "))
	named(f, "format", "FORMAT")
	f.BoolVar(&a.json, "json", false, "the same as --format json; errors too are JSON, as the last line of stderr")
	a.maxRows = -1
	f.Var(newCount(&a.maxRows, 0), "max-rows", fmt.Sprintf("most rows that a table shows, 0: all; default: %d on a terminal, else all", terminalRows))
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notes on stderr")
	for flag, complete := range map[string]cobra.CompletionFunc{
		"format": cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp),
		"lake":   cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	} {
		if err := root.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // the flag is ours
		}
	}
}

// lakePath is the lake that the user named.
func (a *app) lakePath() string {
	if a.lake != "" {
		return a.lake
	}
	return os.Getenv(lakeVariable)
}

// dataPlace is where the user wants a shared lake's files. The variable says
// nothing to a lake in a folder, which is named besides.
func (a *app) dataPlace() string {
	if a.data == "" && strings.HasPrefix(a.lakePath(), "ducklake:") {
		return os.Getenv(dataVariable)
	}
	return a.data
}

// note tells the user something that is not data.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

func (a *app) checkFormat(cmd *cobra.Command) error {
	switch {
	case !slices.Contains(formats, a.format):
		return usage(cmd, fmt.Errorf("there is no format %q: choose one of %s", a.format, strings.Join(formats, ", ")))
	case a.json && a.format != "table" && a.format != "json":
		return usage(cmd, fmt.Errorf("--json and --format %s exclude each other", a.format))
	case a.json:
		a.format = "json"
	}
	return nil
}

// asUsage takes every error that is not the core's for one of cobra's.
func asUsage(err error) error {
	if _, ok := errors.AsType[*contract.Error](err); ok {
		return err
	}
	return usage(nil, err)
}
