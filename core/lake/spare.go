package lake

import (
	"context"
	"sync"
)

// spare keeps one DuckDB instance between a process's writes: to start one takes
// 0.1 s or more, most of it to check and load its extensions.
var spare = struct {
	sync.Mutex
	key string
	db  *DB
}{}

// takeSpare gives the spare instance if it is such a one, else a new one.
func takeSpare(ctx context.Context, e engine) (*DB, error) {
	spare.Lock()
	db := spare.db
	if db != nil && spare.key == e.key() {
		spare.db = nil
		spare.Unlock()
		return db, nil
	}
	spare.Unlock()
	return e.start(ctx)
}

// leave detaches the lake, which no writer uses as its default, and keeps the
// instance. One that cannot let go of it is closed.
func leave(conn *Conn, db *DB, e engine) {
	err := conn.Exec(context.Background(), "DETACH lake")
	conn.Close()
	spare.Lock()
	defer spare.Unlock()
	if err != nil || spare.db != nil {
		db.Close()
		return
	}
	spare.key, spare.db = e.key(), db
}

func closeSpare() {
	spare.Lock()
	defer spare.Unlock()
	if spare.db != nil {
		spare.db.Close()
		spare.db = nil
	}
}
