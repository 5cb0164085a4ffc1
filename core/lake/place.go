package lake

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"ddcore/core/contract"
)

const (
	sharedPrefix     = "ducklake:"
	postgresPrefix   = "ducklake:postgres:"
	s3Prefix         = "s3://"
	motherDuckPrefix = "md:"
)

// Place is where a lake is: a folder, or, for a shared lake, a catalog in
// PostgreSQL with the data files in a folder that all its users see, or on S3; or
// a published lake, which can only be read, in a folder, on S3 or on a web
// server. The zero value is no lake.
type Place struct {
	name     string // as the user named it; without a password
	folder   string // of a local lake, "" for any other
	postgres string // how libpq finds the catalog of a shared lake
	data     string // where a shared lake's files are; "" where only its catalog knows
	address  string // of a published lake that is on S3 or a web server
}

// ParsePlace reads the name of a lake: a folder, or "ducklake:postgres:" and a
// connection string of libpq (key=value words or a URL), or the address of a
// published lake. data is where the files of a shared lake are, a folder or
// s3://bucket/prefix; it is needed to make the lake, and must not change later. A
// password is refused: names stand in process lists, logs and errors.
func ParsePlace(name, data string) (Place, error) {
	if name == "" {
		return Place{}, nil
	}
	if strings.HasPrefix(name, motherDuckPrefix) {
		return Place{}, motherDuck()
	}
	if isAddress(name) {
		return parseAddress(name, data)
	}
	if !strings.HasPrefix(name, sharedPrefix) {
		if data != "" {
			return Place{}, placeError(name, "leave the place of the data out, or name a lake ducklake:postgres:…", "a folder is a lake with its data in it, not at a second place")
		}
		folder, err := filepath.Abs(name)
		if err != nil {
			return Place{}, ioError("open", name, err)
		}
		return Place{name: folder, folder: folder}, nil
	}
	connection, ok := strings.CutPrefix(name, postgresPrefix)
	if !ok {
		return Place{}, placeError(sharedPrefix+"…", `name a folder, or for example "ducklake:postgres:dbname=lake host=db"`, "the catalog of a shared lake is in PostgreSQL")
	}
	if err := checkConnection(connection); err != nil {
		return Place{}, err
	}
	data, err := parseData(data)
	return Place{name: name, postgres: connection, data: data}, err
}

func placeError(target, hint, format string, args ...any) error {
	return &contract.Error{Kind: contract.Invalid, Op: "open", Target: target, Err: fmt.Errorf(format, args...), Hint: hint}
}

var passwordWord = regexp.MustCompile(`(?i)password\s*=`)

func checkConnection(connection string) error {
	const target = postgresPrefix + "…" // what cannot be read may hold a secret
	isURL := strings.Contains(connection, "://")
	u, err := url.Parse(connection)
	if isURL && err != nil {
		return placeError(target, "for example ducklake:postgres:postgresql://user@host:5432/database", "the connection's URL cannot be read")
	}
	hasPassword := passwordWord.MatchString(connection)
	if isURL && u.User != nil {
		_, given := u.User.Password()
		hasPassword = hasPassword || given
	}
	if hasPassword {
		return placeError(target, "leave it out, and use ~/.pgpass or the variable PGPASSWORD", "a lake's name must hold no password: names are shown and logged")
	}
	_, err = connectConfig(connection, "")
	return err
}

func parseData(data string) (string, error) {
	scheme, rest, isURL := strings.Cut(data, "://")
	switch {
	case data == "":
		return "", nil
	case !isURL:
		folder, err := filepath.Abs(data)
		if err != nil {
			return "", ioError("open", data, err)
		}
		return folder, nil
	case scheme+"://" != s3Prefix:
		return "", placeError(scheme+"://…", "name a folder that all users share, or s3://bucket/prefix", "a lake's files cannot be at a place of this kind")
	case strings.Trim(rest, "/") == "" || strings.ContainsAny(rest, "?*["):
		return "", placeError(s3Prefix+"…", "keys and endpoints come from the environment: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …", "the place of the data is not of the form s3://bucket/prefix")
	}
	return strings.TrimRight(data, "/"), nil
}

// String names the lake, for people.
func (p Place) String() string { return p.name }

// Folder is the folder of a local lake, or the one that holds a shared lake's
// files; "" where they are on S3, or only the catalog knows where they are.
func (p Place) Folder() string {
	if p.folder == "" && !p.onS3() {
		return p.data
	}
	return p.folder
}

// IsShared tells whether the lake's catalog is on a server.
func (p Place) IsShared() bool { return p.postgres != "" }

// MustBeShared is an error for a local lake.
func (p Place) MustBeShared() error {
	if p.IsShared() {
		return nil
	}
	return placeError(p.name, "name a lake ducklake:postgres:…, or ingest into this one in one go", "a lake in a folder is written by one process at a time")
}

func (p Place) onS3() bool { return strings.HasPrefix(p.data, s3Prefix) }

// Extensions names the DuckDB extensions that the lake needs, as far as they can
// be known without its catalog.
func (p Place) Extensions() []string {
	switch {
	case p.address != "":
		return []string{"ducklake", "httpfs"}
	case p.IsPublished():
		return []string{"ducklake"}
	case p.onS3():
		return []string{"ducklake", "postgres_scanner", "httpfs"}
	case p.IsShared():
		return []string{"ducklake", "postgres_scanner"}
	default:
		return []string{"ducklake", "sqlite_scanner"}
	}
}

// catalogPath is the catalog of a lake in a folder, published or not.
func (p Place) catalogPath() string {
	if p.IsPublished() {
		return filepath.Join(p.folder, publishedCatalog)
	}
	return filepath.Join(p.folder, catalogFile)
}

// dataRoot is where the lake's data files are; tables lie below it.
func (p Place) dataRoot() string {
	if p.folder != "" {
		return filepath.Join(p.folder, dataDir)
	}
	if p.address != "" {
		return p.address + "/" + dataDir
	}
	return p.data
}

// attachment gives the name of the catalog and the options to attach it with.
func (p Place) attachment() (uri, options string) {
	if p.IsShared() {
		return postgresPrefix + p.postgres, "DATA_PATH " + Quote(p.data+"/")
	}
	if p.IsPublished() {
		root := p.published()
		return "ducklake:" + root + "/" + publishedCatalog, "DATA_PATH " + Quote(root+"/"+dataDir+"/") + ", OVERRIDE_DATA_PATH true"
	}
	// The folder may have been moved.
	return "ducklake:sqlite:" + p.catalogPath(),
		"DATA_PATH " + Quote(p.dataRoot()+"/") + ", OVERRIDE_DATA_PATH true, META_BUSY_TIMEOUT 30000"
}

// missing says that no lake is at p; a file in its place gets other words.
func (p Place) missing() error {
	e := &contract.Error{
		Kind: contract.NotFound, Op: "open", Target: p.name, Err: errors.New("there is no lake here"),
		Hint: "`ddcore ingest --lake " + p.name + " FILES` makes one",
	}
	if p.address != "" {
		e.Hint = "`ddcore publish --to` makes one; name the folder that holds " + publishedCatalog
	} else if p.IsShared() {
		e.Hint = fmt.Sprintf("`ddcore ingest --lake %q --data s3://bucket/prefix FILES` makes one", p.name)
	} else if info, err := os.Stat(p.folder); err == nil && !info.IsDir() {
		e.Kind, e.Err, e.Hint = contract.Invalid, errors.New("this is a file, a lake is a folder"), "name another folder"
	}
	return e
}

// locate completes a shared lake's place by what its catalog says. found is
// false where there is no lake yet.
func (p Place) locate(data string, found bool) (Place, error) {
	data = strings.TrimRight(data, "/")
	switch {
	case !found && p.data == "":
		return p, placeError(p.name, `give a folder that all users share or s3://bucket/prefix: --data, or data= in Python`, "a new shared lake needs a place for its files")
	case found && p.data != "" && p.data != data:
		return p, placeError(p.name, "leave the place of the data out: the catalog knows it", "this lake's files are at %s, not at %s", data, p.data)
	case found:
		p.data = data
	}
	return p, nil
}
