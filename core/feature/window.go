package feature

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"ddcore/core/contract"
)

// Unit is what a window is measured in.
type Unit int

// The units of windows.
const (
	Percent Unit = iota // of the run's length in steps
	Steps
	Tokens
)

var unitNames = map[Unit]string{Percent: "pct", Steps: "steps", Tokens: "tokens"}

// Window is a stretch of a run, both ends included.
type Window struct {
	From, To float64
	Unit     Unit
}

const windowHint = `write for example "20%", "10%:20%", "5000 steps" or "2B tokens"`

// ParseWindow reads "[from:]to", where the unit stands after to: "%", "steps"
// (the default) or "tokens". Numbers may end in K, M, B or T. From is 0 where it
// is not given.
func ParseWindow(text string) (Window, error) {
	w, err := parseWindow(text)
	if err != nil {
		return w, &contract.Error{Kind: contract.Invalid, Op: "features", Target: "window " + strconv.Quote(text), Err: err, Hint: windowHint}
	}
	return w, nil
}

func parseWindow(text string) (w Window, err error) {
	from, to, isRange := strings.Cut(strings.TrimSpace(text), ":")
	if !isRange {
		from, to = "", from
	}
	to, w.Unit = cutUnit(to)
	if w.To, err = amount(to, w.Unit); err != nil {
		return w, err
	}
	if isRange {
		bare, unit := cutUnit(from)
		if bare != strings.TrimSpace(from) && unit != w.Unit {
			return w, errors.New("its ends have different units")
		}
		if w.From, err = amount(bare, w.Unit); err != nil {
			return w, err
		}
	}
	switch {
	case w.From >= w.To:
		return w, errors.New("it ends before it begins")
	case w.Unit == Percent && w.To > 100:
		return w, errors.New("a run has 100 %")
	}
	return w, nil
}

func cutUnit(text string) (string, Unit) {
	text = strings.TrimSpace(text)
	for _, u := range []struct {
		suffix string
		unit   Unit
	}{{"%", Percent}, {"steps", Steps}, {"step", Steps}, {"tokens", Tokens}, {"token", Tokens}} {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			return strings.TrimSpace(number), u.unit
		}
	}
	return text, Steps
}

// magnitudes are the suffixes of numbers, greatest first.
var magnitudes = []struct {
	suffix string
	value  float64
}{{"T", 1e12}, {"B", 1e9}, {"M", 1e6}, {"K", 1e3}}

func amount(text string, unit Unit) (float64, error) {
	number, factor := text, 1.0
	for _, m := range magnitudes {
		if bare, ok := strings.CutSuffix(text, m.suffix); ok && unit != Percent {
			number, factor = bare, m.value
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || strings.Trim(number, "0123456789.e") != "" {
		return 0, fmt.Errorf("%q is no number", text)
	}
	// Fractions of K, M, B or T are meant exactly: 2.3B is 2,300,000,000.
	v = math.Round(v*factor*1e6) / 1e6
	switch {
	case v >= 1<<53/1e6 && unit == Percent || v >= 1<<53:
		return 0, fmt.Errorf("%q is too large", text)
	case v != math.Trunc(v) && unit != Percent:
		return 0, fmt.Errorf("%q is no whole number", text)
	}
	return v, nil
}

// Name writes the window as it stands in column names: 20pct, 10to20pct,
// 12p5pct, 5000steps, 2Btokens.
func (w Window) Name() string {
	name := w.number(w.To) + unitNames[w.Unit]
	if w.From > 0 {
		name = w.number(w.From) + "to" + name
	}
	return name
}

func (w Window) number(v float64) string {
	suffix := ""
	for _, m := range magnitudes {
		if w.Unit == Tokens && v != 0 && math.Mod(v, m.value) == 0 {
			v, suffix = v/m.value, m.suffix
			break
		}
	}
	return strings.ReplaceAll(strconv.FormatFloat(v, 'f', -1, 64), ".", "p") + suffix
}

// on gives the window's ends on a run, in steps or tokens: what its points have.
// A percentage of a run whose length is unknown holds nothing.
func (w Window) on(length float64) (from, to float64) {
	if w.Unit != Percent {
		return w.From, w.To
	}
	return w.From * length / 100, w.To * length / 100
}

// endStep gives the step at which the window ends on a run, for comparison with
// the place of a target; NaN where that is unknown.
func (w Window) endStep(i *item) float64 {
	_, to := w.on(i.length)
	if w.Unit == Tokens {
		return to / i.tokensPerStep
	}
	return to
}
