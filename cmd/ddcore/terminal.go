package main

import (
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// terminalWidth gives the columns of the terminal that w writes to.
func terminalWidth(w io.Writer) (width int, isTerminal bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0, false
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width, true
	}
	const usual = 80
	return usual, true
}

// displayWidth gives the columns that s takes on a terminal.
func displayWidth(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// cut shortens s to width columns; … shows it.
func cut(s string, width int) string {
	if displayWidth(s) <= width {
		return s
	}
	var b strings.Builder
	state, rest, room := -1, s, width-1
	for rest != "" {
		var cluster string
		var w int
		cluster, rest, w, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if room -= w; room < 0 {
			break
		}
		b.WriteString(cluster)
	}
	return b.String() + "…"
}

// pad fills s with spaces, on the left for right-aligned columns.
func pad(s string, width int, right bool) string {
	spaces := strings.Repeat(" ", max(width-displayWidth(s), 0))
	if right {
		return spaces + s
	}
	return s + spaces
}
