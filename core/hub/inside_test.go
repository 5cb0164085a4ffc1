package hub

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfterHeader(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-3": 0, "soon": 0, "1.5": 0,
		"Tue, 24 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Tue, 24 Nov 2026 11:00:00 GMT": 0,
	} {
		require.Equal(t, want, retryAfter(http.Header{"Retry-After": {text}}, now), text)
	}
}

// FuzzTree: whatever a hub lists, an accepted path stays in the folder.
func FuzzTree(f *testing.F) {
	f.Add(`[{"type":"file","path":"data/a.parquet","size":3,"oid":"0123456789012345678901234567890123456789"}]`)
	f.Add(`[{"type":"file","path":"../a","size":3,"oid":"0123456789012345678901234567890123456789"}]`)
	f.Add(`[{"type":"file","path":"a//b","size":-3,"lfs":{"oid":"00","size":1}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var page []entry
		if json.Unmarshal([]byte(text), &page) != nil {
			return
		}
		for _, e := range page {
			one := File{Repo: "o/n", Path: e.Path, Size: e.Size, Blob: e.OID}
			if one.check() != nil {
				continue
			}
			m := Mirror{root: "root"}
			require.True(t, strings.HasPrefix(m.Place(one), filepath.Join("root", "o", "n")+string(filepath.Separator)), e.Path)
		}
	})
}
