package sample

import "slices"

// Keys of the metrics dict, in the order of the real sample. Probabilities come
// in threes: raw, per token, per character.
const (
	predictedIndex = 0 // raw, per token, per char, per byte, uncond
	correctChoice  = predictedIndex + 5
	acc            = correctChoice + 1 // raw, per token, per char, per byte, uncond
	noAnswer       = acc + 5
	logits         = noAnswer + 1 // sum, per token, per char
	logitsPerByte  = logits + 3
	bitsPerByte    = logitsPerByte + 1
	correctProb    = bitsPerByte + 1
	margin         = correctProb + 3
	totalProb      = margin + 3
	uncondProb     = totalProb + 3
	uncondTotal    = uncondProb + 3
	normProb       = uncondTotal + 1
	primaryMetric  = normProb + 3
	numKeys        = primaryMetric + 1
)

var keyNames = [numKeys]string{
	"predicted_index_raw", "predicted_index_per_token", "predicted_index_per_char",
	"predicted_index_per_byte", "predicted_index_uncond",
	"correct_choice",
	"acc_raw", "acc_per_token", "acc_per_char", "acc_per_byte", "acc_uncond",
	"no_answer",
	"sum_logits_corr", "logits_per_token_corr", "logits_per_char_corr", "logits_per_byte_corr", "bits_per_byte_corr",
	"correct_prob", "correct_prob_per_token", "correct_prob_per_char",
	"margin", "margin_per_token", "margin_per_char",
	"total_prob", "total_prob_per_token", "total_prob_per_char",
	"uncond_correct_prob", "uncond_correct_prob_per_token", "uncond_correct_prob_per_char", "uncond_total_prob",
	"norm_correct_prob", "norm_correct_prob_per_token", "norm_correct_prob_per_char",
	"primary_metric",
}

// values holds all metrics of a row, whether or not the row shows them.
type values [numKeys]float64

// keySet says which keys the rows of one size and recipe have. They differ in
// the published files, because the evaluations were made at different times.
type keySet int

const (
	plainKeys keySet = iota // as 150M in the real sample
	logitKeys               // as 4M in the real sample: also per-byte accuracy and the logits
	byteKeys                // as 10M in a published preview: also bits per byte and predicted indices
	numKeySets
)

// fixedKeySets are those that are known from real data.
var fixedKeySets = map[string]keySet{"4M": logitKeys, "10M": byteKeys, "150M": plainKeys}

// keySetOf gives the key set of a size and recipe. It does not depend on the
// random seed.
func keySetOf(s *size, r *recipe) keySet {
	if set, ok := fixedKeySets[s.label]; ok {
		return set
	}
	return keySet(key(domainKeySet).id(s.id).id(r.id).below(int(numKeySets)))
}

// optionalKeys lists the keys that only some key sets have.
var optionalKeys = map[int][]keySet{
	predictedIndex:     {byteKeys},
	predictedIndex + 1: {byteKeys},
	predictedIndex + 2: {byteKeys},
	predictedIndex + 3: {byteKeys},
	predictedIndex + 4: {byteKeys},
	acc + 3:            {logitKeys, byteKeys},
	noAnswer:           {logitKeys, byteKeys},
	logits:             {logitKeys},
	logits + 1:         {logitKeys},
	logits + 2:         {logitKeys},
	logitsPerByte:      {byteKeys},
	bitsPerByte:        {byteKeys},
}

// unconditionalKeys are missing for boolq and winogrande.
var unconditionalKeys = []int{
	predictedIndex + 4, acc + 4, uncondProb, uncondProb + 1, uncondProb + 2, uncondTotal,
}

// shownKeys lists the keys of a row, in order. conditional rows lack the
// unconditional keys.
func shownKeys(set keySet, conditional bool) []int {
	var shown []int
	for k := range numKeys {
		sets, optional := optionalKeys[k]
		if optional && !slices.Contains(sets, set) {
			continue
		}
		if conditional && slices.Contains(unconditionalKeys, k) {
			continue
		}
		shown = append(shown, k)
	}
	return shown
}

// keyLists holds shownKeys for all key sets, without and with the unconditional
// keys.
type keyLists [numKeySets]struct{ conditional, all []int }

func newKeyLists() *keyLists {
	var lists keyLists
	for set := range numKeySets {
		lists[set].conditional, lists[set].all = shownKeys(set, true), shownKeys(set, false)
	}
	return &lists
}

// of lists the keys of a row of size s and recipe r.
func (l *keyLists) of(s *size, r *recipe, conditional bool) []int {
	list := &l[keySetOf(s, r)]
	if conditional {
		return list.conditional
	}
	return list.all
}
