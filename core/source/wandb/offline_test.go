package wandb_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/jsontext"
	"ddcore/core/source/wandb"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// message writes one field of a protobuf message.
func message(field protowire.Number, parts ...[]byte) []byte {
	var body []byte
	for _, p := range parts {
		body = append(body, p...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), body)
}

func text(field protowire.Number, s string) []byte { return message(field, []byte(s)) }

func varint(field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
}

// keyed is an item of a history, a config or a summary.
func keyed(field protowire.Number, value string, path ...string) []byte {
	parts := [][]byte{text(16, value)}
	for _, key := range path {
		parts = append(parts, text(2, key))
	}
	return message(field, parts...)
}

// logOf writes records as the client does, in blocks of 32 KiB.
func logOf(records ...[]byte) []byte {
	out := []byte{':', 'W', '&', 'B', 0xE1, 0xBE, 0}
	for _, record := range records {
		for isFirst := true; isFirst || len(record) > 0; isFirst = false {
			left := 32768 - len(out)%32768
			if left < 7 {
				out = append(out, make([]byte, left)...)
				left = 32768
			}
			n := min(len(record), left-7)
			kind := byte(3)
			switch {
			case isFirst && n == len(record):
				kind = 1
			case isFirst:
				kind = 2
			case n == len(record):
				kind = 4
			}
			data := append([]byte{kind}, record[:n]...)
			out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(data))
			out = binary.LittleEndian.AppendUint16(out, uint16(n))
			out = append(out, data...)
			record = record[n:]
		}
	}
	return out
}

// offlineRecords are a run of 200 entries: updates that override, a nested
// config, a record that is longer than a block.
func offlineRecords() [][]byte {
	records := [][]byte{
		message(17, text(1, "run-1"), text(2, "ml"), text(3, "ft"), message(4, keyed(1, `{"b/c":[1,2.0]}`, "nested"), keyed(1, "5e-05", "lr")), text(8, "shown"), text(10, "tag"), message(17, varint(1, 1757725934))),
		message(26, text(12, "canary-node"), text(13, "canary7"), text(5, "--out"), text(5, "/home/canary7/x")),
		message(5, keyed(1, "168631869269606400000", "big"), keyed(1, `"`+strings.Repeat("long ", 20_000)+`"`, "long"), keyed(1, "1", "gone"), keyed(2, "", "gone")),
	}
	for i := range 200 {
		records = append(records,
			message(2, keyed(1, fmt.Sprint(i*10), "_step"), keyed(1, "1.7577259340e+09", "_timestamp"), keyed(1, "0.5", "_runtime"),
				keyed(1, fmt.Sprint(1/float64(i+2)), "train_loss"), keyed(1, fmt.Sprint(i*1000), "total_tokens"), keyed(1, "NaN", "x"), keyed(1, fmt.Sprint(i), "eval/a:b", "z")),
			message(3, keyed(1, fmt.Sprint(i), "best", "value")))
	}
	return records
}

func writeLog(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run-run-1.wandb")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestOfflineLogs(t *testing.T) {
	for exit, state := range map[string]string{"": "crashed", "0": "finished", "1": "failed"} {
		records := offlineRecords()
		if exit != "" {
			records = append(records, message(18, varint(1, uint64(exit[0]-'0'))))
		}
		path := writeLog(t, logOf(records...))
		rows, outcome := convert(t, path, wandb.RunsTable, nil)
		require.Empty(t, outcome.Rejects)
		require.Len(t, rows, 1)
		run := rows[0]
		require.Equal(t, []any{"offline", "ml", "ft", "run-1", "shown", state, "2025-09-13T01:12:14Z"}, []any{run["layout"], run["entity"], run["project"], run["run_id"], run["run_name"], run["state"], run["created_at"]})
		require.Contains(t, run["config"], `{"big":168631869269606400000,"long":"long long `)
		require.Contains(t, run["config"], `,"lr":5e-05,"nested":{"b/c":[1,2.0]}}`)
		require.Equal(t, `{"best":{"value":199}}`, run["summary"])
		require.Equal(t, `{"args":["--out","/home/canary7/x"],"host":"canary-node","username":"canary7"}`, run["metadata"])
		require.Equal(t, `{"tags":["tag"]}`, run["rest"])
	}
	history, outcome := convert(t, writeLog(t, logOf(offlineRecords()...)), wandb.HistoryTable, nil)
	require.Empty(t, outcome.Rejects)
	require.Len(t, history, 200)
	require.Equal(t, []any{"run-1", int64(20), 1757725934.0, 0.25, 2000.0, `{"eval/a:b":{"z":2},"x":NaN}`, `{"whole":["total_tokens"]}`},
		[]any{history[2]["run_id"], history[2]["step"], history[2]["timestamp"], history[2]["train_loss"], history[2]["total_tokens"], history[2]["metrics"], history[2]["rest"]})
}

// TestDamagedLogs: whatever stands before the damage is kept, and it is said.
func TestDamagedLogs(t *testing.T) {
	whole := logOf(offlineRecords()...)
	flipped := append([]byte{}, whole...)
	flipped[len(flipped)*3/4] ^= 1
	for name, content := range map[string][]byte{"cut": whole[:len(whole)*3/4], "checksum": flipped} {
		rows, outcome := convert(t, writeLog(t, content), wandb.HistoryTable, nil)
		require.Greater(t, len(rows), 2, name)
		require.Less(t, len(rows), 201, name)
		require.Len(t, outcome.Rejects, 1, name)
		require.EqualValues(t, len(rows)-1, outcome.Rejects[0].Row)
		require.Contains(t, outcome.Rejects[0].Reason, "damaged at byte")
		runs, outcome := convert(t, writeLog(t, content), wandb.RunsTable, nil)
		require.Equal(t, "crashed", runs[0]["state"])
		require.Len(t, outcome.Rejects, 1)
	}
	rows, outcome := convert(t, writeLog(t, whole[:5]), wandb.RunsTable, nil)
	require.Len(t, rows, 1)
	require.Len(t, outcome.Rejects, 1)
}

// FuzzOffline: whatever a log holds, and whatever a record in a sound log, what
// is read of it is JSON.
func FuzzOffline(f *testing.F) {
	for _, record := range offlineRecords()[:5] {
		if len(record) < 1000 { // a long one is only slow
			f.Add(record)
			f.Add(logOf(record))
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, log := range [][]byte{content, logOf(content), logOf(offlineRecords()[0], content)} {
			run, history, err := wandb.ReadLog(log)
			require.NoError(t, err)
			if run != "" {
				require.NoError(t, jsontext.Whole([]byte(run)))
			}
			for _, line := range history {
				require.NoError(t, jsontext.Whole([]byte(line)))
			}
		}
	})
}
