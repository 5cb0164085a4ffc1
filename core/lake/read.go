package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
	place   Place
	catalog os.FileInfo // which file was attached: a local lake that is replaced gets a new instance
	version string      // the same of a published lake at an address
	db      *DB
	locked  bool
	users   int
	retired bool
}

// Read opens a session that cannot write, at the given snapshot or at Newest.
func Read(ctx context.Context, p Place, snapshot int64, o Options) (*Session, error) {
	var info os.FileInfo
	if p.folder != "" {
		var err error
		if info, err = os.Stat(p.catalogPath()); err != nil {
			return nil, p.missing()
		}
	}
	entry, isNew, err := borrow(ctx, p, snapshot, o, info)
	if err != nil {
		return nil, err
	}
	s, err := entry.session(ctx, p)
	if err != nil && !isNew && p.folder == "" && ctx.Err() == nil { // the server's connections may have ended meanwhile, or a new version was published
		entry.drop()
		if entry, _, err = borrow(ctx, p, snapshot, o, info); err != nil {
			return nil, err
		}
		s, err = entry.session(ctx, p)
	}
	if err != nil {
		return nil, openError(p, snapshot, err)
	}
	return s, nil
}

// session connects to a borrowed instance, and gives it back on an error.
//
// It runs in one transaction: it sees one snapshot, and DuckLake reads a table's
// statistics once, not again for every statement.
func (e *pooled) session(ctx context.Context, p Place) (*Session, error) {
	conn, err := e.db.Connect()
	if err != nil {
		giveBack(e)
		return nil, err
	}
	end := reads(p.folder)
	s := &Session{Conn: conn, Path: p.folder, place: e.place, close: func() { conn.Close(); end(); giveBack(e) }}
	if p.address != "" {
		err = e.unchanged(ctx, conn)
	}
	if err == nil {
		err = conn.Exec(ctx, "BEGIN TRANSACTION; USE lake.main")
	}
	if err == nil && p.IsShared() {
		_, err = s.Snapshot(ctx) // asks the server
	}
	conn.onlySelect = e.locked
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// drop takes an instance out of the pool.
func (e *pooled) drop() {
	pool.Lock()
	defer pool.Unlock()
	if i := slices.Index(pool.entries, e); i >= 0 {
		pool.entries = slices.Delete(pool.entries, i, i+1)
		e.retire()
	}
}

// borrow gives an instance that has p attached, from the pool or a new one.
func borrow(ctx context.Context, p Place, snapshot int64, o Options, info os.FileInfo) (e *pooled, isNew bool, err error) {
	wanted, err := p.engine(o)
	if err != nil {
		return nil, false, err
	}
	key := fmt.Sprintf("%s\x00%d\x00%s", p.name, snapshot, wanted.key())
	pool.Lock()
	defer pool.Unlock()
	for i, e := range pool.entries {
		if e.key != key {
			continue
		}
		pool.entries = append(pool.entries[:i], pool.entries[i+1:]...)
		if info == nil || os.SameFile(e.catalog, info) {
			pool.entries = append(pool.entries, e)
			if _, err := p.locate(e.place.data, true); err != nil {
				return nil, false, err
			}
			e.users++
			return e, false, nil
		}
		e.retire()
		break
	}
	p, err = p.find(ctx)
	if err != nil {
		return nil, false, err
	}
	db, version, err := openRead(ctx, p, snapshot, o)
	if err != nil {
		return nil, false, err
	}
	e = &pooled{key: key, place: p, catalog: info, version: version, db: db, locked: o.Locked, users: 1}
	pool.entries = append(pool.entries, e)
	if len(pool.entries) > idleLakes {
		pool.entries[0].retire()
		pool.entries = pool.entries[1:]
	}
	return e, true, nil
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

func openRead(ctx context.Context, p Place, snapshot int64, o Options) (db *DB, version string, err error) {
	engine, err := p.engine(o)
	if err != nil {
		return nil, "", err
	}
	if db, err = engine.start(ctx); err != nil {
		return nil, "", err
	}
	c, err := db.Connect()
	if err == nil {
		if version, err = p.version(ctx, c); err == nil { // before it is read: an older one is looked at again
			err = c.onOneThread(ctx, o, func() error { return attach(ctx, c, p, true, snapshot) })
		}
		if err == nil && o.Locked {
			err = lockDown(ctx, c, p)
		}
		c.Close()
	}
	if err != nil {
		db.Close()
		return nil, "", openError(p, snapshot, err)
	}
	return db, version, nil
}

func openError(p Place, snapshot int64, err error) error {
	e := &contract.Error{Kind: contract.IO, Op: "open", Target: p.name, Err: err, Hint: "is this a ddcore lake, and may you read it?"}
	if p.address != "" {
		e.Hint = "is there a lake that `ddcore publish` made, and may you read it? keys of S3 come from the environment: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …"
	}
	var cause *contract.Error
	if errors.As(err, &cause) && p.address != "" {
		if cause = contract.AsError(p.addressError(cause)); cause.Op == "open" && snapshot < 0 || cause.Kind == contract.NotFound {
			return cause
		}
	}
	if errors.As(err, &cause) && cause.Kind == contract.Busy {
		e.Kind, e.Err, e.Hint = cause.Kind, cause.Err, cause.Hint
		return e
	}
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
