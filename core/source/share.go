package source

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/source/instances"
)

// Share is one of Of parts of the work, counted from 0.
type Share struct{ Index, Of int }

// ParseShare reads "17/64".
func ParseShare(text string) (Share, error) {
	index, of, _ := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if err1 != nil || err2 != nil || i < 0 || n < 1 || i >= n {
		return Share{}, &contract.Error{
			Kind: contract.Invalid, Op: "ingest", Target: text, Err: fmt.Errorf("this is no part of the work"),
			Hint: "parts count from 0: of 64 parts the first is 0/64, the last 63/64",
		}
	}
	return Share{i, n}, nil
}

// All workers see the same artifacts in the same order. They are dealt out to
// the shares; where there are more shares than artifacts, several shares have
// one, and are dealt its members. Whoever has any of them reads the archive to
// its end (it cannot be entered in the middle), and converts its own members.

// has tells whether the share has members of artifact i of n.
func (s Share) has(i, n int) bool {
	if s.Of <= n {
		return i%s.Of == s.Index
	}
	return s.Index%n == i
}

// within gives the share of the members of artifact i of n.
func (s Share) within(i, n int) Share {
	if s.Of <= n {
		return Share{0, 1}
	}
	return Share{s.Index / n, (s.Of - i + n - 1) / n}
}

// stagedVisit tells that a share of an artifact was read to its end.
type stagedVisit struct {
	Share
	Path     string
	Location string
	Folders  string
	SHA256   string
	Bytes    int64
	Parts    int64
	Seen     []int64
	Problems []instances.Reject
	Damaged  bool
}

func (w *visit) summary() stagedVisit {
	return stagedVisit{
		Share: w.share, Path: w.Path, Location: place(w.root()), Folders: w.file.folders(), SHA256: w.sum, Bytes: w.bytes,
		Parts: w.parts, Seen: w.seen, Problems: w.problems, Damaged: w.damaged,
	}
}

// name is the same for whoever reads this share.
func (v stagedVisit) name() string {
	return fmt.Sprintf("%s-%s-%d-of-%d", v.Location, v.SHA256[:12], v.Index, v.Of)
}

// whole puts the shares of artifacts together; it leaves out artifacts of which a
// share is still missing.
func whole(visits []stagedVisit) (out []stagedVisit) {
	type key struct {
		location, sum string
		of            int
	}
	groups := map[key][]stagedVisit{}
	var order []key
	for _, v := range visits {
		k := key{v.Location, v.SHA256, v.Of}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], v)
	}
	for _, k := range order {
		group := groups[k]
		if len(group) < k.of {
			continue
		}
		slices.SortFunc(group, func(a, b stagedVisit) int { return a.Index - b.Index })
		all := group[0]
		for _, v := range group[1:] {
			all.Parts += v.Parts
			all.Seen = append(all.Seen, v.Seen...)
			all.Damaged = all.Damaged || v.Damaged
			for _, p := range v.Problems {
				if !slices.Contains(all.Problems, p) { // the damage stops all of them
					all.Problems = append(all.Problems, p)
				}
			}
		}
		out = append(out, all)
	}
	return out
}

func parseVisit(text string) (v stagedVisit, err error) {
	return v, json.Unmarshal([]byte(text), &v)
}
