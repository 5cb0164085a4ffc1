package source

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/lake"
)

type reject struct {
	row          int64
	reason, text string
}

// rejectBatch bounds the length of one INSERT.
const rejectBatch = 500

func writeRejects(ctx context.Context, c *lake.Conn, file int64, found []reject) error {
	slices.SortFunc(found, func(a, b reject) int { return cmp.Compare(a.row, b.row) })
	for batch := range slices.Chunk(found, rejectBatch) {
		values := make([]string, len(batch))
		for i, r := range batch {
			values[i] = fmt.Sprintf("(%d, %d, %s, %s)", file, r.row, lake.Quote(r.reason), lake.Quote(r.text))
		}
		if err := c.Exec(ctx, "INSERT INTO lake.raw.rejects VALUES "+strings.Join(values, ", ")); err != nil {
			return fmt.Errorf("write rejects: %w", err)
		}
	}
	return nil
}
