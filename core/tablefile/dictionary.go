package tablefile

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Dictionary is the list of distinct values of a column.
type Dictionary struct {
	kind    Type
	n       int
	plain   []byte   // values, PLAIN
	rank    []int32  // position of each value in sorted order
	bound   [][]byte // values in sorted order, as statistics want them
	ordered bool     // false: the values have no total order (NaN)
}

// Len is the number of values.
func (d Dictionary) Len() int { return d.n }

// Texts makes a dictionary of strings.
func Texts(values []string) Dictionary {
	d := Dictionary{kind: Text, n: len(values), ordered: true}
	for _, v := range values {
		d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(len(v)))
		d.plain = append(d.plain, v...)
	}
	order := d.sort(func(a, b int32) int { return cmp.Compare(values[a], values[b]) })
	for _, i := range order {
		d.bound = append(d.bound, []byte(values[i]))
	}
	return d
}

// Ints makes a dictionary of int64.
func Ints(values []int64) Dictionary {
	d := Dictionary{kind: Int64, n: len(values), ordered: true}
	for _, v := range values {
		d.plain = binary.LittleEndian.AppendUint64(d.plain, uint64(v))
	}
	order := d.sort(func(a, b int32) int { return cmp.Compare(values[a], values[b]) })
	for _, i := range order {
		d.bound = append(d.bound, binary.LittleEndian.AppendUint64(nil, uint64(values[i])))
	}
	return d
}

// Reals makes a dictionary of float64.
func Reals(values []float64) Dictionary {
	d := Dictionary{kind: Float64, n: len(values), ordered: true}
	for _, v := range values {
		d.plain = append(d.plain, plainFloat(v)...)
		d.ordered = d.ordered && v == v
	}
	order := d.sort(func(a, b int32) int { return cmp.Compare(values[a], values[b]) })
	for k, i := range order {
		v := values[i]
		if k == 0 {
			v = zeroDown(v)
		} else {
			v = zeroUp(v)
		}
		d.bound = append(d.bound, plainFloat(v))
	}
	return d
}

// sort fills rank and gives the values' indexes in order.
func (d *Dictionary) sort(compare func(a, b int32) int) []int32 {
	order := make([]int32, d.n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, compare)
	d.rank = make([]int32, d.n)
	for position, i := range order {
		d.rank[i] = int32(position)
	}
	return order
}
