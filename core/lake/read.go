package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"ddcore/core/contract"
)

// Newest asks Read for the newest snapshot.
const Newest int64 = -1

// idleLakes is how many read instances stay open between calls, so that a
// notebook's next query starts at once.
const idleLakes = 4

// pool shares read-only DuckDB instances between the sessions of a process.
var pool = struct {
	sync.Mutex
	entries []*pooled // least recently used first
}{}

type pooled struct {
	key     string
	catalog os.FileInfo // which file was attached: a lake that is replaced gets a new instance
	db      *DB
	users   int
	retired bool
}

// Read opens a session that cannot write, at the given snapshot or at Newest.
func Read(ctx context.Context, path string, snapshot int64, o Options) (*Session, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, ioError("open", path, err)
	}
	info, err := os.Stat(filepath.Join(path, catalogFile))
	if err != nil {
		return nil, missing(path)
	}
	entry, err := borrow(ctx, path, snapshot, o, info)
	if err != nil {
		return nil, err
	}
	conn, err := entry.db.Connect()
	if err != nil {
		giveBack(entry)
		return nil, err
	}
	s := &Session{Conn: conn, Path: path, close: func() { conn.Close(); giveBack(entry) }}
	// One transaction for the session's life: it sees one snapshot, and DuckLake
	// reads a table's statistics once, not again for every statement.
	if err := conn.Exec(ctx, "BEGIN TRANSACTION; USE lake.main"); err != nil {
		s.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

func borrow(ctx context.Context, path string, snapshot int64, o Options, info os.FileInfo) (*pooled, error) {
	key := fmt.Sprintf("%s\x00%d\x00%s", path, snapshot, o.key())
	pool.Lock()
	defer pool.Unlock()
	for i, e := range pool.entries {
		if e.key != key {
			continue
		}
		pool.entries = append(pool.entries[:i], pool.entries[i+1:]...)
		if os.SameFile(e.catalog, info) {
			pool.entries = append(pool.entries, e)
			e.users++
			return e, nil
		}
		e.retire()
		break
	}
	db, err := openRead(ctx, path, snapshot, o)
	if err != nil {
		return nil, err
	}
	e := &pooled{key: key, catalog: info, db: db, users: 1}
	pool.entries = append(pool.entries, e)
	if len(pool.entries) > idleLakes {
		pool.entries[0].retire()
		pool.entries = pool.entries[1:]
	}
	return e, nil
}

// retire closes the instance now or when its last session ends. The pool's
// lock is held.
func (e *pooled) retire() {
	e.retired = true
	if e.users == 0 {
		e.db.Close()
	}
}

func giveBack(e *pooled) {
	pool.Lock()
	defer pool.Unlock()
	e.users--
	if e.retired && e.users == 0 {
		e.db.Close()
	}
}

// CloseIdle closes the shared instances that no session uses.
func CloseIdle() {
	closeSpare()
	pool.Lock()
	defer pool.Unlock()
	for _, e := range pool.entries {
		e.retire()
	}
	pool.entries = nil
}

func openRead(ctx context.Context, path string, snapshot int64, o Options) (*DB, error) {
	db, err := OpenDB(ctx, o, extensions...)
	if err != nil {
		return nil, err
	}
	c, err := db.Connect()
	if err == nil {
		err = attach(ctx, c, path, true, snapshot)
		c.Close()
	}
	if err != nil {
		db.Close()
		return nil, openError(path, snapshot, err)
	}
	return db, nil
}

func openError(path string, snapshot int64, err error) error {
	e := &contract.Error{Kind: contract.IO, Op: "open", Target: path, Err: err, Hint: "is this a ddcore lake, and may you read it?"}
	var cause *contract.Error
	if errors.As(err, &cause) {
		e.Err = cause.Err
		if cause.Kind == contract.Cancelled {
			e.Kind = contract.Cancelled
		}
		if strings.HasPrefix(cause.Err.Error(), "Out of Memory") {
			e.Hint = cause.Hint
		}
	}
	if snapshot >= 0 {
		e.Kind, e.Hint = contract.NotFound, fmt.Sprintf("is there a snapshot %d? `ddcore snapshots` lists them", snapshot)
	}
	return e
}
