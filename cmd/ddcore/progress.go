package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"ddcore/core"

	"github.com/schollz/progressbar/v3"
)

const (
	betweenLines = 5 * time.Second // in a batch job's log
	betweenDraws = 100 * time.Millisecond
)

// progress shows on stderr how far a call is: a bar on a terminal, else a line
// now and then.
type progress struct {
	verb     string
	out      io.Writer
	quiet    bool
	terminal bool
	width    int

	mu    sync.Mutex
	bar   *progressbar.ProgressBar
	shown core.Progress
	next  time.Time // when the next line may come, or the bar be drawn again
}

func (a *app) newProgress(verb string) *progress {
	width, terminal := terminalWidth(a.stderr)
	return &progress{
		verb: verb, out: a.stderr, quiet: a.quiet, terminal: terminal, width: width,
		next: time.Now().Add(betweenLines),
	}
}

// tell shows p; the core calls it from any goroutine.
func (p *progress) tell(now core.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.quiet:
	case p.terminal:
		p.draw(now)
	default:
		p.print(now)
	}
}

func (p *progress) print(now core.Progress) {
	isMessage := now.Unit == "" && now.What != p.shown.What // e.g. that another process writes
	if !isMessage && time.Now().Before(p.next) {
		return
	}
	p.shown, p.next = now, time.Now().Add(betweenLines)
	fmt.Fprintf(p.out, "ddcore %s: %s\n", p.verb, amount(now))
}

// amount writes how far a call is: "committing, 1.2 of 3.4 MiB".
func amount(p core.Progress) string {
	const mebibyte = 1 << 20
	switch {
	case p.Total <= 0:
		return p.What
	case p.Unit == "B":
		return fmt.Sprintf("%s, %.1f of %.1f MiB", p.What, float64(p.Done)/mebibyte, float64(p.Total)/mebibyte)
	case p.Unit == "%":
		return fmt.Sprintf("%s, %d %%", p.What, p.Done)
	default:
		return fmt.Sprintf("%s, %d of %d %s", p.What, p.Done, p.Total, p.Unit)
	}
}

func (p *progress) draw(now core.Progress) {
	samePhase := p.bar != nil && now.Unit == p.shown.Unit && now.Total == p.shown.Total && now.Done >= p.shown.Done && waits(now) == waits(p.shown)
	if samePhase && time.Now().Before(p.next) {
		return
	}
	p.next = time.Now().Add(betweenDraws)
	if !samePhase {
		p.clear()
		p.bar = p.newBar(now)
	} else if now.What != p.shown.What {
		p.bar.Describe(p.describe(now))
	}
	if !waits(now) {
		_ = p.bar.Set64(now.Done) // a bar that cannot be drawn is no failure
	}
	p.shown = now
}

// waits tells whether there is nothing to count: the end is unknown, or what
// can be counted is done, and the commit runs.
func waits(p core.Progress) bool { return p.Total <= 0 || p.Done >= p.Total }

func (p *progress) newBar(now core.Progress) *progressbar.ProgressBar {
	const spinner, barWidth = 14, 20
	options := []progressbar.Option{
		progressbar.OptionSetWriter(p.out),
		progressbar.OptionSetDescription(p.describe(now)),
		progressbar.OptionSpinnerType(spinner),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	}
	if waits(now) {
		return progressbar.NewOptions64(-1, options...)
	}
	return progressbar.NewOptions64(now.Total, append(
		options,
		progressbar.OptionSetWidth(barWidth),
		progressbar.OptionShowCount(),
		progressbar.OptionShowBytes(now.Unit == "B"),
		progressbar.OptionUseIECUnits(true),
	)...)
}

// describe leaves the bar, or the spinner and its clock, their room on the line.
func (p *progress) describe(now core.Progress) string {
	const forBar, forSpinner, least = 58, 16, 16
	room := forBar
	if waits(now) {
		room = forSpinner
	}
	return cut(now.What, max(p.width-room, least))
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Finish()
		p.bar = nil
	}
}

// close takes the bar away.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}
