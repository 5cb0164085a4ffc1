package lake

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ddcore/core/contract"

	"github.com/apache/arrow-go/v18/arrow"
	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// PrepareTyped prepares sql and gives the Arrow schema of its result. A bare
// parameter in the result ("SELECT ?") has no type when a statement is prepared;
// such a query is prepared once more through EXECUTE, which types its arguments.
func (c *Conn) PrepareTyped(ctx context.Context, sql string, args ...any) (*Stmt, *arrow.Schema, error) {
	if err := c.checkLocked(ctx, sql); err != nil {
		return nil, nil, err
	}
	stmt, err := c.Prepare(ctx, sql, args...)
	if err != nil {
		return nil, nil, err
	}
	schema, err := stmt.schema(c)
	if err == nil {
		return stmt, schema, nil
	}
	stmt.Close()
	if len(args) == 0 {
		return nil, nil, err
	}
	if !stmt.alone {
		return nil, nil, &contract.Error{
			Kind: contract.Invalid, Op: "sql", Err: errors.New("a ? in the result has no type"),
			Hint: "write ?::VARCHAR, ?::BIGINT or ?::DOUBLE, or run the statements one by one",
		}
	}
	literals := make([]string, len(args))
	for i, a := range args {
		literals[i] = literal(a)
	}
	stmt, err = c.Prepare(ctx, "PREPARE ddcore_typed AS "+sql+"; EXECUTE ddcore_typed("+strings.Join(literals, ", ")+")")
	if err != nil {
		return nil, nil, err
	}
	if schema, err = stmt.schema(c); err != nil {
		stmt.Close()
	}
	return stmt, schema, err
}

// literal writes a bound value as SQL, of the same type.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return Quote(v)
	case float64:
		return "'" + strconv.FormatFloat(v, 'g', -1, 64) + "'::DOUBLE"
	case bool:
		return strconv.FormatBool(v)
	default:
		return fmt.Sprintf("%d::BIGINT", v)
	}
}

// schema gives the Arrow schema of the statement's result.
func (s *Stmt) schema(c *Conn) (*arrow.Schema, error) {
	var options duckdb.ArrowOptions
	duckdb.ConnectionGetArrowOptions(c.handle, &options)
	defer duckdb.DestroyArrowOptions(&options)
	n := duckdb.PreparedStatementColumnCount(s.handle)
	names, types := make([]string, n), make([]duckdb.LogicalType, n)
	for i := range n {
		names[i] = duckdb.PreparedStatementColumnName(s.handle, i)
		types[i] = duckdb.PreparedStatementColumnLogicalType(s.handle, i)
	}
	defer func() {
		for i := range types {
			duckdb.DestroyLogicalType(&types[i])
		}
	}()
	schema, failure := duckdb.NewArrowSchema(options, types, names)
	defer duckdb.DestroyErrorData(&failure)
	if duckdb.ErrorDataHasError(failure) {
		return nil, &contract.Error{Kind: contract.Invalid, Op: "sql", Err: fmt.Errorf("result schema: %s", duckdb.ErrorDataMessage(failure))}
	}
	return schema, nil
}

// Batches runs the statement and shows its result to f in batches.
func (s *Stmt) Batches(ctx context.Context, c *Conn, schema *arrow.Schema, f func(arrow.RecordBatch) error) error {
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	return c.guard(ctx, func() error {
		if duckdb.ExecutePreparedStreaming(s.handle, &res) == duckdb.StateError {
			return SQLError(duckdb.ResultError(&res))
		}
		options := duckdb.ResultGetArrowOptions(&res)
		defer duckdb.DestroyArrowOptions(&options)
		return fetchAll(ctx, &res, func(h duckdb.DataChunk) error {
			defer duckdb.DestroyDataChunk(&h)
			batch, failure := duckdb.DataChunkToArrowArray(options, schema, h)
			defer duckdb.DestroyErrorData(&failure)
			if duckdb.ErrorDataHasError(failure) {
				return SQLError(duckdb.ErrorDataMessage(failure))
			}
			defer batch.Release()
			return f(batch)
		})
	})
}
