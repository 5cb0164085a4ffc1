package core

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"ddcore/core/contract"
	"ddcore/core/lake"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
)

// Result is the answer of a verb: a stream of Arrow batches. It owns all that
// it needs, so it outlives whatever it came from.
type Result struct {
	schema *arrow.Schema
	conn   *lake.Session
	stmt   *lake.Stmt
	reader array.RecordReader
	close  sync.Once
	exit   int
}

// Exit is the exit code of a command whose result is an answer such as "they
// differ"; 0 for all others.
func (r *Result) Exit() int { return r.exit }

// OneResult refuses a query of several statements with rows, of which this is
// only the last one's result. Faces that show a result ask it.
func (r *Result) OneResult() error {
	if r.stmt == nil {
		return nil
	}
	return r.stmt.OneResult()
}

// Schema gives the result's columns; curated columns carry unit, range and
// meaning in their metadata.
func (r *Result) Schema() *arrow.Schema { return r.schema }

// Native gives the C handles of a query that is prepared but not yet run: a
// duckdb_connection and a duckdb_prepared_statement. ok is false for results
// that Reader gives.
func (r *Result) Native() (conn, stmt unsafe.Pointer, ok bool) {
	if r.stmt == nil {
		return nil, nil, false
	}
	return r.conn.Native().Ptr, r.stmt.Native().Ptr, true
}

// Reader gives the batches of a small result that was made in Go; their memory
// is C's. It is nil when Native is ok.
func (r *Result) Reader() array.RecordReader { return r.reader }

// Each runs the result to its end and shows every batch to f. A batch, and every
// string that is read from it, is valid until f returns. It is for Go callers;
// the border streams from Native itself.
func (r *Result) Each(ctx context.Context, f func(arrow.RecordBatch) error) error {
	if r.stmt != nil {
		return r.stmt.Batches(ctx, r.conn.Conn, r.schema, f)
	}
	for r.reader.Next() {
		if err := f(r.reader.RecordBatch()); err != nil {
			return err
		}
	}
	return r.reader.Err()
}

// Close frees the result; it may be called twice, from any goroutine.
func (r *Result) Close() {
	r.close.Do(func() {
		if r.reader != nil {
			r.reader.Release()
		}
		if r.stmt != nil {
			r.stmt.Close()
			r.conn.Close()
		}
	})
}

// queryResult prepares sql on a session, which the result then owns.
func queryResult(ctx context.Context, s *lake.Session, t *contract.Table, sql string, args ...any) (*Result, error) {
	stmt, schema, err := s.PrepareTyped(ctx, sql, args...)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &Result{schema: contract.Annotate(schema, t), conn: s, stmt: stmt}, nil
}

// rowsResult makes a result of a slice of structs: a column for each field, by
// its col tag. Field types: string, int64, float64, bool; a nil *T is null.
func rowsResult[T any](rows []T) (*Result, error) {
	t := reflect.TypeFor[T]()
	fields := make([]arrow.Field, t.NumField())
	for i := range fields {
		kind, err := arrowType(t.Field(i).Type)
		if err != nil {
			return nil, err
		}
		fields[i] = arrow.Field{Name: t.Field(i).Tag.Get("col"), Type: kind, Nullable: true}
	}
	schema := contract.Annotate(arrow.NewSchema(fields, nil), nil)
	// Go may not hand its own heap to C: the batch's memory is malloc'ed.
	b := array.NewRecordBuilder(mallocator.NewMallocator(), schema)
	defer b.Release()
	for _, row := range rows {
		v := reflect.ValueOf(row)
		for i := range fields {
			if err := appendValue(b.Field(i), v.Field(i)); err != nil {
				return nil, err
			}
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	reader, err := array.NewRecordReader(schema, []arrow.RecordBatch{batch})
	if err != nil {
		return nil, fmt.Errorf("make a result: %w", err)
	}
	return &Result{schema: schema, reader: reader}, nil
}

// answer is a result whose rows are what was found wrong: exit is the code where
// there are any.
func answer[T any](rows []T, exit int) (*Result, error) {
	r, err := rowsResult(rows)
	if err == nil && len(rows) > 0 {
		r.exit = exit
	}
	return r, err
}

func arrowType(t reflect.Type) (arrow.DataType, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return arrow.BinaryTypes.String, nil
	case reflect.Int64:
		return arrow.PrimitiveTypes.Int64, nil
	case reflect.Float64:
		return arrow.PrimitiveTypes.Float64, nil
	case reflect.Bool:
		return arrow.FixedWidthTypes.Boolean, nil
	default:
		return nil, errors.New("result column of type " + t.String())
	}
}

func appendValue(b array.Builder, v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			b.AppendNull()
			return nil
		}
		v = v.Elem()
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(v.String())
	case *array.Int64Builder:
		b.Append(v.Int())
	case *array.Float64Builder:
		b.Append(v.Float())
	case *array.BooleanBuilder:
		b.Append(v.Bool())
	default:
		return fmt.Errorf("result column builder %T", b)
	}
	return nil
}
