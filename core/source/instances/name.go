package instances

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"ddcore/core/contract"
)

// Checkpoint is what a part is about.
type Checkpoint struct {
	Recipe string `json:"recipe"`
	Params string `json:"params"`
	Seed   int64  `json:"seed"`
	Step   int64  `json:"step"`
}

// spelling is a checkpoint as a path names it.
type spelling struct{ recipe, params, seed, step string }

// seed-14/step-1250.tar.gz, also step1250-unsharded and the folder step-1250.
var (
	seedFolder = regexp.MustCompile(`(?i)^seed-(.+)$`)
	stepName   = regexp.MustCompile(`(?i)^step-?([0-9]+)(?:-unsharded)?(?:-hf)?$`)
	modelName  = regexp.MustCompile(`(?i)^(.+)-([0-9]+[mb])-seed-(.+)$`)
)

// packedSuffixes end the names of archives.
var packedSuffixes = []string{".tar.gz", ".tgz"}

func isPacked(name string) bool { return trimPacked(name) != name }

func trimPacked(name string) string {
	for _, suffix := range packedSuffixes {
		if len(name) > len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix) {
			return name[:len(name)-len(suffix)]
		}
	}
	return name
}

// spelled reads the last four parts of a path: <recipe>/<params>/seed-<n>/step-<n>.
func spelled(name string) (s spelling, ok bool) {
	parts := strings.Split(trimPacked(path.Clean(name)), "/")
	if len(parts) < 4 {
		return s, false
	}
	parts = parts[len(parts)-4:]
	seed, step := seedFolder.FindStringSubmatch(parts[2]), stepName.FindStringSubmatch(parts[3])
	if seed == nil || step == nil {
		return s, false
	}
	return spelling{parts[0], parts[1], seed[1], step[1]}, true
}

// spelledByModel reads model_config of a task's metrics, where no path tells.
func spelledByModel(model, revision string) (s spelling, ok bool) {
	name, step := modelName.FindStringSubmatch(model), stepName.FindStringSubmatch(revision)
	if name == nil || step == nil {
		return s, false
	}
	return spelling{name[1], name[2], name[3], step[1]}, true
}

// checkpoint gives the standard names for a spelling.
func (s spelling) checkpoint() (c Checkpoint, err error) {
	known := names()
	var ok bool
	if c.Recipe, ok = known.recipes[plainName(s.recipe)]; !ok {
		return c, fmt.Errorf("%q is no recipe that ddcore knows", s.recipe)
	}
	if c.Params, ok = known.params[strings.ToUpper(s.params)]; !ok {
		return c, fmt.Errorf("%q is no model size that ddcore knows", s.params)
	}
	if c.Seed, ok = known.seeds[s.seed]; !ok {
		return c, fmt.Errorf("%q is no seed that ddcore knows", s.seed)
	}
	if c.Step, err = strconv.ParseInt(s.step, 10, 53); err != nil {
		return c, fmt.Errorf("%q is no step", s.step)
	}
	return c, nil
}

// RecipeOf gives the recipe of any of its spellings, such as the name of an
// archive without its ending.
func RecipeOf(spelling string) (recipe string, ok bool) {
	recipe, ok = names().recipes[plainName(spelling)]
	return recipe, ok
}

// knownNames are the facts by spelling.
type knownNames struct {
	recipes, params map[string]string
	seeds           map[string]int64
}

var names = sync.OnceValue(func() knownNames {
	k := knownNames{map[string]string{}, map[string]string{}, map[string]int64{}}
	for _, row := range contract.LoadFacts("recipe_names").Rows {
		if row[1] == "eval_instances" || row[1] == "hf_model" || row[1] == "display" {
			k.recipes[plainName(row[2])] = row[0]
		}
	}
	for _, params := range contract.LoadFacts("model_sizes").Column("params") {
		k.params[strings.ToUpper(params)] = params
	}
	for _, row := range contract.LoadFacts("seed_names").Rows {
		if seed, err := strconv.ParseInt(row[1], 10, 64); err == nil {
			k.seeds[row[0]] = seed
		}
	}
	return k
})

// plainName drops all in which spellings of one recipe differ: case and
// punctuation.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}
