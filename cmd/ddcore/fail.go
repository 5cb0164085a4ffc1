package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"ddcore/core/contract"

	"github.com/spf13/cobra"
)

// usage says that the command line is wrong.
func usage(cmd *cobra.Command, err error) error {
	// cobra puts what the user may have meant after the message.
	text, meant, _ := strings.Cut(err.Error(), "\n\n")
	if flag, _, isNumber := strings.Cut(text, "strconv."); isNumber {
		text = flag + "it is no number"
	}
	e := &contract.Error{Kind: contract.Invalid, Err: errors.New(text), Hint: "`ddcore --help` tells more"}
	if cmd != nil && cmd.HasParent() {
		e.Op, e.Hint = cmd.Name(), fmt.Sprintf("`%s --help` tells more", cmd.CommandPath())
	}
	if meant != "" {
		e.Hint = strings.Join(strings.Fields(meant), " ")
	}
	return e
}

// report is an error as --json shows it.
type report struct {
	Kind    contract.Kind `json:"kind"`
	Exit    int           `json:"exit"`
	Message string        `json:"message"`
	Target  string        `json:"target,omitempty"`
	Hint    string        `json:"hint,omitempty"`
	Table   string        `json:"table,omitempty"`
	Column  string        `json:"column,omitempty"`
	Rows    []string      `json:"rows,omitempty"`
}

// fail shows err and gives the exit code.
func (a *app) fail(err error) int {
	if errors.Is(err, syscall.EPIPE) {
		return 0 // whoever read has seen enough
	}
	e := contract.AsError(err)
	code := contract.ExitCode(e)
	text := message(e)
	fmt.Fprintf(a.stderr, "ddcore: %s\n", text)
	for _, row := range e.Rows {
		fmt.Fprintf(a.stderr, "  %s\n", row)
	}
	if e.Hint != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", e.Hint)
	}
	if a.jsonErrors {
		out, _ := json.Marshal(map[string]report{"error": {e.Kind, code, text, e.Target, e.Hint, e.Table, e.Column, e.Rows}})
		fmt.Fprintf(a.stderr, "%s\n", out)
	}
	return code
}

// message is the error without its hint and its example rows, which stand on
// lines of their own.
func message(e *contract.Error) string {
	if e.Kind == contract.Cancelled {
		return "interrupted; nothing is half-written"
	}
	plain := *e
	plain.Hint = ""
	text := strings.TrimPrefix(plain.Error(), ": ")
	if len(e.Rows) > 0 {
		text = strings.TrimSuffix(text, strings.Join(e.Rows, "; "))
	}
	return strings.TrimSpace(text)
}

// checked is stdout, whose failures are the operating system's and not bugs.
type checked struct{ io.Writer }

func (c checked) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	if err != nil {
		return n, &contract.Error{Kind: contract.IO, Op: "write the result", Err: err, Hint: "is there room on the disk?"}
	}
	return n, nil
}
