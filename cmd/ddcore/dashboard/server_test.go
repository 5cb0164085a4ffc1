package dashboard

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ddcore/core"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/stretchr/testify/require"
)

// sampleLake is a curated lake of made files, made once for all tests.
var sampleLake = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "ddcore-dashboard-")
	if err != nil {
		return "", err
	}
	lake, raw := filepath.Join(dir, "my.lake"), filepath.Join(dir, "raw")
	for _, step := range []struct {
		verb string
		args map[string]any
	}{
		{"sample", map[string]any{"dir": raw, "sizes": []string{"4M", "1B"}, "recipes": []string{"C4", "Dolma1.7", "FineWeb-Edu"}, "steps": 2, "runs": 12, "checkpoints": 2, "models": -1}},
		{"ingest", map[string]any{"paths": []string{raw}}},
		{"curate", map[string]any{}},
	} {
		result, err := callLake(lake, nil)(context.Background(), step.verb, step.args)
		if err != nil {
			return "", err
		}
		result.Close()
	}
	return lake, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	core.CloseIdle()
	if lake, err := sampleLake(); err == nil {
		os.RemoveAll(filepath.Dir(lake))
	}
	os.Exit(code)
}

func callLake(lake string, options map[string]any) Call {
	return func(ctx context.Context, verb string, args map[string]any) (*core.Result, error) {
		request, err := json.Marshal(map[string]any{"verb": verb, "lake": lake, "args": args, "options": options})
		if err != nil {
			return nil, err
		}
		return core.Call(ctx, request, nil)
	}
}

// serve starts a server as `ddcore serve` does; change may change its options.
func serve(t *testing.T, change func(*Options)) string {
	t.Helper()
	lake, err := sampleLake()
	require.NoError(t, err)
	o := Options{
		Lake: "my.lake", Call: callLake(lake, map[string]any{"locked": true, "memory_limit": "1GB", "threads": 2}),
		Hosts: []string{"localhost", "127.0.0.1"}, SQL: true, TimeLimit: time.Minute, Queries: 2,
	}
	if change != nil {
		change(&o)
	}
	server := httptest.NewServer(New(o))
	t.Cleanup(server.Close)
	return server.URL
}

type answer struct {
	status int
	header http.Header
	body   string
}

func fetch(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(text)}
}

// rowsIn counts the rows of an Arrow stream.
func rowsIn(t *testing.T, a answer) int64 {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, a.body)
	r, err := ipc.NewReader(strings.NewReader(a.body))
	require.NoError(t, err)
	defer r.Release()
	n := int64(0)
	for r.Next() {
		n += r.RecordBatch().NumRows()
	}
	require.NoError(t, r.Err())
	return n
}

// TestEveryViewHasItsTable: each path that the page asks for gives a table, and
// one that is not there an error that says what to do.
func TestEveryViewHasItsTable(t *testing.T) {
	url := serve(t, nil)
	paths := map[string]bool{}
	lake, err := sampleLake()
	require.NoError(t, err)
	var params string
	require.NoError(t, rowsOf(t.Context(), callLake(lake, nil), "SELECT params FROM instance_checkpoints LIMIT 1", func(r []any) { params = r[0].(string) }))
	for _, path := range []string{
		"curve/arc_easy/primary_metric", "curve/perplexity/pile-valppl", "curve/olmes_10_macro_avg/primary_metric", "grid", "accuracy/1B/primary_metric",
		"accuracy_curve/1B/primary_metric", "frontier/1B/primary_metric", "runs", "questions/" + params + "/arc_easy", "describe/main.evals", "preview/main.full_eval", "preview/raw.files",
	} {
		require.Positive(t, rowsIn(t, fetch(t, "GET", url+"/data/"+path+".arrow", "")), path)
		paths[strings.Split(path, "/")[0]] = true
	}
	for _, v := range views { // the others need a key of the lake's
		if !paths[v.name] {
			require.Contains(t, []string{"history", "question_curves", "predictions"}, v.name, "no test")
		}
	}
	var keys []string
	require.NoError(t, rowsOf(t.Context(), callLake(lake, nil), "SELECT project, run_id FROM run_history ORDER BY ALL LIMIT 1", func(r []any) { keys = []string{r[0].(string), r[1].(string)} }))
	require.Positive(t, rowsIn(t, fetch(t, "GET", url+"/data/history/"+slug(keys[0])+"/"+slug(keys[1])+".arrow", "")))
	require.Positive(t, rowsIn(t, fetch(t, "GET", url+"/data/question_curves/"+params+"/arc_easy/0.arrow", "")))

	for path, hint := range map[string]string{
		"predictions/none": "save-predictions", "curve/arc_easy/none": "acc_raw", "nothing/here": "open the dashboard", "question_curves/4M/arc_easy/x": "block 0",
		"accuracy/2B/primary_metric": "1B", "curve/arc~zz/primary_metric": "open the dashboard", "preview/raw.wandb_runs_personal": "without _personal",
	} {
		a := fetch(t, "GET", url+"/data/"+path+".arrow", "")
		require.Contains(t, []int{400, 404}, a.status, path)
		require.Contains(t, a.body, hint, path)
		require.Contains(t, a.body, `"kind":`)
	}
}

// TestIndexFollowsTheLake: the index tells what there is, and what is missing.
func TestIndexFollowsTheLake(t *testing.T) {
	var i index
	require.NoError(t, json.Unmarshal([]byte(fetch(t, "GET", serve(t, nil)+"/data/index.json", "").body), &i))
	require.Equal(t, []sizeInfo{{"4M", i.Sizes[0].N}, {"1B", i.Sizes[1].N}}, i.Sizes)
	require.Len(t, i.Recipes, 3)
	require.True(t, i.SQL)
	require.Equal(t, map[string]string{"predictions": needsPredictions}, i.Missing)
	require.NotEmpty(t, i.Instances)

	empty := Options{Lake: "raw.lake", TimeLimit: time.Minute}
	raw := filepath.Join(t.TempDir(), "raw.lake")
	empty.Call = callLake(raw, map[string]any{"locked": true})
	require.Equal(t, http.StatusNotFound, recorded(New(empty), "/data/index.json").Code, "no lake")
	files := t.TempDir()
	lake, _ := sampleLake()
	require.NoError(t, os.CopyFS(files, os.DirFS(filepath.Join(filepath.Dir(lake), "raw"))))
	result, err := callLake(raw, nil)(t.Context(), "ingest", map[string]any{"paths": []string{files}})
	require.NoError(t, err)
	result.Close()
	got := recorded(New(empty), "/data/index.json")
	require.NoError(t, json.Unmarshal(got.Body.Bytes(), &i))
	for _, view := range []string{"curve", "grid", "decisions", "runs", "instances"} {
		require.NotEmpty(t, i.Missing[view], view)
	}
}

func recorded(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func TestSQLReadsAndDoesNothingElse(t *testing.T) {
	url := serve(t, nil)
	require.Equal(t, int64(25), rowsIn(t, fetch(t, "POST", url+"/sql", "FROM recipes")))
	require.Equal(t, int64(sqlRows), rowsIn(t, fetch(t, "POST", url+"/sql", "FROM range(1000000)")))
	lake, _ := sampleLake()
	for _, sql := range []string{
		"COPY recipes TO '" + lake + "/data/out.parquet'", "FROM read_csv('" + lake + "/catalog.sqlite')", "ATTACH 'x.db' AS x", "INSTALL httpfs", "LOAD httpfs",
		"DROP TABLE evals", "CREATE TABLE a AS SELECT 1", "DELETE FROM evals", "SELECT 1; SELECT 2", "SET threads = 1", "SELEC 1", "", "FROM raw.wandb_runs_personal",
	} {
		a := fetch(t, "POST", url+"/sql", sql)
		require.Equal(t, http.StatusBadRequest, a.status, "%s: %s", sql, a.body)
	}
	require.NoFileExists(t, filepath.Join(lake, "data", "out.parquet"))
	require.Equal(t, http.StatusNotFound, fetch(t, "POST", url+"/sql", "FROM nothing").status)
	require.Equal(t, http.StatusBadRequest, fetch(t, "POST", url+"/sql", "SELECT '"+strings.Repeat("x", maxQueryBytes)+"'").status)
	require.Equal(t, http.StatusNotFound, fetch(t, "DELETE", url+"/sql", "").status)
	require.Equal(t, http.StatusInternalServerError, fetch(t, "POST", url+"/sql", "SELECT string_agg(repeat('x', 1000000) || i, '') FROM range(10000) AS r(i)").status, "memory")

	off := serve(t, func(o *Options) { o.SQL = false })
	a := fetch(t, "POST", off+"/sql", "SELECT 1")
	require.Equal(t, http.StatusNotFound, a.status)
	require.Contains(t, a.body, "--no-sql")
	require.Contains(t, fetch(t, "GET", off+"/data/index.json", "").body, `"sql":false`)
}

const endless = "SELECT count(*) FROM range(100000) AS a, range(100000) AS b, range(100000) AS c WHERE a.range + b.range + c.range = 7"

func TestTimeLimit(t *testing.T) {
	url := serve(t, func(o *Options) { o.TimeLimit = 200 * time.Millisecond })
	a := fetch(t, "POST", url+"/sql", endless)
	require.Equal(t, http.StatusGatewayTimeout, a.status, a.body)
	require.Contains(t, a.body, "longer than 200ms")
	require.Contains(t, a.body, "--time-limit")
}

// TestBrowserThatLeavesStopsItsQuery: the one slot is free again, though the
// query would run for ever.
func TestBrowserThatLeavesStopsItsQuery(t *testing.T) {
	started := make(chan struct{}, 1)
	url := serve(t, func(o *Options) {
		call := o.Call
		o.Queries = 1
		o.Call = func(ctx context.Context, verb string, args map[string]any) (*core.Result, error) {
			result, err := call(ctx, verb, args)
			started <- struct{}{}
			return result, err
		}
	})
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", url+"/sql", strings.NewReader(endless))
	require.NoError(t, err)
	gone := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			response.Body.Close()
		}
		gone <- err
	}()
	<-started
	leave()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.Equal(t, int64(1), rowsIn(t, fetch(t, "POST", url+"/sql", "SELECT 1")))
}

func TestHeaders(t *testing.T) {
	url := serve(t, nil)
	for _, path := range []string{"/", "/app.js", "/app.css", "/icon.svg", "/NOTICES.txt", "/nothing", "/data/index.json", "/data/grid.arrow", "/api/health"} {
		a := fetch(t, "GET", url+path, "")
		require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'", path)
		require.NotContains(t, a.header.Get("Content-Security-Policy"), "unsafe", path)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"), path)
		require.Equal(t, "same-origin", a.header.Get("Cross-Origin-Resource-Policy"), path)
		require.Empty(t, a.header.Get("Access-Control-Allow-Origin"), path)
	}
	require.Contains(t, fetch(t, "GET", url+"/", "").header.Get("Content-Type"), "text/html")
	require.Contains(t, fetch(t, "GET", url+"/app.js", "").header.Get("Content-Type"), "javascript")
	require.Equal(t, http.StatusNotFound, fetch(t, "GET", url+"/..%2fserver.go", "").status)
}

// TestOtherSitesAreRefused: neither a page elsewhere nor a name that was pointed
// at this machine reads the lake.
func TestOtherSitesAreRefused(t *testing.T) {
	url := serve(t, func(o *Options) { o.AllowOrigins = []string{"http://friend.example"} })
	for _, headers := range [][]string{
		{"Host", "evil.example"},
		{"Host", "127.0.0.1.evil.example:80"},
		{"Origin", "http://evil.example"},
		{"Origin", "null"},
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "http://friend.example"},
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
	} {
		for _, path := range []string{"/data/grid.arrow", "/data/index.json", "/"} {
			require.Equal(t, http.StatusForbidden, fetch(t, "GET", url+path, "", headers...).status, "%v %s", headers, path)
		}
		require.Equal(t, http.StatusForbidden, fetch(t, "POST", url+"/sql", "SELECT 1", headers...).status, "%v", headers)
	}
	for _, headers := range [][]string{
		{"Host", "localhost:1234"},
		{"Origin", url},
		{"Sec-Fetch-Site", "same-origin"},
		{"Sec-Fetch-Site", "none"},
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
	} {
		require.Equal(t, http.StatusOK, fetch(t, "GET", url+"/", "", headers...).status, "%v", headers)
	}
	friend := fetch(t, "GET", url+"/api/health", "", "Origin", "http://friend.example", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, http.StatusOK, friend.status)
	require.Equal(t, "http://friend.example", friend.header.Get("Access-Control-Allow-Origin"))
	require.Equal(t, http.StatusForbidden, fetch(t, "GET", url+"/api/health", "", "Origin", "http://evil.example").status)
}

func TestToken(t *testing.T) {
	url := serve(t, func(o *Options) { o.Token, o.Hosts = "open-sesame", nil })
	for _, headers := range [][]string{nil, {"Authorization", "Bearer wrong"}, {"Cookie", cookieName + "=wrong"}, {"Authorization", "open"}} {
		for _, path := range []string{"/", "/app.js", "/data/grid.arrow", "/api/health", "/?token=wrong", "/data/index.json?token=open-sesame"} {
			a := fetch(t, "GET", url+path, "", headers...)
			require.Equal(t, http.StatusUnauthorized, a.status, path)
			require.NotContains(t, a.body, "sesame")
		}
	}
	once := fetch(t, "GET", url+"/?token=open-sesame", "")
	require.Equal(t, http.StatusSeeOther, once.status)
	require.Equal(t, "/", once.header.Get("Location"))
	cookie := once.header.Get("Set-Cookie")
	require.Contains(t, cookie, "HttpOnly")
	require.Contains(t, cookie, "SameSite=Strict")
	value, _, _ := strings.Cut(cookie, ";")
	require.Equal(t, http.StatusOK, fetch(t, "GET", url+"/", "", "Cookie", value).status)
	require.Equal(t, http.StatusOK, fetch(t, "GET", url+"/api/health", "", "Authorization", "Bearer open-sesame").status)
}

// TestOldRoutes: the application that the dashboard replaces gets rows of the
// lake in its shape, or an error with its status.
func TestOldRoutes(t *testing.T) {
	url := serve(t, nil)
	for path, columns := range map[string][]string{
		"/api/visualize/data":          {"params", "data", "step", "tokens", "compute", "metric", "value"},
		"/api/visualize/data?data=C4":  {"value"},
		"/api/visualize/data/ft":       {"matched_group_id", "matched_group_name", "ckpt_data", "ckpt_params", "ckpt_steps", "lr", "seed", "ft_tok", "ft_arc_easy_primary_metric", "pt_arc_easy_primary_metric"},
		"/api/visualize/data/unmelted": {"params", "step", "data", "pile-valppl", "arc_easy_primary_metric"},
	} {
		a := fetch(t, "GET", url+path, "")
		require.Equal(t, http.StatusOK, a.status, a.body)
		var got struct{ Data []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(a.body), &got))
		require.NotEmpty(t, got.Data, path)
		for _, c := range columns {
			require.Contains(t, got.Data[0], c, path)
		}
	}
	require.JSONEq(t, `{"data": []}`, fetch(t, "GET", url+"/api/visualize/data/small", "").body, "the sample has no step 5000")
	require.JSONEq(t, `{"status": "ok", "message": "ddcore is running"}`, fetch(t, "GET", url+"/api/health", "").body)

	gone := serve(t, func(o *Options) { o.Call = callLake(filepath.Join(t.TempDir(), "none.lake"), nil) })
	for _, path := range []string{"/api/health", "/api/visualize/data", "/api/visualize/data/ft", "/api/visualize/data/small", "/api/visualize/data/unmelted"} {
		a := fetch(t, "GET", gone+path, "")
		require.Equal(t, http.StatusNotFound, a.status, path)
		require.Contains(t, a.body, "there is no lake here")
		require.NotContains(t, a.body, `"data"`)
	}
}

func TestSlugs(t *testing.T) {
	for _, key := range []string{"", "a", "C4", "DCLM-Baseline (QC 7%, FW2)", "../..", ".hidden", "a/b", "ü~", "main.evals"} {
		s := slug(key)
		require.Regexp(t, `^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*$`, s)
		back, err := unslug(s)
		require.NoError(t, err)
		require.Equal(t, key, back)
	}
}

func FuzzSlug(f *testing.F) {
	f.Add("a b")
	f.Fuzz(func(t *testing.T, key string) {
		if back, err := unslug(slug(key)); err != nil || back != key {
			t.Fatalf("%q became %q: %v", key, back, err)
		}
		_, _ = unslug(key)
	})
}
