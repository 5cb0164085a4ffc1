package instances

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ddcore/core/inflate"
)

// Part is a checkpoint's instances as they lie in an archive or a folder.
type Part struct {
	Path   string // as shown: of the archive, and in it
	SHA256 string
	Bytes  int64

	id     int64
	at     spelling
	isAt   bool
	packed []byte   // an archive
	files  []string // or files of a folder
}

// ID numbers the part by its content and the checkpoint that it is said to be
// of: whoever reads it gives the same number.
func (p *Part) ID() int64 {
	if p.id == 0 {
		of := strings.ToLower(p.at.recipe + "/" + p.at.params + "/" + p.at.seed + "/" + p.at.step)
		sum := sha256.Sum256([]byte(p.SHA256 + " " + of))
		p.id = Number(hex.EncodeToString(sum[:]))
	}
	return p.id
}

// Number makes a number of 60 bits, which fit a BIGINT, of a checksum: of 14,000
// two are equal once in 10^10 lakes.
func Number(sum string) int64 {
	id, err := strconv.ParseInt(sum[:15], 16, 64)
	if err != nil {
		panic(fmt.Sprintf("checksum %q", sum)) // hex.EncodeToString wrote it
	}
	return id
}

// Name is what the part's files are called: the number, and why it is that.
func (p *Part) Name() string { return fmt.Sprintf("%d-%s", p.ID(), p.SHA256[:12]) }

// packedPart makes the part of an inner archive.
func packedPart(shown, name string, packed []byte) *Part {
	sum := sha256.Sum256(packed)
	p := &Part{Path: shown, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(packed)), packed: packed}
	p.at, p.isAt = spelled(name)
	return p
}

// folderPart makes the part of an unpacked checkpoint. Its checksum is that of
// its files' names and checksums.
func folderPart(shown, name string, files []string) (*Part, error) {
	p := &Part{Path: shown, files: files}
	p.at, p.isAt = spelled(name)
	all := sha256.New()
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		n, err := io.Copy(h, f)
		f.Close()
		if err != nil {
			return nil, err
		}
		p.Bytes += n
		fmt.Fprintf(all, "%s %x\n", filepath.Base(file), h.Sum(nil))
	}
	p.SHA256 = hex.EncodeToString(all.Sum(nil))
	return p, nil
}

// eachFile opens the part's files one after the other; name is without folders.
func (p *Part) eachFile(visit func(name string, content pieces) error) error {
	if p.packed == nil {
		return p.eachOnDisk(visit)
	}
	unpacked := &stream{from: inflate.NewReader(p.packed)}
	for {
		h, err := nextHeader(unpacked)
		if errors.Is(err, io.EOF) {
			// The checksum is behind the last file.
			err = skip(unpacked)
		}
		switch {
		case err != nil:
			return fmt.Errorf("the archive is damaged: %w", err)
		case h == nil:
			return nil
		case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case h.Typeflag != tar.TypeReg:
			return fmt.Errorf("%s is a link or a device, no file", shownName(h.Name))
		case isSparse(h):
			return fmt.Errorf("%s is stored without its zeros, as text has none", shownName(h.Name))
		}
		if err := checkName(h.Name); err != nil {
			return err
		}
		content := &file{unpacked, h.Size}
		if err := visit(path.Base(h.Name), content); err != nil {
			return err
		}
		if err := skip(content); err != nil {
			return fmt.Errorf("the archive is damaged: %w", err)
		}
	}
}

// nextHeader reads the next member's header; the stream then stands before its
// content, which tar.Reader would copy. Headers start at whole blocks.
func nextHeader(s *stream) (*tar.Header, error) {
	const blockSize = 512
	padding := &file{s, -s.at & (blockSize - 1)}
	if err := skip(padding); err != nil {
		return nil, err
	}
	return tar.NewReader(s).Next()
}

func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (p *Part) eachOnDisk(visit func(name string, content pieces) error) error {
	all := &stream{}
	room := make([]byte, 1<<18)
	for _, file := range p.files {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		all.from, all.ahead = &readPieces{f, room}, nil
		err = visit(filepath.Base(file), all)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// checkName refuses names that lead out of the archive. Nothing is ever
// unpacked, but a path that tries is no checkpoint's.
func checkName(name string) error {
	if strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		return fmt.Errorf("%s leads out of the archive", shownName(name))
	}
	return nil
}

// shownName makes any member's name fit for a message.
func shownName(name string) string {
	return strings.ToValidUTF8(fmt.Sprintf("%.200q", name), "\uFFFD")
}
