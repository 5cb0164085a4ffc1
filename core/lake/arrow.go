package lake

import (
	"context"
	"fmt"

	"ddcore/core/contract"

	"github.com/apache/arrow-go/v18/arrow"
	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// Schema gives the Arrow schema of the statement's result.
func (s *Stmt) Schema(c *Conn) (*arrow.Schema, error) {
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
