package lake

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"strings"
)

// engine is what a DuckDB instance for a lake is started with.
type engine struct {
	options    Options
	extensions []string
	secret     string // statement with the keys of S3, or ""
}

func (p Place) engine(o Options) (e engine, err error) {
	e = engine{options: o, extensions: p.Extensions()}
	if p.onS3() || strings.HasPrefix(p.address, s3Prefix) || p.IsShared() && p.data == "" { // only the catalog knows
		e.secret, err = s3Secret()
	}
	return e, err
}

func (e engine) start(ctx context.Context) (*DB, error) {
	db, err := OpenDB(ctx, e.options, e.extensions...)
	if err != nil || e.secret == "" {
		return db, err
	}
	if err := db.createSecret(ctx, e.secret); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// key identifies equal instances, without giving the secret away.
func (e engine) key() string {
	options, _ := json.Marshal(e.options)
	sum := sha256.Sum256([]byte(e.secret))
	return string(options) + strings.Join(e.extensions, " ") + string(sum[:])
}
