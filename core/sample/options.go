package sample

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"ddcore/core/contract"
)

// The default sample: small, yet with the first and the last of the scale, the
// sizes and recipes of the real sample, and a recipe name with a comma, on
// which joins of the old pipeline failed.
var (
	defaultSizes   = []string{"4M", "20M", "60M", "150M", "1B"}
	defaultRecipes = []string{
		"Dolma1.7", "C4", "FineWeb-Edu", "Falcon+CC", "DCLM-Baseline", "DCLM-Baseline (QC 7%, FW2)",
	}
)

const defaultSteps = 8

// withDefaults checks the names and fills what is left open.
func (o Options) withDefaults() (Options, error) {
	sizes := contract.LoadFacts("model_sizes").Column("params")
	recipes := contract.LoadFacts("recipes").Column("recipe")
	seeds := contract.LoadFacts("seeds").Column("seed_label")
	for _, check := range []struct {
		what         string
		given, known []string
	}{
		{"size", o.Sizes, sizes}, {"recipe", o.Recipes, recipes}, {"seed", o.Seeds, seeds},
	} {
		if err := checkNames(check.what, check.given, check.known); err != nil {
			return o, err
		}
	}
	switch {
	case o.FTRows < 0:
		return o, invalid(fmt.Sprintf("%d history rows", o.FTRows), errors.New("the number of history rows is negative"),
			"leave it out for the default")
	case o.Steps < 0:
		return o, invalid(fmt.Sprintf("%d steps", o.Steps), errors.New("the number of steps is negative"),
			"leave it out for the default")
	case o.Full && o.Steps > 0:
		return o, invalid(fmt.Sprintf("%d steps", o.Steps), errors.New("the full shape fixes the number of steps"),
			"leave out one of the two")
	}
	if o.Full {
		o.Sizes, o.Recipes = orElse(o.Sizes, sizes), orElse(o.Recipes, recipes)
	}
	o.Sizes, o.Recipes = orElse(o.Sizes, defaultSizes), orElse(o.Recipes, defaultRecipes)
	o.Seeds = orElse(o.Seeds, seeds)
	if o.Steps == 0 {
		o.Steps = defaultSteps
	}
	if o.Runs == 0 {
		o.Runs = defaultRuns
	}
	if o.Models == 0 {
		o.Models = defaultModels
	}
	if o.FTRows == 0 {
		o.FTRows = defaultFTRows
	}
	if o.Checkpoints == 0 {
		o.Checkpoints = defaultCheckpoints
	}
	switch {
	case o.Questions == 0:
		o.Questions = defaultQuestions
	case o.Questions < 0:
		o.Questions = math.MaxInt32
	}
	return o, nil
}

func orElse(given, otherwise []string) []string {
	if len(given) == 0 {
		return otherwise
	}
	return given
}

// checkNames fails on the first unknown name and offers near ones.
func checkNames(what string, given, known []string) error {
	for _, name := range given {
		if !slices.Contains(known, name) {
			return invalid(fmt.Sprintf("%s %q", what, name), errors.New("unknown "+what),
				contract.NearNames(name, known))
		}
	}
	return nil
}

func invalid(target string, err error, hint string) error {
	return &contract.Error{Kind: contract.Invalid, Op: op, Target: target, Err: err, Hint: hint}
}
