package sample

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// olmesTask is a task of the dumps.
type olmesTask struct {
	name    string
	choices int
	uncond  bool // choices are also scored without the question
	primary string
	limit   string // JSON
}

var olmesTasks = []olmesTask{
	{"arc_challenge:rc::olmes", 4, true, "acc_uncond", "null"},
	{"boolq:rc::olmes", 2, false, "acc_raw", "10000000000000000000"}, // beyond 64 bits
	{"csqa:mc::olmes", 5, true, "acc_raw", "null"},
}

// reply is what a model gives for one choice.
type reply struct {
	tokens, chars, prompt int64
	logits, uncond        float64
}

func (a reply) perByte() float64 { return -a.logits / math.Ln2 / float64(a.chars) }

// question is a question with the answers of a model.
type question struct {
	id      int
	label   int
	answers []reply
}

// taskResult is what a model reaches on a task.
type taskResult struct {
	olmesTask
	model     *evaluated
	index     int
	questions []question
}

func newTaskResult(m *evaluated, index int) *taskResult {
	t := &taskResult{olmesTask: olmesTasks[index], model: m, index: index}
	for doc := range olmesDocs {
		k := m.key.with(3).id(index).id(doc)
		q := question{id: doc, label: k.below(t.choices)}
		for c := range t.choices {
			k := k.with(4).id(c)
			a := reply{tokens: 1 + int64(k.below(9)), prompt: 230 + int64(k.with(1).below(40))}
			a.chars = a.tokens * (3 + int64(k.with(2).below(4)))
			a.logits = -float64(a.tokens) * (3 + 0.8*k.with(3).normal())
			a.uncond = a.logits * (1.1 + 0.05*k.with(4).normal())
			q.answers = append(q.answers, a)
		}
		t.questions = append(t.questions, q)
	}
	return t
}

// scores are the ways to rank answers, in the order of the metrics.
var scores = []struct {
	name  string
	score func(a reply) float64
}{
	{"raw", func(a reply) float64 { return a.logits }},
	{"per_token", func(a reply) float64 { return a.logits / float64(a.tokens) }},
	{"per_char", func(a reply) float64 { return a.logits / float64(a.chars) }},
	{"per_byte", func(a reply) float64 { return -a.perByte() }},
	{"uncond", func(a reply) float64 { return a.logits - a.uncond }},
}

// best is the choice with the highest score.
func (q question) best(score func(a reply) float64) (choice int) {
	for c, a := range q.answers {
		if score(a) > score(q.answers[choice]) {
			choice = c
		}
	}
	return choice
}

// measured gives the metrics of a question by name, in order.
func (t *taskResult) measured(q question) (names []string, values map[string]float64) {
	values = map[string]float64{}
	add := func(name string, v float64) { names, values[name] = append(names, name), v }
	for _, s := range scores {
		if s.name != "uncond" || t.uncond {
			add("acc_"+s.name, 0)
			if q.best(s.score) == q.label {
				values["acc_"+s.name] = 1
			}
		}
	}
	correct := q.answers[q.label]
	add("no_answer", 0)
	add("sum_logits_corr", correct.logits)
	add("logits_per_token_corr", correct.logits/float64(correct.tokens))
	add("logits_per_char_corr", correct.logits/float64(correct.chars))
	add("logits_per_byte_corr", correct.perByte())
	return names, values
}

// means are the task's own metrics.
func (t *taskResult) means() map[string]float64 {
	means := map[string]float64{}
	for _, q := range t.questions {
		_, values := t.measured(q)
		for name, v := range values {
			means[name] += v / olmesDocs
		}
	}
	means["primary_score"] = means[t.primary]
	return means
}

func (t *taskResult) record() []byte {
	names, _ := t.measured(t.questions[0])
	means := t.means()
	metrics := objectOf(func(o *object) {
		for _, name := range append(names, "primary_score") {
			o.number(name, means[name])
		}
	})
	return t.model.line(t.name, t.index, t.config(), metrics, olmesDocs)
}

func (t *taskResult) config() []byte {
	core, _, _ := strings.Cut(t.name, ":")
	return objectOf(func(o *object) {
		o.text("task_name", t.name)
		o.text("task_core", core)
		o.raw("limit", []byte(t.limit))
		o.text("split", "validation")
		o.whole("num_shots", 5)
		o.whole("fewshot_seed", int64(t.model.key.with(5).below(10_000)))
		o.text("primary_metric", t.primary)
		o.text("fewshot_source", "OLMES:"+core)
		o.text("dataset_path", core)
		o.raw("dataset_name", []byte("null"))
		o.raw("use_chat_format", []byte("null"))
		o.raw("metadata", objectOf(func(o *object) {
			o.raw("regimes", []byte(`["OLMES-v0.1"]`))
			o.text("alias", t.name)
		}))
	})
}

// nativeID is text that is no JSON, a number or null, as they come.
func (q question) nativeID() []byte {
	switch q.id % 3 {
	case 0:
		return strconv.AppendQuote(nil, fmt.Sprintf("sample/question-%d", q.id))
	case 1:
		return strconv.AppendInt(nil, 7_000_000+int64(q.id), 10)
	default:
		return []byte("null")
	}
}

// each writes a line for every one of the first n questions.
func (t *taskResult) each(n int, line func(dst []byte, q question) []byte) []byte {
	var text []byte
	for _, q := range t.questions[:n] {
		text = line(text, q)
	}
	return text
}

func (t *taskResult) predictions() []byte {
	return t.each(olmesDocs, func(dst []byte, q question) []byte {
		return append(append(dst, objectOf(func(o *object) {
			o.whole("doc_id", int64(q.id))
			o.raw("native_id", q.nativeID())
			o.raw("metrics", t.predicted(q))
			o.raw("model_output", t.outputs(q))
			o.whole("label", int64(q.label))
			o.text("task_hash", hash(t.model.key.with(1).id(t.index+1)))
			o.text("model_hash", hash(t.model.key))
		})...), '\n')
	})
}

func (t *taskResult) predicted(q question) []byte {
	names, values := t.measured(q)
	return objectOf(func(o *object) {
		for _, s := range scores {
			if s.name != "uncond" || t.uncond {
				o.whole("predicted_index_"+s.name, int64(q.best(s.score)))
			}
		}
		o.whole("correct_choice", int64(q.label))
		for _, name := range names {
			if strings.HasPrefix(name, "acc_") || name == "no_answer" {
				o.whole(name, int64(values[name]))
			} else {
				o.number(name, values[name])
			}
		}
	})
}

func (t *taskResult) outputs(q question) []byte {
	return list(len(q.answers), func(c int) []byte {
		a := q.answers[c]
		return objectOf(func(o *object) {
			o.number("sum_logits", a.logits)
			o.whole("num_tokens", a.tokens)
			o.whole("num_tokens_all", a.prompt+a.tokens)
			o.raw("is_greedy", []byte("false"))
			if t.uncond {
				o.number("sum_logits_uncond", a.uncond)
			}
			o.number("logits_per_token", a.logits/float64(a.tokens))
			o.number("logits_per_char", a.logits/float64(a.chars))
			o.number("logits_per_byte", a.perByte())
			o.whole("num_chars", a.chars)
		})
	})
}

func (t *taskResult) text(q question) string {
	return fmt.Sprintf("Question: made-up question %d (%s)?\nAnswer:", q.id, hash(t.model.key)[:4])
}

func (t *taskResult) doc(q question) []byte {
	return objectOf(func(o *object) {
		o.text("query", t.text(q))
		o.raw("choices", list(len(q.answers), func(c int) []byte { return fmt.Appendf(nil, `"answer %d"`, c) }))
		o.whole("gold", int64(q.label))
	})
}

func (t *taskResult) request(q question, choice int) []byte {
	return objectOf(func(o *object) {
		o.text("context", t.text(q))
		o.text("continuation", fmt.Sprintf(" answer %d", choice))
	})
}

func (t *taskResult) requests() []byte {
	return t.each(olmesDocs, func(dst []byte, q question) []byte {
		for c := range q.answers {
			dst = append(append(dst, objectOf(func(o *object) {
				o.text("request_type", "loglikelihood")
				o.raw("doc", t.doc(q))
				o.raw("request", t.request(q, c))
				o.whole("idx", int64(c))
				t.asked(o, q)
			})...), '\n')
		}
		return dst
	})
}

func (t *taskResult) recordedInputs() []byte {
	return t.each(recordedDocs, func(dst []byte, q question) []byte {
		return append(append(dst, objectOf(func(o *object) {
			o.raw("doc", t.doc(q))
			t.asked(o, q)
			o.raw("requests", list(len(q.answers), func(c int) []byte {
				return objectOf(func(o *object) {
					o.text("request_type", "loglikelihood")
					o.raw("request", t.request(q, c))
					o.whole("idx", int64(c))
				})
			}))
		})...), '\n')
	})
}

// asked is what requests and inputs say of their question.
func (t *taskResult) asked(o *object, q question) {
	o.text("task_name", t.name)
	o.whole("doc_id", int64(q.id))
	o.raw("native_id", q.nativeID())
	o.whole("label", int64(q.label))
}

// list writes a JSON list.
func list(n int, item func(i int) []byte) []byte {
	dst := []byte{'['}
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, item(i)...)
	}
	return append(dst, ']')
}

func orNull(text string) []byte {
	if text == "" {
		return []byte("null")
	}
	return strconv.AppendQuote(nil, text)
}
