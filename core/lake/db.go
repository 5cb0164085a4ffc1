// Package lake is the only package that talks to DuckDB. It opens a DuckLake,
// runs statements, streams results, and wraps every write in one transaction
// that leaves one snapshot.
package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"

	"ddcore/core/contract"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// DuckDBVersion is the one DuckDB version that ddcore is built for: extension
// binaries must match it exactly.
const DuckDBVersion = "v1.5.5"

// Options tune a DuckDB instance. Zero values mean defaults.
type Options struct {
	Threads       int      `json:"threads,omitempty"`        // default: SLURM_CPUS_PER_TASK, else all cores
	MemoryLimit   string   `json:"memory_limit,omitempty"`   // e.g. "4GB"; default: DuckDB's 80 % of memory
	ExtensionDirs []string `json:"extension_dirs,omitempty"` // searched first for *.duckdb_extension files

	// Locked is for SQL of strangers: sessions that read can run one SELECT at a
	// time, and reach no file but the lake's own, no network and no setting.
	Locked bool `json:"locked,omitempty"`
}

// DB is one in-memory DuckDB instance with its extensions loaded.
type DB struct {
	handle duckdb.Database
}

// OpenDB starts a DuckDB instance and loads the named extensions from disk.
func OpenDB(ctx context.Context, o Options, extensions ...string) (*DB, error) {
	paths, err := findExtensions(o, extensions)
	if err != nil {
		return nil, err
	}
	isKnown := areKnown(ctx, paths)
	config, err := newConfig(o, isKnown)
	if err != nil {
		return nil, err
	}
	defer duckdb.DestroyConfig(&config)
	db := &DB{}
	var message string
	if duckdb.OpenExt("", &db.handle, config, &message) == duckdb.StateError {
		return nil, &contract.Error{Kind: contract.Invalid, Op: "start DuckDB", Err: errors.New(message), Hint: "check threads and memory_limit"}
	}
	err = db.prepare(ctx, extensions, paths, isKnown)
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// prepare loads the extensions, and makes times the same on every machine. From
// here on nobody can load a file without a signature: DuckDB never takes that
// setting back while it runs.
func (db *DB) prepare(ctx context.Context, names, paths []string, isKnown bool) error {
	c, err := db.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.loadExtensions(ctx, names, paths); err != nil {
		return err
	}
	if isKnown {
		if err := c.Exec(ctx, "SET GLOBAL allow_unsigned_extensions = false"); err != nil {
			return err
		}
	}
	return c.Exec(ctx, "SET GLOBAL TimeZone = 'UTC'")
}

// Close ends the instance; connections must be closed before.
func (db *DB) Close() { duckdb.Close(&db.handle) }

// Workers gives the number of threads that o asks for.
func (o Options) Workers() int {
	if o.Threads > 0 {
		return o.Threads
	}
	if n, err := strconv.Atoi(os.Getenv("SLURM_CPUS_PER_TASK")); err == nil && n > 0 {
		return n
	}
	return runtime.NumCPU()
}

func newConfig(o Options, allowUnsigned bool) (duckdb.Config, error) {
	var config duckdb.Config
	if duckdb.CreateConfig(&config) == duckdb.StateError {
		return config, fmt.Errorf("create DuckDB configuration")
	}
	settings := [][2]string{
		{"threads", strconv.Itoa(o.Workers())},
		{"autoinstall_known_extensions", "false"},
		{"autoload_known_extensions", "false"},
		{"allow_unsigned_extensions", strconv.FormatBool(allowUnsigned)},
		{"preserve_insertion_order", "true"},
	}
	if o.MemoryLimit != "" {
		settings = append(settings, [2]string{"memory_limit", o.MemoryLimit})
	}
	for _, s := range settings {
		if duckdb.SetConfig(config, s[0], s[1]) == duckdb.StateError {
			duckdb.DestroyConfig(&config)
			return config, &contract.Error{
				Kind: contract.Invalid, Op: "set " + s[0], Err: fmt.Errorf("DuckDB does not accept %q", s[1]),
				Hint: `threads is a number, memory_limit a size such as "4GB"`,
			}
		}
	}
	return config, nil
}

// Connect opens a connection. It must be closed.
func (db *DB) Connect() (*Conn, error) {
	c := &Conn{}
	if duckdb.Connect(db.handle, &c.handle) == duckdb.StateError {
		return nil, &contract.Error{Kind: contract.Internal, Op: "connect to DuckDB", Err: errors.New("connection refused")}
	}
	return c, nil
}
