package core

import (
	"context"
)

// ConnectArgs are the arguments of connect.
type ConnectArgs struct {
	Name string `json:"name" help:"the name to attach the lake under; default: lake"`
}

type connectRow struct {
	Kind string `col:"kind"`
	SQL  string `col:"sql"`
}

// connect gives the statements with which DuckDB in another program reads the lake.
func connect(ctx context.Context, env *Env, a ConnectArgs) (*Result, error) {
	name := a.Name
	if name == "" {
		name = "lake"
	}
	s, err := reader(ctx, env) // says what is wrong with the lake, in our words
	if err != nil {
		return nil, err
	}
	s.Close()
	steps, err := env.Lake.Connect(ctx, name, env.Snapshot, env.Options)
	if err != nil {
		return nil, err
	}
	rows := make([]connectRow, len(steps))
	for i, step := range steps {
		rows[i] = connectRow(step)
	}
	return rowsResult(rows)
}
