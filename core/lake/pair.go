package lake

import (
	"context"
	"slices"
)

// Pair is a DuckDB with two lakes attached to be read, as "lake" and as "other".
type Pair struct {
	*Conn
	db *DB
}

// ReadPair attaches two lakes, or a lake at two snapshots. Both are read at one
// moment.
func ReadPair(ctx context.Context, a, b Place, snapshotA, snapshotB int64, o Options) (*Pair, error) {
	a, err := a.find(ctx)
	if err != nil {
		return nil, err
	}
	if b, err = b.find(ctx); err != nil {
		return nil, err
	}
	engine, err := a.engine(o)
	if err != nil {
		return nil, err
	}
	second, err := b.engine(o)
	if err != nil {
		return nil, err
	}
	for _, e := range second.extensions {
		if !slices.Contains(engine.extensions, e) {
			engine.extensions = append(engine.extensions, e)
		}
	}
	if engine.secret == "" {
		engine.secret = second.secret
	}
	p := &Pair{}
	if p.db, err = engine.start(ctx); err != nil {
		return nil, err
	}
	if p.Conn, err = p.db.Connect(); err != nil {
		p.db.Close()
		return nil, err
	}
	if err = attachAs(ctx, p.Conn, b, "other", true, snapshotB); err != nil {
		err = openError(b, snapshotB, err)
	} else if err = attach(ctx, p.Conn, a, true, snapshotA); err != nil {
		err = openError(a, snapshotA, err)
	} else {
		err = p.Exec(ctx, "BEGIN TRANSACTION")
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close ends the DuckDB.
func (p *Pair) Close() {
	p.Conn.Close()
	p.db.Close()
}
