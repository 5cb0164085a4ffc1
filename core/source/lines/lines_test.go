package lines_test

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"ddcore/core/redact"
	"ddcore/core/source/lines"

	"github.com/stretchr/testify/require"
)

// cut gives the lines of a text by their numbers, and what is said of broken ones.
func cut(t testing.TB, from lines.Blocks) (text map[int64]string, broken []string) {
	t.Helper()
	text = map[int64]string{}
	require.NoError(t, from(context.Background(), func(b lines.Block) error {
		number := b.Line
		for line := range strings.Lines(string(b.Text)) {
			text[number] = strings.TrimSuffix(line, "\n")
			number++
		}
		if b.Broken != "" {
			broken = append(broken, b.Broken)
		}
		b.Release()
		return nil
	}))
	return text, broken
}

// TestCutKeepsAllLinesWithinTheBound: whatever the lengths of lines and the sizes
// of reads, each line within the bound comes with its number, and the others are
// named.
func TestCutKeepsAllLinesWithinTheBound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		const longest = 1 << 20
		var all []string
		for range r.IntN(6) {
			length := r.IntN(40)
			switch r.IntN(6) {
			case 0:
				length += longest - 20
			case 1:
				length += r.IntN(4 * longest)
			}
			all = append(all, strings.Repeat("x", length))
		}
		text := strings.Join(all, "\n")
		size := int64(len(text))
		if r.IntN(2) == 0 {
			size = int64(r.IntN(100)) // the file has grown meanwhile
		}
		var from io.Reader = strings.NewReader(text)
		if r.IntN(2) == 0 {
			from = iotest.HalfReader(from)
		}
		got, broken := cut(t, lines.Cut(from, size, longest))
		tooLong := 0
		for i, line := range strings.Split(text, "\n") {
			if len(line) > longest {
				tooLong++
			} else if line != "" {
				require.True(t, got[int64(i+1)] == line, "line %d", i+1)
			}
		}
		require.Len(t, broken, tooLong)
	}
}

func TestLongLinesAreSaid(t *testing.T) {
	text := "a\n" + strings.Repeat("x", 2<<20+1) + "\nb\n"
	got, broken := cut(t, lines.Cut(strings.NewReader(text), int64(len(text)), 2<<20))
	require.True(t, len(got) == 2 && got[1] == "a" && got[3] == "b")
	require.Equal(t, []string{"line 2 is longer than 2 MB"}, broken)
	got, broken = cut(t, lines.Whole(strings.NewReader(text), 1<<20))
	require.Empty(t, got)
	require.Equal(t, []string{"the record is longer than 1 MB"}, broken)
	got, _ = cut(t, lines.Whole(strings.NewReader("{\n}"), 0))
	require.Equal(t, map[int64]string{1: "{ }"}, got)
}

func TestReadErrorsAreTold(t *testing.T) {
	for _, from := range []lines.Blocks{lines.Cut(iotest.ErrReader(io.ErrClosedPipe), 9, 5), lines.Whole(iotest.ErrReader(io.ErrClosedPipe), 0)} {
		require.ErrorIs(t, from(context.Background(), func(lines.Block) error { return nil }), io.ErrClosedPipe)
	}
}

// TestPacked: texts and nulls come back, whatever was taken back before.
func TestPacked(t *testing.T) {
	var p lines.Packed
	p.Add([]byte("one"), true)
	p.Add([]byte("lost"), true)
	p.Truncate(1)
	p.Add(nil, false)
	p.Start()
	p.Bytes = append(p.Bytes, "by hand"...)
	p.End(true)
	p.Start()
	p.Bytes = append(p.Bytes, "no value"...)
	p.End(false)
	p.Add(nil, true)
	for i, want := range []any{"one", nil, "by hand", nil, ""} {
		if got, ok := p.At(i); ok {
			require.Equal(t, want, got)
		} else {
			require.Nil(t, want)
		}
	}
	require.Equal(t, "\x03\x00\x00\x00one\x07\x00\x00\x00by hand\x00\x00\x00\x00", string(p.Bytes))
	p.Reset()
	require.Empty(t, p.Bytes)
}

// TestLearnEnds: with a context that has ended, and when a reader of lines or of
// blocks fails, Learn comes to an end with that error.
func TestLearnEnds(t *testing.T) {
	text := strings.Repeat(`{"username":"ada"}`+"\n", 1000)
	none := func([]byte) []string { return nil }
	blocks := func(ctx context.Context, yield func(lines.Block) error) error {
		for range 20 {
			if err := lines.Cut(strings.NewReader(text), int64(len(text)), 0)(ctx, yield); err != nil {
				return err
			}
		}
		return nil
	}
	for _, threads := range []int{1, 3} {
		ctx, cancel := context.WithCancel(context.Background())
		_, err := lines.Learn(ctx, blocks, redact.Names{}, threads, none)
		require.NoError(t, err)
		_, err = lines.Learn(ctx, blocks, redact.Names{}, threads, func([]byte) []string { panic("a broken line") })
		require.ErrorContains(t, err, "a broken line")
		_, err = lines.Learn(ctx, lines.Cut(iotest.ErrReader(io.ErrClosedPipe), 9, 0), redact.Names{}, threads, none)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		_, err = lines.Learn(ctx, blocks, redact.Names{}, threads, func([]byte) []string {
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		_, err = lines.Learn(ctx, blocks, redact.Names{}, threads, none)
		require.ErrorIs(t, err, context.Canceled)
	}
}
