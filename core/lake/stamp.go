package lake

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"time"
)

// A stamp tells a file's content from all that its place had before: a write sets
// the time of change, which no program can choose. Files whose bytes were found to
// be ours are remembered by their stamps in the user's cache folder, as empty
// files: to read 71 MB at every start takes longer than most queries.

// settled is how long ago a file must have changed: until then a write could
// leave the time as it is.
var settled = 2 * time.Second

// remembered gives the path that stands for a stamp, "" where nothing can be
// remembered.
func remembered(stamp string) string {
	cache, err := os.UserCacheDir()
	if err != nil || stamp == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(stamp))
	return filepath.Join(cache, "ddcore", "extensions-"+DuckDBVersion, hex.EncodeToString(sum[:]))
}

// isRemembered tells whether we have looked at the content of that stamp. What
// others can write into is not believed.
func isRemembered(stamp string) bool {
	path := remembered(stamp)
	return path != "" && isOwn(filepath.Dir(path)) && isOwn(path)
}

// remember notes a stamp. It is no error that it cannot.
func remember(stamp string) {
	path := remembered(stamp)
	if path == "" || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		_ = f.Close()
	}
}
