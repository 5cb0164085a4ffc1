package redact_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ddcore/core/contract"
	"ddcore/core/jsontext"
	"ddcore/core/redact"

	"github.com/stretchr/testify/require"
)

var testKey = redact.Key{1, 2, 3}

// secrets are made-up personal values, each known in its own way.
var secrets = map[string]string{
	`{"email":"ada.canary@mail.example.org"}`:                                         "canary",
	`{"x":[{"y":{"z":"write to canary@host.example.org!"}}]}`:                         "canary",
	`{"canary@host.example.org":1}`:                                                   "canary",
	`{"a":"canary\u0040host.example.org"}`:                                            "canary",
	`{"username":"canary7","a":"/work-dir/x/y/canary7/z","canary7 was here":[]}`:      "canary7",
	`{"a":"by canary7","user":{"name":"Ada Canary","username":"canary7"}}`:            "anary",
	`{"a":"Ada Canary","user":{"name":"Ada Canary"}}`:                                 "Canary",
	`{"a":"/home/canary/x","b":"say \"\ncanary\""}`:                                   "canary",
	`{"a":"C:\\Users\\canary\\x"}`:                                                    "canary",
	`{"a":"T(\n\tname='/home/canary/x',\n\t0: A(\"x\"),\n\tuser=canary\n)"}`:          "canary",
	`{"a":"--out=/gscratch/lab/canary/models/m1"}`:                                    "canary",
	`{"args":["--user-name","canary7","--seed","8"]}`:                                 "canary7",
	`{"args":["--username=canary7"]}`:                                                 "canary7",
	`{"a":"{\"host\": \"canary-node\"}"}`:                                             "canary-node",
	`{"host":"canary-node","slurm":{"topology_addr":"s1.canary-node"}}`:               "canary-node",
	`{"SLURM_JOB_ID":"29332140","log":"slurm-29332140.out"}`:                          "29332140",
	`{"job_id":29332140}`:                                                             "29332140",
	`{"config":{"uid":{"value":100123}}}`:                                             "100123",
	`{"git":{"remote":"https://example.org/canary/repo"}}`:                            "canary",
	`{"a":"git@github.com:canary/repo.git"}`:                                          "canary",
	`{"a":"https://canary:pass@example.org/x"}`:                                       "canary",
	`{"a":"hf_CANARYcanaryCANARY1234"}`:                                               "CANARY",
	`{"beaker_info":{"a":{"b":["canary"]},"BEAKER_X":"canary"}}`:                      "canary",
	`{"beaker_info":{"author":"canary7"},"a":"by canary7"}`:                           "canary7",
	`{"BEAKER_USER_ID":"01CANARY"}`:                                                   "01CANARY",
	`{"api_key":"canary"}`:                                                            "canary",
	`{"a":"0123456789abcdef0123456789abcdef01234567"}`:                                "456789abcdef",
	`{"a":"at 10.11.12.13:80"}`:                                                       "10.11.12.13",
	`{"a":"fe80::1ff:fe23:4567:890a"}`:                                                "890a",
	`{"a":"login-canary.lab.internal"}`:                                               "canary",
	`{"email":"canary7@example.org","deep":{"deeper":["see canary7","canary7/b"]}}`:   "canary7",
	`{"logname":"José Canary","a":"by José Canary","b":"Jos\u00e9 Canary"}`:           "Canary",
	`{"tokenizer":"Fast(name_or_path='/scratch/canary/hub/models', vocab_size=502)"}`: "canary",
}

func TestSecretsAreReplaced(t *testing.T) {
	for text, secret := range secrets {
		r := redact.New(testKey, redact.Names{})
		require.NoError(t, jsontext.Whole([]byte(text)))
		got := string(r.JSON([]byte(text)))
		require.NoError(t, jsontext.Whole([]byte(got)), got)
		require.NotContains(t, got, secret)
		require.NotEmpty(t, r.Counts)
		require.Equal(t, got, string(redact.New(testKey, redact.Names{}).JSON([]byte(got))), "pseudonyms stay")

		broken := string(redact.New(testKey, redact.Names{}).Text([]byte(text[:len(text)-1])))
		if !strings.Contains(text, "args\":[\"--user-name") && !strings.Contains(text, `\u`) && !strings.Contains(text, "value") && !strings.Contains(text, "Ada") && !strings.Contains(text, "José") {
			require.NotContains(t, broken, secret, "a broken line")
		}
	}
}

func TestTheRestStays(t *testing.T) {
	for _, text := range []string{
		`{"run_id":"2025_08_21-08_24_43_test_finetune_DD-dolma1_7-4M_main_1Mtx1_--learning_rate=5e-07"}`,
		`{"oe_eval_metrics/arc_challenge/acc_per_byte":0.2585324232,"core_9mcqa:rc::olmes:full":1}`,
		`{"model":"allenai/DataDecide-dolma1_7-530M","dataset_mixer_list":["allenai/tulu-3-sft-mixture","1.0"]}`,
		`{"big":168631869269606400000,"nan":NaN,"os":"Linux-4.18.0-513.18.1.el8_9.x86_64-x86_64-with-glibc2.28"}`,
		`{"tokenizer_files_hash":"4579319ffd33ecc728233f2a8150a9aeb2b34d778d3f7942ae8a0a4859b067b6","created_at":"2025-09-13T00:30:23.75Z"}`,
		`{"name":"GPT","pad_token":"<pad>","state":"finished","slurm":{"cpus_on_node":"10","job_end_time":"1757756066"}}`,
	} {
		r := redact.New(testKey, redact.Names{})
		require.Equal(t, text, string(r.JSON([]byte(text))))
		require.Empty(t, r.Counts)
	}
}

func TestTheSameValueHasOnePseudonym(t *testing.T) {
	r := redact.New(testKey, redact.Names{})
	got := string(r.JSON([]byte(`{"username":"canary7","a":"/home/canary7/x","b":"hi canary7"}`)))
	pseudonym := got[len(`{"username":"`) : len(`{"username":"`)+len("user-01234567")]
	require.Equal(t, `{"username":"`+pseudonym+`","a":"/redacted/`+got[strings.Index(got, "/redacted/")+10:][:8]+`","b":"hi `+pseudonym+`"}`, got)
	other := redact.New(testKey, redact.Names{})
	require.Contains(t, string(other.JSON([]byte(`{"logname":"canary7"}`))), pseudonym)
	require.NotContains(t, string(redact.New(redact.Key{9}, redact.Names{}).JSON([]byte(`{"logname":"canary7"}`))), pseudonym, "another lake")
}

// Copies of an object become copies of what it becomes, and count again.
func TestCopiesAreRedactedAlike(t *testing.T) {
	one := `{"a":"` + strings.Repeat("-", 1100) + `","out":"/home/canary7/x","inner":{"b":["` + strings.Repeat("+", 1100) + `","mail canary7@host.example.org"]}}`
	clean := `{"c":"` + strings.Repeat("-", 1100) + `"}`
	alone := redact.New(testKey, redact.Names{})
	want := string(alone.JSON([]byte(one)))
	r := redact.New(testKey, redact.Names{})
	got := string(r.JSON([]byte(`{"config":` + one + `,"x":` + clean + `,"copy":[` + one + `,` + clean + `,` + one + `]}`)))
	require.Equal(t, `{"config":`+want+`,"x":`+clean+`,"copy":[`+want+`,`+clean+`,`+want+`]}`, got)
	require.NotContains(t, got, "canary7")
	require.NotEmpty(t, alone.Counts)
	for rule, n := range alone.Counts {
		require.Equal(t, 3*n, r.Counts[rule], rule)
	}
}

func TestRunIDsStay(t *testing.T) {
	r := redact.New(testKey, redact.Names{})
	r.Begin("ada_run_1")
	got := string(r.JSON([]byte(`{"username":"ada","run_id":"ada_run_1","out":"models/ada_run_1/ada"}`)))
	require.Contains(t, got, `"run_id":"ada_run_1"`)
	require.Contains(t, got, `models/ada_run_1/user-`)
	r.Begin("next")
	require.Contains(t, string(r.JSON([]byte(`{"a":"ada"}`))), "ada", "another run's name")
}

func TestTheKeyStays(t *testing.T) {
	dir := t.TempDir()
	first, err := redact.LakeKey(dir, testKey)
	require.NoError(t, err)
	again, err := redact.LakeKey(dir, testKey)
	require.NoError(t, err)
	require.Equal(t, first, again)
	info, err := os.Stat(filepath.Join(dir, "redaction.key"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "redaction.key"), []byte("short"), 0o600))
	_, err = redact.LakeKey(dir, testKey)
	require.Equal(t, contract.Invalid, contract.AsError(err).Kind)
}

func FuzzJSON(f *testing.F) {
	for text := range secrets {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := redact.New(testKey, redact.Names{}).Text([]byte(text))
		_ = got
		if !json.Valid([]byte(text)) {
			return
		}
		require.NoError(t, jsontext.Whole(redact.New(testKey, redact.Names{}).JSON([]byte(text))))
	})
}

// TestGivenNames: what one text taught is replaced in others, but in no id.
func TestGivenNames(t *testing.T) {
	a, b := redact.New(testKey, redact.Names{}), redact.New(testKey, redact.Names{})
	a.JSON([]byte(`{"username":"ada7","group_name":"lab9"}`))
	a.Begin("next")
	b.JSON([]byte(`{"email":"grace8@example.org","account":"ada7"}`))
	names := redact.Learnt(a, b)
	require.Equal(t, names, redact.Learnt(b, a), "whoever read what")

	r := redact.New(testKey, names)
	for range 2 {
		r.Begin("ada7_1", "grace8_2")
		got := string(r.JSON([]byte(`{"runs":{"ada7_1":{"note":"by grace8, ada7/lab9"},"grace8_2":"ada7_1 of ada7"}}`)))
		require.Regexp(t, `^{"runs":{"ada7_1":{"note":"by user-\w{8}, (group|user)-\w{8}/group-\w{8}"},"grace8_2":"ada7_1 of (group|user)-\w{8}"}}$`, got)
	}
	require.NotContains(t, string(r.Text([]byte(`{"x": "ada7`))), "ada7")
	require.Regexp(t, `^data/user-\w{8}/x.jsonl$`, r.Path("data/grace8/x.jsonl"))
}

// TestRunIDsStayInTheirRunOnly: what a run's id spared in one run is replaced in
// the next one, though the text has been read before.
func TestRunIDsStayInTheirRunOnly(t *testing.T) {
	r := redact.New(testKey, redact.Names{})
	text := `{"a":"--user=canary7","--user=canary7":["--user=canary7"]}`
	r.Begin("canary7")
	require.Equal(t, text, string(r.JSON([]byte(text))))
	r.Begin("other")
	require.NotContains(t, string(r.JSON([]byte(text))), "canary7")
}

// TestRemembered: a redactor that has read other texts does to a text what a new
// one does, whatever order keys, values and items come in.
func TestRemembered(t *testing.T) {
	words := []string{"a", "name", "value", "user", "username", "--user-name", "see canary7", "x@host.example.org", `q\"`, `q\\`, "/home/canary7/x", "é", "plain text", "plain text 2", "beaker_info", "author"}
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string { return words[random.IntN(len(words))] }
	var value func(depth int) string
	value = func(depth int) string {
		var parts []string
		switch kind := random.IntN(4); {
		case kind == 0 && depth > 0:
			for i := range random.IntN(5) {
				parts = append(parts, fmt.Sprintf(`"%s%d":%s`, word(), i, value(depth-1)))
				if random.IntN(3) == 0 {
					parts = append(parts, fmt.Sprintf(`"%s": %s`, word(), value(depth-1)))
				}
			}
			return "{" + strings.Join(parts, ",") + "}"
		case kind == 1 && depth > 0:
			for range random.IntN(5) {
				parts = append(parts, value(depth-1))
			}
			return "[" + strings.Join(parts, ", ") + "]"
		case kind == 2:
			return "12345678"
		default:
			return `"` + word() + `"`
		}
	}
	r := redact.New(testKey, redact.Names{})
	for range 5000 {
		text := []byte(value(4))
		fresh := redact.New(testKey, redact.Names{})
		r.Begin()
		clear(r.Counts)
		require.Equal(t, string(fresh.JSON(text)), string(r.JSON(text)), string(text))
		require.Equal(t, fresh.Counts, r.Counts, string(text))
	}
}

// tryMembers puts the members that TryMembers shows into an object again.
func tryMembers(r *redact.Redactor, text []byte) (redacted []byte, ok bool) {
	ok, _ = r.TryMembers(text, func(key, value []byte) error {
		redacted = jsontext.AppendMember(redacted, key, value)
		return nil
	})
	return jsontext.Object(redacted), ok
}

// requireTryMembers: what TryMembers takes is JSON in which each key stands once,
// and becomes what reading it in three passes makes of it; what it refuses counts
// nothing.
func requireTryMembers(t *testing.T, r *redact.Redactor, text []byte) (ok bool) {
	t.Helper()
	r.Begin()
	clear(r.Counts)
	got, ok := tryMembers(r, text)
	if !ok {
		require.Empty(t, r.Counts, string(text))
		return false
	}
	require.NoError(t, jsontext.Whole(text), string(text))
	var once jsontext.Once
	require.Equal(t, string(text), string(once.Text(text)))
	fresh := redact.New(testKey, redact.Names{})
	var want []byte
	require.NoError(t, jsontext.Members(fresh.JSON(text), func(key, value []byte) error {
		want = jsontext.AppendMember(want, key, value)
		return nil
	}))
	require.Equal(t, string(jsontext.Object(want)), string(got), string(text))
	require.Equal(t, fresh.Counts, r.Counts, string(text))
	return true
}

func TestTryMembers(t *testing.T) {
	r := redact.New(testKey, redact.Names{})
	for text := range secrets {
		require.True(t, requireTryMembers(t, r, []byte(text)), text)
	}
	for _, text := range []string{
		``, ` `, `{`, `}`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{1:2}`, `{"a" 1}`, `{"a":1 "b":2}`, `[`, `[1`, `[1,`, `[1,]`, `[,1]`, `["--user`, `["--user",`,
		`"a`, `"\x"`, `{"a":tru}`, `{"a":01}`, `{"a":1}}`, `{"a":1} 2`, "{\"a\":\"\n\"}", `{"username":"canary7"`, `{"config":{"username":"canary7"}`,
		`{"a":1,"a":2}`, `{"x":[{"a":{"b":1,"b":2}}]}`, `{"a":1,"\u0061":2}`, `{"\u0061":1}`, strings.Repeat(`[`, 65) + strings.Repeat(`]`, 65),
		`{"/home/canary7/x":1,"b":2,"/home/canary7/x":3}`, // a key that is not remembered
		`{"a":{"k":1,"b":{"k":2},"k":3}}`, `1`, `"a"`, ` [ ] `, `[{"a":1}]`, `{}`,
	} {
		require.False(t, requireTryMembers(t, r, []byte(text)), text)
	}
	for _, text := range []string{
		` { "a" : { } , "b" : [ 1 , { "a" : NaN } ] } `, `{"x":[{"a":1},{"a":2}]}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"a":` + strings.Repeat(`[`, 63) + strings.Repeat(`]`, 63) + `}`,
		`{"/home/canary7/x":1,"b":{"/home/canary7/x":3}}`,
	} {
		require.True(t, requireTryMembers(t, r, []byte(text)), text)
	}
}

func FuzzTryMembers(f *testing.F) {
	for text := range secrets {
		f.Add(text, text)
		f.Add(text[:len(text)/2], text)
	}
	f.Add(`{"a":1,"b":{"a":2},"a":3}`, `{"a":{"/home/x/y":1,"/home/x/y":2}}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		r := redact.New(testKey, redact.Names{})
		for _, text := range []string{a, b, a} {
			requireTryMembers(t, r, []byte(text))
		}
	})
}

// TestDrafts: a text that a learner has read becomes what it becomes without a
// draft, and counts alike; another lake's key takes none.
func TestDrafts(t *testing.T) {
	given := redact.NamesFor(testKey)
	learners := []*redact.Redactor{redact.NewLearner(given, 2), redact.NewLearner(given, 2)}
	var all []string
	for text := range secrets {
		all = append(all, text, `{"run_id":"canary7_1","copies":[{"long":"`+strings.Repeat("-", 1100)+`","x":`+text+`}],"y":`+text+`}`)
	}
	for i, text := range all {
		learners[i%2].Begin("canary7_1")
		require.True(t, learners[i%2].TryLearn([]byte(text)), text)
		require.Empty(t, learners[i%2].Counts)
	}
	names := redact.Learnt(learners...)
	for _, key := range []redact.Key{testKey, {9}} {
		with, without := redact.New(key, names), redact.New(key, redact.WithoutDrafts(names))
		for _, text := range append(all, `{"other":"/home/canary7/x"}`) {
			with.Begin("canary7_1")
			without.Begin("canary7_1")
			want, ok := tryMembers(without, []byte(text))
			require.True(t, ok)
			got, ok := tryMembers(with, []byte(text))
			require.True(t, ok)
			require.Equal(t, string(want), string(got))
			require.Equal(t, without.Counts, with.Counts, text)
			require.Equal(t, key == testKey && !strings.Contains(text, `"other"`), redact.HasDraft(with, text), text)
		}
	}
}
