package lake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ddcore/core/contract"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// lockDown takes from an instance, for good, all that SQL can do beyond reading
// the lake that is attached: other files, the network, extensions, settings.
func lockDown(ctx context.Context, c *Conn, p Place) error {
	readable := p.dataRoot()
	if p.address != "" { // its catalog is asked for changes
		readable = p.address
	}
	return c.Exec(ctx, "SET GLOBAL allowed_directories = ["+Quote(readable+"/")+"];"+
		"SET GLOBAL max_temp_directory_size = '4GB';"+
		"SET GLOBAL enable_external_access = false;"+
		"SET GLOBAL lock_configuration = true")
}

// isSelect tells whether the statement only reads. A locked session runs nothing
// else: DuckDB lets statements write into the directories that it may read, and
// EXPLAIN ANALYZE runs the statement behind it.
func (s *Stmt) isSelect() bool {
	return duckdb.PreparedStatementType(s.handle) == duckdb.StatementTypeSelect
}

// lockedFunctions are the table functions that a locked session may call. The
// scanners of SQLite and PostgreSQL open files and connections by themselves,
// whatever DuckDB's settings say, and query() runs a text.
var lockedFunctions = []string{
	"unnest", "range", "generate_series", "json_each", "json_tree",
	"duckdb_tables", "duckdb_views", "duckdb_columns", "duckdb_functions", "duckdb_types",
	"ducklake_snapshots", "ducklake_table_info",
}

// personalSuffix ends the names of tables that `ingest --keep-personal` made.
const personalSuffix = "_personal"

// checkLocked refuses, on a locked session, a user's query that calls any other
// table function, or reads personal data.
func (c *Conn) checkLocked(ctx context.Context, sql string) error {
	if !c.onlySelect {
		return nil
	}
	rows, err := c.Rows(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", sql)
	if err != nil {
		return err
	}
	var parsed struct {
		Error      bool   `json:"error"`
		Kind       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []any  `json:"statements"`
	}
	if err := json.Unmarshal([]byte(rows[0][0].(string)), &parsed); err != nil {
		return fmt.Errorf("read the query's syntax: %w", err)
	}
	switch {
	case parsed.Error && parsed.Kind == "parser":
		return &contract.Error{Kind: contract.Invalid, Op: "sql", Err: errors.New(parsed.Message)}
	case parsed.Error || len(parsed.Statements) != 1:
		return errNotSelect()
	}
	return checkTree(parsed.Statements)
}

// checkTree walks a syntax tree.
func checkTree(node any) error {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			if err := checkTree(child); err != nil {
				return err
			}
		}
	case map[string]any:
		function, _ := node["function"].(map[string]any)
		if name, ok := function["function_name"].(string); ok && !slices.Contains(lockedFunctions, strings.ToLower(name)) {
			return &contract.Error{Kind: contract.Invalid, Op: "sql", Target: name, Err: errors.New("this table function is not allowed here"), Hint: "read the tables of the lake; allowed are " + strings.Join(lockedFunctions, ", ")}
		}
		if table, ok := node["table_name"].(string); ok && strings.HasSuffix(strings.ToLower(table), personalSuffix) {
			return &contract.Error{Kind: contract.Invalid, Op: "sql", Target: table, Err: errors.New("originals of personal data are not shown here"), Hint: "read the table without " + personalSuffix}
		}
		for _, child := range node {
			if err := checkTree(child); err != nil {
				return err
			}
		}
	}
	return nil
}

func errNotSelect() error {
	return &contract.Error{Kind: contract.Invalid, Op: "sql", Err: errors.New("only one query that reads is allowed here"), Hint: "write one SELECT"}
}
