package inflate_test

import (
	"bytes"
	stdflate "compress/flate"
	stdgzip "compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"ddcore/core/inflate"
)

// all reads by Next.
func all(data []byte) ([]byte, error) {
	r := inflate.NewReader(data)
	var out []byte
	for {
		given, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if len(given) == 0 {
			return out, errors.New("an empty stretch")
		}
		out = append(out, given...)
	}
}

func standard(data []byte) ([]byte, error) {
	r, err := stdgzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// texts are contents of many kinds: random, repeating near and far, numbers.
var texts = sync.OnceValue(func() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var records bytes.Buffer
	for i := range 8000 {
		fmt.Fprintf(&records, `{"doc_id": %d, "metrics": {"acc_raw": %d, "sum_logits": %v, "logits_per_byte": %v}}`+"\n", i, i%2, -100*random.Float64(), random.NormFloat64())
	}
	out := map[string][]byte{
		"empty": nil, "a byte": {7}, "noise": noise, "records": records.Bytes(), "little noise": noise[:1000],
		"zeros":       make([]byte, 1<<20),
		"far":         bytes.Repeat(noise[:32<<10], 20), // distance 32,768
		"too far":     bytes.Repeat(noise[:32<<10+1], 10),
		"end of room": append(append([]byte{}, noise[:256<<10-100]...), make([]byte, 1000)...),
	}
	for period := 2; period < 70; period += 1 + period/10 {
		out[fmt.Sprintf("period %d", period)] = bytes.Repeat(noise[:period], 3000)
	}
	var skewed []byte // bytes of which some are so rare that their codes are long
	for i := range 1 << 18 {
		if random.Uint32()>>(i%24) == 0 {
			skewed = append(skewed, byte(random.Uint32()))
		} else {
			skewed = append(skewed, byte(random.ExpFloat64()*3))
		}
	}
	out["skewed"] = skewed
	return out
})

// pack writes contents by both writers at all their levels.
func pack(t *testing.T, text []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	add := func(name string, open func(io.Writer) (io.WriteCloser, error)) {
		var packed bytes.Buffer
		w, err := open(&packed)
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		out[name] = packed.Bytes()
	}
	for level := stdflate.HuffmanOnly; level <= stdflate.BestCompression; level++ {
		add(fmt.Sprint("standard ", level), func(w io.Writer) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, level) })
		add(fmt.Sprint("klauspost ", level), func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, level) })
	}
	return out
}

// TestEqual: the contents are those that were packed, however they are read.
func TestEqual(t *testing.T) {
	for name, text := range texts() {
		for writer, packed := range pack(t, text) {
			got, err := all(packed)
			require.NoError(t, err, "%s, %s", name, writer)
			require.True(t, bytes.Equal(text, got), "%s, %s", name, writer)
		}
	}
}

// TestReader: Read follows the rules of io.Reader.
func TestReader(t *testing.T) {
	short := texts()["records"][:1<<14]
	require.NoError(t, iotest.TestReader(inflate.NewReader(wrap(deflate(t, short), short)), short))
	text := texts()["records"]
	got, err := io.ReadAll(inflate.NewReader(wrap(deflate(t, text), text)))
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, got))
}

func deflate(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := stdflate.NewWriter(&out, 9)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// wrap puts deflate data of a text into a gzip member.
func wrap(data, text []byte) []byte {
	out := append([]byte{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255}, data...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(text))
	return binary.LittleEndian.AppendUint32(out, uint32(len(text)))
}

// TestMembers: several members, all kinds of headers, and what stands behind.
func TestMembers(t *testing.T) {
	var packed bytes.Buffer
	var want []byte
	for i, text := range [][]byte{[]byte("one"), nil, bytes.Repeat([]byte("two"), 1<<18), texts()["records"]} {
		w := stdgzip.NewWriter(&packed)
		w.Name, w.Comment, w.Extra = "name"[:i], "a comment"[:2*i], bytes.Repeat([]byte{0}, i*100)
		_, err := w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		want = append(want, text...)
	}
	got, err := all(packed.Bytes())
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
	for _, behind := range []string{"\x00", "garbage", "\x1f\x8b", "\x1f\x8b\x08\x00garbage garbage"} {
		got, err = all(append(bytes.Clone(packed.Bytes()), behind...))
		require.Error(t, err)
		require.True(t, bytes.Equal(want, got[:len(want)]), "%q", behind)
	}
	// A match must not reach back into the member before.
	text := bytes.Repeat([]byte("x"), 10)
	second := deflateWithDictionary(t, text)
	_, err = all(append(wrap(deflate(t, text), text), wrap(second, text)...))
	require.ErrorIs(t, err, inflate.ErrCorrupt)
}

func deflateWithDictionary(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := stdflate.NewWriterDict(&out, 9, text)
	require.NoError(t, err)
	_, err = w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestHeaderSum: a header's own checksum is looked at.
func TestHeaderSum(t *testing.T) {
	text := []byte("text")
	head := []byte{0x1F, 0x8B, 8, 2, 0, 0, 0, 0, 0, 255}
	head = binary.LittleEndian.AppendUint16(head, uint16(crc32.ChecksumIEEE(head)))
	packed := append(head, wrap(deflate(t, text), text)[10:]...)
	got, err := all(packed)
	require.NoError(t, err)
	require.Equal(t, text, got)
	packed[10] ^= 1
	_, err = all(packed)
	require.ErrorIs(t, err, inflate.ErrChecksum)
	packed[3] = 0x20
	_, err = all(packed)
	require.ErrorIs(t, err, inflate.ErrHeader)
}

// small is packed data of each kind of block, short enough to try all damage.
func small(t *testing.T) [][]byte {
	t.Helper()
	text := slices.Concat(texts()["records"][:600], texts()["skewed"][:300])
	out := [][]byte{wrap([]byte{3, 0}, nil)}
	for _, level := range []int{stdflate.HuffmanOnly, 0, 1, 9} {
		for _, text := range [][]byte{text, []byte("abcabcabcabcabc"), bytes.Repeat([]byte{'a'}, 300)} {
			var packed bytes.Buffer
			w, err := stdgzip.NewWriterLevel(&packed, level)
			require.NoError(t, err)
			_, err = w.Write(text)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			out = append(out, packed.Bytes())
		}
	}
	return out
}

// TestTruncated: whatever is cut off is missed, and what comes before is right.
func TestTruncated(t *testing.T) {
	for _, packed := range small(t) {
		want, err := standard(packed)
		require.NoError(t, err)
		for n := range packed {
			got, err := all(packed[:n])
			require.Equal(t, io.ErrUnexpectedEOF, err, "%d of %d", n, len(packed))
			require.True(t, bytes.HasPrefix(want, got))
		}
	}
}

// TestTurnedBits: a bit that is turned is found, or of no importance.
func TestTurnedBits(t *testing.T) {
	for _, packed := range small(t) {
		want, err := standard(packed)
		require.NoError(t, err)
		for i := range 8 * len(packed) {
			packed[i/8] ^= 1 << (i % 8)
			if got, err := all(packed); err == nil {
				require.True(t, bytes.Equal(want, got), "bit %d", i)
			} else {
				_, stdErr := standard(packed)
				require.True(t, stdErr != nil || packed[3] >= 0x20, "bit %d: %v", i, err)
			}
			packed[i/8] ^= 1 << (i % 8)
		}
	}
}

// FuzzDeflate gives any bytes to both readers: they agree on what is valid, and
// on the contents. The trailer is made to fit, so that all depends on the blocks.
func FuzzDeflate(f *testing.F) {
	f.Add([]byte{3, 0})
	f.Add([]byte{1, 0, 0, 0xFF, 0xFF})
	f.Add([]byte("garbage"))
	f.Add([]byte{0x4b, 0x04, 0x81, 0xa4, 0xe4, 0xe4, 0xd4, 0xd4, 0xb4, 0xf4, 0x8c, 0xcc, 0xac, 0xec, 0x9c, 0xdc, 0xbc, 0xfc, 0x82, 0xc2, 0xa2, 0xe2, 0x92, 0xd2, 0xb2, 0xf2, 0x02, 0})
	for _, text := range []string{"abcabcabcabc", "a", string(bytes.Repeat([]byte("0.123456789, "), 30))} {
		for _, level := range []int{0, 1, 6, 9, stdflate.HuffmanOnly} {
			var packed bytes.Buffer
			w, _ := stdflate.NewWriter(&packed, level)
			_, _ = w.Write([]byte(text))
			_ = w.Close()
			f.Add(packed.Bytes())
		}
	}
	f.Fuzz(agree)
}

// agree requires that both readers take the same data, and read the same.
func agree(t *testing.T, data []byte) {
	const bound = 4 << 20
	left := bytes.NewReader(data)
	want, stdErr := io.ReadAll(io.LimitReader(stdflate.NewReader(left), bound))
	if len(want) == bound {
		return
	}
	got, err := all(wrap(data[:len(data)-left.Len()], want))
	if stdErr != nil {
		require.Error(t, err)
		require.True(t, bytes.HasPrefix(got, want[:min(len(want), len(got))]))
		return
	}
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got))
}

// TestDamagedBlocks: blocks with some damage in them are refused, or read as
// something else, as the standard reader does it.
func TestDamagedBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"records", "skewed", "period 5"} {
		data := deflate(t, texts()[name][:6000])
		for range 3000 {
			damaged := bytes.Clone(data)
			for range 1 + random.IntN(3) {
				damaged[random.IntN(len(data))] ^= 1 << random.IntN(8)
			}
			agree(t, damaged)
		}
		for range 1000 { // the codes' lengths are at the beginning
			damaged := bytes.Clone(data)
			damaged[random.IntN(min(60, len(data)))] ^= 1 << random.IntN(8)
			agree(t, damaged)
		}
	}
}

// FuzzGzip packs any text and reads it back.
func FuzzGzip(f *testing.F) {
	f.Add([]byte("text"), 6)
	f.Add(bytes.Repeat([]byte("0123456789"), 100), 1)
	f.Fuzz(func(t *testing.T, text []byte, level int) {
		var packed bytes.Buffer
		w, err := stdgzip.NewWriterLevel(&packed, min(max(level, -2), 9))
		require.NoError(t, err)
		_, err = w.Write(text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		got, err := all(packed.Bytes())
		require.NoError(t, err)
		require.True(t, bytes.Equal(text, got))
	})
}

func BenchmarkNext(b *testing.B) {
	text := texts()["records"]
	var packed bytes.Buffer
	w := stdgzip.NewWriter(&packed)
	_, _ = w.Write(text)
	_ = w.Close()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := all(packed.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
