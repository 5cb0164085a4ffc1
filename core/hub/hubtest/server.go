// Package hubtest serves a folder as the Hugging Face Hub does, for tests: the
// calls that clients make, and on demand what goes wrong on real networks.
package hubtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Faults are what the server does wrong. The counts go down to 0 with each time.
type Faults struct {
	Busy       int    `json:"busy"`        // answers with BusyStatus
	BusyStatus int    `json:"busy_status"` // default: 429
	RetryAfter string `json:"retry_after"`
	Cut        int    `json:"cut"`         // bodies that end after CutAfter bytes
	Hang       int    `json:"hang"`        // bodies that stop there until the client goes away
	CutAfter   int64  `json:"cut_after"`   // of each body
	Corrupt    int    `json:"corrupt"`     // bodies with a wrong byte
	Only       string `json:"only"`        // of files with this in their path
	Lie        int64  `json:"lie"`         // added to the sizes that the tree lists
	PageSize   int    `json:"page_size"`   // files on a page of the tree; default: 1000
	OtherLinks bool   `json:"other_links"` // pages link to the public hub, as a mirror may do
	Redirect   bool   `json:"redirect"`    // LFS files come from the other host
	NoRange    bool   `json:"no_range"`    // answers ranges with the whole file
	NewETag    bool   `json:"new_etag"`    // as if the file had changed
	XetOnly    bool   `json:"xet_only"`    // no plain HTTP for LFS files
	Gated      bool   `json:"gated"`
	Stray      string `json:"stray"` // one more path in the tree
}

// Request is one line of the server's log.
type Request struct {
	Host       string `json:"host"` // hub, or other
	Method     string `json:"method"`
	Path       string `json:"path"`
	Range      string `json:"range"`
	IfRange    string `json:"if_range"`
	Authorized bool   `json:"authorized"` // an Authorization header came
	Status     int    `json:"status"`
}

// Server is two hosts: the hub, and the one that has the bytes of LFS.
type Server struct {
	URL  string
	root string // holds <owner>/<name>/<path>
	hub  *httptest.Server
	cdn  *httptest.Server

	mu     sync.Mutex
	faults Faults
	log    []Request
	known  map[string]stored
}

// Start serves a folder on the loopback.
func Start(root string) *Server {
	s := &Server{root: root, known: map[string]stored{}}
	s.hub = httptest.NewServer(s.logged("hub", s.serveHub))
	s.cdn = httptest.NewServer(s.logged("other", s.serveBytes))
	s.URL = s.hub.URL
	return s
}

// Close ends the server, and the connections that hang.
func (s *Server) Close() {
	for _, one := range []*httptest.Server{s.hub, s.cdn} {
		one.CloseClientConnections()
		one.Close()
	}
}

// Set replaces the faults.
func (s *Server) Set(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Log gives the requests so far, and forgets them.
func (s *Server) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.log
	s.log = nil
	return out
}

func (s *Server) now() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// use counts a fault down, and tells whether it is to happen.
func (s *Server) use(count func(*Faults) *int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := count(&s.faults)
	if *n == 0 {
		return false
	}
	*n--
	return true
}

// logged logs each request when its head is answered.
func (s *Server) logged(host string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line := Request{Host: host, Method: r.Method, Path: r.URL.Path, Range: r.Header.Get("Range"), IfRange: r.Header.Get("If-Range"), Authorized: r.Header.Get("Authorization") != ""}
		next(&body{ResponseWriter: w, server: s, request: r, line: line}, r)
	})
}

func (s *Server) serveHub(w http.ResponseWriter, r *http.Request) {
	p := strings.Trim(r.URL.Path, "/")
	switch {
	case p == "-/faults":
		var f Faults
		if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Set(f)
	case p == "-/log":
		answer(w, s.Log())
	case s.use(func(f *Faults) *int { return &f.Busy }):
		s.busy(w)
	case strings.HasPrefix(p, "api/datasets/"):
		s.serveAPI(w, r, strings.Split(strings.TrimPrefix(p, "api/datasets/"), "/"))
	case strings.HasPrefix(p, "datasets/"):
		s.serveFile(w, r, strings.Split(strings.TrimPrefix(p, "datasets/"), "/"))
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) busy(w http.ResponseWriter) {
	f := s.now()
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.BusyStatus == 0 {
		f.BusyStatus = http.StatusTooManyRequests
	}
	w.WriteHeader(f.BusyStatus)
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", code)
	w.WriteHeader(status)
	answer(w, map[string]string{"error": code})
}

// find checks the repository and the revision of a request.
func (s *Server) find(w http.ResponseWriter, words []string) (files []stored, commit string, ok bool) {
	repo := path.Join(words[0], words[1])
	info, err := os.Stat(filepath.Join(s.root, repo))
	if err != nil || !info.IsDir() {
		refuse(w, http.StatusUnauthorized, "RepoNotFound")
		return nil, "", false
	}
	if s.now().Gated {
		refuse(w, http.StatusForbidden, "GatedRepo")
		return nil, "", false
	}
	files, commit = s.list(repo)
	if revision, _ := url.PathUnescape(words[3]); !slices.Contains([]string{"main", "refs/pr/1", commit}, revision) {
		refuse(w, http.StatusNotFound, "RevisionNotFound")
		return nil, "", false
	}
	return files, commit, true
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, words []string) {
	if len(words) > 4 {
		words = append(words[:3], strings.Join(words[3:], "/"))
	}
	if len(words) < 4 {
		http.NotFound(w, r)
		return
	}
	files, commit, ok := s.find(w, words)
	switch {
	case !ok:
	case words[2] == "revision":
		var siblings []map[string]string
		for _, f := range files {
			siblings = append(siblings, map[string]string{"rfilename": f.path})
		}
		answer(w, map[string]any{"id": path.Join(words[0], words[1]), "sha": commit, "siblings": siblings, "private": false, "downloads": 0, "likes": 0, "tags": []string{}})
	case words[2] == "tree":
		s.serveTree(w, r, files)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) serveTree(w http.ResponseWriter, r *http.Request, files []stored) {
	f := s.now()
	page := []map[string]any{{"type": "directory", "path": "data", "size": 0, "oid": strings.Repeat("0", 40)}}
	from, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	size := f.PageSize
	if size == 0 {
		size = 1000
	}
	for _, one := range files[from:min(from+size, len(files))] {
		page = append(page, one.entry(f.Lie))
	}
	if f.Stray != "" {
		page = append(page, stored{path: f.Stray, size: 3, blob: strings.Repeat("1", 40)}.entry(0))
	}
	if from+size < len(files) {
		q := r.URL.Query()
		q.Set("cursor", strconv.Itoa(from+size))
		host := s.URL
		if f.OtherLinks {
			host = "https://huggingface.co"
		}
		w.Header().Set("Link", "<"+host+r.URL.Path+"?"+q.Encode()+`>; rel="next"`)
	}
	answer(w, page)
}

func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, words []string) {
	if len(words) < 5 || words[2] != "resolve" {
		http.NotFound(w, r)
		return
	}
	files, commit, ok := s.find(w, words)
	if !ok {
		return
	}
	name := strings.Join(words[4:], "/")
	i := slices.IndexFunc(files, func(f stored) bool { return f.path == name })
	if i < 0 {
		refuse(w, http.StatusNotFound, "EntryNotFound")
		return
	}
	f := files[i]
	h, faults := w.Header(), s.now()
	h.Set("X-Repo-Commit", commit)
	h.Set("ETag", f.etag(faults))
	if f.isLFS() {
		h.Set("X-Linked-Etag", f.etag(faults))
		h.Set("X-Linked-Size", strconv.FormatInt(f.size, 10))
	}
	switch {
	case f.isLFS() && faults.XetOnly:
		h.Set("X-Xet-Hash", f.sha256)
		http.Error(w, "use Xet", http.StatusForbidden)
	case f.isLFS() && faults.Redirect:
		http.Redirect(w, r, s.cdn.URL+(&url.URL{Path: "/" + path.Join(words[0], words[1], name), RawQuery: "Signature=canary-signature"}).String(), http.StatusFound)
	default:
		s.send(w, r, f, faults)
	}
}

// serveBytes is the other host.
func (s *Server) serveBytes(w http.ResponseWriter, r *http.Request) {
	words := strings.SplitN(strings.Trim(r.URL.Path, "/"), "/", 3)
	files, _ := s.list(path.Join(words[0], words[1]))
	for _, f := range files {
		if f.path == words[2] {
			faults := s.now()
			w.Header().Set("ETag", f.etag(faults))
			s.send(w, r, f, faults)
			return
		}
	}
	http.NotFound(w, r)
}
