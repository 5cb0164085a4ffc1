package core

import (
	"context"
	"errors"
	"fmt"

	"ddcore/core/contract"
	"ddcore/core/lake"
	"ddcore/core/redact"
	"ddcore/core/source"
)

// IngestArgs are the arguments of ingest.
type IngestArgs struct {
	Paths []string `json:"paths" help:"files, folders or globs to read"`
	Part  string   `json:"part" help:"convert one part of the archives of instances for a shared lake, e.g. 17/64 (of 0/64 to 63/64), and leave it for commit"`
	Prune bool     `json:"prune" help:"drop the rows of files that were ingested from a named folder and are no longer in it"`

	KeepPersonal bool `json:"keep_personal" help:"also keep text of W&B and OLMES with its personal data, in raw tables that end in _personal; without it, those kept before are dropped"`
}

type ingestRow struct {
	Path    string `col:"path"`
	Table   string `col:"raw_table"`
	State   string `col:"state"`
	Rows    int64  `col:"n_rows"`
	Rejects int64  `col:"n_rejects"`
	Bytes   int64  `col:"n_bytes"`
}

func ingest(ctx context.Context, env *Env, a IngestArgs) (*Result, error) {
	if len(a.Paths) == 0 {
		return nil, &Error{Kind: contract.Invalid, Op: "ingest", Err: errors.New("no files were named"), Hint: "name files, folders or globs"}
	}
	// Look before the lake is made or locked: a misspelt path leaves no folder.
	files, err := source.Find(a.Paths)
	if err != nil {
		return nil, err
	}
	key, err := likelyKey(env.Lake)
	if err != nil {
		return nil, err
	}
	learning := source.Learn(ctx, files, key, env.Options.Workers())
	defer learning.Stop()
	if a.Part != "" {
		return ingestPart(ctx, env, a, learning)
	}
	w, err := writer(ctx, env, "ingest")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	plan, err := planIngest(ctx, env, w, a, learning)
	if err != nil {
		return nil, err
	}
	switch {
	case !plan.Empty():
		err = w.Transaction(ctx, "ingest", plan.Message(), func() error {
			return plan.Run(ctx, w, env.Options.Workers(), env.bytes)
		})
	case plan.MustSetUp(): // for the parts
		err = create(ctx, w)
	}
	if err != nil {
		return nil, fmt.Errorf("ingest: %w", err)
	}
	if plan.HasParts() {
		w.Close() // others may write while parts are converted
		open := func() (*lake.Writer, error) { return writer(ctx, env, "ingest") }
		stage, closeStage, err := stageOf(ctx, env)
		if err != nil {
			return nil, err
		}
		defer closeStage()
		if err := plan.RunParts(ctx, stage, open, env.Options.Workers(), env.bytes); err != nil {
			return nil, fmt.Errorf("ingest: %w", err)
		}
	}
	return statuses(plan)
}

func statuses(plan *source.Plan) (*Result, error) {
	rows := make([]ingestRow, len(plan.Statuses))
	for i, s := range plan.Statuses {
		rows[i] = ingestRow(s)
	}
	return rowsResult(rows)
}

func planIngest(ctx context.Context, env *Env, w *lake.Writer, a IngestArgs, learning *source.Learning) (*source.Plan, error) {
	made, err := source.HasMade(ctx, w.Conn)
	if err != nil {
		return nil, err
	}
	key, err := lakeKey(ctx, env.Lake, learning.Key)
	if err != nil {
		return nil, err
	}
	return source.MakePlan(ctx, w.Conn, a.Paths, learning, source.Options{Made: made, Prune: a.Prune, KeepPersonal: a.KeepPersonal, Key: key, Threads: env.Options.Workers()}, env.bytes)
}

// create makes the raw tables that the lake lacks, where nothing else is to be
// written with them.
func create(ctx context.Context, w *lake.Writer) error {
	return w.Transaction(ctx, "create", "create the lake", func() error { return source.Setup(ctx, w.Conn) })
}

// lakeKey gives the key of the lake's pseudonyms, which all who write it share: the
// fresh one, if there is none.
func lakeKey(ctx context.Context, p lake.Place, fresh redact.Key) (redact.Key, error) {
	if p.IsShared() {
		return redact.SharedKey(fresh, func(text string) (string, error) { return lake.Secret(ctx, p, text) })
	}
	return redact.LakeKey(p.Folder(), fresh)
}

// likelyKey gives a local lake's key, or one to be a lake's first.
func likelyKey(p lake.Place) (redact.Key, error) {
	if p.IsShared() {
		return redact.NewKey()
	}
	return redact.LikelyKey(p.Folder())
}

// writer opens the lake for writing and tells when it has to wait.
func writer(ctx context.Context, env *Env, verb string) (*lake.Writer, error) {
	if env.Snapshot != lake.Newest {
		return nil, &Error{
			Kind: contract.Invalid, Op: verb, Target: env.Lake.String(), Err: fmt.Errorf("snapshot %d is the past and cannot be written", env.Snapshot),
			Hint: "open the lake without a snapshot",
		}
	}
	return lake.Write(ctx, env.Lake, verb, env.Options, func(holder string) {
		env.Tell(Progress{What: "waiting for " + holder})
	})
}

// reader opens the lake for reading, at the snapshot that the call names.
func reader(ctx context.Context, env *Env) (*lake.Session, error) {
	return lake.Read(ctx, env.Lake, env.Snapshot, env.Options)
}
