package lake

import (
	"context"
	"encoding/json"
	"sync"
)

// spare keeps one DuckDB instance between a process's writes: to start one takes
// 0.1 s or more, most of it to check and load its extensions.
var spare = struct {
	sync.Mutex
	options string
	db      *DB
}{}

// takeSpare gives the spare instance if it has these options, else a new one.
func takeSpare(ctx context.Context, o Options) (*DB, error) {
	spare.Lock()
	db := spare.db
	if db != nil && spare.options == o.key() {
		spare.db = nil
		spare.Unlock()
		return db, nil
	}
	spare.Unlock()
	return OpenDB(ctx, o, extensions...)
}

// leave detaches the lake and keeps the instance. One that cannot let go of it
// is closed.
func leave(conn *Conn, db *DB, o Options) {
	err := conn.Exec(context.Background(), "USE memory; DETACH lake")
	conn.Close()
	spare.Lock()
	defer spare.Unlock()
	if err != nil || spare.db != nil {
		db.Close()
		return
	}
	spare.options, spare.db = o.key(), db
}

func closeSpare() {
	spare.Lock()
	defer spare.Unlock()
	if spare.db != nil {
		spare.db.Close()
		spare.db = nil
	}
}

// key identifies options.
func (o Options) key() string {
	text, _ := json.Marshal(o)
	return string(text)
}
