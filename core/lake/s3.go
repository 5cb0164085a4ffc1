package lake

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"ddcore/core/contract"
)

// s3Secret writes the statement that gives DuckDB the way to S3 and its keys:
// those of the standard environment, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
// AWS_SESSION_TOKEN, AWS_REGION (or AWS_DEFAULT_REGION) and, for a server that is
// not Amazon's, AWS_ENDPOINT_URL. The secret lives in this DuckDB's memory only.
func s3Secret() (string, error) {
	options := []string{"TYPE s3"}
	add := func(option, value string) {
		if value != "" {
			options = append(options, option+" "+Quote(value))
		}
	}
	add("KEY_ID", os.Getenv("AWS_ACCESS_KEY_ID"))
	add("SECRET", os.Getenv("AWS_SECRET_ACCESS_KEY"))
	add("SESSION_TOKEN", os.Getenv("AWS_SESSION_TOKEN"))
	region := os.Getenv("AWS_REGION")
	if region == "" {
		region = os.Getenv("AWS_DEFAULT_REGION")
	}
	add("REGION", region)
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		u, err := url.Parse(endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return "", &contract.Error{Kind: contract.Invalid, Op: "read AWS_ENDPOINT_URL", Err: fmt.Errorf("it is no address of a server"), Hint: "for example https://ACCOUNT.r2.cloudflarestorage.com"}
		}
		add("ENDPOINT", u.Host+strings.TrimRight(u.Path, "/"))
		add("URL_STYLE", "path")
		options = append(options, fmt.Sprintf("USE_SSL %t", u.Scheme == "https"))
	}
	return "CREATE OR REPLACE SECRET ddcore_s3 (" + strings.Join(options, ", ") + ")", nil
}

// createSecret runs such a statement. DuckDB's message, which may quote it, is
// not passed on.
func (db *DB) createSecret(ctx context.Context, statement string) error {
	c, err := db.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Exec(ctx, statement); err != nil {
		return &contract.Error{Kind: contract.Invalid, Op: "set up S3", Err: fmt.Errorf("DuckDB does not accept the settings"), Hint: "look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL"}
	}
	return nil
}
