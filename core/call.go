// Package core is all that ddcore's faces may call: one function, Call, that
// runs a verb and gives its result as a stream of Arrow batches.
package core

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/hub"
	"ddcore/core/lake"
)

// Error is the error type of all that Call returns.
type Error = contract.Error

// Progress tells how far a call is. Total <= 0 means unknown.
type Progress struct {
	Done, Total int64
	Unit, What  string
}

// Env is what a verb knows beside its arguments.
type Env struct {
	Lake     lake.Place // the zero value when the verb needs none
	Options  lake.Options
	Snapshot int64 // lake.Newest, or the snapshot to read
	progress func(Progress)
}

// Tell reports progress to whoever called.
func (e *Env) Tell(p Progress) {
	if e.progress != nil {
		e.progress(p)
	}
}

func (e *Env) bytes(done, total int64, what string) { e.Tell(Progress{done, total, "B", what}) }

// request is the JSON form of a call.
type request struct {
	Verb    string          `json:"verb"`
	Lake    string          `json:"lake"`
	Args    json.RawMessage `json:"args"`
	Options struct {
		lake.Options
		Snapshot *int64 `json:"snapshot"`
		Data     string `json:"data"` // where the files of a shared lake are
	} `json:"options"`
}

// Call runs one verb. The request is JSON:
//
//	{"verb": "sql", "lake": "my.lake", "args": {…}, "options": {"threads": 2, "memory_limit": "4GB", "snapshot": 12}}
//
// The caller closes the result. progress may be nil; it is called from any
// goroutine until Call returns.
func Call(ctx context.Context, requestJSON []byte, progress func(Progress)) (*Result, error) {
	var r request
	if err := decode(requestJSON, &r); err != nil {
		return nil, &Error{Kind: contract.Invalid, Op: "read the request", Err: err}
	}
	v, err := FindVerb(r.Verb)
	if err != nil {
		return nil, err
	}
	place, err := lake.ParsePlace(r.Lake, r.Options.Data)
	if err != nil {
		return nil, err
	}
	env := &Env{Lake: place, Options: r.Options.Options, Snapshot: lake.Newest, progress: progress}
	if r.Options.Snapshot != nil {
		if env.Snapshot = *r.Options.Snapshot; env.Snapshot < 0 {
			return nil, &Error{Kind: contract.Invalid, Op: r.Verb, Err: fmt.Errorf("snapshot %d is negative", env.Snapshot), Hint: "`snapshots` lists the snapshots"}
		}
	}
	if v.NeedsLake && r.Lake == "" {
		return nil, &Error{Kind: contract.Invalid, Op: r.Verb, Err: errors.New("no lake was named"), Hint: "pass the folder of the lake, or the name of a shared one"}
	}
	result, err := v.run(ctx, env, r.Args)
	if err != nil {
		return nil, finalError(ctx, r.Verb, err)
	}
	return result, nil
}

// finalError keeps the text of the whole chain in the one error that leaves.
func finalError(ctx context.Context, verb string, err error) error {
	if ctx.Err() != nil {
		return &Error{Kind: contract.Cancelled, Op: verb, Err: ctx.Err()}
	}
	inner := contract.AsError(err)
	if inner.Op == "sql" && verb != "sql" {
		out := *inner
		out.Op, out.Err = verb, errors.New(strings.TrimSuffix(err.Error(), " ("+inner.Hint+")"))
		return &out
	}
	return inner
}

// decode reads JSON strictly: an unknown name is an error, a number keeps its
// digits.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("the request is not understood: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the request has text after its end")
	}
	return nil
}

// SQLError turns DuckDB's message into an Error.
func SQLError(message string) error { return lake.SQLError(message) }

// Variables are the variables of the environment that count.
var Variables = slices.Concat(lake.Variables, hub.Variables)

// CloseIdle closes the DuckDB instances that are kept open between calls.
func CloseIdle() { lake.CloseIdle() }
