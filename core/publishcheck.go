package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"
	"ddcore/core/curate"
	"ddcore/core/lake"
	"ddcore/core/redact"
)

// check looks at what is to leave the lake: each table's contract, and personal data
// or forbidden texts in it.
func (p *publication) check(ctx context.Context) error {
	for i, t := range p.tables {
		p.tell(int64(i), int64(len(p.tables)), "tables", "checking "+t.name)
		known := contract.FindTable(t.name)
		if known != nil && t.schema == "main" {
			if err := curate.Check(ctx, p.source.Conn, known, t.sql()); err != nil {
				return fmt.Errorf("check the contract of %s: %w", t.name, err)
			}
		}
		for _, column := range t.texts {
			if err := p.checkText(ctx, t, column); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkText reads each text of a column once.
func (p *publication) checkText(ctx context.Context, t relation, column string) error {
	n := p.env.Options.Workers()
	free := make(chan *redact.Redactor, n)
	for range n {
		free <- redact.New(redact.Key{}, redact.Names{})
	}
	found := make(chan finding, 1)
	err := p.source.Chunks(ctx, n, func(c lake.Chunk) error {
		r := <-free
		defer func() { free <- r }()
		texts := c.Column(0)
		for i := range c.N {
			if texts.IsNull(i) {
				continue
			}
			if f, ok := p.look(r, texts.String(i)); ok {
				select {
				case found <- f:
				default:
				}
				return errFound
			}
		}
		return nil
	}, fmt.Sprintf("SELECT DISTINCT %s::VARCHAR FROM %s", lake.Ident(column), t.sql()))
	select {
	case f := <-found:
		return f.error(t, column)
	default:
		return err
	}
}

var errFound = errors.New("found")

// finding is what must not leave the lake. The text itself is not told: errors are
// shown and logged.
type finding struct{ rule, forbidden string }

// look tells whether a text holds a forbidden one, or has the shape of personal
// data.
func (p *publication) look(r *redact.Redactor, text string) (finding, bool) {
	for i, word := range p.args.Forbid {
		if word != "" && strings.Contains(text, word) {
			return finding{forbidden: fmt.Sprintf("the forbidden text %d of %d", i+1, len(p.args.Forbid))}, true
		}
	}
	for _, rule := range r.Shapes([]byte(text)) {
		if !slices.Contains(p.args.Allow, rule) {
			return finding{rule: rule}, true
		}
	}
	return finding{}, false
}

func (f finding) error(t relation, column string) error {
	e := &Error{Kind: contract.Violation, Op: "publish", Target: t.schema + "." + t.name, Table: t.name, Column: column}
	if f.forbidden != "" {
		e.Err, e.Hint = fmt.Errorf("column %s holds %s", column, f.forbidden), "nothing was published; leave the table out with tables, or correct its source"
		return e
	}
	e.Err = fmt.Errorf("column %s holds what looks like personal data (rule %s)", column, f.rule)
	e.Hint = fmt.Sprintf("nothing was published; look at the column, and leave the table out with tables, or say allow %s if it is harmless", f.rule)
	return e
}
