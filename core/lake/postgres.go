package lake

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"time"

	"ddcore/core/contract"

	"github.com/jackc/pgx/v5"
)

// catalog is a connection of our own to a shared lake's PostgreSQL database,
// beside those of DuckLake: for the writer's lock and what must be known before
// DuckDB starts.
type catalog struct {
	conn *pgx.Conn
}

// onlyLibpq are settings of a connection that libpq knows and pgx would pass on
// to the server, which refuses them.
var onlyLibpq = []string{"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode", "channel_binding", "fallback_application_name"}

// connectConfig reads a connection string together with libpq's environment and
// ~/.pgpass. The server drops the connection of a machine that died within two
// minutes.
func connectConfig(connection, application string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, placeError(postgresPrefix+"…", "words key=value as libpq knows them, or postgresql://user@host:5432/database", "the connection string, or a variable PG…, is not understood")
	}
	for _, name := range onlyLibpq {
		delete(config.RuntimeParams, name)
	}
	config.RuntimeParams["application_name"] = application
	config.RuntimeParams["tcp_keepalives_idle"] = "60"
	config.RuntimeParams["tcp_keepalives_interval"] = "10"
	config.RuntimeParams["tcp_keepalives_count"] = "6"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 30 * time.Second
	}
	return config, nil
}

// connect opens the catalog's database. The name of the application tells
// others who holds the lock.
func (p Place) connect(ctx context.Context, application string) (*catalog, error) {
	config, err := connectConfig(p.postgres, application)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, p.serverError(ctx, err)
	}
	return &catalog{conn}, nil
}

// serverError says what PostgreSQL, or the way to it, has refused.
func (p Place) serverError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return contract.AsError(ctx.Err())
	}
	return &contract.Error{
		Kind: contract.IO, Op: "open", Target: p.name, Err: errors.New(strings.Join(strings.Fields(err.Error()), " ")),
		Hint: "does the server run, and may you use it? libpq's own settings count: PGHOST, PGUSER, PGPASSWORD, ~/.pgpass, …",
	}
}

func (c *catalog) close() { _ = c.conn.Close(context.Background()) }

// find tells whether the database holds a lake, and where its files are.
func (c *catalog) find(ctx context.Context) (data string, found bool, err error) {
	if err := c.conn.QueryRow(ctx, "SELECT to_regclass('public.ducklake_metadata') IS NOT NULL").Scan(&found); err != nil || !found {
		return "", false, err
	}
	err = c.conn.QueryRow(ctx, "SELECT value FROM public.ducklake_metadata WHERE key = 'data_path' AND scope IS NULL").Scan(&data)
	return data, true, err
}

// find completes a place by its catalog; a lake that is not there is an error.
func (p Place) find(ctx context.Context) (Place, error) {
	if p.address != "" { // to be seen when it is attached
		return p, nil
	}
	if !p.IsShared() {
		if _, err := os.Stat(p.catalogPath()); err != nil {
			return p, p.missing()
		}
		return p, nil
	}
	c, err := p.connect(ctx, "ddcore")
	if err != nil {
		return p, err
	}
	defer c.close()
	data, found, err := c.find(ctx)
	if err != nil {
		return p, p.serverError(ctx, err)
	}
	if !found {
		return p, p.missing()
	}
	return p.locate(data, found)
}

// lockKey is the advisory lock of a lake's writer. PostgreSQL keeps such locks
// apart by database, and a database holds one lake.
var lockKey = func() int64 {
	h := fnv.New64a()
	h.Write([]byte("ddcore: writer of the lake in public"))
	return int64(h.Sum64())
}()

// serverLock is a session's advisory lock: the server drops it when the
// connection ends, however it ends.
type serverLock struct {
	*catalog
	place Place
}

// lockCatalog waits for the lock of a shared lake.
func lockCatalog(ctx context.Context, p Place, verb string, waiting func(holder string)) (*serverLock, error) {
	ctx, cancel, err := withLockTimeout(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	host, _ := os.Hostname() // only to tell others
	c, err := p.connect(ctx, fmt.Sprintf("process %d on %s (%s)", os.Getpid(), host, verb))
	if err != nil {
		return nil, err
	}
	holder, err := c.lock(ctx, waiting)
	if err != nil {
		c.close()
		if holder != "" && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, busy(verb, p.name, holder)
		}
		return nil, p.serverError(ctx, err)
	}
	return &serverLock{c, p}, nil
}

// lock takes the lock. holder is who had it, if one had to wait.
func (c *catalog) lock(ctx context.Context, waiting func(holder string)) (holder string, err error) {
	var got bool
	if err := c.conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockKey).Scan(&got); got || err != nil {
		return "", err
	}
	holder = nobody
	err = c.conn.QueryRow(ctx, `
		SELECT a.application_name FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::bigint << 32 | l.objid::bigint = $1
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`, lockKey).Scan(&holder)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", err
	}
	if waiting != nil {
		waiting(holder)
	}
	_, err = c.conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockKey)
	return holder, err
}

// held fails when the connection, and so the lock, is gone.
func (l *serverLock) held(ctx context.Context) error {
	if err := l.conn.Ping(ctx); err != nil {
		e := contract.AsError(l.place.serverError(ctx, err))
		if e.Kind == contract.IO {
			e.Hint = "the connection that held the writer's lock is gone; nothing was committed: try again"
		}
		return e
	}
	return nil
}

func (l *serverLock) previousDied() bool { return false } // not to be known, and others may be writing files

func (l *serverLock) release() { l.close() }

// secret keeps a text in the database that all writers share, in a schema of its
// own: readers, who are given schema public, do not see it. The first one to
// come stays.
func (c *catalog) secret(ctx context.Context, fresh string) (text string, err error) {
	const read = "SELECT key FROM ddcore.redaction_key"
	if c.conn.QueryRow(ctx, read).Scan(&text) == nil { // who did not make the table need not be allowed to
		return text, nil
	}
	_, err = c.conn.Exec(ctx, `
		CREATE SCHEMA IF NOT EXISTS ddcore;
		CREATE TABLE IF NOT EXISTS ddcore.redaction_key (one boolean PRIMARY KEY DEFAULT true CHECK (one), key text NOT NULL)`)
	if err == nil {
		_, err = c.conn.Exec(ctx, "INSERT INTO ddcore.redaction_key (key) VALUES ($1) ON CONFLICT DO NOTHING", fresh)
	}
	if err == nil {
		err = c.conn.QueryRow(ctx, read).Scan(&text)
	}
	return text, err
}
