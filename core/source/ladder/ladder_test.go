package ladder_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/source/ladder"

	"github.com/stretchr/testify/require"
)

const header = "_step,eval/a,eval/b,eval/c,throughput/total_tokens,batch_size_in_tokens\n"

func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	return path
}

func TestRecognise(t *testing.T) {
	for text, want := range map[string]int{
		header:                     6,
		"\xef\xbb\xbf" + header:    6, // a byte order mark
		"":                         0,
		"a,b\n":                    0,
		"_step,eval/a,eval/b\n":    0,
		"\"a\nb":                   0, // no CSV at all
		strings.ToUpper("a,b,c\n"): 0,
	} {
		columns, err := ladder.Recognise(file(t, "run.csv", text))
		require.NoError(t, err, text)
		require.Len(t, columns, want, text)
	}
	columns, err := ladder.Recognise(file(t, "run.txt", header))
	require.NoError(t, err)
	require.Nil(t, columns)
	for text, problem := range map[string]string{
		"_step,eval/a,eval/b,eval/c\n":                                 "there is no throughput/total_tokens, nor both _step and batch_size_in_tokens",
		",eval/a,eval/b,eval/c,throughput/total_tokens\n":              "column 1 has no name",
		"eval/a,eval/b,eval/c,Eval/A,throughput/total_tokens\n":        "Eval/A stands there twice",
		"eval/a,eval/b,eval/c,_step,_step,throughput/total_tokens\n":   "_step stands there twice",
		"batch_size_in_tokens,eval/a,eval/b,eval/c,learning_rate\n1\n": "there is no throughput/total_tokens",
	} {
		_, err := ladder.Recognise(file(t, "run.csv", text))
		require.ErrorIs(t, err, ladder.ErrColumns)
		require.ErrorContains(t, err, problem)
	}
}

func TestRejects(t *testing.T) {
	text := header +
		"1,0.5,nan,-inf,10,2\n" +
		"2,0.5,0.5\n" + // too short
		"3,0.5,half,0.5,10,2\n" +
		"4,0.5,0x1p-2,0.5,10,2\n" +
		"5.5,0.5,0.5,0.5,10,2\n" +
		"6,,,,,2\n" + // tokens follow from the step
		",1,1,1,,2\n" +
		"8,1,1,1,9007199254740993,2\n" +
		"9,1,1,1e999,10,2\n" +
		"10,\"a\"b,1,1,10,2\n" +
		"11,1,1,1,10,2\n"
	path := file(t, "run.csv", text)
	out, err := ladder.Convert(context.Background(), path, filepath.Join(t.TempDir(), "out.parquet"))
	require.NoError(t, err)
	sum := sha256.Sum256([]byte(text))
	require.Equal(t, hex.EncodeToString(sum[:]), out.SHA256)
	var rows []int64
	var reasons strings.Builder
	for _, r := range out.Rejects {
		rows = append(rows, r.Row)
		reasons.WriteString(r.Reason + "\n")
	}
	require.Equal(t, []int64{1, 2, 3, 4, 6, 7, 8, 9}, rows)
	require.Equal(t, `line 3: it has 3 cells, the header 6
line 4: eval/b: "half" is no number
line 5: eval/b: "0x1p-2" is no number
line 6: _step is 5.5, not a whole number from 0 on
line 8: throughput/total_tokens is empty, and so is _step or batch_size_in_tokens
line 9: throughput/total_tokens: 9007199254740993 is beyond the whole numbers that a DOUBLE holds exactly
line 10: eval/c: "1e999" is too large
line 11: extraneous or missing " in quoted-field
`, reasons.String())
}

// FuzzConvert: whatever a file holds, it is read to its end or refused.
func FuzzConvert(f *testing.F) {
	f.Add(header + "1,2,3,4,5,6\n")
	f.Add(header + "\"1\",2,\"3\n4\",5,6\n")
	f.Add("\xef\xbb\xbf" + header + "1,,,,5,\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := file(t, "run.csv", text)
		columns, err := ladder.Recognise(path)
		if err != nil || columns == nil {
			return
		}
		out, err := ladder.Convert(context.Background(), path, filepath.Join(t.TempDir(), "out.parquet"))
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(text))
		require.Equal(t, hex.EncodeToString(sum[:]), out.SHA256)
	})
}
