package sample

import "math"

// Language-modelling loss in nats per token of a model with N parameters after
// D tokens: L(N, D) = E + A/N^alpha + B/D^beta, the form of Hoffmann et al.
// (Chinchilla, arXiv 2203.15556). E and beta are theirs (approach 3); alpha, A
// and B were solved by hand from C4 perplexities of the real sample (4M at
// steps 1250 and 5725, 150M at step 10000), because their fit is too high for
// models as small as these.
const (
	lossFloor  = 1.69  // E
	paramScale = 51.3  // A
	paramPower = 0.20  // alpha
	tokenScale = 228.8 // B
	tokenPower = 0.28  // beta

	// referenceLoss is about the loss of 1B at its final step.
	referenceLoss = 2.67
)

// vocabulary is the size of OLMo's embedding table (arXiv 2402.00838): an
// untrained model gives each token a probability near 1/vocabulary.
const vocabulary = 50304

// Standard deviations of the effects on the language-modelling loss, in nats.
// Recipes differ more than seeds, as in DataDecide (arXiv 2504.11393).
const (
	familyEffect = 0.04
	recipeEffect = 0.03
	seedEffect   = 0.004
	stepEffect   = 0.003
)

// The same for the task loss, in bits per byte.
const (
	recipeTaskEffect = 0.05  // a recipe suits a task at all sizes
	crossingEffect   = 0.02  // ... and at one size only, so that curves cross
	seedTaskEffect   = 0.008 // one run
	stepTaskEffect   = 0.010 // one checkpoint
	untrainedEffect  = 0.01  // relative, at step 0
)

// model draws the numbers of a sample.
type model struct{ root key }

// runKey identifies one training run.
func (m model) runKey(c checkpoint) key {
	return m.root.with(domainRun).id(c.size.id).id(c.recipe.id).id(c.seed)
}

// recipeLoss is what a recipe adds to the language-modelling loss, in nats.
func (m model) recipeLoss(r *recipe) float64 {
	family := m.root.with(domainFamily).id(r.family).normal()
	own := m.root.with(domainRecipe).id(r.id).normal()
	return familyEffect*family + recipeEffect*own
}

// loss gives the language-modelling loss of a trained checkpoint (step above
// 0), in nats per token.
func (m model) loss(c checkpoint) float64 {
	run := m.runKey(c)
	return lossFloor +
		paramScale*math.Pow(c.size.params, -paramPower) +
		tokenScale*math.Pow(c.size.tokens(c.step), -tokenPower) +
		m.recipeLoss(c.recipe) +
		seedEffect*run.normal() +
		stepEffect*run.with(domainCheckpoint).with(uint64(c.step)).normal()
}

// taskLoss gives the loss on the correct answers of a task, in bits per byte.
func (m model) taskLoss(c checkpoint, t *task) float64 {
	row := m.rowKey(c, t)
	untrained := t.untrainedBits()
	if c.step == 0 {
		return untrained * (1 + untrainedEffect*row.normal())
	}
	pair := m.root.with(domainRecipeTask).id(c.recipe.id).id(t.id)
	bits := t.base + t.slope*(m.loss(c)-referenceLoss) +
		recipeTaskEffect*pair.normal() +
		crossingEffect*pair.with(domainCrossing).id(c.size.id).normal() +
		seedTaskEffect*m.runKey(c).with(domainRunTask).id(t.id).normal() +
		stepTaskEffect*row.normal()
	return clamp(bits, 0.05, 0.95*untrained)
}

// untrainedBits is the task loss of an untrained model, in bits per byte.
func (t *task) untrainedBits() float64 { return math.Log2(vocabulary) / t.charsPerToken }

// rowKey identifies one task result.
func (m model) rowKey(c checkpoint, t *task) key {
	return m.runKey(c).with(domainRow).with(uint64(c.step)).id(t.id)
}

func clamp(v, low, high float64) float64 { return max(low, min(high, v)) }
