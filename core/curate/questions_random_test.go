package curate_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ddcore/core/lake"

	"github.com/stretchr/testify/require"
)

// The same four views by loops over random results, one definition at a time.

var (
	randomRecipes = []string{"A", "B", "C", "D"}
	randomSeeds   = []int{0, 2, 14}
	randomSteps   = []int{10, 20, 30, 40, 50}
)

const randomDocs = 9

// grid holds the results by place; no entry is no checkpoint.
type grid map[place]result

type place struct {
	recipe    string
	seed      int
	step, doc int
}

func randomGrid(r *rand.Rand) grid {
	g := grid{}
	for _, recipe := range randomRecipes {
		for _, seed := range randomSeeds {
			for _, step := range randomSteps {
				if r.IntN(6) == 0 {
					continue
				}
				for doc := range randomDocs {
					row := result{recipe: recipe, seed: seed, step: step, task: "csqa", doc: doc}
					if r.IntN(8) > 0 {
						row.isRight = new(r.IntN(2))
					}
					if r.IntN(8) > 0 {
						row.logits = new(-float64(r.IntN(64)) / 8) // sums of these are exact
					}
					if r.IntN(12) > 0 {
						g[place{recipe, seed, step, doc}] = row
					}
				}
			}
		}
	}
	return g
}

func (g grid) right(recipe string, seed, step, doc int) (isRight, ok bool) {
	row, ok := g[place{recipe, seed, step, doc}]
	if !ok || row.isRight == nil {
		return false, false
	}
	return *row.isRight == 1, true
}

// mean is NaN for nothing.
func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// numbers are what a view says by its grain, as numbers: NaN for null.
type numbers map[string][]float64

func (g grid) curve(recipe string, step, doc int) (accuracies, logits []float64, isThere bool) {
	for _, seed := range randomSeeds {
		row, ok := g[place{recipe, seed, step, doc}]
		isThere = isThere || ok
		if row.isRight != nil {
			accuracies = append(accuracies, float64(*row.isRight))
		}
		if row.logits != nil {
			logits = append(logits, *row.logits)
		}
	}
	return accuracies, logits, isThere
}

func (g grid) curves() numbers {
	out := numbers{}
	for _, recipe := range randomRecipes {
		for _, step := range randomSteps {
			for doc := range randomDocs {
				if a, l, ok := g.curve(recipe, step, doc); ok {
					out[key(recipe, step, doc)] = []float64{float64(len(a)), mean(a), mean(l)}
				}
			}
		}
	}
	return out
}

func (g grid) questions() numbers {
	out := numbers{}
	for _, recipe := range randomRecipes {
		for _, seed := range randomSeeds {
			for doc := range randomDocs {
				var steps []int
				var rights []bool
				for _, step := range randomSteps {
					if isRight, ok := g.right(recipe, seed, step, doc); ok {
						steps, rights = append(steps, step), append(rights, isRight)
					}
				}
				if len(steps) > 0 {
					out[key(recipe, seed, doc)] = follow(steps, rights)
				}
			}
		}
	}
	return out
}

func follow(steps []int, rights []bool) []float64 {
	learnt, first, forgotten, n := math.NaN(), math.NaN(), 0.0, 0.0
	for i, step := range steps {
		if !slices.Contains(rights[i:], false) && math.IsNaN(learnt) {
			learnt = float64(step)
		}
		if rights[i] {
			n++
		}
		if rights[i] && math.IsNaN(first) {
			first = float64(step)
		}
		if i > 0 && rights[i-1] && !rights[i] {
			forgotten++
		}
	}
	isLearnt := 0.0
	if rights[len(rights)-1] {
		isLearnt = 1
	}
	last := float64(steps[len(steps)-1])
	return []float64{float64(len(steps)), last, isLearnt, learnt, first, forgotten, n / float64(len(steps))}
}

func (g grid) agreement() numbers {
	out := numbers{}
	for _, recipe := range randomRecipes {
		for _, step := range randomSteps {
			seeds, docs := map[int]bool{}, map[int]bool{}
			pairs, all, agree, chance := 0.0, 0.0, 0.0, 0.0
			for i, s := range randomSeeds {
				for _, u := range randomSeeds[i+1:] {
					n, both, a, b := 0.0, 0.0, 0.0, 0.0
					for doc := range randomDocs {
						x, okX := g.right(recipe, s, step, doc)
						y, okY := g.right(recipe, u, step, doc)
						if !okX || !okY {
							continue
						}
						seeds[s], seeds[u], docs[doc] = true, true, true
						n, both, a, b = n+1, both+one(x == y), a+one(x), b+one(y)
					}
					if n > 0 {
						pairs, all, agree = pairs+1, all+n, agree+both
						chance += n * (a/n*b/n + (1-a/n)*(1-b/n))
					}
				}
			}
			if all > 0 {
				o, e := agree/all, chance/all
				out[key(recipe, step)] = []float64{float64(len(seeds)), pairs, float64(len(docs)), o, e, (o - e) / (1 - e)}
			}
		}
	}
	return out
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// score is a recipe's accuracy over the task: of each seed, then over seeds.
func (g grid) score(recipe string, step int) float64 {
	var seeds []float64
	for _, seed := range randomSeeds {
		var rights []float64
		for doc := range randomDocs {
			if isRight, ok := g.right(recipe, seed, step, doc); ok {
				rights = append(rights, one(isRight))
			}
		}
		if len(rights) > 0 {
			seeds = append(seeds, mean(rights))
		}
	}
	return mean(seeds)
}

func (g grid) orders() numbers {
	out := numbers{}
	for _, step := range randomSteps {
		for doc := range randomDocs {
			recipes, pairs, agree, oppose := map[string]bool{}, 0.0, 0.0, 0.0
			var signs []float64
			for _, a := range randomRecipes {
				for _, b := range randomRecipes {
					accuracyA, logitsA, _ := g.curve(a, step, doc)
					accuracyB, logitsB, _ := g.curve(b, step, doc)
					if len(accuracyA) > 0 {
						recipes[a] = true
					}
					if len(accuracyA) == 0 || len(accuracyB) == 0 || g.score(a, step)-g.score(b, step) < 1e-9 {
						continue
					}
					x, y := mean(accuracyA), mean(accuracyB)
					pairs, agree, oppose = pairs+1, agree+one(x > y), oppose+one(x < y)
					if len(logitsA) > 0 && len(logitsB) > 0 {
						x, y := mean(logitsA), mean(logitsB)
						signs = append(signs, one(x > y)-one(x < y))
					}
				}
			}
			if pairs > 0 {
				out[key(step, doc)] = []float64{float64(len(recipes)), pairs, agree, oppose, pairs - agree - oppose, (agree - oppose) / pairs, mean(signs)}
			}
		}
	}
	return out
}

func TestQuestionViewsByLoops(t *testing.T) {
	for seed := range uint64(4) {
		g := randomGrid(rand.New(rand.NewPCG(seed, 1)))
		c := lakeOf(t, slices.Collect(maps.Values(g)))
		for sql, want := range map[string]numbers{
			"SELECT recipe || ' ' || step || ' ' || doc_id, n_seeds, accuracy, logits_per_char_corr FROM main.question_curves": g.curves(),
			`SELECT recipe || ' ' || seed || ' ' || doc_id, n_checkpoints, last_step, is_learnt::INTEGER, learnt_step,
				first_correct_step, n_forgotten, share_right FROM main.questions`: g.questions(),
			"SELECT recipe || ' ' || step, n_seeds, n_pairs, n_questions, agreement, chance_agreement, kappa FROM main.question_agreement":        g.agreement(),
			"SELECT step || ' ' || doc_id, n_recipes, n_pairs, n_agree, n_oppose, n_tied, accuracy_order, logits_order FROM main.question_orders": g.orders(),
		} {
			require.NotEmpty(t, want)
			got := ask(t, c, sql)
			require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), sql)
			for at, values := range want {
				require.InDeltaSlice(t, values, got[at], 1e-12, "%d: %s: %s", seed, at, sql)
			}
		}
	}
}

// ask gives a query's rows by their first column.
func ask(t *testing.T, c *lake.Conn, sql string) numbers {
	t.Helper()
	rows, err := c.Rows(context.Background(), sql)
	require.NoError(t, err)
	out := numbers{}
	for _, row := range rows {
		var values []float64
		for _, v := range row[1:] {
			switch v := v.(type) {
			case nil:
				values = append(values, math.NaN())
			case int64:
				values = append(values, float64(v))
			case float64:
				values = append(values, v)
			}
		}
		out[row[0].(string)] = values
	}
	require.Len(t, out, len(rows))
	return out
}

func key(parts ...any) string { return strings.TrimSpace(fmt.Sprintln(parts...)) }
