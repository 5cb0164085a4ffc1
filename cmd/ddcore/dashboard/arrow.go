package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"ddcore/core"
	"ddcore/core/contract"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

const arrowType = "application/vnd.apache.arrow.stream"

var errEnough = errors.New("enough rows")

// ask runs a query and gives its first rows as an Arrow IPC stream. The
// schema's metadata say how to ask for the same (ddcore.query) and how many rows
// are given at most (ddcore.limit).
func ask(ctx context.Context, call Call, q query, most int64) ([]byte, error) {
	result, err := call(ctx, q.Verb, q.Args)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	request, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("write the query: %w", err)
	}
	schema := schemaWith(result.Schema(), map[string]string{"ddcore.query": string(request), "ddcore.limit": strconv.FormatInt(most, 10)})
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	left := most
	err = result.Each(ctx, func(b arrow.RecordBatch) error {
		n := min(b.NumRows(), left)
		part := b.NewSlice(0, n)
		defer part.Release()
		if err := w.Write(part); err != nil {
			return fmt.Errorf("write Arrow: %w", err)
		}
		if out.Len() > maxBytes {
			return &core.Error{Kind: contract.Invalid, Op: "query", Err: fmt.Errorf("the table is larger than %d MB", maxBytes>>20), Hint: "ask for fewer columns or rows, or use `ddcore export`"}
		}
		if left -= n; left == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// schemaWith adds facts to a schema's metadata.
func schemaWith(schema *arrow.Schema, facts map[string]string) *arrow.Schema {
	all := schema.Metadata().ToMap()
	for k, v := range facts {
		all[k] = v
	}
	m := arrow.MetadataFrom(all)
	return arrow.NewSchema(schema.Fields(), &m)
}
