package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"ddcore/core"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// metavars name the values of flags in the help.
var metavars = map[string]string{
	"filters": "COLUMN=VALUE,...", "where": "SQL", "columns": "COLUMN,...", "order_by": "COLUMN,...", "params": "VALUE",
	"sql": "QUERY", "part": "K/N", "to": "FILE", "format": "FORMAT", "sizes": "SIZE,...", "recipes": "RECIPE", "seeds": "SEED,...",
	"window": "WINDOW,...", "target": "TARGET,...", "target_at": "PLACE", "target_params": "PARAMS", "tasks": "TASK,...", "metrics": "METRIC,...", "thresholds": "SERIES=VALUE",
	"stats": "STAT,...", "deltas": "KIND,...", "metadata": "COLUMN,...", "save": "NAME", "source": "TABLE",
	"revision": "REVISION", "repo": "OWNER/NAME", "include": "PATTERN,...", "olmes_details": "RECIPE", "budget": "SIZE",
	"small": "SIZE,...", "metric": "METRIC,...", "target_metric": "METRIC", "task": "TASK,...", "step": "STEP", "tables": "TABLE,...",
	"url": "URL", "forbid": "TEXT", "allow": "RULE,...", "name": "NAME", "other": "LAKE", "from": "FOLDER", "older_than": "AGE",
}

// notes add to an argument's help what holds on the command line only.
var notes = map[string]string{
	"filters": "; may be repeated; a comma in brackets or double quotes does not separate values",
	"params":  "; one --params a value",
	"recipes": "; one --recipes a recipe",

	"olmes_details": "; one --olmes-details a recipe",
}

// argument is an argument of a verb with the flag that gives its value.
type argument struct {
	name, flag string
	value      func() (any, error)
}

// command makes the subcommand of a verb.
func (a *app) command(v *core.Verb) *cobra.Command {
	f := a.faceOf(v.Name)
	_, name := commandWords(v.Name)
	cmd := &cobra.Command{
		Use: strings.TrimSpace(name + " " + f.use), Short: v.Summary, Example: indent(f.example),
		Args: f.checkCount, ValidArgsFunction: f.complete,
	}
	if f.complete == nil && f.positional == "" {
		cmd.ValidArgsFunction = cobra.NoFileCompletions
	}
	var arguments []argument
	for _, arg := range v.Args {
		if arg.Name != f.positional {
			arguments = append(arguments, f.addFlag(cmd.Flags(), arg))
		}
	}
	if f.extra != nil {
		f.extra(cmd)
	}
	cmd.RunE = func(cmd *cobra.Command, positional []string) error {
		if err := a.checkFormat(cmd); err != nil {
			return err
		}
		args, err := f.collect(a, v, cmd, arguments, positional)
		if err != nil {
			return err
		}
		return a.runVerb(cmd, v, args)
	}
	return cmd
}

func dashes(name string) string { return strings.ReplaceAll(name, "_", "-") }

// groups are the commands whose subcommands are verbs: download_hf is
// `download hf`.
var groups = map[string]string{"download": "Download results from where they lie."}

// commandWords gives the group of a verb's command, if any, and the command's name.
func commandWords(verb string) (group, name string) {
	if group, name, ok := strings.Cut(verb, "_"); ok && groups[group] != "" {
		return group, dashes(name)
	}
	return "", dashes(verb)
}

// parent gives the command of a group, and makes it if it is not there yet.
func parent(root *cobra.Command, group string) *cobra.Command {
	if group == "" {
		return root
	}
	for _, cmd := range root.Commands() {
		if cmd.Name() == group {
			return cmd
		}
	}
	cmd := &cobra.Command{Use: group, Short: groups[group], Args: cobra.ArbitraryArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		var names []string
		for _, sub := range cmd.Commands() {
			names = append(names, sub.Name())
		}
		return usage(cmd, fmt.Errorf("say which: %s", strings.Join(names, ", ")))
	}}
	root.AddCommand(cmd)
	return cmd
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// checkCount checks the number of arguments without a flag.
func (f face) checkCount(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) < f.least:
		return usage(cmd, fmt.Errorf("%s is missing", strings.TrimSuffix(f.use, "...")))
	case len(args) > f.most && f.most == 0:
		return usage(cmd, fmt.Errorf("%q is too much: it takes no arguments", args[0]))
	case len(args) > f.most:
		return usage(cmd, fmt.Errorf("%q is too much: it takes %s", args[f.most], f.use))
	}
	return nil
}

// leastValues are the smallest values of numbers that may be less than 1; below
// 0 means none, or all.
var leastValues = map[string]int64{"seed": 0, "random_seed": 0, "bootstrap": 0, "since": 0, "other_snapshot": 0, "read_at": 0, "runs": -1, "checkpoints": -1, "questions": -1, "models": -1}

// addFlag adds the flag of an argument, by the argument's type.
func (f face) addFlag(flags *pflag.FlagSet, arg core.Arg) argument {
	flag, short, help := dashes(arg.Name), f.short[arg.Name], arg.Help+notes[arg.Name]
	out := argument{name: arg.Name, flag: flag}
	kind := arg.Type.Kind()
	if kind == reflect.Pointer { // null is a default other than 0
		kind = arg.Type.Elem().Kind()
	}
	switch kind {
	case reflect.Bool:
		p := flags.BoolP(flag, short, false, help)
		out.value = func() (any, error) { return *p, nil }
	case reflect.String:
		p := flags.StringP(flag, short, "", help)
		out.value = func() (any, error) { return *p, nil }
	case reflect.Int, reflect.Int64:
		least, ok := leastValues[arg.Name]
		if !ok {
			least = 1
		}
		p := new(int64)
		flags.VarP(newCount(p, least), flag, short, help)
		out.value = func() (any, error) { return *p, nil }
	case reflect.Float64:
		p := flags.Float64P(flag, short, 0, help)
		out.value = func() (any, error) { return *p, nil }
	case reflect.Map:
		p := flags.StringArrayP(flag, short, nil, help)
		out.value = func() (any, error) { return filters(*p) }
	case reflect.Slice:
		out.value = f.addListFlag(flags, arg, flag, short, help)
	default:
		panic(fmt.Sprintf("no flag for %s of type %s", arg.Name, arg.Type))
	}
	name := metavars[arg.Name]
	if kind == reflect.String {
		name = strings.TrimSuffix(name, ",...") // of a list of the same name
	}
	if name != "" {
		named(flags, flag, name)
	}
	return out
}

func (f face) addListFlag(flags *pflag.FlagSet, arg core.Arg, flag, short, help string) func() (any, error) {
	if arg.Type.Elem().Kind() == reflect.Interface {
		p := flags.StringArrayP(flag, short, nil, help)
		return func() (any, error) { return values(*p), nil }
	}
	if f.whole[arg.Name] {
		p := flags.StringArrayP(flag, short, nil, help)
		return func() (any, error) { return *p, nil }
	}
	p := flags.StringSliceP(flag, short, nil, help)
	return func() (any, error) { return append([]string{}, *p...), nil } // an empty list is not null
}

// collect gives the arguments that the user named; the core knows the defaults.
func (f face) collect(a *app, v *core.Verb, cmd *cobra.Command, arguments []argument, positional []string) (map[string]any, error) {
	args := map[string]any{}
	for _, arg := range arguments {
		if !cmd.Flags().Changed(arg.flag) {
			continue
		}
		value, err := arg.value()
		if err != nil {
			return nil, usage(cmd, err)
		}
		args[arg.name] = value
	}
	if f.lakeFirst && len(positional) == f.most {
		a.lake, positional = positional[0], positional[1:]
	}
	if len(positional) > 0 {
		args[f.positional] = positional[0]
		if f.most > 1 && !f.lakeFirst {
			args[f.positional] = positional
		}
	}
	if v.NeedsLake && a.lakePath() == "" {
		e := errors.New("no lake was named: pass --lake LAKE or set " + lakeVariable)
		return nil, usage(cmd, e)
	}
	if f.fill != nil {
		return args, f.fill(a, cmd, args, len(positional) > 0)
	}
	return args, nil
}

// request writes the call as the core reads it.
func (a *app) request(cmd *cobra.Command, verb string, args map[string]any) ([]byte, error) {
	return a.requestWith(cmd, verb, args, map[string]any{"data": a.dataPlace()})
}

// lockedRequest is a call for users who may read this lake and nothing else.
func (a *app) lockedRequest(cmd *cobra.Command, verb string, args map[string]any) ([]byte, error) {
	return a.requestWith(cmd, verb, args, map[string]any{"data": a.dataPlace(), "locked": true, "memory_limit": dashboardMemory})
}

func (a *app) requestWith(cmd *cobra.Command, verb string, args, options map[string]any) ([]byte, error) {
	for flag, value := range map[string]any{"snapshot": a.snapshot, "threads": a.threads, "memory-limit": a.memory} {
		if cmd.Flags().Changed(flag) {
			options[strings.ReplaceAll(flag, "-", "_")] = value
		}
	}
	out, err := json.Marshal(map[string]any{"verb": verb, "lake": a.lakePath(), "args": args, "options": options})
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return out, nil
}

// runVerb calls the core and shows the result.
func (a *app) runVerb(cmd *cobra.Command, v *core.Verb, args map[string]any) error {
	request, err := a.request(cmd, v.Name, args)
	if err != nil {
		return err
	}
	bar := a.newProgress(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "))
	result, err := core.Call(cmd.Context(), request, bar.tell)
	bar.close()
	if err != nil {
		return err
	}
	defer result.Close()
	if err := result.OneResult(); err != nil {
		return err
	}
	a.exit = result.Exit()
	return a.show(cmd.Context(), result)
}
