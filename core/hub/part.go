package hub

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// A file that is being downloaded lies beside its place, under a name that the
// next process finds again, with a sidecar that says of which file it is.
const (
	partSuffix = ".ddcore-part"
	sideSuffix = ".json"
	linkSuffix = ".link"
)

type part struct {
	file   File
	path   string
	to     *os.File
	side   sidecar
	done   int64
	digest *digest
}

// sidecar is what a later process must know of a part.
type sidecar struct {
	SHA256 string `json:"sha256"`
	Blob   string `json:"blob"`
	Size   int64  `json:"size"`
	ETag   string `json:"etag"`
}

func (s sidecar) save(name string) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return replace(name, text)
}

// replace writes a file whole or not at all.
func replace(name string, text []byte) error {
	if err := os.WriteFile(name+"~", text, 0o666); err != nil {
		return err
	}
	return os.Rename(name+"~", name)
}

// partPath is where a file's part lies; ingest passes hidden files over.
func partPath(place string) string {
	return filepath.Join(filepath.Dir(place), "."+filepath.Base(place)+partSuffix)
}

func (p *part) sidePath() string { return p.path + sideSuffix }

// openPart opens the part of a file, or makes an empty one.
func openPart(f File, place string) (*part, error) {
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		return nil, err
	}
	p := &part{file: f, path: partPath(place), side: sidecar{f.SHA256, f.Blob, f.Size, ""}, digest: newDigest(f)}
	to, err := os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	p.to = to
	if err := p.resume(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// resume hashes what is here, if it is of this very file, else throws it away.
func (p *part) resume() error {
	var found sidecar
	text, err := os.ReadFile(p.sidePath())
	if err == nil && json.Unmarshal(text, &found) == nil {
		etag := found.ETag
		if found.ETag = ""; found == p.side {
			p.side.ETag = etag
			if p.done, err = io.CopyBuffer(p.digest, onlyReader{p.to}, make([]byte, blockSize)); err != nil {
				return err
			}
			if p.done <= p.file.Size {
				return nil
			}
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return p.restart("")
}

func (p *part) close() { p.to.Close() }

// finish puts the whole file into its place.
func (p *part) finish(place string) error {
	// Without Sync a power cut could leave the name without the bytes.
	if err := errors.Join(p.to.Sync(), p.to.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.path, place); err != nil {
		return err
	}
	return os.Remove(p.sidePath())
}

func (p *part) remove() error { return removeAll(p.path, p.sidePath()) }

func removeAll(names ...string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(name); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// partSize gives how much of a file an earlier process has left.
func partSize(place string) int64 {
	info, err := os.Stat(partPath(place))
	if err != nil {
		return 0
	}
	return info.Size()
}
