//go:build ddcore_panic

package main

import (
	"bytes"
	"context"

	"ddcore/core"
)

// This test build (capi's tests make it, no wheel holds it) has one more verb,
// which panics. The border under test is thus the real one, and the shipped
// library carries no switch for it.
func init() {
	coreCall = func(ctx context.Context, request []byte, progress func(core.Progress)) (*core.Result, error) {
		if bytes.Contains(request, []byte(`"verb": "panic"`)) {
			panic("the panic that was asked for")
		}
		return core.Call(ctx, request, progress)
	}
}
