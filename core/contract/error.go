// Package contract holds what every room agrees on: the error, the field
// dictionary, the published facts and the table headers. It imports nothing of
// ddcore.
package contract

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure an Error is. Python's exception classes and
// the CLI's exit codes follow from it (see Kinds).
type Kind string

// The seven kinds.
const (
	Invalid   Kind = "invalid"   // the request or an input file is wrong
	NotFound  Kind = "not_found" // a lake, table, column, file or snapshot is missing
	Violation Kind = "contract"  // data breaks a table's contract
	Busy      Kind = "busy"      // another process holds the lake
	IO        Kind = "io"        // the operating system refused
	Cancelled Kind = "cancelled" // the user interrupted
	Internal  Kind = "internal"  // a bug in ddcore
)

// KindInfo couples a kind with the faces' conventions.
type KindInfo struct {
	Kind   Kind
	Exit   int    // CLI exit code
	Class  string // Python class in ddcore
	Python string // Python built-in that the class also derives from
}

// Kinds is the only list of kinds; CLI and Python are tested against it.
var Kinds = []KindInfo{
	{Invalid, 2, "InvalidError", "ValueError"},
	{NotFound, 3, "NotFoundError", "LookupError"},
	{Violation, 4, "ContractError", "ValueError"},
	{Busy, 5, "BusyError", "RuntimeError"},
	{IO, 6, "StorageError", "OSError"},
	{Cancelled, 130, "CancelledError", "KeyboardInterrupt"},
	{Internal, 70, "InternalError", "RuntimeError"},
}

// Error is the one error type that leaves the core. Its text says what failed,
// on what, and what to do next.
type Error struct {
	Kind   Kind
	Op     string // the verb or step, e.g. "ingest"
	Target string // file, table or lake
	Hint   string // what the user should do next
	Err    error  // what went wrong

	// Set for Kind Violation only.
	Table, Column string
	Rows          []string // up to three example rows
}

// Error gives one line: operation, target, cause and hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Target != "" {
		fmt.Fprintf(&b, " %s", e.Target)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// AsError finds the Error in err's chain, or wraps err as Cancelled (context
// errors) or Internal (anything else). The outermost wrapping text is kept.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Cancelled, Op: "cancelled", Err: err}
	default:
		return &Error{Kind: Internal, Op: "internal error", Err: err, Hint: "please report this with the command that you ran"}
	}
}

// ExitCode gives the CLI's exit code for err (0 for nil).
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	kind := AsError(err).Kind
	for _, k := range Kinds {
		if k.Kind == kind {
			return k.Exit
		}
	}
	return 70
}
