package redact

import (
	"hash/maphash"
	"maps"
	"slices"
)

// drafts are what a first reading, for names, has found to replace in texts: to
// carry it out takes a tenth of reading them again. They hold for one key and for
// the ids of runs that stood in the text itself. A text is known by its bytes. nil
// holds none.
type drafts struct {
	key    Key
	room   int // for so many more bytes
	byHash map[uint64]draft
}

type draft struct {
	length  int
	edits   []edit
	members []member // of the object that the text is; none of another value
	found   []string // the rules, in the order of what they replace
}

// member is where a member of an object stands.
type member struct{ start, keyEnd, value, end int }

// maxDrafts bounds the memory, in bytes: about 10,000 runs. What has no draft is
// read again.
const maxDrafts, editBytes = 64 << 20, 64

var seed = maphash.MakeSeed()

// NamesFor gives no names yet, and room for drafts with that key.
func NamesFor(key Key) Names {
	return Names{drafts: &drafts{key: key, room: maxDrafts, byHash: map[uint64]draft{}}}
}

// share gives one of n learners its room.
func (d *drafts) share(n int) *drafts {
	if d == nil {
		return nil
	}
	return &drafts{key: d.key, room: d.room / n, byHash: map[uint64]draft{}}
}

// join takes in what a learner has left.
func (d *drafts) join(share *drafts) {
	for _, got := range share.byHash {
		d.room -= got.size()
	}
	maps.Copy(d.byHash, share.byHash)
}

func (d draft) size() int {
	size := editBytes * (1 + len(d.members))
	for _, e := range d.edits {
		size += editBytes + len(e.new)
	}
	return size
}

func (d *drafts) keep(text []byte, got draft) {
	if d == nil || len(got.members) == 0 || got.size() > d.room {
		return
	}
	d.room -= got.size()
	d.byHash[maphash.Bytes(seed, text)] = draft{got.length, slices.Clone(got.edits), slices.Clone(got.members), slices.Clone(got.found)}
}

func (d *drafts) of(text []byte) (got draft, ok bool) {
	if d == nil || len(d.byHash) == 0 {
		return got, false
	}
	got, ok = d.byHash[maphash.Bytes(seed, text)]
	return got, ok && got.length == len(text)
}
