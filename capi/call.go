package main

// #include <stdlib.h>
// #include "stream.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/cgo"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"ddcore/core"
	"ddcore/core/contract"
)

// call is one request and then the stream that came of it.
type call struct {
	id       uint64
	cancel   context.CancelFunc
	progress atomic.Pointer[core.Progress]
	result   *core.Result
	reader   array.RecordReader // nil: DuckDB fills the stream
	err      error              // why the reader stopped
	handle   cgo.Handle
	stream   *C.struct_stream // calls' lock is held while it is used by another thread
}

func (c *call) report(p core.Progress) { c.progress.Store(&p) }

// open makes the stream and executes the statement up to its first rows.
func (c *call) open(ctx context.Context) error {
	conn, stmt, native := c.result.Native()
	if !native {
		conn, c.reader = nil, c.result.Reader()
	}
	c.handle = cgo.NewHandle(c)
	stream := C.stream_new(C.uintptr_t(c.handle), conn)
	if stream == nil {
		return &contract.Error{Kind: contract.IO, Op: "open a result", Err: errors.New("out of memory")}
	}
	calls.attach(ctx, c, stream)
	if !native {
		return ctx.Err()
	}
	if message := C.stream_start(stream, stmt); message != nil {
		defer C.free(unsafe.Pointer(message))
		return c.failure(ctx.Err() != nil, C.GoString(message))
	}
	return nil
}

// failure explains why the stream stopped.
func (c *call) failure(cancelled bool, message string) error {
	switch {
	case cancelled:
		return context.Canceled
	case c.err != nil:
		return c.err
	default:
		return core.SQLError(message)
	}
}

func (c *call) schema(out *C.struct_ArrowSchema) error {
	cdata.ExportArrowSchema(c.result.Schema(), (*cdata.CArrowSchema)(unsafe.Pointer(out)))
	return nil
}

// next exports one batch, or leaves out.release nil at the end.
func (c *call) next(out *C.struct_ArrowArray) error {
	if c.reader.Next() {
		cdata.ExportArrowRecordBatch(c.reader.RecordBatch(), (*cdata.CArrowArray)(unsafe.Pointer(out)), nil)
		return nil
	}
	return c.reader.Err()
}

// abandon frees a call whose stream was not handed over.
func (c *call) abandon() {
	calls.remove(c)
	if c.stream != nil {
		C.stream_free(c.stream)
	}
	c.close()
}

// close frees the Go side, after the C side.
func (c *call) close() {
	c.cancel()
	if c.result != nil {
		c.result.Close()
	}
	if c.handle != 0 {
		c.handle.Delete()
	}
}

// registry finds the calls that may be cancelled or polled.
type registry struct {
	sync.Mutex
	byID map[uint64]*call
}

var calls = registry{byID: map[uint64]*call{}}

func (r *registry) add(c *call) error {
	r.Lock()
	defer r.Unlock()
	if c.id == 0 {
		return nil
	}
	if r.byID[c.id] != nil {
		return &contract.Error{Kind: contract.Invalid, Op: "call", Err: fmt.Errorf("call_id %d is in use", c.id)}
	}
	r.byID[c.id] = c
	return nil
}

func (r *registry) remove(c *call) {
	r.Lock()
	defer r.Unlock()
	if r.byID[c.id] == c {
		delete(r.byID, c.id)
	}
}

// attach lets cancel reach the stream, also if it came before.
func (r *registry) attach(ctx context.Context, c *call, stream *C.struct_stream) {
	r.Lock()
	defer r.Unlock()
	c.stream = stream
	if ctx.Err() != nil {
		C.stream_cancel(stream)
	}
}

func (r *registry) cancel(id uint64) bool {
	r.Lock()
	defer r.Unlock()
	c := r.byID[id]
	if c == nil {
		return false
	}
	c.cancel()
	if c.stream != nil {
		C.stream_cancel(c.stream)
	}
	return true
}

// progress prefers what DuckDB says of a running query to the verb's last word.
func (r *registry) progress(id uint64) (core.Progress, bool) {
	r.Lock()
	defer r.Unlock()
	c := r.byID[id]
	if c == nil {
		return core.Progress{}, false
	}
	if c.stream != nil {
		if percent := float64(C.stream_percent(c.stream)); percent >= 0 {
			return core.Progress{Done: int64(math.Round(percent)), Total: 100, Unit: "%", What: "query"}, true
		}
	}
	if p := c.progress.Load(); p != nil {
		return *p, true
	}
	return core.Progress{}, false
}
