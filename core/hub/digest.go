package hub

import (
	"crypto/sha1" //nolint:gosec // git's ids are SHA-1
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
)

const blockSize = 1 << 20

// digest takes a file's checksums while it passes by.
type digest struct {
	file   File
	sha256 hash.Hash
	blob   hash.Hash // git's id, of a file that is not in LFS
}

func newDigest(f File) *digest {
	d := &digest{f, sha256.New(), sha1.New()} //nolint:gosec // as above
	fmt.Fprintf(d.blob, "blob %d\x00", f.Size)
	return d
}

func (d *digest) Write(p []byte) (int, error) {
	if d.file.SHA256 == "" {
		d.blob.Write(p)
	}
	return d.sha256.Write(p)
}

func (d *digest) sum() string { return hex.EncodeToString(d.sha256.Sum(nil)) }

// matches tells whether what passed by is the file.
func (d *digest) matches() bool {
	if d.file.SHA256 != "" {
		return d.sum() == d.file.SHA256
	}
	return hex.EncodeToString(d.blob.Sum(nil)) == d.file.Blob
}

// sumOf reads a file on disk; sum is its SHA-256 if it is f, else "".
func (f File) sumOf(name string) (sum string, err error) {
	r, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	d := newDigest(f)
	if _, err := io.CopyBuffer(d, onlyReader{r}, make([]byte, blockSize)); err != nil || !d.matches() {
		return "", err
	}
	return d.sum(), nil
}

// onlyReader hides WriteTo, so that CopyBuffer uses its buffer.
type onlyReader struct{ io.Reader }
