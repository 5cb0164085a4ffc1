package tablefile_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"ddcore/core/tablefile"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/stretchr/testify/require"
)

// textFile writes one column of text by another implementation, and says where
// it lies.
func textFile(t testing.TB, values []string, valid []bool, options ...parquet.WriterProperty) ([]byte, tablefile.TextChunk) {
	t.Helper()
	repetition := parquet.Repetitions.Required
	if valid != nil {
		repetition = parquet.Repetitions.Optional
	}
	root, err := schema.NewGroupNode("schema", parquet.Repetitions.Required, schema.FieldList{schema.NewByteArrayNode("x", repetition, -1)}, -1)
	require.NoError(t, err)
	var out bytes.Buffer
	w := file.NewParquetWriter(&out, root, file.WithWriterProps(parquet.NewWriterProperties(options...)))
	group, err := w.AppendRowGroupChecked()
	require.NoError(t, err)
	column, err := group.NextColumn()
	require.NoError(t, err)
	var kept []parquet.ByteArray
	levels := make([]int16, len(values))
	for i, v := range values {
		if valid == nil || valid[i] {
			levels[i] = 1
			kept = append(kept, parquet.ByteArray(v))
		}
	}
	if valid == nil {
		levels = nil
	}
	_, err = column.(*file.ByteArrayColumnChunkWriter).WriteBatch(kept, levels, nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())

	r, err := file.NewParquetReader(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	chunk, err := r.MetaData().RowGroup(0).ColumnChunk(0)
	require.NoError(t, err)
	offset := chunk.DataPageOffset()
	if chunk.HasDictionaryPage() {
		offset = min(offset, chunk.DictionaryPageOffset())
	}
	return out.Bytes()[offset : offset+chunk.TotalCompressedSize()], tablefile.TextChunk{
		Offset: offset, Size: chunk.TotalCompressedSize(), Rows: int64(len(values)), Codec: chunk.Compression().String(), Optional: valid != nil,
	}
}

func randomTexts(r *rand.Rand, n int) (values []string, valid []bool) {
	for range n {
		values = append(values, strings.Repeat("ä", r.IntN(20))+fmt.Sprint(r.IntN(1+r.IntN(500))))
		valid = append(valid, r.IntN(5) != 0)
	}
	return values, valid
}

// TestPlain: texts that lie as the file has them become the same chunk.
func TestPlain(t *testing.T) {
	e, err := tablefile.NewEncoder(tablefile.Zstd)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(5, 6))
	for n := range 50 {
		values, valid := randomTexts(r, n)
		var plain []byte
		for i, v := range values {
			if valid[i] {
				plain = append(binary.LittleEndian.AppendUint32(plain, uint32(len(v))), v...)
			}
		}
		require.Equal(t, e.Texts(values, valid), e.Plain(plain, valid))
	}
}

// TestTextReader: every page version, codec and encoding that is read here.
func TestTextReader(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var reader tablefile.TextReader
	for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
		for _, codec := range []compress.Compression{compress.Codecs.Uncompressed, compress.Codecs.Snappy, compress.Codecs.Zstd} {
			for _, dictionary := range []bool{true, false} {
				for _, n := range []int{1, 9, 1000, 4321} {
					values, valid := randomTexts(r, n)
					if n%2 == 0 {
						valid = nil
					}
					data, chunk := textFile(
						t, values, valid, parquet.WithDataPageVersion(version), parquet.WithCompression(codec),
						parquet.WithDictionaryDefault(dictionary), parquet.WithDataPageSize(4096), parquet.WithAllocator(memory.DefaultAllocator),
					)
					var rows int64
					require.NoError(t, reader.Read(data, chunk, func(row int64, text string, isNull bool) error {
						require.Equal(t, rows, row)
						rows++
						require.Equal(t, valid != nil && !valid[row], isNull)
						if !isNull {
							require.Equal(t, values[row], text)
						}
						return nil
					}))
					require.EqualValues(t, n, rows)
				}
			}
		}
	}
}

func TestTextReaderRefuses(t *testing.T) {
	var reader tablefile.TextReader
	visit := func(int64, string, bool) error { return nil }
	data, chunk := textFile(t, []string{"a", "b\xff", "c"}, nil, parquet.WithDictionaryDefault(false))
	require.ErrorContains(t, reader.Read(data, chunk, visit), "row 1 is no UTF-8 text")
	data, chunk = textFile(t, []string{"a", "b"}, nil, parquet.WithCompression(compress.Codecs.Gzip))
	require.ErrorIs(t, reader.Read(data, chunk, visit), tablefile.ErrUnsupported)
	data, chunk = textFile(t, []string{"a", "b"}, nil, parquet.WithDictionaryDefault(false), parquet.WithEncoding(parquet.Encodings.DeltaByteArray))
	require.ErrorIs(t, reader.Read(data, chunk, visit), tablefile.ErrUnsupported)
	data, chunk = textFile(t, []string{"a", "b"}, nil)
	chunk.Rows = 3
	require.ErrorContains(t, reader.Read(data, chunk, visit), "the pages hold 2 of 3 rows")
}

// FuzzTextReader: broken pages are errors, never a crash or an endless loop.
func FuzzTextReader(f *testing.F) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, dictionary := range []bool{true, false} {
		for _, version := range []parquet.DataPageVersion{parquet.DataPageV1, parquet.DataPageV2} {
			values, valid := randomTexts(r, 50)
			data, chunk := textFile(f, values, valid, parquet.WithDictionaryDefault(dictionary), parquet.WithDataPageVersion(version))
			f.Add(data, chunk.Codec)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, codec string) {
		var reader tablefile.TextReader
		rows := 0
		_ = reader.Read(data, tablefile.TextChunk{Rows: 50, Codec: codec, Optional: true}, func(int64, string, bool) error {
			rows++
			return nil
		})
		require.LessOrEqual(t, rows, 50)
	})
}
