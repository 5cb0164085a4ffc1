package source

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"

	"ddcore/core/lake"
	"ddcore/core/source/pydict"
	"ddcore/core/tablefile"
	"ddcore/core/workers"
)

// visitText takes the dictionary of one row. It is called on several goroutines,
// each with a parser of its own.
type visitText func(parser *pydict.Parser, row int64, text string, isNull bool)

// eachText shows the dictionaries of a stored file, in no fixed order. Our own
// reader of text columns takes half of DuckDB's time; what it does not know, or
// finds broken, DuckDB reads (or says what is wrong with) after again.
func (a *action) eachText(ctx context.Context, c *lake.Conn, threads int, visit visitText, again func()) error {
	chunks, err := a.textChunks(ctx, c)
	if err != nil {
		return err
	}
	if chunks != nil && a.readTexts(ctx, threads, chunks, visit) == nil {
		return nil
	}
	again()
	parsers := sync.Pool{New: func() any { return new(pydict.Parser) }}
	dict := lake.Ident(a.table.Dict)
	return c.Chunks(ctx, threads, func(chunk lake.Chunk) error {
		parser := parsers.Get().(*pydict.Parser)
		defer parsers.Put(parser)
		rows, texts := chunk.Column(0).Int64s(), chunk.Column(1)
		for i := range chunk.N {
			if texts.IsNull(i) {
				visit(parser, rows[i], "", true)
			} else {
				visit(parser, rows[i], texts.String(i), false)
			}
		}
		return nil
	}, fmt.Sprintf("SELECT file_row_number, %s FROM read_parquet(%s, file_row_number = true)", dict, lake.Quote(a.stored)))
}

// textChunk is a part of the column with the number of its first row.
type textChunk struct {
	tablefile.TextChunk
	first int64
}

// textChunks asks DuckDB where the column lies; nil says that it is no plain
// column of text.
func (a *action) textChunks(ctx context.Context, c *lake.Conn) ([]textChunk, error) {
	path := lake.Quote(a.stored)
	kinds, err := c.Rows(ctx, "SELECT type, repetition_type FROM parquet_schema("+path+") WHERE name = ?", a.table.Dict)
	if err != nil || len(kinds) != 1 || kinds[0][0] != "BYTE_ARRAY" || kinds[0][1] == "REPEATED" {
		return nil, err
	}
	rows, err := c.Rows(ctx, `
		SELECT coalesce(nullif(least(dictionary_page_offset, data_page_offset), 0), data_page_offset)::BIGINT, total_compressed_size::BIGINT, row_group_num_rows::BIGINT, compression::VARCHAR
		FROM parquet_metadata(`+path+") WHERE path_in_schema = ? ORDER BY row_group_id", a.table.Dict)
	if err != nil {
		return nil, err
	}
	var first int64
	chunks := make([]textChunk, len(rows))
	for i, r := range rows {
		chunks[i] = textChunk{tablefile.TextChunk{
			Offset: r[0].(int64), Size: r[1].(int64), Rows: r[2].(int64), Codec: r[3].(string), Optional: kinds[0][1] == "OPTIONAL",
		}, first}
		first += r[2].(int64)
	}
	return chunks, nil
}

// readTexts reads the chunks side by side, from a memory map.
func (a *action) readTexts(ctx context.Context, threads int, chunks []textChunk, visit visitText) error {
	f, err := os.Open(a.stored)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Munmap(data) }()
	type scratch struct {
		reader tablefile.TextReader
		parser pydict.Parser
	}
	pool := sync.Pool{New: func() any { return new(scratch) }}
	return workers.Each(ctx, threads, len(chunks), func(i int) error {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		chunk := chunks[i]
		return s.reader.Read(data[chunk.Offset:chunk.Offset+chunk.Size], chunk.TextChunk, func(row int64, text string, isNull bool) error {
			visit(&s.parser, chunk.first+row, text, isNull)
			return nil
		})
	})
}
