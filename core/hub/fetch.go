package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ddcore/core/contract"
)

// rounds is how often a file that turns out wrong is fetched from its start.
const rounds = 3

// errWrong says that what came is not the file, whatever more may come.
var errWrong = errors.New("the server sends another file than it lists")

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errWrong}, args...)...)
}

// fetch downloads a file to its place, and gives its SHA-256. What an earlier
// process has left of it is used. tell is told how many bytes are here.
func (c *Client) fetch(ctx context.Context, f File, place string, tell func(int64)) (sum string, err error) {
	for range rounds {
		var p *part
		if p, err = openPart(f, place); err != nil {
			return "", ioError(f.name(), err, "may you write to the folder?")
		}
		if err = c.fill(ctx, p, tell); err == nil {
			return p.digest.sum(), ioError(f.name(), p.finish(place), "may you write to the folder?")
		}
		p.close()
		if !errors.Is(err, errWrong) {
			break
		}
		if err := p.remove(); err != nil {
			return "", ioError(f.name(), err, "may you write to the folder?")
		}
		tell(0)
	}
	if err == nil || ctx.Err() != nil {
		return "", ctx.Err()
	}
	if errors.Is(err, errWrong) {
		return "", ioError(f.name(), fmt.Errorf("%w; it was thrown away %d times", err, rounds), "try again later, or another mirror; "+c.where())
	}
	return "", ioError(f.name(), err, "run it again: it goes on where it stopped")
}

// fill receives what the part lacks, over as many connections as that takes.
func (c *Client) fill(ctx context.Context, p *part, tell func(int64)) error {
	patience := patience{client: c}
	for {
		tell(p.done)
		before := p.done
		err := c.receive(ctx, p, tell)
		if err == nil && !p.digest.matches() {
			return wrong("its checksum is %s", p.digest.sum())
		}
		if err == nil {
			return nil
		}
		if p.done > before {
			patience.progress()
		}
		if err := patience.again(ctx, err); err != nil {
			return err
		}
	}
}

// receive reads one response into the part.
func (c *Client) receive(parent context.Context, p *part, tell func(int64)) error {
	if p.done == p.file.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	silence := time.AfterFunc(c.Stall, func() {
		cancel(&transient{err: fmt.Errorf("the server is silent for %s", c.Stall)})
	})
	defer silence.Stop()
	r, err := c.get(ctx, c.address(p.file), p.wanted())
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := c.begin(r, p); err != nil {
		return err
	}
	buffer := make([]byte, blockSize)
	for {
		n, err := r.Body.Read(buffer)
		silence.Reset(c.Stall)
		if failed := p.write(buffer[:n]); failed != nil {
			return failed
		}
		tell(p.done)
		switch {
		case errors.Is(err, io.EOF) && p.done == p.file.Size:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return &transient{err: fmt.Errorf("the connection ended after %d of %d bytes", p.done, p.file.Size)}
		}
	}
}

func (c *Client) address(f File) string {
	return c.endpoint.JoinPath("datasets", f.Repo, "resolve", f.Commit, escape(f.Path)).String()
}

// escape keeps the ?, # and % of a name from being read as an address's.
func escape(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(path)
}

// begin looks at the response's head and sets the part to where its body starts.
func (c *Client) begin(r *http.Response, p *part) error {
	switch r.StatusCode {
	case http.StatusOK:
		if err := p.restart(r.Header.Get("ETag")); err != nil {
			return ioError(p.file.name(), err, "may you write to the folder?")
		}
	case http.StatusPartialContent:
		if err := p.continues(r.Header.Get("Content-Range")); err != nil {
			return err
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return wrong("it is shorter than %d bytes", p.file.Size)
	default:
		return c.noBytes(r, p.file)
	}
	if rest := p.file.Size - p.done; r.ContentLength >= 0 && r.ContentLength != rest {
		return wrong("it has %d bytes, not %d", p.done+r.ContentLength, p.file.Size)
	}
	return nil
}

// noBytes says why a response holds no bytes of the file.
func (c *Client) noBytes(r *http.Response, f File) error {
	ofHub := r.Request.URL.Host == c.endpoint.Host
	hasXet := f.hasXet || r.Header.Get("X-Xet-Hash") != ""
	switch {
	case r.StatusCode == http.StatusForbidden && !ofHub: // the redirect's signature has run out: the next has a new one
		return busy(r)
	case ofHub && hasXet && !isTransient(r.StatusCode) && r.StatusCode != http.StatusUnauthorized && r.Header.Get("X-Error-Code") == "":
		return xetOnly(f)
	default:
		return refusal(r, f.name())
	}
}

// xetOnly is the error for a file that plain HTTP does not give: one of more
// than 50 GB.
func xetOnly(f File) error {
	return &contract.Error{
		Kind: contract.IO, Op: "download", Target: f.name(), Err: errors.New("the hub gives the file by its Xet protocol only"),
		Hint: `pip install 'ddcore[hf]', then in Python: ddcore.download_hf(..., backend="huggingface_hub")`,
	}
}

// wanted are the headers that ask for what the part lacks, if the file is the
// one that the part is of.
func (p *part) wanted() map[string]string {
	h := map[string]string{"Accept-Encoding": "identity"} // a range is of the bytes as they are
	if p.done > 0 {
		h["Range"] = fmt.Sprintf("bytes=%d-", p.done)
		if p.side.ETag != "" && !strings.HasPrefix(p.side.ETag, "W/") { // If-Range takes strong ones only
			h["If-Range"] = p.side.ETag
		}
	}
	return h
}

var contentRange = regexp.MustCompile(`^bytes (\d+)-\d+/(\d+|\*)$`)

// continues checks that a range is the one that the part lacks.
func (p *part) continues(header string) error {
	m := contentRange.FindStringSubmatch(header)
	if m == nil || m[1] != strconv.FormatInt(p.done, 10) {
		return wrong("asked for the bytes from %d on, it sends %q", p.done, header)
	}
	if m[2] != "*" && m[2] != strconv.FormatInt(p.file.Size, 10) {
		return wrong("it has %s bytes, not %d", m[2], p.file.Size)
	}
	return nil
}

// write adds to the part.
func (p *part) write(b []byte) error {
	if p.done+int64(len(b)) > p.file.Size {
		return wrong("it has more than %d bytes", p.file.Size)
	}
	if _, err := p.to.Write(b); err != nil {
		return ioError(p.file.name(), err, "free some space, then run it again: it goes on where it stopped")
	}
	p.digest.Write(b)
	p.done += int64(len(b))
	return nil
}

// restart empties the part for a whole file.
func (p *part) restart(etag string) error {
	if err := errors.Join(p.to.Truncate(0), seekStart(p.to)); err != nil {
		return err
	}
	p.digest, p.done = newDigest(p.file), 0
	p.side.ETag = etag
	return p.side.save(p.sidePath())
}

func seekStart(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}
