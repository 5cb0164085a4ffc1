package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// TestDocs renders the reference of all commands and compares it with the
// committed file; -update rewrites it.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "cli.md")
	text := reference()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "cli.md is out of date: make golden")
}

// whole is the command line with cobra's own commands.
func whole() *cobra.Command {
	root := (&app{}).root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		cmd.InitDefaultHelpFlag()
	}
	return root
}

func reference() string {
	root := whole()
	var b strings.Builder
	b.WriteString("# Command line\n\nGenerated from the commands themselves by `make golden`. Do not edit. Every command of `ddcore` with its flags.\n\n")
	fmt.Fprintf(&b, "```text\n%s\n```\n\n", root.Long)
	fmt.Fprintf(&b, "## Flags of every command\n\n%s", flagTable(root.PersistentFlags()))
	b.WriteString("\n`export` has a `--format` of its own, of the file that it writes.\n")
	b.WriteString("\nCSV and JSON carry every float in full, and integers exactly; null is nothing in CSV, empty text is `\"\"`. CSV is the same, byte for byte, as that of `export`, but for times: here they are ISO 8601, in UTC where they have a zone. A table rounds floats to six digits and is for people.\n")
	for _, cmd := range sections(root) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```text\n%s\n```\n", cmd.CommandPath(), cmd.Short, cmd.UseLine())
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
		}
		if table := flagTable(cmd.LocalNonPersistentFlags()); table != "" {
			b.WriteString("\n" + table)
		}
		for i, sub := range cmd.Commands() {
			fmt.Fprintf(&b, "%s- `%s`: %s\n", strings.Repeat("\n", max(1-i, 0)), sub.CommandPath(), sub.Short)
		}
	}
	return b.String()
}

// sections are the commands that have one: in place of a group stand those in it.
func sections(root *cobra.Command) (out []*cobra.Command) {
	for _, cmd := range root.Commands() {
		if groups[cmd.Name()] == "" {
			out = append(out, cmd)
		} else {
			out = append(out, cmd.Commands()...)
		}
	}
	return out
}

func flagTable(flags *pflag.FlagSet) string {
	var rows strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if f.Value.Type() != "bool" {
			name += " " + f.Value.Type()
		}
		fmt.Fprintf(&rows, "| `%s` | %s |\n", name, strings.ReplaceAll(f.Usage, "|", `\|`))
	})
	if rows.Len() == 0 {
		return ""
	}
	return "| flag | meaning |\n|---|---|\n" + rows.String()
}
