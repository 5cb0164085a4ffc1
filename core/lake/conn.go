package lake

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"ddcore/core/contract"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// Conn is one DuckDB connection. It runs one statement at a time.
type Conn struct {
	handle     duckdb.Connection
	onlySelect bool // of a locked session: all else is refused
}

// Close ends the connection; it may be called twice.
func (c *Conn) Close() { duckdb.Disconnect(&c.handle) }

// Stmt is a prepared statement with its parameters bound.
type Stmt struct {
	handle  duckdb.PreparedStatement
	alone   bool // no other statement stood before it
	dropped int  // how many statements before it gave a result
}

// Close frees the statement; it may be called twice.
func (s *Stmt) Close() { duckdb.DestroyPrepare(&s.handle) }

// Exec runs one or more statements and drops their results. Arguments bind to
// the last statement.
func (c *Conn) Exec(ctx context.Context, sql string, args ...any) error {
	s, err := c.Prepare(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = c.run(ctx, s)
	return err
}

// run drops the statement's result, and tells whether it has one.
func (c *Conn) run(ctx context.Context, s *Stmt) (hasResult bool, err error) {
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	err = c.guard(ctx, func() error {
		if duckdb.ExecutePrepared(s.handle, &res) == duckdb.StateError {
			return SQLError(duckdb.ResultError(&res))
		}
		hasResult = duckdb.ResultReturnType(res) == duckdb.ResultTypeQueryResult
		return nil
	})
	return hasResult, err
}

// OneResult refuses a text of which statements before the last give rows, too:
// nobody would see them.
func (s *Stmt) OneResult() error {
	if s.dropped == 0 {
		return nil
	}
	return &contract.Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("only the last statement's result can be shown, and %d before it gave rows", s.dropped), Hint: "run them one by one"}
}

// Prepare runs all statements of sql but the last, which it prepares and binds
// to args: nil, bool, int, int64, float64 and string.
func (c *Conn) Prepare(ctx context.Context, sql string, args ...any) (*Stmt, error) {
	if strings.Contains(sql, "\x00") {
		return nil, &contract.Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("the statement holds a NUL character"), Hint: "pass such a value as a parameter"}
	}
	var extracted duckdb.ExtractedStatements
	n := duckdb.ExtractStatements(c.handle, sql, &extracted)
	defer duckdb.DestroyExtracted(&extracted)
	if n == 0 {
		if message := duckdb.ExtractStatementsError(extracted); message != "" {
			return nil, SQLError(message)
		}
		return nil, &contract.Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("the statement is empty")}
	}
	if c.onlySelect && n > 1 {
		return nil, errNotSelect()
	}
	dropped := 0
	for i := duckdb.IdxT(0); ; i++ {
		s := &Stmt{alone: n == 1, dropped: dropped}
		if duckdb.PrepareExtractedStatement(c.handle, extracted, i, &s.handle) == duckdb.StateError {
			err := SQLError(duckdb.PrepareError(s.handle))
			s.Close()
			return nil, err
		}
		if c.onlySelect && !s.isSelect() {
			s.Close()
			return nil, errNotSelect()
		}
		if i == n-1 {
			if err := s.bind(args); err != nil {
				s.Close()
				return nil, err
			}
			return s, nil
		}
		hasResult, err := c.run(ctx, s)
		s.Close()
		if err != nil {
			return nil, err
		}
		if hasResult {
			dropped++
		}
	}
}

func (s *Stmt) bind(args []any) error {
	if want := int(duckdb.NParams(s.handle)); want != len(args) {
		return &contract.Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("the statement has %d parameters, %d were given", want, len(args))}
	}
	for i, a := range args {
		if err := s.bindOne(duckdb.IdxT(i+1), a); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stmt) bindOne(i duckdb.IdxT, arg any) error {
	var state duckdb.State
	switch v := arg.(type) {
	case nil:
		state = duckdb.BindNull(s.handle, i)
	case bool:
		state = duckdb.BindBoolean(s.handle, i, v)
	case int:
		state = duckdb.BindInt64(s.handle, i, int64(v))
	case int64:
		state = duckdb.BindInt64(s.handle, i, v)
	case float64:
		state = duckdb.BindDouble(s.handle, i, v)
	case string:
		state = duckdb.BindVarchar(s.handle, i, v)
	default:
		return &contract.Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("parameter %d has type %T", i, arg), Hint: "pass null, bool, int, float or str"}
	}
	if state == duckdb.StateError {
		return SQLError(duckdb.PrepareError(s.handle))
	}
	return nil
}

// Native gives the C handles (duckdb_connection, duckdb_prepared_statement) to
// the border package, which streams the result without a copy.
func (c *Conn) Native() duckdb.Connection { return c.handle }

// Native gives the duckdb_prepared_statement.
func (s *Stmt) Native() duckdb.PreparedStatement { return s.handle }

// Percent gives the progress of the running query in percent, or -1 if unknown.
// It may be called from any goroutine while the connection is open.
func (c *Conn) Percent() float64 {
	p := duckdb.QueryProgress(c.handle)
	percent, _, _ := duckdb.QueryProgressTypeMembers(&p)
	return math.Max(percent, -1)
}

// Watch runs f, which runs a statement, and tells now and then how many percent
// of it are done, where DuckDB knows.
func (c *Conn) Watch(ctx context.Context, tell func(percent int64), f func() error) error {
	if err := c.Exec(ctx, "SET enable_progress_bar = true; SET enable_progress_bar_print = false"); err != nil {
		return err
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if p := c.Percent(); p >= 0 {
					tell(int64(p))
				}
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	return f()
}

// guard runs f and interrupts the connection when ctx ends first.
func (c *Conn) guard(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return contract.AsError(err)
	}
	if ctx.Done() == nil {
		return f()
	}
	finished := make(chan struct{})
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		select {
		case <-finished:
			return
		case <-ctx.Done():
		}
		// An interrupt is lost when it comes just before the query starts.
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			duckdb.Interrupt(c.handle)
			select {
			case <-finished:
				return
			case <-tick.C:
			}
		}
	}()
	err := f()
	close(finished)
	<-watcher
	if err != nil && ctx.Err() != nil {
		return contract.AsError(ctx.Err())
	}
	return err
}

// SQLError turns DuckDB's message into an Error by the class that the message
// starts with.
func SQLError(message string) error {
	class, _, _ := strings.Cut(message, " Error:")
	kind, hint := contract.Invalid, ""
	if strings.HasSuffix(message, "database is locked") { // SQLite's words, after its time-out
		class = "Locked"
	}
	switch class {
	case "Locked":
		kind, hint = contract.Busy, "another process writes, or has not read a result to its end (a scan, a session of DuckDB): end it or wait, then try again"
	case "Catalog":
		kind, hint = contract.NotFound, "`tables` lists what the lake holds"
	case "IO", "Permission", "HTTP", "Connection":
		kind = contract.IO
		if strings.Contains(message, "No space left on device") {
			hint = "the disk is full: free some space and try again; the lake is as it was"
		}
	case "Out of Memory":
		kind, hint = contract.IO, "raise memory_limit, or use fewer threads"
	case "INTERRUPT", "Interrupt":
		kind = contract.Cancelled
	case "Constraint":
		kind = contract.Violation
	case "TransactionContext", "Transaction":
		kind, hint = contract.Busy, "another writer committed first; try again"
	case "INTERNAL", "FATAL", "Internal":
		kind = contract.Internal
	}
	return &contract.Error{Kind: kind, Op: "sql", Err: fmt.Errorf("%s", message), Hint: hint}
}

// Quote writes s as an SQL string.
func Quote(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, "\x00") { // where the text of a statement would end
		quoted = "(" + strings.ReplaceAll(quoted, "\x00", "' || chr(0) || '") + ")"
	}
	return quoted
}

// Ident writes s as an SQL identifier.
func Ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
