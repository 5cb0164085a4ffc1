package decide

import (
	"cmp"
	"slices"
)

// Frontier keeps of each task and metric the rows that no cheaper one equals:
// by compute, each is more accurate than all before it. Of rows that cost the
// same only the most accurate can stay. What costs nothing has learnt nothing:
// untrained models are left out.
func Frontier(rows []Row) []Row {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Refusal != nil || *r.Compute == 0 })
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(text(a.Task), text(b.Task)), cmp.Compare(a.Metric, b.Metric),
			cmp.Compare(*a.Compute, *b.Compute), -cmp.Compare(*a.Accuracy, *b.Accuracy))
	})
	var out []Row
	for _, r := range rows {
		if n := len(out); n == 0 || text(out[n-1].Task) != text(r.Task) || out[n-1].Metric != r.Metric || *r.Accuracy > *out[n-1].Accuracy {
			out = append(out, r)
		}
	}
	return out
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
