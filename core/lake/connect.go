package lake

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// Step is a statement that brings a DuckDB session of another program to a lake.
type Step struct{ Kind, SQL string }

// Connect gives the statements that attach the lake under a name, to be read only.
// Keys are not in them: a value $NAME is to be bound to the variable NAME of the
// environment.
func (p Place) Connect(ctx context.Context, name string, snapshot int64, o Options) ([]Step, error) {
	p, err := p.find(ctx)
	if err != nil {
		return nil, err
	}
	paths, err := findExtensions(o, p.Extensions())
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, path := range paths {
		steps = append(steps, Step{"load", "LOAD " + Quote(path)})
	}
	engine, err := p.engine(o)
	if err != nil {
		return nil, err
	}
	if engine.secret != "" {
		steps = append(steps, Step{"secret", withoutKeys(engine.secret)})
	}
	uri, options := p.attachment()
	options += ", READ_ONLY"
	if snapshot >= 0 {
		options += fmt.Sprintf(", SNAPSHOT_VERSION %d", snapshot)
	}
	return append(steps,
		Step{"attach", fmt.Sprintf("ATTACH %s AS %s (%s)", Quote(uri), Ident(name), options)},
		Step{"use", "USE " + Ident(name) + ".main"}), nil
}

// keyWords are the options of the secret for S3 whose values nobody may see, with
// the variables that hold them.
var keyWords = map[string]string{"KEY_ID": "AWS_ACCESS_KEY_ID", "SECRET": "AWS_SECRET_ACCESS_KEY", "SESSION_TOKEN": "AWS_SESSION_TOKEN"}

var keyOption = regexp.MustCompile(`\b(KEY_ID|SECRET|SESSION_TOKEN) '(?:[^']|'')*'`)

// withoutKeys names the variables in place of their values.
func withoutKeys(secret string) string {
	head, options, _ := strings.Cut(secret, "(")
	return head + "(" + keyOption.ReplaceAllStringFunc(options, func(option string) string {
		word, _, _ := strings.Cut(option, " ")
		return word + " $" + keyWords[word]
	})
}
