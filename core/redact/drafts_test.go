package redact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDraftsAreBounded: what has no room is left out, and the learners' parts count.
func TestDraftsAreBounded(t *testing.T) {
	given := NamesFor(Key{1})
	given.drafts.room = 4 * editBytes
	text := func(word string) []byte { return []byte(`{"username":"` + strings.Repeat(word, 10) + `"}`) }
	a, b := NewLearner(given, 2), NewLearner(given, 2)
	for _, word := range []string{"ada", "bob", "eve"} {
		a.Begin()
		require.True(t, a.TryLearn(text(word)))
	}
	b.Begin()
	require.True(t, b.TryLearn([]byte(`{"plain":"text"}`)))
	names := Learnt(a, b)
	require.Len(t, names.list, 3)
	require.Len(t, names.drafts.byHash, 1, "a draft with an edit and a member has no place in half of the room")
	require.Equal(t, 2*editBytes, names.drafts.room)
}
