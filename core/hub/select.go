package hub

import (
	_ "embed"
	"encoding/csv"
	"regexp"
	"strings"
	"sync"
)

//go:embed datasets.csv
var datasets string

// Selector names files of a published data set.
type Selector struct {
	Name, Repo, Include, Meaning string
}

// Selectors are the published data sets that ddcore knows by name.
var Selectors = sync.OnceValue(func() []Selector {
	lines, err := csv.NewReader(strings.NewReader(datasets)).ReadAll()
	if err != nil {
		panic("hub: datasets.csv: " + err.Error()) // part of the program
	}
	var out []Selector
	for _, l := range lines[1:] {
		out = append(out, Selector{l[0], l[1], l[2], l[3]})
	}
	return out
})

// Match tells whether a path fits a pattern as huggingface_hub's allow_patterns
// do: * and ? match slashes too, [ab] is a set, and a folder's name with a slash
// at its end stands for all below it.
func Match(pattern, name string) bool {
	if strings.HasSuffix(pattern, "/") {
		pattern += "*"
	}
	return compiled(pattern).MatchString(name)
}

func compiled(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			set, n := charSet(pattern[i:])
			b.WriteString(set)
			i += n - 1
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1])) // bytes of a longer rune come through one by one
		}
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil { // a set such as [z-a], which matches nothing
		return regexp.MustCompile(`[^\s\S]`)
	}
	return re
}

// charSet reads a set at the start of a pattern, and gives its length; a bracket
// that is not closed is itself.
func charSet(pattern string) (set string, length int) {
	from := 1
	if strings.HasPrefix(pattern[from:], "!") {
		from++
	}
	end := strings.IndexByte(pattern[min(from+1, len(pattern)):], ']') // the first may be a bracket itself
	if end < 0 {
		return `\[`, 1
	}
	end += from + 1
	inside := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(pattern[from:end])
	if from == 2 {
		return "[^" + inside + "]", end + 1
	}
	return "[" + inside + "]", end + 1
}
