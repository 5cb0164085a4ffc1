package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"ddcore/core/contract"
)

// File is one file of a data set at one commit.
type File struct {
	Repo     string `json:"repo"`
	Revision string `json:"revision"` // as asked for
	Commit   string `json:"sha"`      // what it stood for
	Path     string `json:"path"`     // in the repository
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`         // "" for a file that is not in LFS and not here yet
	Blob     string `json:"blob,omitempty"` // git's id, of a file that is not in LFS

	hasXet bool
}

func (f File) name() string { return f.Repo + "/" + f.Path }

var (
	repoName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*(/[\w.-]+)?$`)
	commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256ID = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// maxAnswer bounds a page of the API.
const maxAnswer = 64 << 20

// List gives the files of a data set at a revision: a branch, a tag or a commit.
func (c *Client) List(ctx context.Context, repo, revision string) ([]File, error) {
	if !repoName.MatchString(repo) || strings.Contains(repo, "..") {
		return nil, invalid(repo, "e.g. allenai/DataDecide-eval-results", "this is no name of a data set")
	}
	commit, err := c.commit(ctx, repo, revision)
	if err != nil {
		return nil, err
	}
	return c.tree(ctx, repo, revision, commit)
}

// commit pins a revision.
func (c *Client) commit(ctx context.Context, repo, revision string) (string, error) {
	if commitID.MatchString(revision) {
		return revision, nil
	}
	var answer struct {
		SHA string `json:"sha"`
	}
	address := c.endpoint.JoinPath("api/datasets", repo, "revision").String() + "/" + url.PathEscape(revision)
	if _, err := c.ask(ctx, address, repo+" at "+revision, &answer); err != nil {
		return "", err
	}
	if !commitID.MatchString(answer.SHA) {
		return "", ioError(repo, fmt.Errorf("the hub names no commit for %s", revision), "is HF_ENDPOINT a hub?")
	}
	return answer.SHA, nil
}

// entry is one line of the hub's tree.
type entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	Xet  string `json:"xetHash"`
	LFS  *struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// tree lists the files of a commit, page by page.
func (c *Client) tree(ctx context.Context, repo, revision, commit string) ([]File, error) {
	var files []File
	next := c.endpoint.JoinPath("api/datasets", repo, "tree", commit).String() + "?recursive=true&expand=false"
	for seen := map[string]bool{}; next != ""; {
		if seen[next] {
			return nil, ioError(repo, errors.New("the hub's list of files has no end"), "is HF_ENDPOINT a hub?")
		}
		seen[next] = true
		var page []entry
		link, err := c.ask(ctx, next, repo+" at "+commit, &page)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Type != "file" {
				continue
			}
			f := File{Repo: repo, Revision: revision, Commit: commit, Path: e.Path, Size: e.Size, Blob: e.OID, hasXet: e.Xet != ""}
			if e.LFS != nil {
				f.SHA256, f.Blob, f.Size = e.LFS.OID, "", e.LFS.Size
			}
			if err := f.check(); err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		next = link
	}
	return files, nil
}

// check refuses what no honest hub lists: a path that leads out of the folder,
// or to files of our own; an id that is none.
func (f File) check() error {
	local := filepath.FromSlash(f.Path)
	ours := strings.HasPrefix(f.Path, ownFolder+"/") || strings.HasSuffix(f.Path, partSuffix)
	if !filepath.IsLocal(local) || path.Clean(f.Path) != f.Path || f.Path == "." || strings.ContainsAny(f.Path, "\\\x00") || ours {
		return ioError(f.Repo, fmt.Errorf("the hub lists a file at %q, which is no path inside a folder", f.Path), "do not trust this hub: nothing was downloaded")
	}
	if f.Size < 0 || !sha256ID.MatchString(f.SHA256) && !commitID.MatchString(f.Blob) {
		return ioError(f.name(), errors.New("the hub lists the file without size and checksum"), "is HF_ENDPOINT a hub?")
	}
	return nil
}

// ask gets one page of JSON, and gives the address of the next, if any.
func (c *Client) ask(ctx context.Context, address, target string, into any) (next string, err error) {
	patience := patience{client: c}
	for {
		next, err = c.askOnce(ctx, address, target, into)
		if err == nil {
			return next, nil
		}
		if err := patience.again(ctx, err); err != nil {
			return "", ioError(target, err, "is there a network? "+c.where())
		}
	}
}

func (c *Client) where() string { return "the hub is " + c.endpoint.Host + " (HF_ENDPOINT)" }

func (c *Client) askOnce(ctx context.Context, address, target string, into any) (next string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Stall, &transient{err: errors.New("the server does not answer")})
	defer cancel()
	r, err := c.get(ctx, address, nil)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return "", refusal(r, target)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return "", &transient{err: cause(err)}
	}
	if err := json.Unmarshal(text, into); err != nil {
		return "", ioError(target, errors.New("the answer is not what a hub says"), "is HF_ENDPOINT a hub?")
	}
	return c.nextPage(r), nil
}

var nextLink = regexp.MustCompile(`<([^>]*)>\s*;\s*rel="?next"?`)

// nextPage reads the Link header of RFC 8288. Mirrors may hand on the public hub's
// address: its path counts, below the endpoint.
func (c *Client) nextPage(r *http.Response) string {
	m := nextLink.FindStringSubmatch(strings.Join(r.Header.Values("Link"), ", "))
	if m == nil {
		return ""
	}
	next, err := r.Request.URL.Parse(m[1])
	if err != nil {
		return ""
	}
	if next.Host != c.endpoint.Host || next.Scheme != c.endpoint.Scheme {
		below := c.endpoint.JoinPath(next.EscapedPath())
		below.RawQuery = next.RawQuery
		next = below
	}
	return next.String()
}

// get sends one request. What goes wrong on the way is transient.
func (c *Client) get(ctx context.Context, address string, header map[string]string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, ioError(c.endpoint.Host, err, "")
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	r, err := c.http.Do(request)
	if err != nil {
		if stalled := context.Cause(ctx); stalled != nil {
			return nil, stalled
		}
		return nil, &transient{err: cause(err)}
	}
	return r, nil
}

// refusal turns a response that is no answer into an error.
func refusal(r *http.Response, target string) error {
	said := r.Header.Get("X-Error-Message")
	fail := func(kind contract.Kind, problem, hint string) error {
		return &contract.Error{Kind: kind, Op: "download", Target: target, Err: errors.New(problem), Hint: hint}
	}
	switch code := r.Header.Get("X-Error-Code"); {
	case isTransient(r.StatusCode):
		return busy(r)
	case code == "GatedRepo":
		return fail(contract.IO, "the data set is gated", "accept its terms on its page on the hub, then set HF_TOKEN to your token")
	case code == "RevisionNotFound":
		return fail(contract.NotFound, "the data set has no such revision", "a branch, a tag or a commit; default: main")
	case code == "EntryNotFound":
		return fail(contract.NotFound, "the data set has no such file at this revision", "leave the revision out for the newest")
	case code == "RepoNotFound", r.StatusCode == http.StatusNotFound:
		return fail(contract.NotFound, "the hub has no such data set, or does not show it to you", "check the name; for one that is private set HF_TOKEN")
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden:
		return fail(contract.IO, strings.TrimSpace("the server refuses: "+r.Status+" "+said), "is HF_TOKEN right, and may it read this data set?")
	default:
		return fail(contract.IO, strings.TrimSpace("the server answers "+r.Status+" "+said), "")
	}
}
