package redact

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ddcore/core/contract"
)

// keyFile lies beside the lake's catalog, not in it.
const keyFile = "redaction.key"

// Key makes pseudonyms: a keyed hash of the value. The same value has the same
// pseudonym in all files and ingests of a lake; without the key a list of
// names cannot be tried, as it could with a plain hash. Numbering the values
// instead would need a table of them, which is what must not be kept.
//
// The key is random, one per lake, in a file of its own beside the catalog, so
// that tables, exports and the catalog can be given away without it. Deleting
// it makes the pseudonyms final: later ingests then make others.
type Key [sha256.Size]byte

// LikelyKey gives the key of the lake in that folder, or one that it may get: for
// work that begins before the lake is locked.
func LikelyKey(folder string) (Key, error) {
	if text, err := os.ReadFile(filepath.Join(folder, keyFile)); err == nil {
		if k, err := parseKey(text); err == nil {
			return k, nil
		}
	}
	return NewKey()
}

// LakeKey reads the key of the lake in that folder, and makes fresh its key if it
// has none. The caller holds the lake's lock.
func LakeKey(folder string, fresh Key) (Key, error) {
	path := filepath.Join(folder, keyFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return parseKey(text)
	case !errors.Is(err, fs.ErrNotExist):
		return Key{}, keyError(err)
	}
	return fresh, keyError(fresh.write(path))
}

// SharedKey gives the key that all users of a shared lake have. keep is given the
// fresh one as text, and gives the one that counts: the first that it was given.
func SharedKey(fresh Key, keep func(fresh string) (string, error)) (Key, error) {
	text, err := keep(fresh.text())
	if err != nil {
		return Key{}, err
	}
	return parseKey([]byte(text))
}

// NewKey gives a random key.
func NewKey() (k Key, err error) {
	_, err = rand.Read(k[:])
	return k, keyError(err)
}

func (k Key) text() string { return hex.EncodeToString(k[:]) }

func parseKey(text []byte) (k Key, err error) {
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(k) {
		return k, &contract.Error{
			Kind: contract.Invalid, Op: "redact", Target: keyFile, Err: fmt.Errorf("the file is no key of %d hexadecimal digits", 2*len(k)),
			Hint: "put the lake's own file back, or delete it: later pseudonyms then differ from those in the lake",
		}
	}
	copy(k[:], raw)
	return k, nil
}

// Save writes the key beside a copy of the lake.
func (k Key) Save(path string) error { return keyError(k.write(path)) }

// write leaves a whole file or none, that only its owner can read.
func (k Key) write(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), keyFile)
	if err != nil {
		return err
	}
	_, err = f.WriteString(k.text() + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func keyError(err error) error {
	if err == nil {
		return nil
	}
	return &contract.Error{Kind: contract.IO, Op: "redact", Target: keyFile, Err: err, Hint: "the key of pseudonyms lies in the lake's folder; may you write there?"}
}

// pseudonym gives what stands for a value under a rule. Rules that write the
// same words (home and user) give the same value one pseudonym.
func (k Key) pseudonym(template, value string) string {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(value))
	return strings.Replace(template, "{}", hex.EncodeToString(mac.Sum(nil)[:4]), 1)
}
