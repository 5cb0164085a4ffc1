package hubtest

import (
	"crypto/sha1" //nolint:gosec // git's ids are SHA-1
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// stored is one file of a repository.
type stored struct {
	path, abs    string
	size         int64
	sha256, blob string
}

// isLFS tells whether the hub would keep the file in LFS: Parquet and archives.
func (f stored) isLFS() bool {
	return strings.HasSuffix(f.path, ".parquet") || strings.HasSuffix(f.path, ".gz") || strings.HasSuffix(f.path, ".bin")
}

func (f stored) etag(now Faults) string {
	id := f.blob
	if f.isLFS() {
		id = f.sha256
	}
	if now.NewETag {
		id = "new-" + id[4:]
	}
	return `"` + id + `"`
}

// entry is the file's line in the tree.
func (f stored) entry(lie int64) map[string]any {
	out := map[string]any{"type": "file", "path": f.path, "size": f.size + lie, "oid": f.blob}
	if f.isLFS() {
		out["lfs"] = map[string]any{"oid": f.sha256, "size": f.size + lie, "pointerSize": 130}
	}
	return out
}

// list gives a repository's files by path, and a commit that follows from them.
func (s *Server) list(repo string) (files []stored, commit string) {
	root := filepath.Join(s.root, repo)
	all := sha1.New() //nolint:gosec // as above
	_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f := s.stored(name, info)
		rel, err := filepath.Rel(root, name)
		f.path, f.abs = filepath.ToSlash(rel), name
		files = append(files, f)
		fmt.Fprintln(all, f.path, f.sha256)
		return err
	})
	return files, hex.EncodeToString(all.Sum(nil))
}

// stored reads a file, unless it was read before.
func (s *Server) stored(name string, info fs.FileInfo) stored {
	key := fmt.Sprint(name, info.Size(), info.ModTime().UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.known[key]
	if !ok {
		content, _ := os.ReadFile(name)
		large, small := sha256.Sum256(content), sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...)) //nolint:gosec // as above
		f = stored{size: int64(len(content)), sha256: hex.EncodeToString(large[:]), blob: hex.EncodeToString(small[:])}
		s.known[key] = f
	}
	return f
}

// send sends a file, or what was asked of it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, f stored, now Faults) {
	content, err := os.Open(f.abs)
	if err != nil {
		http.Error(w, "gone", http.StatusInternalServerError)
		return
	}
	defer content.Close()
	if now.NoRange {
		r.Header.Del("Range")
	}
	b := w.(*body)
	if r.Method == http.MethodGet && strings.Contains(f.path, now.Only) {
		b.corrupt = s.use(func(f *Faults) *int { return &f.Corrupt })
		if b.hang = s.use(func(f *Faults) *int { return &f.Hang }); b.hang || s.use(func(f *Faults) *int { return &f.Cut }) {
			b.limited, b.limit = true, now.CutAfter
		}
	}
	http.ServeContent(onlyWriter{b}, r, "", time.Time{}, content)
}

// onlyWriter hides ReadFrom, which would go around Write.
type onlyWriter struct{ http.ResponseWriter }

// body is a response that is logged, and may go wrong on its way.
type body struct {
	http.ResponseWriter
	server  *Server
	request *http.Request
	line    Request

	limited       bool // the body ends after limit bytes
	limit         int64
	hang, corrupt bool
	sent          int64
}

func (b *body) WriteHeader(status int) {
	if b.line.Status == 0 && !strings.HasPrefix(b.line.Path, "/-/") {
		b.line.Status = status
		b.server.mu.Lock()
		b.server.log = append(b.server.log, b.line)
		b.server.mu.Unlock()
	}
	b.ResponseWriter.WriteHeader(status)
}

func (b *body) Write(p []byte) (int, error) {
	if b.line.Status == 0 {
		b.WriteHeader(http.StatusOK)
	}
	if b.limited && b.sent+int64(len(p)) > b.limit {
		_, _ = b.ResponseWriter.Write(p[:b.limit-b.sent])
		b.ResponseWriter.(http.Flusher).Flush()
		if b.hang {
			<-b.request.Context().Done()
		}
		panic(http.ErrAbortHandler) // net/http then cuts the connection
	}
	if b.corrupt && len(p) > 0 {
		p = append([]byte{p[0] ^ 1}, p[1:]...)
		b.corrupt = false
	}
	b.sent += int64(len(p))
	return b.ResponseWriter.Write(p)
}
