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

// ingestPart converts one part of the work for a shared lake. It writes files
// only: any number of machines may do so at a time, and any of them twice.
func ingestPart(ctx context.Context, env *Env, a IngestArgs, learning *source.Learning) (*Result, error) {
	share, err := source.ParseShare(a.Part)
	if err != nil {
		return nil, err
	}
	if a.Prune || a.KeepPersonal {
		return nil, &Error{Kind: contract.Invalid, Op: "ingest", Err: errors.New("part goes with neither prune nor keep_personal"), Hint: "ingest once more without part for these"}
	}
	if err := env.Lake.MustBeShared(); err != nil {
		return nil, err
	}
	key, err := preparedKey(ctx, env, learning.Key)
	if err != nil {
		return nil, err
	}
	files, err := lake.OpenFiles(ctx, env.Lake, env.Options)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	plan, err := readPlan(ctx, env, a, key, learning)
	if err != nil {
		return nil, err
	}
	if !plan.HasParts() {
		return nil, &Error{Kind: contract.NotFound, Op: "ingest", Err: errors.New("there are no archives of instances here"), Hint: "leave part out: other files are ingested in one go"}
	}
	if err := plan.StageParts(ctx, source.NewSharedStage(files), share, env.Options.Workers(), env.bytes); err != nil {
		return nil, fmt.Errorf("ingest part %s: %w", a.Part, err)
	}
	return statuses(plan)
}

// preparedKey gives the lake's key, and makes the lake if it is not there.
func preparedKey(ctx context.Context, env *Env, fresh redact.Key) (key redact.Key, err error) {
	s, err := reader(ctx, env)
	if err == nil {
		defer s.Close()
		made, err := source.HasMade(ctx, s.Conn)
		if err != nil {
			return key, err
		}
		if made == source.All {
			return lakeKey(ctx, env.Lake, fresh)
		}
	} else if contract.AsError(err).Kind != contract.NotFound {
		return key, err
	}
	w, err := writer(ctx, env, "ingest")
	if err != nil {
		return key, err
	}
	defer w.Close()
	made, err := source.HasMade(ctx, w.Conn)
	if err == nil && made != source.All {
		err = create(ctx, w)
	}
	if err != nil {
		return key, err
	}
	return lakeKey(ctx, env.Lake, fresh)
}

// readPlan makes a plan without the lake's lock.
func readPlan(ctx context.Context, env *Env, a IngestArgs, key redact.Key, learning *source.Learning) (*source.Plan, error) {
	s, err := reader(ctx, env)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return source.MakePlan(ctx, s.Conn, a.Paths, learning, source.Options{Made: source.All, Key: key, Threads: env.Options.Workers()}, env.bytes)
}

// stageOf gives the place where a lake's parts wait, and what lets go of it.
func stageOf(ctx context.Context, env *Env) (source.Stage, func(), error) {
	if !env.Lake.IsShared() {
		return source.StageOf(env.Lake.Folder()), func() {}, nil
	}
	files, err := lake.OpenFiles(ctx, env.Lake, env.Options)
	if err != nil {
		return nil, nil, err
	}
	return source.NewSharedStage(files), files.Close, nil
}

type commitRow struct {
	Parts    int64 `col:"n_parts"`
	Known    int64 `col:"n_known"`
	Archives int64 `col:"n_archives"`
	Waiting  int64 `col:"n_waiting"`
}

// commit registers what workers have left.
func commit(ctx context.Context, env *Env, _ NoArgs) (*Result, error) {
	files, err := lake.OpenFiles(ctx, env.Lake, env.Options) // says so where there is no shared lake
	if err != nil {
		return nil, err
	}
	defer files.Close()
	w, err := writer(ctx, env, "commit")
	if err != nil {
		return nil, err
	}
	defer w.Close()
	done, err := source.NewSharedStage(files).CommitAll(ctx, w, func(done, total int64, what string) { env.Tell(Progress{done, total, "steps", what}) })
	if err != nil {
		return nil, err
	}
	return rowsResult([]commitRow{commitRow(done)})
}
