package instances

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Kind is what an archive holds.
type Kind int

// The kinds of archives.
const (
	None          Kind = iota
	OneCheckpoint      // one checkpoint's files
	Recipe             // archives of checkpoints
)

// tries is how many members Recognise looks at before it gives up.
const tries = 64

// Recognise tells what kind of archive a file is by its first members' names.
func Recognise(file string) (Kind, error) {
	if !isPacked(file) {
		return None, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return None, err
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return None, fmt.Errorf("read as gzip: %w", err)
	}
	archive := tar.NewReader(unpacked)
	for range tries {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return None, nil
		}
		if err != nil {
			return None, fmt.Errorf("read as tar: %w", err)
		}
		switch base := path.Base(h.Name); {
		case h.Typeflag == tar.TypeReg && isPacked(base) && stepName.MatchString(trimPacked(base)):
			return Recipe, nil
		case h.Typeflag == tar.TypeReg && IsTaskFile(h.Name):
			return OneCheckpoint, nil
		}
	}
	return None, nil
}

// olmesFile are the names of the other evaluations' files, of source olmes.
var olmesFile = regexp.MustCompile(`^task-[0-9]{3,}-`)

// IsTaskFile tells whether a path is a task's file of an unpacked checkpoint:
// …/step-<n>/<task>-metrics.json or -predictions.jsonl.
func IsTaskFile(name string) bool {
	folder, base := path.Base(path.Dir(filepath.ToSlash(name))), path.Base(filepath.ToSlash(name))
	return stepName.MatchString(folder) && !olmesFile.MatchString(base) &&
		(strings.HasSuffix(base, metricsSuffix) || strings.HasSuffix(base, predictionsSuffix))
}

// Artifact is a file or a folder that holds parts.
type Artifact struct {
	Path  string   // as shown
	File  string   // an archive
	Files []string // or the files of an unpacked checkpoint
	Kind  Kind
}

// Walk shows the artifact's parts in their order, as far as want tells to look
// at the i-th. It gives the checksum of an archive's bytes. What cannot be a part
// is told to reject; an archive that is damaged gives an error after the parts
// before the damage.
func (a Artifact) Walk(ctx context.Context, want func(i int) bool, visit func(*Part) error, reject func(name, reason string) error) (sum string, err error) {
	switch {
	case a.File == "":
		if !want(0) {
			return "", nil
		}
		p, err := folderPart(a.Path, filepath.ToSlash(filepath.Dir(a.Files[0])), a.Files)
		if err != nil {
			return "", err
		}
		return p.SHA256, visit(p)
	case a.Kind == OneCheckpoint:
		if !want(0) {
			return "", nil
		}
		return a.walkCheckpoint(visit)
	default:
		return a.walkRecipe(ctx, want, visit, reject)
	}
}

func (a Artifact) walkCheckpoint(visit func(*Part) error) (string, error) {
	info, err := os.Stat(a.File)
	if err != nil {
		return "", err
	}
	if info.Size() > maxPacked {
		return "", errTooLarge
	}
	packed, err := os.ReadFile(a.File)
	if err != nil {
		return "", err
	}
	p := packedPart(a.Path, filepath.ToSlash(a.File), packed)
	return p.SHA256, visit(p)
}

var errTooLarge = fmt.Errorf("it is larger than %d MiB, no checkpoint is", maxPacked>>20)

func (a Artifact) walkRecipe(ctx context.Context, want func(i int) bool, visit func(*Part) error, reject func(name, reason string) error) (string, error) {
	f, err := os.Open(a.File)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	packed := &countingReader{from: io.TeeReader(f, sum)}
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(packed, 1<<20))
	if err != nil {
		return "", damaged(0, err)
	}
	defer unpacked.Close()
	archive := tar.NewReader(&ratioReader{from: unpacked, packed: packed})
	seen := map[string]bool{}
	for i := 0; ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", damaged(i, err)
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		reason := problem(h, seen)
		if reason == skipped {
			continue
		}
		i++
		if reason != "" || !want(i-1) { // passed over now: the same damage is behind the same part for all
			if _, err := io.Copy(io.Discard, archive); err != nil {
				return "", damaged(i-1, err)
			}
		}
		if !want(i - 1) {
			continue
		}
		if reason == "" {
			data := make([]byte, h.Size)
			if _, err := io.ReadFull(archive, data); err != nil {
				return "", damaged(i-1, err)
			}
			err = visit(packedPart(a.Path+"/"+h.Name, h.Name, data))
		} else {
			err = reject(shownName(h.Name), reason)
		}
		if err != nil {
			return "", err
		}
	}
	if _, err := io.Copy(io.Discard, unpacked); err != nil { // its checksum is at the end
		return "", damaged(len(seen), err)
	}
	if _, err := io.Copy(io.Discard, packed); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// ErrDamaged is an archive that ends too early, or whose bytes are not those
// that were packed.
var ErrDamaged = errors.New("the archive is damaged or was cut off")

func damaged(parts int, err error) error {
	return fmt.Errorf("%w behind %d parts: %v", ErrDamaged, parts, err)
}

// skipped marks members that are no parts and no problem.
const skipped = "skipped"

// problem says why a member is no part; "" for a part.
func problem(h *tar.Header, seen map[string]bool) string {
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return skipped
	case tar.TypeReg:
	default:
		return "it is a link or a device, no file"
	}
	base := path.Base(h.Name)
	switch {
	case checkName(h.Name) != nil:
		return "its path leads out of the archive"
	case !isPacked(base) || !stepName.MatchString(trimPacked(base)):
		return "it is no archive step-<n>.tar.gz"
	case h.Size > maxPacked:
		return errTooLarge.Error()
	case seen[h.Name]:
		return "its path stands twice in the archive: the first one counts"
	}
	seen[h.Name] = true
	return ""
}

// countingReader counts the bytes that were read.
type countingReader struct {
	from io.Reader
	n    int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.n += int64(n)
	return n, err
}

// An archive of archives hardly shrinks; gzip can blow one byte up to a thousand.
const (
	maxRatio  = 20
	freeBytes = 64 << 20 // small archives of padding may be as they like
)

// ratioReader stops a gzip bomb.
type ratioReader struct {
	from   io.Reader
	packed *countingReader
	n      int64
}

func (r *ratioReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	r.n += int64(n)
	if r.n > freeBytes && r.n > maxRatio*r.packed.n {
		return n, fmt.Errorf("it unpacks to more than %d times its size, as no archive of archives does", maxRatio)
	}
	return n, err
}
