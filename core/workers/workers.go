// Package workers runs independent pieces of work side by side.
package workers

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Each calls f(0) … f(n-1) on the given number of workers. A panic becomes an
// error: an unrecovered one in a goroutine would end the whole process, which
// may be somebody's notebook.
func Each(ctx context.Context, workers, n int, f func(i int) error) error {
	var (
		wg   sync.WaitGroup
		errs = make([]error, n)
		next = make(chan int)
	)
	guarded := func(i int) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("panic in a worker: %v", r)
			}
		}()
		if err := ctx.Err(); err != nil {
			return err
		}
		return f(i)
	}
	for range min(workers, n) {
		wg.Go(func() {
			for i := range next {
				errs[i] = guarded(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}
