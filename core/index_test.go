package core_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// page is a document as its headings tell it.
type page struct {
	name, title, about string
	parts              []string // headings of the second level
}

// section is one of the site's sections with its pages.
type section struct {
	title string
	pages []page
}

// TestIndex makes docs/index.md and docs/llms.txt from the headings of all
// documents and compares them with the committed files; -update rewrites them.
// It runs after TestDocs, which writes some of these documents.
func TestIndex(t *testing.T) {
	sections := readSections(t, filepath.Join("..", "docs"), read(t, "..", "mkdocs.yml"))
	for name, text := range map[string]string{"index.md": indexMarkdown(sections), "llms.txt": llmsText(t, sections)} {
		path := filepath.Join("..", "docs", name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
			continue
		}
		require.Equal(t, read(t, path), text, "%s is out of date: make golden", name)
	}
}

// TestSections: a page that no section names is not lost, and one that is
// named but not there is left out.
func TestSections(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"a.md":   "# A page\n\n```sh\nls\n```\n\nGenerated from x by y. Do not edit. It has (say: `two`) e.g. parts. More.\n\n## One & two\n\n### Not this\n",
		"new.md": "# New\n\n| a |\n|---|\n\n```python\n## a comment\n```\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666))
	}
	got := readSections(t, folder, "nav:\n  - index.md\n  - First:\n      - a.md\n      - absent.md\nplugins:\n  - search\n")
	require.Equal(t, []section{
		{"First", []page{{"a.md", "A page", "It has (say: `two`) e.g. parts.", []string{"One & two"}}}},
		{"More", []page{{name: "new.md", title: "New"}}},
	}, got)
	require.Equal(t, "one--two", anchor("One & two"))
	require.Equal(t, "of-a-series-series__name", anchor("Of a series: `<series>__<name>`"))
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(text)
}

var navLine = regexp.MustCompile(`^  - ([^:]+):$|^      - (\S+\.md)$`)

// readSections reads the pages of a folder in the sections that mkdocs.yml
// (its text) gives them; those that it does not name come last, under "More".
func readSections(t *testing.T, folder, config string) []section {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.md"))
	require.NoError(t, err)
	rest := map[string]page{}
	for _, path := range paths {
		if name := filepath.Base(path); name != "index.md" {
			rest[name] = readPage(name, read(t, path))
		}
	}
	_, nav, _ := strings.Cut(config, "\nnav:\n")
	if nav == "" {
		nav = strings.TrimPrefix(config, "nav:\n")
	}
	var sections []section
	for line := range strings.Lines(nav) {
		found := navLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case !strings.HasPrefix(line, " "):
			return append(sections, others(rest)...)
		case found == nil:
		case found[1] != "":
			sections = append(sections, section{title: found[1]})
		default:
			if p, ok := rest[found[2]]; ok {
				last := &sections[len(sections)-1]
				last.pages = append(last.pages, p)
				delete(rest, found[2])
			}
		}
	}
	return append(sections, others(rest)...)
}

func others(rest map[string]page) []section {
	if len(rest) == 0 {
		return nil
	}
	more := section{title: "More"}
	for _, p := range rest {
		more.pages = append(more.pages, p)
	}
	slices.SortFunc(more.pages, func(a, b page) int { return strings.Compare(a.name, b.name) })
	return []section{more}
}

var (
	fences        = regexp.MustCompile("(?ms)^```.*?^```$")
	prose         = regexp.MustCompile(`^[\pL\x60*(\[]`)
	generated     = regexp.MustCompile(`^(Generated|Written) .*?Do not edit\.\s*`)
	firstSentence = regexp.MustCompile(`(?s)^.*?[.!?](?:\s+[\p{Lu}\x60*\[]|$)`)
)

// readPage takes a document apart: title, the first sentence of prose, parts.
func readPage(name, text string) page {
	p := page{name: name}
	for block := range strings.SplitSeq(fences.ReplaceAllString(text, ""), "\n\n") {
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if title, ok := strings.CutPrefix(line, "# "); ok {
				p.title = title
			} else if part, ok := strings.CutPrefix(line, "## "); ok {
				p.parts = append(p.parts, part)
			} else if p.about == "" && prose.MatchString(line) {
				p.about = sentence(line)
			}
		}
	}
	return p
}

// sentence gives the first sentence of a paragraph, without what tells that
// the page is generated.
func sentence(line string) string {
	line = generated.ReplaceAllString(line, "")
	end := firstSentence.FindString(line)
	if end == "" || end == line {
		return line
	}
	return strings.TrimRight(strings.TrimRight(end[:len(end)-1], " "), " ")
}

var notInAnchors = regexp.MustCompile(`[^\pL\pN _-]`)

// anchor makes of a heading what GitHub and the site (mkdocs.yml: slugify) make of it.
func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

var links = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

func indexMarkdown(sections []section) string {
	var b strings.Builder
	b.WriteString("# ddcore\n\nModel-training results, from raw files to tables for analysis, in one DuckLake. Start with the [tutorial](tutorial.md); each page below is here with its first sentence and its parts.\n")
	for _, s := range sections {
		if len(s.pages) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", s.title)
		for _, p := range s.pages {
			fmt.Fprintf(&b, "\n### [%s](%s)\n", p.title, p.name)
			if p.about != "" {
				fmt.Fprintf(&b, "\n%s\n", links.ReplaceAllString(p.about, "$1"))
			}
			for k, part := range p.parts {
				part = links.ReplaceAllString(part, "$1")
				fmt.Fprintf(&b, "%s[%s](%s#%s)", map[bool]string{true: "\n", false: " · "}[k == 0], part, p.name, anchor(part))
			}
			if len(p.parts) > 0 {
				b.WriteString("\n")
			}
		}
	}
	b.WriteString("\n---\n\nGenerated from the headings of the documents by `make golden`. Do not edit.\n")
	return b.String()
}

var description = regexp.MustCompile(`(?m)^description = "(.*)"$`)

// llmsText is the index in the form that llmstxt.org describes.
func llmsText(t *testing.T, sections []section) string {
	t.Helper()
	var b strings.Builder
	found := description.FindStringSubmatch(read(t, "..", "pyproject.toml"))
	require.NotNil(t, found)
	fmt.Fprintf(&b, "# ddcore\n\n> %s\n\nA Go core (DuckDB and DuckLake inside), a Python module (`import ddcore`) and a command line (`ddcore`). Every verb has one name in all of them.\n", found[1])
	for _, s := range sections {
		if len(s.pages) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		for _, p := range s.pages {
			fmt.Fprintf(&b, "- [%s](%s): %s\n", p.title, p.name, links.ReplaceAllString(p.about, "$1"))
		}
	}
	return b.String()
}
