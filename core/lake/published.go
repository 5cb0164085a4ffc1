package lake

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"ddcore/core/contract"
)

// A published lake is a DuckLake that nobody writes: its catalog is a DuckDB file
// beside its data files, and DuckDB can attach it where it lies, in a folder, on
// S3 or on any web server that gives ranges of files. Names of data files follow
// from their content; the catalog is replaced last, as a whole.

// publishedCatalog is the catalog of a published lake.
const publishedCatalog = "lake.ducklake"

// schemes are the addresses of published lakes.
var schemes = []string{s3Prefix, "https://", "http://"}

func isAddress(name string) bool {
	for _, s := range schemes {
		if strings.HasPrefix(name, s) {
			return true
		}
	}
	return false
}

func parseAddress(name, data string) (Place, error) {
	u, err := url.Parse(name)
	switch {
	case err != nil || u.Host == "":
		return Place{}, placeError(schemeOf(name)+"…", "for example https://host/lake or s3://bucket/lake", "the address of a published lake cannot be read")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return Place{}, placeError(schemeOf(name)+"…", "keys of S3 come from the environment: AWS_ACCESS_KEY_ID, …", "the address of a published lake holds no user, password or query: names are shown and logged")
	case strings.ContainsAny(name, "*["):
		return Place{}, placeError(name, "name the folder that holds "+publishedCatalog, "the address of a published lake is one place, not a pattern")
	case data != "":
		return Place{}, placeError(name, "leave the place of the data out", "a published lake has its data beside its catalog")
	}
	address := strings.TrimRight(strings.TrimSuffix(name, "/"+publishedCatalog), "/")
	return Place{name: address, address: address}, nil
}

func schemeOf(name string) string {
	scheme, _, _ := strings.Cut(name, "://")
	return scheme + "://"
}

// motherDuck says what md: would need. MotherDuck is a service on the Internet with
// a DuckDB extension of its own, of which nothing could be tried.
func motherDuck() error {
	return placeError(motherDuckPrefix+"…", "publish the lake to s3://… or https, which MotherDuck attaches as a DuckLake, or attach both in Python with ddcore.attach: see the guide on hosting", "a lake in MotherDuck cannot be opened by ddcore yet")
}

// IsPublished tells whether a lake is one that publish made, so that it can only
// be read.
func (p Place) IsPublished() bool {
	if p.address != "" {
		return true
	}
	if p.folder == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(p.folder, publishedCatalog))
	return err == nil
}

// published is the folder or the address of a published lake.
func (p Place) published() string {
	if p.address != "" {
		return p.address
	}
	return p.folder
}

func (p Place) readOnly() error {
	return placeError(p.name, "write to the lake that it was published from, and publish it again", "this lake is a published one and can only be read")
}

// version tells one publication at an address from the next.
func (p Place) version(ctx context.Context, c *Conn) (string, error) {
	if p.address == "" {
		return "", nil
	}
	rows, err := c.Rows(ctx, "SELECT size::VARCHAR || ' ' || coalesce(last_modified::VARCHAR, '') FROM read_blob("+Quote(p.address+"/"+publishedCatalog)+")")
	if err != nil {
		return "", p.addressError(err)
	}
	if len(rows) == 0 {
		return "", p.missing()
	}
	return rows[0][0].(string), nil
}

// unchanged fails when another version has been published since e was attached.
func (e *pooled) unchanged(ctx context.Context, c *Conn) error {
	now, err := e.place.version(ctx, c)
	if err == nil && now != e.version {
		err = fmt.Errorf("another version of %s has been published", e.place.name)
	}
	return err
}

var httpStatus = regexp.MustCompile(`\(?HTTP (?:code )?(\d{3})|status (?:code )?(\d{3})`)

// addressError says what a server has refused. DuckDB's message is long, and on S3
// lists what it knows of the keys.
func (p Place) addressError(err error) error {
	var e *contract.Error
	if !errors.As(err, &e) || e.Kind == contract.Cancelled || e.Op == "open" || e.Err == nil {
		return err
	}
	message := strings.Join(strings.Fields(e.Err.Error()), " ")
	for _, group := range httpStatus.FindStringSubmatch(message) {
		switch group {
		case "404":
			return &contract.Error{Kind: contract.NotFound, Op: "open", Target: p.name, Err: errors.New("there is no published lake here (404)"), Hint: "name the folder that holds " + publishedCatalog}
		case "401", "403":
			return &contract.Error{Kind: contract.IO, Op: "open", Target: p.name, Err: fmt.Errorf("the server refuses to give it (%s)", group), Hint: "keys of S3 come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, …"}
		}
	}
	return &contract.Error{Kind: contract.IO, Op: "open", Target: p.name, Err: errors.New(message), Hint: "does the server run, and does it give ranges of files?"}
}
