// Package dashboard shows a lake in a web page: the server behind `ddcore
// serve`, and the site that `ddcore export-site` writes. The page asks for
// tables by their paths, data/<view>/<key>.arrow, which the server makes and a
// site has as files, so both are the same page.
package dashboard

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"ddcore/core"
	"ddcore/core/contract"
)

// Call runs a verb of the core on the lake that is shown.
type Call func(ctx context.Context, verb string, args map[string]any) (*core.Result, error)

// Options are what a server shows, and to whom.
type Options struct {
	Lake  string // its name, for people
	Call  Call
	Token string // what a browser must know; "" on loopback
	// Hosts are the names in requests that are answered; empty: any, which a
	// token must protect. Without it a page elsewhere could point its own name
	// at this machine and read the lake (DNS rebinding).
	Hosts        []string
	AllowOrigins []string // other sites whose pages may call /api
	SQL          bool     // whether users may write queries of their own
	TimeLimit    time.Duration
	Queries      int // how many run at once; the others wait
}

// Limits of what one answer holds.
const (
	maxQueryBytes = 64 << 10
	sqlRows       = 10_000
	maxBytes      = 128 << 20
)

//go:embed dist
var dist embed.FS

// assets is the built page.
func assets() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return sub
}

// Server is the web server of a lake.
type Server struct {
	Options
	handler http.Handler
	slots   chan struct{}
	assets  fs.FS

	mu    sync.Mutex
	known *index // of the snapshot that was read last
}

// New makes the server of a lake.
func New(o Options) *Server {
	s := &Server{Options: o, slots: make(chan struct{}, max(1, o.Queries)), assets: assets()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("GET /{file}", s.page)
	mux.HandleFunc("GET /data/index.json", s.index)
	mux.HandleFunc("GET /data/{path...}", s.table)
	mux.HandleFunc("POST /sql", s.sql)
	s.addOldRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fail(w, notThere(r.URL.Path)) })
	s.handler = s.guard(mux)
	return s
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Warm looks at the lake before somebody asks: in a large one that takes seconds.
func (s *Server) Warm(ctx context.Context) error {
	_, err := s.currentIndex(ctx)
	return err
}

// currentIndex looks at the lake again only where it has changed.
func (s *Server) currentIndex(ctx context.Context) (*index, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot, err := newest(ctx, s.Call)
	if err != nil || s.known != nil && s.known.Snapshot == snapshot {
		return s.known, err
	}
	i, err := makeIndex(ctx, s.Call, s.Lake)
	if err != nil {
		return nil, err
	}
	i.SQL = s.SQL
	s.known = i
	return i, nil
}

// page sends a file of the page itself.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	text, err := fs.ReadFile(s.assets, name)
	if err != nil {
		fail(w, notThere(r.URL.Path))
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(text) // whoever asked has gone
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	ctx, done, err := s.slot(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	defer done()
	index, err := s.currentIndex(ctx)
	if err != nil {
		fail(w, timedOut(ctx, r, err, s.TimeLimit))
		return
	}
	writeJSON(w, http.StatusOK, index)
}

// table sends the table of a view.
func (s *Server) table(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutSuffix(r.PathValue("path"), ".arrow")
	if !ok {
		fail(w, notThere(r.URL.Path))
		return
	}
	v, keys, err := findView(name)
	if err != nil {
		fail(w, err)
		return
	}
	q, err := v.query(keys)
	if err == nil {
		err = s.answer(w, r, q, mostRows)
	}
	if err != nil {
		fail(w, v.explain(err))
	}
}

// explain says what to ingest where a table is missing.
func (v view) explain(err error) error {
	e := *contract.AsError(err)
	if e.Kind == contract.NotFound && isMissingTable(&e) {
		e.Hint = v.ingest
	}
	return &e
}

func isMissingTable(e *contract.Error) bool {
	text := e.Error()
	return strings.Contains(text, "no such table") || strings.Contains(text, "Table with name")
}

// sql answers a query of the user's.
func (s *Server) sql(w http.ResponseWriter, r *http.Request) {
	if !s.SQL {
		fail(w, &core.Error{Kind: contract.NotFound, Op: "sql", Err: errors.New("queries are switched off here"), Hint: "start `ddcore serve` without --no-sql"})
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQueryBytes))
	if err != nil {
		fail(w, &core.Error{Kind: contract.Invalid, Op: "sql", Err: errors.New("the query cannot be read"), Hint: "send its text, at most 64 KiB"})
		return
	}
	if err := s.answer(w, r, query{"sql", map[string]any{"sql": string(text)}}, sqlRows); err != nil {
		fail(w, err)
	}
}

// answer runs a query and sends its table. The table is complete before its
// first byte leaves, so that an error is never half a table.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, q query, rows int64) error {
	ctx, done, err := s.slot(r.Context())
	if err != nil {
		return err
	}
	defer done()
	table, err := ask(ctx, s.Call, q, rows)
	if err != nil {
		return timedOut(ctx, r, err, s.TimeLimit)
	}
	w.Header().Set("Content-Type", arrowType)
	_, _ = w.Write(table) // whoever asked has gone
	return nil
}

// slot waits until a query may run; it ends when the time is over or the
// browser has gone.
func (s *Server) slot(ctx context.Context) (context.Context, func(), error) {
	limited, cancel := context.WithTimeout(ctx, s.TimeLimit)
	select {
	case s.slots <- struct{}{}:
		return limited, func() { <-s.slots; cancel() }, nil
	case <-limited.Done():
		cancel()
		return nil, nil, &core.Error{Kind: contract.Busy, Op: "wait", Err: errors.New("too many queries are running"), Hint: "try again"}
	}
}

// timedOut tells the time limit from a browser that has gone.
func timedOut(ctx context.Context, r *http.Request, err error, limit time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && r.Context().Err() == nil {
		return &core.Error{Kind: contract.Cancelled, Op: "query", Err: errors.New("it took longer than " + limit.String()), Hint: "ask for less, or raise --time-limit"}
	}
	return err
}

// statusOf are the kinds of errors in HTTP.
var statusOf = map[contract.Kind]int{
	contract.Invalid: http.StatusBadRequest, contract.NotFound: http.StatusNotFound, contract.Violation: http.StatusUnprocessableEntity,
	contract.Busy: http.StatusServiceUnavailable, contract.Cancelled: http.StatusGatewayTimeout,
}

type failure struct {
	Kind    contract.Kind `json:"kind"`
	Message string        `json:"message"`
	Target  string        `json:"target,omitempty"`
	Hint    string        `json:"hint,omitempty"`
}

// fail sends an error.
func fail(w http.ResponseWriter, err error) {
	e := contract.AsError(err)
	status, ok := statusOf[e.Kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	plain := *e
	plain.Hint = ""
	writeJSON(w, status, map[string]failure{"error": {e.Kind, plain.Error(), e.Target, e.Hint}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":{"kind":"internal","message":"the answer is no JSON"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked has gone
}
