package instances

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cut gives a text in pieces of random sizes, in memory that the next call
// overwrites.
type cut struct {
	text   []byte
	most   int
	random *rand.Rand
	room   []byte
}

func (c *cut) Next() ([]byte, error) {
	if len(c.text) == 0 {
		return nil, io.EOF
	}
	clear(c.room)
	n := min(1+c.random.IntN(c.most), len(c.text))
	c.room = append(c.room[:0], c.text[:n]...)
	c.text = c.text[n:]
	return c.room, nil
}

// TestLines: however a file is cut into pieces, its lines are the same.
func TestLines(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var l lines
	for _, text := range []string{"", "\n", "a", "a\n", "\n\na\n\n", "ab\ncd", strings.Repeat("abc\n\nde", 50), strings.Repeat("x", 5000) + "\ny\n"} {
		for _, most := range []int{1, 2, 3, 7, 100, 1 << 20} {
			l.reset(&cut{text: []byte(text), most: most, random: random})
			var got strings.Builder
			for {
				line, hasEnd, err := l.next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				got.Write(line)
				if hasEnd {
					got.WriteByte('\n')
				}
			}
			require.Equal(t, text, got.String())
			require.EqualValues(t, len(strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")), max(l.n, 1))
		}
	}
}

// TestLongLinesInPieces: the limit is exact wherever a line is cut.
func TestLongLinesInPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	fits, long := bytes.Repeat([]byte("f"), maxLine), bytes.Repeat([]byte("l"), maxLine+1)
	text := bytes.Join([][]byte{fits, long, []byte("x"), long}, []byte("\n"))
	for _, most := range []int{1 << 18, 1 << 22, 1 << 30} {
		var l lines
		l.reset(&cut{text: text, most: most, random: random})
		line, _, err := l.next()
		require.NoError(t, err)
		require.Len(t, line, maxLine)
		line, _, err = l.next()
		require.Equal(t, errLongLine, err)
		require.Equal(t, strings.Repeat("l", kept), string(line))
		line, _, err = l.next()
		require.NoError(t, err)
		require.Equal(t, "x", string(line))
		_, _, err = l.next()
		require.Equal(t, errLongLine, err)
		_, _, err = l.next()
		require.Equal(t, io.EOF, err)
	}
}

// tarred packs a tar archive.
func tarred(t *testing.T, write func(*tar.Writer)) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	write(w)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func zipped(t *testing.T, data []byte) *Part {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return packedPart("c4", partName, out.Bytes())
}

// contents reads all files of a part, but for every other one of which it reads
// a piece only.
func contents(p *Part) (out []string, err error) {
	err = p.eachFile(func(name string, content pieces) error {
		n := maxPart
		if len(out)%2 == 1 {
			n = 0
		}
		text, err := whole(content, n)
		if n == 0 {
			text = nil
		}
		out = append(out, name+"="+string(text))
		return err
	})
	return out, err
}

// TestTarFormats: long names, folders and headers for all files, in every format
// that tar has; files of all sizes, read or passed over.
func TestTarFormats(t *testing.T) {
	for _, format := range []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU} {
		var want []string
		part := zipped(t, tarred(t, func(w *tar.Writer) {
			if format == tar.FormatPAX {
				require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "all"}}))
			}
			require.NoError(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "step-1/", Format: format}))
			for i, size := range []int{0, 1, 511, 512, 513, 300_000, 300_001, 5} {
				name := fmt.Sprintf("step-1/%s/%d", strings.Repeat("long", 20), i)
				if format != tar.FormatUSTAR {
					name = strings.Repeat("longer/", 50) + name
				}
				require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(size), Format: format}))
				text := strings.Repeat("t", size)
				_, err := io.WriteString(w, text)
				require.NoError(t, err)
				if i%2 == 1 {
					text = ""
				}
				want = append(want, fmt.Sprintf("%d=%s", i, text))
			}
		}))
		got, err := contents(part)
		require.NoError(t, err, format)
		require.Equal(t, want, got, format)
	}
}

// TestTarDamage: archives that are whole as gzip and not as tar.
func TestTarDamage(t *testing.T) {
	whole := tarred(t, func(w *tar.Writer) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "step-1/a", Mode: 0o644, Size: 1000}))
		_, err := w.Write(make([]byte, 1000))
		require.NoError(t, err)
	})
	for _, n := range []int{1, 511, 513, 1000, 1535} {
		_, err := contents(zipped(t, whole[:n]))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, n)
	}
	whole[0] ^= 1 // its header's checksum
	_, err := contents(zipped(t, whole))
	require.ErrorIs(t, err, tar.ErrHeader)
}

// TestTarRefused: links and files with holes.
func TestTarRefused(t *testing.T) {
	_, err := contents(zipped(t, tarred(t, func(w *tar.Writer) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "b"}))
	})))
	require.ErrorContains(t, err, "is a link")
	require.True(t, isSparse(&tar.Header{PAXRecords: map[string]string{"path": "a", "GNU.sparse.major": "1"}}))
	require.False(t, isSparse(&tar.Header{PAXRecords: map[string]string{"path": "a"}}))
}
