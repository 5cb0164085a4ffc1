package main

import (
	"slices"
	"strings"
	"testing"

	"ddcore/core"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// TestEveryVerbIsACommand: each argument of each verb can be given, by a flag
// or by its position, and each flag says what it is for.
func TestEveryVerbIsACommand(t *testing.T) {
	root := whole()
	for _, v := range core.Verbs {
		group, name := commandWords(v.Name)
		cmd, _, err := root.Find(strings.Fields(group + " " + name))
		require.NoError(t, err)
		require.Equal(t, name, cmd.Name())
		require.Equal(t, v.Summary, cmd.Short)
		for _, arg := range v.Args {
			positional := (&app{}).faceOf(v.Name).positional == arg.Name
			require.NotEqual(t, positional, cmd.LocalFlags().Lookup(dashes(arg.Name)) != nil, "%s %s", v.Name, arg.Name)
		}
	}
	all := append(root.Commands(), root)
	for group := range groups {
		all = append(all, parent(root, group).Commands()...)
	}
	for _, cmd := range all {
		require.NotEmpty(t, cmd.Short, cmd.Name())
		cmd.Flags().VisitAll(func(f *pflag.Flag) { require.NotEmpty(t, f.Usage, "%s --%s", cmd.Name(), f.Name) })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { require.NotEmpty(t, f.Usage, "--%s", f.Name) })
	}
}

// TestFacesAreOfVerbs: what a face says of an argument fits an argument.
func TestFacesAreOfVerbs(t *testing.T) {
	for _, v := range core.Verbs {
		f := (&app{}).faceOf(v.Name)
		known := func(name string) bool {
			return slices.ContainsFunc(v.Args, func(a core.Arg) bool { return a.Name == name })
		}
		require.True(t, f.positional == "" || known(f.positional), v.Name)
		for name := range f.whole {
			require.True(t, known(name), "%s %s", v.Name, name)
		}
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		code, stdout, stderr := runApp(t, "completion", shell)
		require.Zero(t, code)
		require.Empty(t, stderr)
		require.Contains(t, stdout, "ddcore")
	}
}

func TestCompletionOfWords(t *testing.T) {
	for _, test := range []struct {
		words []string
		want  []string
	}{
		{[]string{"ta"}, []string{"tables", "table"}},
		{[]string{"table", "evals", "--col"}, []string{"--columns"}},
		{[]string{"tables", "-o", ""}, formats},
		{[]string{"completion", "f"}, []string{"fish"}},
	} {
		_, stdout, _ := runApp(t, append([]string{cobra.ShellCompNoDescRequestCmd}, test.words...)...)
		for _, want := range test.want {
			require.Contains(t, stdout, want+"\n", test.words)
		}
	}
}

func TestNoVerbIsShadowed(t *testing.T) {
	for _, v := range core.Verbs {
		require.NotContains(t, []string{"help", "completion", "docs"}, v.Name, "cobra's own command")
	}
}
