package tablefile_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ddcore/core/tablefile"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/stretchr/testify/require"
)

// randomColumns makes n rows with runs, nulls and special floats.
func randomColumns(r *rand.Rand, n int) (floats []float64, codes []int32, bools, valid []bool) {
	special := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, tablefile.Null}
	for len(codes) < n {
		run := 1
		if r.IntN(4) == 0 {
			run = 1 + r.IntN(40)
		}
		code := int32(r.IntN(4)) - 1
		for range min(run, n-len(codes)) {
			codes = append(codes, code)
		}
	}
	for range n {
		v := r.NormFloat64()
		if r.IntN(3) == 0 {
			v = special[r.IntN(len(special))]
		}
		floats = append(floats, v)
		bools = append(bools, r.IntN(2) == 0)
		valid = append(valid, r.IntN(5) != 0)
	}
	return floats, codes, bools, valid
}

func TestRoundTrip(t *testing.T) {
	fields := []tablefile.Field{{Name: "x", Type: tablefile.Float64}, {Name: "recipe", Type: tablefile.Text}, {Name: "ok", Type: tablefile.Bool}, {Name: "n", Type: tablefile.Int64}, {Name: "text", Type: tablefile.Text}, {Name: "split", Type: tablefile.Float64}}
	names, ints := []string{"b", "", "ä/%"}, []int64{math.MaxInt64, -1, math.MinInt64}
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 7, 8, 9, 64, 1000, 5003} {
		codec := []tablefile.Codec{tablefile.Zstd, tablefile.Snappy}[n%2]
		path := filepath.Join(t.TempDir(), "t.parquet")
		w, err := tablefile.Create(path, fields, map[string]string{"k": "v"})
		require.NoError(t, err)
		e, err := tablefile.NewEncoder(codec)
		require.NoError(t, err)
		floats, codes, bools, valid := randomColumns(r, n)
		chunks := []tablefile.Chunk{
			e.Floats(floats), e.Codes(tablefile.Texts(names), codes),
			e.Bools(bools, valid), e.Codes(tablefile.Ints(ints), codes), e.Texts(texts(codes), valid),
			e.SplitFloats(floats),
		}
		require.NoError(t, w.RowGroup(n, chunks))
		require.NoError(t, w.RowGroup(n, chunks), "a chunk may be written twice")
		rows, err := w.Close()
		require.NoError(t, err)
		require.EqualValues(t, 2*n, rows)

		requireColumn(t, path, 0, n, func(i int) any { return floatCell(floats[i]) })
		requireColumn(t, path, 1, n, func(i int) any { return codeCell(codes[i], names) })
		requireColumn(t, path, 2, n, func(i int) any {
			if !valid[i] {
				return nil
			}
			return bools[i]
		})
		requireColumn(t, path, 3, n, func(i int) any { return codeCell(codes[i], ints) })
		requireColumn(t, path, 4, n, func(i int) any {
			if !valid[i] {
				return nil
			}
			return texts(codes)[i]
		})
		requireColumn(t, path, 5, n, func(i int) any { return floatCell(floats[i]) })
		requireBounds(t, path, floats)
	}
}

func texts(codes []int32) []string {
	out := make([]string, len(codes))
	for i, c := range codes {
		out[i] = strings.Repeat("x", int(c+1)*100)
	}
	return out
}

// floatCell shows a float by its bits: -0 is not 0.
func floatCell(v float64) any {
	if tablefile.IsNull(v) {
		return nil
	}
	return math.Float64bits(v)
}

func codeCell[T any](code int32, dict []T) any {
	if code < 0 {
		return nil
	}
	return dict[code]
}

// requireColumn reads column k of the two row groups of n rows.
func requireColumn(t *testing.T, path string, k, n int, want func(i int) any) {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer r.Close()
	require.Equal(t, 2, r.NumRowGroups())
	for g := range 2 {
		column, err := r.RowGroup(g).Column(k)
		require.NoError(t, err)
		got := cells(t, column, n)
		require.Len(t, got, n)
		for i := range n {
			require.Equal(t, want(i), got[i], "row %d of column %d", i, k)
		}
	}
}

func cells(t *testing.T, column file.ColumnChunkReader, n int) []any {
	t.Helper()
	levels := make([]int16, n)
	var values []any
	var err error
	switch c := column.(type) {
	case *file.Float64ColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v float64) any { return math.Float64bits(v) })
	case *file.Int64ColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v int64) any { return v })
	case *file.BooleanColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v bool) any { return v })
	case *file.ByteArrayColumnChunkReader:
		values, err = batch(c.ReadBatch, levels, func(v parquet.ByteArray) any { return string(v) })
	default:
		t.Fatalf("column reader %T", column)
	}
	require.NoError(t, err)
	return values
}

// batch reads a whole column and puts its nulls back.
func batch[T any](read func(int64, []T, []int16, []int16) (int64, int, error), levels []int16, show func(T) any) ([]any, error) {
	buffer := make([]T, len(levels))
	_, n, err := read(int64(len(levels)), buffer, levels, nil)
	if err != nil {
		return nil, err
	}
	values, out := buffer[:n], make([]any, len(levels))
	for i, level := range levels {
		if level == 1 {
			out[i], values = show(values[0]), values[1:]
		}
	}
	return out, nil
}

// requireBounds checks the statistics that readers skip row groups by.
func requireBounds(t *testing.T, path string, floats []float64) {
	t.Helper()
	r, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer r.Close()
	chunk, err := r.MetaData().RowGroup(0).ColumnChunk(0)
	require.NoError(t, err)
	stats, err := chunk.Statistics()
	require.NoError(t, err)
	kept := slices.DeleteFunc(slices.Clone(floats), tablefile.IsNull)
	require.EqualValues(t, len(floats)-len(kept), stats.NullCount())
	require.Equal(t, len(kept) > 0, stats.HasMinMax())
	if len(kept) > 0 {
		require.LessOrEqual(t, stats.(*metadata.Float64Statistics).Min(), slices.Min(kept))
		require.GreaterOrEqual(t, stats.(*metadata.Float64Statistics).Max(), slices.Max(kept))
	}
}

func TestNaNHasNoBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.parquet")
	w, err := tablefile.Create(path, []tablefile.Field{{Name: "x", Type: tablefile.Float64}}, nil)
	require.NoError(t, err)
	e, err := tablefile.NewEncoder(tablefile.Zstd)
	require.NoError(t, err)
	require.NoError(t, w.RowGroup(2, []tablefile.Chunk{e.Floats([]float64{1, math.NaN()})}))
	_, err = w.Close()
	require.NoError(t, err)
	r, err := file.OpenParquetFile(path, false)
	require.NoError(t, err)
	defer r.Close()
	chunk, err := r.MetaData().RowGroup(0).ColumnChunk(0)
	require.NoError(t, err)
	stats, err := chunk.Statistics()
	require.NoError(t, err)
	require.False(t, stats != nil && stats.HasMinMax(), "a reader would skip the NaN")
}

func TestRowCountsMustAgree(t *testing.T) {
	w, err := tablefile.Create(filepath.Join(t.TempDir(), "t.parquet"), []tablefile.Field{{Name: "x", Type: tablefile.Float64}}, nil)
	require.NoError(t, err)
	defer w.Abort()
	e, err := tablefile.NewEncoder(tablefile.Zstd)
	require.NoError(t, err)
	require.ErrorContains(t, w.RowGroup(3, []tablefile.Chunk{e.Floats([]float64{1})}), "column x has 1 rows, its row group 3")
}

// TestSharedValues: a chunk without its nulls, or at fewer places, reads as the
// same values encoded anew would; columns may be written in any order.
func TestSharedValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	e, err := tablefile.NewEncoder(tablefile.Zstd)
	require.NoError(t, err)
	for _, n := range []int{1, 8, 13, 400, 3000} {
		floats, _, _, drop := randomColumns(r, n)
		var kept, dense []float64
		bits := make([]byte, (n+7)/8)
		for i, v := range floats {
			if !tablefile.IsNull(v) {
				dense = append(dense, v)
			}
			if !tablefile.IsNull(v) || drop[i] {
				kept = append(kept, v)
				bits[i/8] |= 1 << (i % 8)
			}
		}
		chunk := e.Floats(floats)
		for _, c := range []struct {
			got  tablefile.Chunk
			want []float64
		}{{chunk, floats}, {chunk.Among(nil), floats}, {chunk.Among(bits), kept}, {chunk.Dense(), dense}, {chunk.Dense().Among(nil), dense}} {
			require.Equal(t, len(c.want), c.got.Len())
			if len(c.want) == 0 {
				continue
			}
			path := filepath.Join(t.TempDir(), "t.parquet")
			w, err := tablefile.Create(path, []tablefile.Field{{Name: "x", Type: tablefile.Float64}, {Name: "y", Type: tablefile.Float64}}, nil)
			require.NoError(t, err)
			for range 2 {
				g, err := w.Group(len(c.want))
				require.NoError(t, err)
				require.NoError(t, g.Column(1, e.Floats(c.want)))
				require.NoError(t, g.Column(0, c.got))
			}
			_, err = w.Close()
			require.NoError(t, err)
			for k := range 2 {
				requireColumn(t, path, k, len(c.want), func(i int) any { return floatCell(c.want[i]) })
			}
		}
	}
}

func TestGroupsMustBeWhole(t *testing.T) {
	w, err := tablefile.Create(filepath.Join(t.TempDir(), "t.parquet"), []tablefile.Field{{Name: "x", Type: tablefile.Float64}}, nil)
	require.NoError(t, err)
	_, err = w.Group(1)
	require.NoError(t, err)
	_, err = w.Close()
	require.ErrorContains(t, err, "column x of row group 0 was not written")
}
