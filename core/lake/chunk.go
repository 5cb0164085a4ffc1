package lake

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// Chunk is a batch of up to 2,048 result rows that lies in DuckDB's memory. It
// and all that its methods give are valid until the function that got it
// returns.
type Chunk struct {
	handle duckdb.DataChunk
	N      int
}

// duckString mirrors DuckDB's duckdb_string_t: 12 bytes or fewer lie inside,
// longer ones behind a pointer.
type duckString struct {
	length uint32
	inline [4]byte
	ptr    unsafe.Pointer
}

const inlineBytes = 12

func (s *duckString) view() string {
	if s.length <= inlineBytes {
		return unsafe.String(&s.inline[0], s.length)
	}
	return unsafe.String((*byte)(s.ptr), s.length)
}

// Column is one column of a chunk.
type Column struct {
	data  unsafe.Pointer
	valid unsafe.Pointer // nil: no nulls
	n     int
}

// Column gives column i.
func (c Chunk) Column(i int) Column {
	v := duckdb.DataChunkGetVector(c.handle, duckdb.IdxT(i))
	return Column{data: duckdb.VectorGetData(v), valid: duckdb.VectorGetValidity(v), n: c.N}
}

// IsNull tells whether row i is null.
func (c Column) IsNull(i int) bool {
	if c.valid == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(c.valid, i/64*8))
	return word>>(i%64)&1 == 0
}

// HasNulls tells whether any row may be null.
func (c Column) HasNulls() bool { return c.valid != nil }

// String views row i of a VARCHAR column, without a copy.
func (c Column) String(i int) string { return unsafe.Slice((*duckString)(c.data), c.n)[i].view() }

// Float64s views a DOUBLE column.
func (c Column) Float64s() []float64 { return unsafe.Slice((*float64)(c.data), c.n) }

// Int64s views a BIGINT column.
func (c Column) Int64s() []int64 { return unsafe.Slice((*int64)(c.data), c.n) }

// Int32s views an INTEGER column.
func (c Column) Int32s() []int32 { return unsafe.Slice((*int32)(c.data), c.n) }

// Bools views a BOOLEAN column.
func (c Column) Bools() []bool { return unsafe.Slice((*bool)(c.data), c.n) }

// Chunks runs a query and hands its chunks to f, on `workers` goroutines, in no
// fixed order when workers > 1. The first error stops the query.
func (c *Conn) Chunks(ctx context.Context, workers int, f func(Chunk) error, sql string, args ...any) error {
	if workers > 1 {
		// DuckDB copies a chunk less when the order does not matter.
		if err := c.Exec(ctx, "SET preserve_insertion_order = false"); err != nil {
			return err
		}
		defer c.Exec(context.WithoutCancel(ctx), "SET preserve_insertion_order = true") //nolint:errcheck // a session that ends
	}
	s, err := c.Prepare(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer s.Close()
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	return c.guard(ctx, func() error {
		if duckdb.ExecutePreparedStreaming(s.handle, &res) == duckdb.StateError {
			return SQLError(duckdb.ResultError(&res))
		}
		if workers <= 1 {
			return fetchAll(ctx, &res, func(h duckdb.DataChunk) error { return consume(h, f) })
		}
		return fetchParallel(ctx, &res, workers, f)
	})
}

func fetchAll(ctx context.Context, res *duckdb.Result, f func(duckdb.DataChunk) error) error {
	for {
		chunk := duckdb.FetchChunk(*res)
		if chunk.Ptr == nil {
			if message := duckdb.ResultError(res); message != "" {
				return SQLError(message)
			}
			return ctx.Err()
		}
		if err := f(chunk); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func consume(h duckdb.DataChunk, f func(Chunk) error) (err error) {
	defer duckdb.DestroyDataChunk(&h)
	// A panic in a worker goroutine would end the whole process, which may be
	// somebody's notebook.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic while reading a chunk: %v", r)
		}
	}()
	return f(Chunk{handle: h, N: int(duckdb.DataChunkGetSize(h))})
}

func fetchParallel(ctx context.Context, res *duckdb.Result, workers int, f func(Chunk) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan duckdb.DataChunk, 4*workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for h := range queue {
				if err := consume(h, f); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := fetchAll(ctx, res, func(h duckdb.DataChunk) error { queue <- h; return nil })
	close(queue)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// Rows runs a query and gives its rows as Go values: nil, bool, int64, float64
// or string (any other type must be cast in the SQL). For small results.
func (c *Conn) Rows(ctx context.Context, sql string, args ...any) ([][]any, error) {
	var rows [][]any
	s, err := c.Prepare(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var res duckdb.Result
	defer duckdb.DestroyResult(&res)
	err = c.guard(ctx, func() error {
		if duckdb.ExecutePrepared(s.handle, &res) == duckdb.StateError {
			return SQLError(duckdb.ResultError(&res))
		}
		types := resultTypes(&res)
		return fetchAll(ctx, &res, func(h duckdb.DataChunk) error {
			return consume(h, func(chunk Chunk) error {
				for i := range chunk.N {
					row := make([]any, len(types))
					for k, t := range types {
						if row[k], err = chunk.Column(k).value(t, i); err != nil {
							return err
						}
					}
					rows = append(rows, row)
				}
				return nil
			})
		})
	})
	return rows, err
}

func resultTypes(res *duckdb.Result) []duckdb.Type {
	types := make([]duckdb.Type, duckdb.ColumnCount(res))
	for i := range types {
		types[i] = duckdb.ColumnType(res, duckdb.IdxT(i))
	}
	return types
}

func (c Column) value(t duckdb.Type, i int) (any, error) {
	if c.IsNull(i) {
		return nil, nil
	}
	switch t {
	case duckdb.TypeVarchar:
		return string(append([]byte(nil), c.String(i)...)), nil
	case duckdb.TypeBigInt:
		return c.Int64s()[i], nil
	case duckdb.TypeUBigInt:
		return int64(c.Int64s()[i]), nil
	case duckdb.TypeInteger:
		return int64(c.Int32s()[i]), nil
	case duckdb.TypeDouble:
		return c.Float64s()[i], nil
	case duckdb.TypeBoolean:
		return c.Bools()[i], nil
	default:
		return nil, fmt.Errorf("column type %v must be cast to text in the query", t)
	}
}
