// Package main is the C face of ddcore, built with -buildmode=c-shared into
// libddcore.so. ddcore.h is the contract. There is no logic here: a request
// goes to core.Call, its result leaves as an Arrow stream, an error as JSON.
package main

// #cgo CFLAGS: -std=gnu11 -Wall -Wextra
// #include <stdlib.h>
// #include "stream.h"
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/cgo"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"ddcore/core"
	"ddcore/core/contract"
)

// main is needed by -buildmode=c-shared and never runs.
func main() {}

// coreCall is replaced in the test build that panics (panic_hook.go).
var coreCall = core.Call

// panicked is set by the first panic. Go state may be inconsistent after it,
// so no further call is accepted.
var panicked atomic.Bool

// protect runs f; a panic becomes an error instead of the end of the process.
func protect(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			panicked.Store(true)
			err = internalError(fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	return f()
}

func internalError(err error) error {
	return &contract.Error{
		Kind: contract.Internal, Op: "internal error", Err: err,
		Hint: "this is a bug in ddcore: please report it, and restart the process",
	}
}

//export ddgoCall
func ddgoCall(request *C.char, id C.uint64_t, out *C.struct_ArrowArrayStream, message **C.char) C.int32_t {
	err := protect(func() error {
		if panicked.Load() {
			return internalError(fmt.Errorf("ddcore is unusable since an earlier panic"))
		}
		if err := updateEnvironment(); err != nil {
			return err
		}
		return run([]byte(C.GoString(request)), uint64(id), out)
	})
	if err != nil {
		*message = C.CString(errorJSON(err))
	}
	return C.int32_t(contract.ExitCode(err))
}

// run executes one request and fills out.
func run(request []byte, id uint64, out *C.struct_ArrowArrayStream) error {
	ctx, cancel := context.WithCancel(context.Background())
	c := &call{id: id, cancel: cancel}
	if err := calls.add(c); err != nil {
		cancel()
		return err
	}
	handedOver := false
	defer func() {
		if !handedOver { // also after a panic
			c.abandon()
		}
	}()
	result, err := coreCall(ctx, request, c.report)
	if err != nil {
		return err
	}
	c.result = result
	if err := c.open(ctx); err != nil {
		return err
	}
	C.stream_export(c.stream, out)
	handedOver = true
	return nil
}

//export ddgoCancel
func ddgoCancel(id C.uint64_t) C.int32_t {
	found := false
	_ = protect(func() error { found = calls.cancel(uint64(id)); return nil })
	return flag(found)
}

//export ddgoProgress
func ddgoProgress(id C.uint64_t, out *C.struct_ddcore_progress) C.int32_t {
	found := false
	_ = protect(func() error {
		var p core.Progress
		if p, found = calls.progress(uint64(id)); found {
			out.done, out.total = C.int64_t(p.Done), C.int64_t(p.Total)
			fill(out.unit[:], p.Unit)
			fill(out.what[:], p.What)
		}
		return nil
	})
	return flag(found)
}

//export ddgoSchema
func ddgoSchema(h C.uintptr_t, out *C.struct_ArrowSchema) *C.char {
	return text(protect(func() error { return fromHandle(h).schema(out) }))
}

//export ddgoNext
func ddgoNext(h C.uintptr_t, out *C.struct_ArrowArray) *C.char {
	c := fromHandle(h)
	c.err = protect(func() error { return c.next(out) })
	return text(c.err)
}

//export ddgoFailure
func ddgoFailure(h C.uintptr_t, cancelled C.bool, message *C.char) *C.char {
	var err error
	if p := protect(func() error { err = fromHandle(h).failure(bool(cancelled), C.GoString(message)); return nil }); p != nil {
		err = p
	}
	return C.CString(className(err) + ": " + err.Error())
}

//export ddgoForget
func ddgoForget(h C.uintptr_t) {
	_ = protect(func() error { calls.remove(fromHandle(h)); return nil })
}

//export ddgoEnd
func ddgoEnd(h C.uintptr_t) {
	_ = protect(func() error { fromHandle(h).result.Close(); return nil })
}

//export ddgoClose
func ddgoClose(h C.uintptr_t) {
	_ = protect(func() error { fromHandle(h).close(); return nil })
}

func fromHandle(h C.uintptr_t) *call { return cgo.Handle(h).Value().(*call) }

func flag(b bool) C.int32_t {
	if b {
		return 1
	}
	return 0
}

// text gives the error text for C to free, or nil.
func text(err error) *C.char {
	if err == nil {
		return nil
	}
	return C.CString(err.Error())
}

// fill writes s, cut at a whole character, with a final NUL.
func fill(dst []C.char, s string) {
	n := min(len(s), len(dst)-1)
	for n > 0 && n < len(s) && s[n]&0xC0 == 0x80 {
		n--
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), len(dst)), s[:n])
	dst[n] = 0
}

func className(err error) string {
	kind := contract.AsError(err).Kind
	for _, k := range contract.Kinds {
		if k.Kind == kind {
			return k.Class
		}
	}
	return "InternalError"
}

func errorJSON(err error) string {
	e := contract.AsError(err)
	message := err.Error()
	if e.Kind == contract.Cancelled {
		message = "cancelled"
	}
	data, _ := json.Marshal(map[string]any{ // strings only: cannot fail
		"kind": e.Kind, "op": e.Op, "target": e.Target, "hint": e.Hint, "message": message,
		"table": e.Table, "column": e.Column, "rows": append([]string{}, e.Rows...),
	})
	return string(data)
}
