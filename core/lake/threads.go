package lake

import (
	"cmp"
	"context"
	"strconv"
)

// OneThread runs f while DuckDB works on the caller's thread alone. What is done with
// a catalog is many small statements, in which DuckDB's thread waits for its
// others in a loop: alone it takes a third less time (measured), and none from
// work that goes on beside it.
func (w *Writer) OneThread(ctx context.Context, f func() error) error {
	return w.onOneThread(ctx, w.options, f)
}

func (c *Conn) onOneThread(ctx context.Context, o Options, f func() error) error {
	if err := c.setThreads(ctx, 1); err != nil {
		return err
	}
	err := f()
	reset := c.setThreads(context.WithoutCancel(ctx), o.Workers()) // fails in a transaction that f has broken
	return cmp.Or(err, reset)
}

func (c *Conn) setThreads(ctx context.Context, n int) error {
	return c.Exec(ctx, "SET threads = "+strconv.Itoa(n))
}
