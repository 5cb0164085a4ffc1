package decide

import (
	"fmt"
	"strconv"
	"strings"

	"ddcore/core/contract"
)

type stepKind int

const (
	lastStep  stepKind = iota // the last step that the recipes have in common
	allSteps                  // each of them
	shareStep                 // the last of them within a share of the last one
	exactStep                 // this one
)

// Step chooses checkpoints of the small sizes.
type Step struct {
	kind  stepKind
	step  int64
	share float64
}

// ParseStep reads "last" (or nothing), "all", a share ("25%" or "0.25") or a
// number of steps.
func ParseStep(text string) (Step, error) {
	switch text {
	case "", "last":
		return Step{kind: lastStep}, nil
	case "all":
		return Step{kind: allSteps}, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return Step{kind: exactStep, step: n}, nil
	}
	number, isPercent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if isPercent {
		share /= 100
	}
	if err == nil && share > 0 && share <= 1 {
		return Step{kind: shareStep, share: share}, nil
	}
	return Step{}, &contract.Error{
		Kind: contract.Invalid, Op: "decision_accuracy", Target: "step", Err: fmt.Errorf("%q is no step", text),
		Hint: `last, all, a share of the last common step ("25%" or 0.25), or a number of steps`,
	}
}

// among keeps the steps that are asked for of those in common, ascending.
func (s Step) among(common []step, steps []int64) []step {
	last := common[len(common)-1]
	switch s.kind {
	case allSteps:
		return common
	case shareStep:
		limit := s.share * float64(steps[last.index])
		kept := common[:1] // the first one lies beyond a very small share
		for i := range common {
			if float64(steps[common[i].index]) <= limit {
				kept = common[i : i+1]
			}
		}
		return kept
	default:
		return []step{last}
	}
}
